//! A report as the row that the Aviation Weather Center publishes beside it: what `slipstream decode metar` writes.
//!
//! That centre's conventions are followed, so that rows can be compared field by field. A mixture is one group for each kind
//! of precipitation (`-RADZ` is `-RA -DZ`). NSC and NCD are CLR. A layer of unknown height is left out. Where nothing is
//! known of the sky or of the visibility there is no flight category. Its older rows also leave out NSC, NCD and layers whose
//! kind an instrument could not tell (`BKN010///`); its newer rows read them, and so do we.

use serde::Serialize;

use super::Category;
use super::groups::Station;
use super::metar::Report;
use super::sky::{Cover, Layer};

/// One report, field by field; a field is none where the report has none.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// ICAO location indicator.
    pub station: Station,
    /// Day of the month, UTC.
    pub day: u32,
    /// Hour, UTC.
    pub hour: u32,
    /// Minute.
    pub minute: u32,
    /// `METAR` or `SPECI`, as the text says; METAR where it says nothing.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// No human has seen it.
    pub auto: bool,
    /// Replaces an earlier one.
    pub corrected: bool,
    /// Degrees true; none when variable; 0 when calm.
    pub wind_dir_degrees: Option<u32>,
    /// Knots.
    pub wind_speed_kt: Option<u32>,
    /// Knots.
    pub wind_gust_kt: Option<u32>,
    /// Statute miles.
    pub visibility_statute_mi: Option<f64>,
    /// Degrees Celsius.
    pub temp_c: Option<f64>,
    /// Degrees Celsius.
    pub dewpoint_c: Option<f64>,
    /// Inches of mercury.
    pub altim_in_hg: Option<f64>,
    /// Present weather, blank separated.
    pub weather: Option<String>,
    /// Layers, in the order reported.
    pub sky: Vec<SkyCover>,
    /// Vertical visibility in feet.
    pub vert_vis_ft: Option<u32>,
    /// From ceiling and visibility, where both are known.
    pub flight_category: Option<Category>,
}

/// One layer of the row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SkyCover {
    /// How much.
    pub cover: Cover,
    /// Feet above the aerodrome; 0 where the sky is hidden.
    pub base_ft_agl: Option<u32>,
}

impl SkyCover {
    fn of(layer: &Layer) -> Option<Self> {
        let (cover, base_ft_agl) = match layer.cover {
            cover @ (Cover::Few | Cover::Sct | Cover::Bkn | Cover::Ovc) => (cover, Some(layer.base_ft_agl?)),
            cover @ Cover::Ovx => (cover, Some(0)),
            cover @ (Cover::Skc | Cover::Clr | Cover::Cavok) => (cover, None),
            Cover::Nsc | Cover::Ncd => (Cover::Clr, None),
        };
        Some(Self { cover, base_ft_agl })
    }
}

impl From<&Report> for Row {
    fn from(report: &Report) -> Self {
        let sky: Vec<SkyCover> = report.sky.iter().filter_map(SkyCover::of).collect();
        let known = report.visibility.filter(|_| !sky.is_empty());
        Self {
            station: report.station,
            day: report.time.day,
            hour: report.time.hour,
            minute: report.time.minute,
            kind: if report.special { "SPECI" } else { "METAR" },
            auto: report.automatic,
            corrected: report.corrected,
            wind_dir_degrees: report.wind.and_then(|wind| wind.degrees()),
            wind_speed_kt: report.wind.and_then(|wind| wind.speed_kt),
            wind_gust_kt: report.wind.and_then(|wind| wind.gust_kt),
            visibility_statute_mi: report.visibility.map(|visibility| visibility.statute_mi),
            temp_c: report.air_c,
            dewpoint_c: report.dew_point_c,
            altim_in_hg: report.altimeter_in_hg,
            weather: weather(report),
            sky,
            vert_vis_ft: report.sky.iter().find(|layer| layer.cover == Cover::Ovx).and_then(|layer| layer.base_ft_agl),
            flight_category: known.map(|visibility| Category::of(visibility.statute_mi, report.ceiling_ft())),
        }
    }
}

fn weather(report: &Report) -> Option<String> {
    let groups: Vec<String> = report.weather.iter().flat_map(|w| w.apart()).map(|w| w.to_string()).collect();
    (!groups.is_empty()).then(|| groups.join(" "))
}
