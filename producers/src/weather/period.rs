//! One period of a forecast: when it holds, how it changes what holds, and the conditions it names.
//!
//! A change names only what changes; everything else goes on as before it.

use serde::Serialize;

use super::air;
use super::groups::{DayTime, leading, number};
use super::phenomenon::{self, Weather};
use super::sky::{self, Cover, Layer};
use super::visibility::{self, Visibility};
use super::wind::{self, Direction};

/// Time of day, UTC, and the day of the month where the text says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Clock {
    /// 1 to 31.
    pub day: Option<u32>,
    /// 0 to 24.
    pub hour: u32,
    /// 0 to 59.
    pub minute: u32,
}

impl Clock {
    pub(super) fn hour(hour: u32) -> Option<Self> {
        (hour <= 24).then_some(Self { day: None, hour, minute: 0 })
    }

    /// `ddhh`.
    pub(super) fn from_ddhh(text: &str) -> Option<Self> {
        let (day, rest) = leading(text, 2)?;
        let (hour, rest) = leading(rest, 2)?;
        DayTime::new(day, hour, 0).filter(|_| rest.is_empty()).map(Self::from)
    }
}

impl From<DayTime> for Clock {
    fn from(DayTime { day, hour, minute }: DayTime) -> Self {
        Self { day: Some(day), hour, minute }
    }
}

/// How a period changes what holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Change {
    /// What holds at the begin of validity.
    Initial,
    /// Everything changes at this time.
    Fm,
    /// Changes gradually within the span and then stays.
    Becmg,
    /// Comes and goes within the span, for less than an hour at a time.
    Tempo,
    /// Comes and goes more often still (Australia).
    Inter,
    /// May come within the span.
    Prob,
}

/// One period.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Period {
    /// How it changes what holds.
    pub change: Change,
    /// Percent, of a PROB group.
    pub probability: Option<u32>,
    /// Begin.
    pub from: Option<Clock>,
    /// End; of the first period and of FM the next FM or the end of validity.
    pub to: Option<Clock>,
    /// What it names.
    #[serde(flatten)]
    pub conditions: Conditions,
}

impl Period {
    pub(super) fn new(change: Change, probability: Option<u32>, from: Option<Clock>, to: Option<Clock>) -> Self {
        Self { change, probability, from, to, conditions: Conditions::default() }
    }
}

/// Forecast conditions; what is not named is none or empty.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Conditions {
    /// Degrees true; none when variable.
    pub wind_dir_degrees: Option<u32>,
    /// No prevailing direction.
    pub wind_variable: bool,
    /// Knots.
    pub wind_speed_kt: Option<u32>,
    /// Knots.
    pub wind_gust_kt: Option<u32>,
    /// Statute miles; `P6SM` is 6, 9999 and CAVOK are 6.21.
    pub visibility_statute_mi: Option<f64>,
    /// Weather groups.
    pub weather: Vec<Weather>,
    /// NSW: what was there ends.
    pub no_significant_weather: bool,
    /// Layers, or the word for none.
    pub sky: Vec<Layer>,
    /// Vertical visibility in feet.
    pub vert_vis_ft: Option<u32>,
    /// Lowest altimeter setting in inches of mercury.
    pub altim_in_hg: Option<f64>,
    /// Wind shear below 2,000 ft.
    pub wind_shear: Option<Shear>,
    /// Icing, military forecasts.
    pub icing: Vec<LayerHazard>,
    /// Turbulence, military forecasts.
    pub turbulence: Vec<LayerHazard>,
    /// Groups that were not understood, as written.
    pub unread: Vec<String>,
}

/// Wind at a height that differs from that on the ground: `WS020/24040KT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Shear {
    /// Feet above the aerodrome.
    pub height_ft: u32,
    /// Degrees true.
    pub wind_dir_degrees: Option<u32>,
    /// Knots.
    pub wind_speed_kt: Option<u32>,
}

/// A layer with icing (`620304`) or turbulence (`520004`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct LayerHazard {
    /// Kind and strength, code figure 0 to 9 of WMO tables 1733 and 0300.
    pub code: u32,
    /// Base in feet.
    pub base_ft: u32,
    /// Thickness in feet.
    pub thickness_ft: u32,
}

/// What a group turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// Conditions, in so many groups.
    Groups(usize),
    /// Nothing known.
    Unknown,
}

impl Conditions {
    /// Reads what stands at the start of `groups`, or keeps it as unread; says how many groups that took.
    pub(super) fn take(&mut self, groups: &[&str]) -> usize {
        match (self.read(groups), groups.first()) {
            (Read::Groups(taken), _) => taken,
            (Read::Unknown, group) => {
                self.unread.extend(group.map(|group| (*group).to_owned()));
                1
            }
        }
    }

    pub(super) fn read(&mut self, groups: &[&str]) -> Read {
        let Some(group) = groups.first() else { return Read::Unknown };
        if self.wind(group) || self.weather(group) || self.layer(group) || self.pressure(group) || self.hazard(group) {
            return Read::Groups(1);
        }
        match visibility::read(groups) {
            Some((visibility::Read::Prevailing(visibility), taken)) => {
                self.visibility_statute_mi = visibility.map(|visibility| visibility.statute_mi);
                Read::Groups(taken)
            }
            Some((visibility::Read::Directional(_), taken)) => Read::Groups(taken),
            None => Read::Unknown,
        }
    }

    fn wind(&mut self, group: &str) -> bool {
        let Some(wind) = wind::read(group).filter(|wind| wind.speed_kt.is_some()) else { return false };
        self.wind_dir_degrees = wind.degrees();
        self.wind_variable = wind.direction == Direction::Variable;
        (self.wind_speed_kt, self.wind_gust_kt) = (wind.speed_kt, wind.gust_kt);
        true
    }

    fn weather(&mut self, group: &str) -> bool {
        self.no_significant_weather |= group == "NSW";
        let weather = phenomenon::read(group);
        let read = weather.is_some();
        self.weather.extend(weather);
        read || group == "NSW"
    }

    fn layer(&mut self, group: &str) -> bool {
        let Some(sky::Read::Layer(layer)) = sky::read(group) else { return false };
        if layer.cover == Cover::Cavok {
            self.visibility_statute_mi = Some(Visibility::unlimited().statute_mi);
        }
        if layer.cover == Cover::Ovx {
            self.vert_vis_ft = layer.base_ft_agl;
        }
        self.sky.push(layer);
        true
    }

    fn pressure(&mut self, group: &str) -> bool {
        let pressure = air::pressure(group);
        self.altim_in_hg = self.altim_in_hg.or(pressure.flatten());
        pressure.is_some()
    }

    fn hazard(&mut self, group: &str) -> bool {
        if let Some(shear) = shear(group) {
            self.wind_shear = Some(shear);
            return true;
        }
        let layers = match group.as_bytes() {
            [b'5', ..] if group.len() == 6 => &mut self.turbulence,
            [b'6', ..] if group.len() == 6 => &mut self.icing,
            _ => return false,
        };
        let hazard = layer_hazard(group);
        layers.extend(hazard);
        hazard.is_some()
    }
}

fn shear(group: &str) -> Option<Shear> {
    let (height, wind) = group.strip_prefix("WS")?.split_once('/')?;
    let height = number(height).filter(|_| height.len() == 3)?;
    let wind = wind::read(wind)?;
    Some(Shear { height_ft: height * 100, wind_dir_degrees: wind.degrees(), wind_speed_kt: wind.speed_kt })
}

fn layer_hazard(group: &str) -> Option<LayerHazard> {
    let (_, rest) = leading(group, 1)?;
    let (code, rest) = leading(rest, 1)?;
    let (base, rest) = leading(rest, 3)?;
    let (thickness, rest) = leading(rest, 1)?;
    rest.is_empty().then_some(LayerHazard { code, base_ft: base * 100, thickness_ft: thickness * 1000 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hazards_of_a_layer() {
        let mut conditions = Conditions::default();
        assert!(conditions.hazard("WS020/24040KT") && conditions.hazard("620258") && conditions.hazard("510003"));
        assert_eq!(conditions.wind_shear, Some(Shear { height_ft: 2000, wind_dir_degrees: Some(240), wind_speed_kt: Some(40) }));
        assert_eq!(conditions.icing, [LayerHazard { code: 2, base_ft: 2500, thickness_ft: 8000 }]);
        assert_eq!(conditions.turbulence, [LayerHazard { code: 1, base_ft: 0, thickness_ft: 3000 }]);
        assert!(!conditions.hazard("62025é") && !conditions.hazard("WS020/") && !conditions.hazard("700000"));
    }

    #[test]
    fn what_is_not_understood_is_kept() {
        let mut conditions = Conditions::default();
        assert_eq!(conditions.take(&["KBKN080", "9999"]), 1);
        assert_eq!(conditions.unread, ["KBKN080"]);
    }
}
