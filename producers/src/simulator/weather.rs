//! The sky over each airport: the season's own weather, the scenario's on top, and the reports of both.
//!
//!     climate + chance + scenario events ──► Conditions of an airport and instant ──► METAR text, runway capacity
//!
//! Conditions are a pure function of seed, airport and time, so that the report and what it does to traffic never
//! disagree. The text follows WMO FM 15 (METAR) with European units.

use super::dice::Dice;
use super::network::Station;
use super::scenario::Phenomenon;
use super::{HOUR, MINUTE};

/// Minutes between two routine reports.
pub(super) const REPORT_INTERVAL_MIN: i64 = 30;

/// What is observed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Conditions {
    wind_degrees: i64,
    wind_kt: i64,
    gust_kt: Option<i64>,
    visibility_m: i64,
    phenomena: &'static str,
    cover: &'static str,
    base_ft: i64,
    temperature_c: i64,
    dewpoint_c: i64,
    pressure_hpa: i64,
}

impl Conditions {
    /// The season's weather at a station, one draw per day and hour, then whatever the scenario puts on top.
    pub(super) fn at(seed: u64, station: &Station, at: i64, event: Option<Phenomenon>) -> Self {
        let day = at.div_euclid(24 * HOUR);
        let mut dice = Dice::new(seed, &format!("weather/{}/{day}", station.code));
        let hour = at.rem_euclid(24 * HOUR) / HOUR;
        let warmth = season_c(station, day) + diurnal_c(hour) + dice.between(-3, 3);
        let moisture = dice.between(2, 7);
        let flow = (dice.between(20, 32) * 10, dice.between(4, 14), dice.between(1002, 1028));
        let clouds = [("FEW", 3500), ("SCT", 3000), ("BKN", 2200), ("BKN", 1400)];
        let (cover, base_ft) = dice.pick(&clouds).copied().unwrap_or(clouds[0]);
        let mut hourly = Dice::new(seed, &format!("weather/{}/{day}/{hour}", station.code));
        let mut conditions = Self {
            wind_degrees: (flow.0 + hourly.between(-2, 2) * 10).rem_euclid(360),
            wind_kt: (flow.1 + hourly.between(-3, 3)).max(2),
            gust_kt: None,
            visibility_m: 10_000,
            phenomena: "",
            cover,
            base_ft: base_ft + 100 * hourly.between(-2, 2),
            temperature_c: warmth,
            dewpoint_c: warmth - moisture,
            pressure_hpa: flow.2,
        };
        match event.or_else(|| season_event(&mut dice, warmth, hour)) {
            Some(phenomenon) => conditions.overlay(phenomenon, &mut hourly),
            None => conditions.shower(&mut hourly),
        }
        conditions
    }

    /// A passing shower in one hour of ten; snow when it is cold.
    fn shower(&mut self, dice: &mut Dice) {
        if dice.permille(100) {
            self.phenomena = if self.temperature_c <= 1 { "-SN" } else { "-SHRA" };
            self.visibility_m = 6000;
        }
    }

    fn overlay(&mut self, phenomenon: Phenomenon, dice: &mut Dice) {
        let cold = |c: i64| c.clamp(-8, 0);
        match phenomenon {
            Phenomenon::LightSnow | Phenomenon::HeavySnow => {
                let heavy = phenomenon == Phenomenon::HeavySnow;
                (self.phenomena, self.cover) = (if heavy { "+SN" } else { "-SN" }, "OVC");
                self.visibility_m = if heavy { 600 + 100 * dice.between(0, 3) } else { 3000 };
                self.base_ft = if heavy { 400 } else { 1200 };
                self.temperature_c = cold(self.temperature_c);
                self.dewpoint_c = self.temperature_c - 1;
            }
            Phenomenon::Fog => {
                (self.phenomena, self.cover, self.base_ft) = ("FG", "VV", 100);
                self.visibility_m = 150 + 50 * dice.between(0, 3);
                (self.wind_kt, self.dewpoint_c) = (2, self.temperature_c);
            }
            Phenomenon::Thunderstorm => {
                (self.phenomena, self.cover, self.base_ft) = ("+TSRA", "BKN", 2000);
                (self.visibility_m, self.wind_kt) = (2500, 18);
                self.gust_kt = Some(35 + dice.between(0, 8));
            }
            Phenomenon::Gale => {
                self.wind_kt = 32 + dice.between(0, 6);
                self.gust_kt = Some(self.wind_kt + 16);
                self.pressure_hpa = 986;
            }
        }
    }

    /// Movements that remain possible, percent of fair weather's: what low visibility, snow clearing, a closed
    /// ramp or a single usable runway leave.
    pub(super) fn capacity_percent(&self) -> i64 {
        let visibility = match self.visibility_m {
            ..350 => 45,
            350..800 => 60,
            800..1500 => 75,
            _ => 100,
        };
        let phenomena = match self.phenomena {
            "+SN" => 30,
            "-SN" => 80,
            "+TSRA" => 30,
            _ => 100,
        };
        let wind = if self.gust_kt.is_some_and(|gust| gust >= 45) { 50 } else { 100 };
        visibility.min(phenomena).min(wind)
    }

    /// The report's text.
    pub(super) fn metar(&self, station: &Station, at: i64) -> String {
        let (day, hour, minute) = day_hour_minute(at);
        let mut text =
            format!("METAR {} {day:02}{hour:02}{minute:02}Z {:03}{:02}", station.icao, self.wind_degrees, self.wind_kt);
        if let Some(gust) = self.gust_kt {
            text += &format!("G{gust:02}");
        }
        text += &format!("KT {:04}", self.visibility_m.min(9999));
        if !self.phenomena.is_empty() {
            text += &format!(" {}", self.phenomena);
        }
        let storm = if self.phenomena == "+TSRA" { "CB" } else { "" };
        text += &format!(" {}{:03}{storm}", self.cover, self.base_ft / 100);
        text += &format!(" {}/{} Q{:04}", celsius(self.temperature_c), celsius(self.dewpoint_c), self.pressure_hpa);
        text
    }
}

/// The phenomenon that the season brings of itself: morning fog and snow in the cold, thunderstorms in summer.
fn season_event(dice: &mut Dice, warmth: i64, hour: i64) -> Option<Phenomenon> {
    let (fog, snow, storm) = (dice.permille(15), dice.permille(40), dice.permille(25));
    let starts = dice.between(12, 19);
    match hour {
        5..=7 if fog && (-2..=8).contains(&warmth) => Some(Phenomenon::Fog),
        _ if snow && warmth <= 0 => Some(Phenomenon::LightSnow),
        _ if storm && warmth >= 22 && hour == starts => Some(Phenomenon::Thunderstorm),
        _ => None,
    }
}

/// Mean temperature of the time of year: a triangle wave between January and July.
fn season_c(station: &Station, day: i64) -> i64 {
    const YEAR_DAYS: i64 = 365;
    const COLDEST_DAY: i64 = 15;
    let phase = (day - COLDEST_DAY).rem_euclid(YEAR_DAYS);
    let from_cold = phase.min(YEAR_DAYS - phase);
    let (january, july) = station.climate;
    january + (july - january) * from_cold * 2 / YEAR_DAYS
}

fn diurnal_c(hour: i64) -> i64 {
    4 - (hour - 14).abs() / 2
}

fn celsius(degrees: i64) -> String {
    if degrees < 0 { format!("M{:02}", -degrees) } else { format!("{degrees:02}") }
}

fn day_hour_minute(at: i64) -> (i8, i64, i64) {
    let day = jiff::Timestamp::from_millisecond(at).map_or(1, |t| t.to_zoned(jiff::tz::TimeZone::UTC).day());
    (day, at.rem_euclid(24 * HOUR) / HOUR, at.rem_euclid(HOUR) / MINUTE)
}

#[cfg(test)]
mod tests {
    use super::super::network::STATIONS;
    use super::*;

    /// 13 January and 24 July 2026, 06:20 UTC.
    const WINTER: i64 = 1_768_285_200_000;
    const SUMMER: i64 = 1_784_874_000_000;

    fn well_formed(report: &str) -> bool {
        let groups: Vec<&str> = report.split(' ').collect();
        let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
        let celsius = |text: &str| digits(text.trim_start_matches('M')) && text.trim_start_matches('M').len() == 2;
        let [kind, place, time, wind, visibility, .., temperature, pressure] = groups.as_slice() else { return false };
        let temperature = temperature.split_once('/').unwrap();
        *kind == "METAR"
            && place.len() == 4
            && time.len() == 7
            && time.ends_with('Z')
            && digits(&time[..6])
            && wind.ends_with("KT")
            && matches!(wind.len(), 7 | 10)
            && digits(&wind[..5])
            && visibility.len() == 4
            && digits(visibility)
            && celsius(temperature.0)
            && celsius(temperature.1)
            && pressure.starts_with('Q')
            && pressure.len() == 5
    }

    #[test]
    fn every_report_is_well_formed_in_every_weather() {
        let events = [
            None,
            Some(Phenomenon::LightSnow),
            Some(Phenomenon::HeavySnow),
            Some(Phenomenon::Fog),
            Some(Phenomenon::Thunderstorm),
            Some(Phenomenon::Gale),
        ];
        for (station, event) in STATIONS.iter().flat_map(|s| events.map(|e| (s, e))) {
            for half_hour in 0..96 {
                let at = WINTER + half_hour * 30 * MINUTE;
                let report = Conditions::at(3, station, at, event).metar(station, at);
                assert!(well_formed(&report), "{report}");
            }
        }
    }

    #[test]
    fn scenario_weather_costs_capacity_and_shows_in_the_report() {
        let frankfurt = &STATIONS[5];
        let table = [
            (Phenomenon::HeavySnow, "+SN", 30),
            (Phenomenon::Fog, "FG VV001", 45),
            (Phenomenon::Thunderstorm, "+TSRA BKN020CB", 30),
            (Phenomenon::LightSnow, "-SN OVC012", 80),
        ];
        for (event, group, capacity) in table {
            let conditions = Conditions::at(1, frankfurt, WINTER, Some(event));
            assert!(conditions.metar(frankfurt, WINTER).contains(group));
            assert_eq!(conditions.capacity_percent(), capacity);
        }
    }

    #[test]
    fn seasons_differ() {
        let mean = |at: i64| STATIONS.iter().map(|s| Conditions::at(1, s, at, None).temperature_c).sum::<i64>() / 11;
        assert!(mean(SUMMER) > mean(WINTER) + 10, "{} in summer, {} in winter", mean(SUMMER), mean(WINTER));
    }
}
