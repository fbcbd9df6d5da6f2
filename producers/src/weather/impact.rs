//! How much weather hinders an aerodrome, from 0 (not at all) to 1 (closed), and why.
//!
//!     report or forecast period ──► Seen ──► one component for each hazard ──► 1 - Π(1 - h) ──► band
//!
//! A hazard counts once, with the largest of its values that applies. The weights are this project's own and await
//! calibration against what traffic does; thresholds that follow rules (flight categories, low-visibility procedures below a
//! runway visual range of 550 m) are named where they stand. Above 0.99 is only what closes an aerodrome: volcanic ash.
//!
//! Crosswind needs the headings of the runways; where they are not known the component says so and has no value.

use serde::Serialize;

use super::metar::Report;
use super::period::{Change, Conditions};
use super::phenomenon::{Intensity, Weather};
use super::sky::{Convective, Layer};
use super::taf::Forecast;
use super::visibility::Bound;
use super::{Category, hundredths};

/// Most that hazards add up to, short of a closed aerodrome.
const OPEN_MAX: f64 = 0.99;
/// Tailwind that a runway in use has at most, in knots.
const TAILWIND_KT_MAX: f64 = 10.0;
/// How far a wet and a contaminated runway lower the crosswind that aircraft accept, in knots.
const WET_KT: f64 = 5.0;
const CONTAMINATED_KT: f64 = 12.0;
/// At or below this temperature precipitation means de-icing, in degrees Celsius.
const DEICING_C: f64 = 3.0;

/// How bad, in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Band {
    /// Under 0.20.
    None,
    /// 0.20 to under 0.40.
    Low,
    /// 0.40 to under 0.70.
    Moderate,
    /// 0.70 and more.
    Severe,
}

impl Band {
    /// The band of a score.
    #[must_use]
    pub fn of(score: f64) -> Self {
        match score {
            score if score < 0.20 => Self::None,
            score if score < 0.40 => Self::Low,
            score if score < 0.70 => Self::Moderate,
            _ => Self::Severe,
        }
    }

    /// The word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "NONE",
            Self::Low => "LOW",
            Self::Moderate => "MODERATE",
            Self::Severe => "SEVERE",
        }
    }
}

/// One hazard's part.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Component {
    /// `visibility`, `crosswind`, `gust`, `thunder`, `freezing`, `snow`, `deicing` or `other`.
    pub hazard: &'static str,
    /// 0 to 1, two decimals; none where it cannot be known.
    pub value: Option<f64>,
    /// What shows it.
    pub evidence: String,
}

/// The whole assessment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Impact {
    /// 0 to 1, two decimals.
    pub score: f64,
    /// The same in a word.
    pub band: Band,
    /// Hazards that count, and those that cannot be known.
    pub components: Vec<Component>,
}

/// What of a report or a period bears on the score.
#[derive(Debug, Clone, Default)]
struct Seen {
    visibility_mi: Option<f64>,
    ceiling_ft: Option<u32>,
    runway_range_m: Option<f64>,
    wind_degrees: Option<u32>,
    wind_kt: u32,
    gust_kt: Option<u32>,
    weather: Vec<Weather>,
    storm_cloud: bool,
    air_c: Option<f64>,
    dew_point_c: Option<f64>,
    wind_shear: bool,
}

/// The impact of what a station reports; `runways` are true headings of one end of each.
#[must_use]
pub fn of_report(report: &Report, runways: Option<&[u32]>) -> Impact {
    let lowest = report.runway_ranges.iter().filter(|range| range.bound != Bound::Above).map(|range| range.metres);
    let seen = Seen {
        visibility_mi: report.visibility.map(|visibility| visibility.statute_mi),
        ceiling_ft: report.ceiling_ft(),
        runway_range_m: lowest.reduce(f64::min),
        wind_degrees: report.wind.and_then(|wind| wind.degrees()),
        wind_kt: report.wind.and_then(|wind| wind.speed_kt).unwrap_or(0),
        gust_kt: report.wind.and_then(|wind| wind.gust_kt),
        weather: report.weather.clone(),
        storm_cloud: report.convective == Some(Convective::Cb),
        air_c: report.air_c,
        dew_point_c: report.dew_point_c,
        wind_shear: report.wind_shear,
    };
    seen.impact(runways)
}

/// The worst that a forecast expects: of each period what holds then, and what may come by its likelihood.
#[must_use]
pub fn of_forecast(forecast: &Forecast, runways: Option<&[u32]>) -> Impact {
    let mut holds = Seen::default();
    let mut worst = Impact { score: 0.0, band: Band::None, components: Vec::new() };
    for period in &forecast.periods {
        let changed = if period.change == Change::Fm { Seen::default() } else { holds.clone() }.with(&period.conditions);
        let weight = match (period.change, period.probability) {
            (Change::Initial | Change::Fm | Change::Becmg, _) => 1.0,
            (Change::Tempo | Change::Inter, None) => 0.6,
            (Change::Prob | Change::Tempo | Change::Inter, Some(40..)) => 0.4,
            (Change::Prob | Change::Tempo | Change::Inter, _) => 0.3,
        };
        let mut impact = changed.impact(runways);
        impact.score = hundredths(impact.score * weight);
        impact.band = Band::of(impact.score);
        if impact.score >= worst.score {
            worst = impact;
        }
        if matches!(period.change, Change::Initial | Change::Fm | Change::Becmg) {
            holds = changed;
        }
    }
    worst
}

impl Seen {
    /// This, changed by what a period names.
    fn with(mut self, named: &Conditions) -> Self {
        if named.wind_speed_kt.is_some() {
            self.wind_degrees = named.wind_dir_degrees;
            self.wind_kt = named.wind_speed_kt.unwrap_or(0);
            self.gust_kt = named.wind_gust_kt;
        }
        self.visibility_mi = named.visibility_statute_mi.or(self.visibility_mi);
        if named.no_significant_weather || !named.weather.is_empty() {
            self.weather.clone_from(&named.weather);
        }
        if !named.sky.is_empty() {
            self.ceiling_ft = named.sky.iter().filter_map(Layer::ceiling_ft).min();
            self.storm_cloud = named.sky.iter().any(|layer| layer.convective == Some(Convective::Cb));
        }
        self.wind_shear |= named.wind_shear.is_some();
        self
    }

    fn impact(&self, runways: Option<&[u32]>) -> Impact {
        let found = [
            self.visibility(),
            self.crosswind(runways),
            self.gust(),
            self.thunder(),
            self.worst_of("freezing", freezing),
            self.worst_of("snow", snow),
            self.deicing(),
            self.other(),
        ];
        let components: Vec<Component> = found.into_iter().flatten().filter(|part| part.value != Some(0.0)).collect();
        let spared: f64 = components.iter().filter_map(|part| part.value).map(|value| 1.0 - value).product();
        let closed = self.weather.iter().any(|weather| weather.has("VA"));
        let score = if closed { 1.0 } else { hundredths((1.0 - spared).min(OPEN_MAX)) };
        Impact { score, band: Band::of(score), components }
    }

    fn visibility(&self) -> Option<Component> {
        let range = self.runway_range_m.map(|metres| format!("runway visual range {metres} m"));
        let ceiling = self.ceiling_ft.map(|feet| format!("ceiling {feet} ft"));
        if self.runway_range_m.is_some_and(|metres| metres < 150.0) {
            return component("visibility", 0.95, range?);
        }
        if self.runway_range_m.is_some_and(|metres| metres < 550.0) {
            return component("visibility", 0.75, range?);
        }
        if self.ceiling_ft.is_some_and(|feet| feet < 200) {
            return component("visibility", 0.75, ceiling?);
        }
        // No visibility reported: only the ceiling can tell.
        let (category, seen) = match self.visibility_mi {
            Some(miles) => (Category::of(miles, self.ceiling_ft), format!("visibility {miles} mi")),
            None => (Category::of(f64::INFINITY, Some(self.ceiling_ft?)), "visibility unknown".to_owned()),
        };
        let value = match category {
            Category::Vfr => 0.0,
            Category::Mvfr => 0.10,
            Category::Ifr => 0.30,
            Category::Lifr => 0.55,
        };
        let evidence = ceiling.map_or(seen.clone(), |ceiling| format!("{seen}, {ceiling}"));
        component("visibility", value, evidence)
    }

    fn crosswind(&self, runways: Option<&[u32]>) -> Option<Component> {
        let strongest = f64::from(self.gust_kt.unwrap_or(0).max(self.wind_kt));
        let shift = if self.any(|weather| weather.descriptor == Some("FZ") || weather.has("SN")) {
            CONTAMINATED_KT
        } else if self.any(|weather| weather.has("RA") || weather.has("DZ")) {
            WET_KT
        } else {
            0.0
        };
        let across = match (self.wind_degrees, runways) {
            (None, _) => strongest,
            (Some(_), None) => {
                let evidence = "no runway headings known".to_owned();
                return Some(Component { hazard: "crosswind", value: None, evidence });
            }
            (Some(degrees), Some(runways)) => best_crosswind(f64::from(degrees), f64::from(self.wind_kt), strongest, runways),
        };
        let value = crosswind_value(across + shift);
        component("crosswind", if across > 0.0 { value } else { 0.0 }, format!("{across:.1} kt across the best runway"))
    }

    fn gust(&self) -> Option<Component> {
        let strongest = self.gust_kt.unwrap_or(0).max(self.wind_kt);
        let value = match strongest {
            55.. => 0.80,
            45..55 => 0.45,
            35..45 => 0.15,
            0..35 => 0.0,
        };
        component("gust", value, format!("{strongest} kt"))
    }

    fn thunder(&self) -> Option<Component> {
        let cloud = self.storm_cloud.then(|| Component { hazard: "thunder", value: Some(0.10), evidence: "CB".to_owned() });
        self.worst_of("thunder", thunder).or(cloud)
    }

    fn deicing(&self) -> Option<Component> {
        let air_c = self.air_c?;
        let falling = self.weather.iter().find(|weather| weather.precipitates() && weather.intensity != Intensity::Vicinity);
        if let Some(weather) = falling.filter(|_| air_c <= DEICING_C) {
            return component("deicing", 0.20, format!("{weather} at {air_c} C"));
        }
        let frost = air_c <= 0.0 && self.dew_point_c.is_some_and(|dew_point| air_c - dew_point <= 2.0);
        component("deicing", if frost { 0.15 } else { 0.0 }, format!("frost at {air_c} C"))
    }

    fn other(&self) -> Option<Component> {
        let weather = self.worst_of("other", other);
        let shear = self.wind_shear.then(|| Component { hazard: "other", value: Some(0.35), evidence: "wind shear".to_owned() });
        let heat = self.air_c.filter(|air_c| *air_c >= 38.0);
        let heat = heat.map(|air_c| Component { hazard: "other", value: Some(0.15), evidence: format!("{air_c} C") });
        [weather, shear, heat]
            .into_iter()
            .flatten()
            .max_by(|a, b| a.value.partial_cmp(&b.value).unwrap_or(std::cmp::Ordering::Equal))
    }

    fn any(&self, what: impl Fn(&Weather) -> bool) -> bool {
        self.weather.iter().any(what)
    }

    /// The weather group with the largest value of a hazard.
    fn worst_of(&self, hazard: &'static str, value: impl Fn(&Weather) -> f64) -> Option<Component> {
        let worst = self.weather.iter().map(|weather| (value(weather), weather)).max_by(|a, b| a.0.total_cmp(&b.0))?;
        let (value, weather) = worst;
        (value > 0.0).then(|| Component { hazard, value: Some(value), evidence: weather.to_string() })
    }
}

fn component(hazard: &'static str, value: f64, evidence: String) -> Option<Component> {
    Some(Component { hazard, value: Some(hundredths(value)), evidence })
}

/// Crosswind of the runway end with the least of it among those with little tailwind, in knots.
fn best_crosswind(from: f64, mean_kt: f64, strongest_kt: f64, runways: &[u32]) -> f64 {
    let ends = runways.iter().flat_map(|heading| [f64::from(*heading), f64::from(*heading) + 180.0]);
    let winds = ends.map(|end| {
        let angle = (from - end).to_radians();
        (strongest_kt * angle.sin().abs(), -mean_kt * angle.cos())
    });
    let usable = winds.filter(|(_, tail_kt)| *tail_kt <= TAILWIND_KT_MAX);
    usable.map(|(across, _)| across).reduce(f64::min).unwrap_or(strongest_kt)
}

/// Of crosswind on a dry runway: what aircraft take easily, take with care, and mostly do not take.
fn crosswind_value(kt: f64) -> f64 {
    match kt {
        kt if kt <= 15.0 => 0.0,
        kt if kt <= 25.0 => (kt - 15.0) / 10.0 * 0.25,
        kt if kt <= 35.0 => 0.25 + (kt - 25.0) / 10.0 * 0.45,
        _ => 0.90,
    }
}

fn thunder(weather: &Weather) -> f64 {
    if weather.has("FC") {
        return 1.0;
    }
    match (weather.has("TS"), weather.intensity) {
        (true, Intensity::Vicinity) => 0.25,
        (true, Intensity::Heavy) => 0.75,
        (true, _) if weather.has("GR") => 0.75,
        (true, Intensity::Light | Intensity::Moderate) => 0.55,
        (false, _) => 0.0,
    }
}

fn freezing(weather: &Weather) -> f64 {
    let freezes = weather.has("FZ");
    let rain = freezes && weather.has("RA");
    match weather.intensity {
        Intensity::Vicinity => 0.0,
        Intensity::Heavy if rain => 0.98,
        Intensity::Moderate if rain => 0.90,
        Intensity::Light if rain => 0.70,
        _ if weather.has("PL") || weather.has("PE") => 0.60,
        Intensity::Light if freezes && weather.has("DZ") => 0.50,
        Intensity::Moderate | Intensity::Heavy if freezes && weather.has("DZ") => 0.60,
        _ if freezes && weather.has("FG") => 0.45,
        Intensity::Light | Intensity::Moderate | Intensity::Heavy => 0.0,
    }
}

fn snow(weather: &Weather) -> f64 {
    if weather.has("SG") {
        return 0.25;
    }
    match (weather.has("SN"), weather.descriptor, weather.intensity) {
        (false, _, _) | (true, _, Intensity::Vicinity) => 0.0,
        (true, Some("BL" | "DR"), _) => 0.35,
        (true, _, Intensity::Light) => 0.25,
        (true, _, Intensity::Moderate) => 0.50,
        (true, _, Intensity::Heavy) => 0.80,
    }
}

fn other(weather: &Weather) -> f64 {
    let codes = [("VA", 1.0), ("GR", 0.60), ("DS", 0.60), ("SS", 0.60), ("GS", 0.30), ("DU", 0.20)];
    let named = codes.iter().filter(|(code, _)| weather.has(code)).map(|(_, value)| *value).fold(0.0, f64::max);
    let rain = match (weather.has("RA"), weather.intensity) {
        (true, Intensity::Heavy) => 0.20,
        (true, Intensity::Light | Intensity::Moderate) => 0.06,
        (true, Intensity::Vicinity) | (false, _) => 0.0,
    };
    named.max(rain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn impact(text: &str, runways: &[u32]) -> Impact {
        of_report(&Report::read(text).unwrap(), Some(runways))
    }

    /// Warsaw in snow: 0.55 for LIFR, 0.50 snow, 0.20 de-icing, 0.13 crosswind on 295 degrees true.
    #[test]
    fn a_winter_morning_is_severe() {
        let found = impact("EPWA 210600Z 31018G32KT 1400 R29/1200N SN BR OVC006 M02/M03 Q0998", &[115, 152]);
        let values: Vec<_> = found.components.iter().map(|part| (part.hazard, part.value)).collect();
        // 1400 m is 0.87 mi: under one mile, so LIFR.
        let expected = [("visibility", 0.55), ("crosswind", 0.13), ("snow", 0.50), ("deicing", 0.20)];
        assert_eq!(values, expected.map(|(hazard, value)| (hazard, Some(value))));
        assert_eq!((found.score, found.band), (0.84, Band::Severe));
    }

    #[test]
    fn a_fine_day_is_nothing() {
        let found = impact("EPWA 210600Z 31008KT CAVOK 12/03 Q1018", &[115]);
        assert_eq!((found.score, found.band, found.components.len()), (0.0, Band::None, 0));
    }

    #[test]
    fn unknown_headings_leave_crosswind_out_and_say_so() {
        let report = Report::read("ZZZZ 210600Z 31040G60KT 9999 NSC 12/03 Q1018").unwrap();
        let found = of_report(&report, None);
        let values: Vec<_> = found.components.iter().map(|part| (part.hazard, part.value)).collect();
        assert_eq!(values, [("crosswind", None), ("gust", Some(0.80))]);
        assert_eq!(found.score, 0.80);
    }

    #[test]
    fn hazards_have_their_values() {
        let one = |weather: &str, hazard: &str| {
            let found = impact(&format!("EPWA 210600Z 00000KT 9999 {weather} NSC 12/03 Q1018"), &[115]);
            found.components.iter().find(|part| part.hazard == hazard).and_then(|part| part.value)
        };
        let cases = [
            ("VCTS", "thunder", 0.25),
            ("TSRA", "thunder", 0.55),
            ("+TSRA", "thunder", 0.75),
            ("TSGR", "thunder", 0.75),
            ("-FZDZ", "freezing", 0.50),
            ("-FZRA", "freezing", 0.70),
            ("+FZRA", "freezing", 0.98),
            ("FZFG", "freezing", 0.45),
            ("-SHSN", "snow", 0.25),
            ("+SN", "snow", 0.80),
            ("BLSN", "snow", 0.35),
            ("-RA", "other", 0.06),
            ("+RA", "other", 0.20),
            ("SS", "other", 0.60),
        ];
        for (weather, hazard, value) in cases {
            assert_eq!(one(weather, hazard), Some(value), "{weather}");
        }
        assert_eq!(impact("EPWA 210600Z 00000KT 9999 VA NSC 12/03 Q1018", &[115]).score, 1.0);
        assert_eq!(impact("EPWA 210600Z 00000KT 9999 +FC NSC 12/03 Q1018", &[115]).score, 0.99);
    }

    #[test]
    fn low_visibility_procedures_need_no_category() {
        let value = |text: &str| impact(text, &[115]).components[0].value;
        assert_eq!(value("EPWA 210600Z 00000KT 0800 R29/0500N FG OVC005 12/12 Q1018"), Some(0.75));
        assert_eq!(value("EPWA 210600Z 00000KT 0100 R29/0125N FG VV001 12/12 Q1018"), Some(0.95));
        assert_eq!(value("EPWA 210600Z 00000KT 9999 OVC001 12/12 Q1018"), Some(0.75));
    }

    /// What may come counts by how likely it is.
    #[test]
    fn a_forecast_is_as_bad_as_the_worst_that_it_expects() {
        let score = |text: &str| of_forecast(&Forecast::read(text).unwrap(), Some(&[115])).score;
        assert_eq!(score("TAF EPWA 210530Z 2106/2206 00000KT CAVOK"), 0.0);
        assert_eq!(score("TAF EPWA 210530Z 2106/2206 00000KT CAVOK TEMPO 2106/2110 TSRA"), 0.35);
        assert_eq!(score("TAF EPWA 210530Z 2106/2206 00000KT CAVOK PROB30 TEMPO 2106/2110 TSRA"), 0.17);
        assert_eq!(score("TAF EPWA 210530Z 2106/2206 00000KT CAVOK BECMG 2106/2110 TSRA BECMG 2112/2114 NSW"), 0.58);
        assert_eq!(score("TAF EPWA 210530Z 2106/2206 00000KT 9999 +SN NSC FM211200 00000KT CAVOK"), 0.80);
    }
}
