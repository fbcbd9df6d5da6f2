//! Scenarios: what happens where and when, as small TOML files that an operations person can write.
//!
//!     scenarios/*.toml (embedded) or any file ──► strict parsing ──► checks against the map ──► Scenario
//!
//! Unknown keys, unknown airports, windows that end before they begin and sizes past the named limits are
//! refused with file and key. Times of day are local at the airport (an airline's: at its first hub).

use std::path::Path;

use serde::Deserialize;
use slipstream_schemas::ids::{Airport, Carrier, Date};

use super::gate::{Downsizing, Overbooking};
use super::network::{AIRLINES, airline, station};
use super::submission::Submission;

/// Most passengers that a scenario may ask for.
pub const PASSENGERS_MAX: u32 = 60_000;
/// Most days that a scenario may span.
pub const DAYS_MAX: u32 = 14;
/// Most events of one kind in a scenario.
const EVENTS_MAX: usize = 64;

macro_rules! embedded {
    ($($name:literal),* $(,)?) => {
        /// The scenarios that come with the program: name and text.
        const EMBEDDED: &[(&str, &str)] = &[$(($name, include_str!(concat!("../../scenarios/", $name, ".toml")))),*];
    };
}

embedded!("normal", "weather-at-hub", "technical", "airport-congestion", "cascading", "airline", "network-wide");

/// Why a scenario cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// Neither an embedded name nor a readable file.
    #[error("scenario `{0}`: no such scenario or file; known: {known}", known = Scenario::names().collect::<Vec<_>>().join(", "))]
    Unknown(String, #[source] Option<std::io::Error>),
    /// Not TOML, a key that does not exist, or a value of the wrong type.
    #[error("{file}: {message}")]
    Syntax {
        /// File, or embedded name.
        file: String,
        /// Line, column and key, as the parser names them.
        message: String,
    },
    /// A value that makes no sense.
    #[error("{file}: `{key}`: {problem}")]
    Value {
        /// File, or embedded name.
        file: String,
        /// The key.
        key: String,
        /// What is wrong with it.
        problem: String,
    },
}

/// One scenario.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Name, as on the command line.
    pub name: String,
    /// What a reader should know before running it.
    pub description: String,
    /// First day of operation, local everywhere.
    pub date: Date,
    /// Days of schedule; two or more let passengers be rebooked to the next day.
    pub days: u32,
    /// Passengers with bookings.
    pub passengers: u32,
    /// Mean share of seats that is sold before departure, passengers of other sellers included.
    pub load_percent: u32,
    /// Aircraft in reserve at each hub, one type after the other.
    pub spares_per_hub: u32,
    /// Airlines that fly; all if absent.
    pub airlines: Option<Vec<Carrier>>,
    /// Weather beyond the season's own.
    #[serde(default)]
    pub weather: Vec<WeatherEvent>,
    /// Airports that handle fewer movements.
    #[serde(default)]
    pub restriction: Vec<Restriction>,
    /// Aircraft found unserviceable.
    #[serde(default)]
    pub grounding: Vec<Grounding>,
    /// Trouble of a whole airline.
    #[serde(default)]
    pub trouble: Vec<Trouble>,
    /// Flights with more passengers than seats.
    #[serde(default)]
    pub overbooking: Vec<Overbooking>,
    /// Flights with a smaller premium cabin than was sold.
    #[serde(default)]
    pub downsizing: Vec<Downsizing>,
    /// What airlines submit to be freed from the sum.
    #[serde(default)]
    pub submission: Vec<Submission>,
}

/// Part of one day of the scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// Day of the scenario, 1 for the first.
    pub day: u32,
    /// Local time of day at which it begins.
    pub from: jiff::civil::Time,
    /// Local time of day at which it ends.
    pub until: jiff::civil::Time,
}

/// What the sky does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phenomenon {
    /// Light snow, wet runways.
    LightSnow,
    /// Heavy snow: runways closed in turn for clearing.
    HeavySnow,
    /// Fog below the limits of ordinary approaches.
    Fog,
    /// A line of thunderstorms: ramp closed, arrivals held.
    Thunderstorm,
    /// Gusts that close a runway.
    Gale,
}

/// Weather at one airport.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeatherEvent {
    /// Where.
    pub airport: Airport,
    /// What.
    pub phenomenon: Phenomenon,
    /// When.
    pub window: Window,
    /// Share of the round trips touching the window that airlines cancel ahead on the forecast.
    #[serde(default)]
    pub cancel_percent: u32,
    /// Share of the arrivals in the window that divert.
    #[serde(default)]
    pub divert_percent: u32,
}

/// Fewer movements an hour than scheduled.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restriction {
    /// Where.
    pub airport: Airport,
    /// When.
    pub window: Window,
    /// Capacity that is left, percent.
    pub capacity_percent: u32,
    /// Delay code that airlines state (AHM 730): 81, 83, 87, 89 ...
    pub reason: String,
    /// Share of the round trips touching the window that airlines cancel ahead.
    #[serde(default)]
    pub cancel_percent: u32,
}

/// Aircraft that cannot leave.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grounding {
    /// Whose.
    pub airline: Carrier,
    /// Where.
    pub airport: Airport,
    /// When its departure was planned.
    pub window: Window,
    /// How many, in order of departure.
    pub aircraft: u32,
    /// Minutes until it is serviceable again.
    pub repair_min: u32,
    /// Delay code that the airline states (AHM 730): 41, 42, 46 ...
    pub reason: String,
}

/// Trouble of a whole airline.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Trouble {
    /// Whose.
    pub airline: Carrier,
    /// When.
    pub window: Window,
    /// Share of its round trips that it cancels.
    pub cancel_percent: u32,
    /// Share of the rest that is late.
    pub delay_percent: u32,
    /// Typical delay, minutes.
    pub delay_min: u32,
    /// Delay code that the airline states (AHM 730): 55 (IT), 64 (crew), 97 (industrial action) ...
    pub reason: String,
}

impl Scenario {
    /// Names of the scenarios that come with the program.
    pub fn names() -> impl Iterator<Item = &'static str> {
        EMBEDDED.iter().map(|(name, _)| *name)
    }

    /// An embedded scenario by name, else the file of that path.
    ///
    /// # Errors
    /// There is neither, or its text is refused.
    pub fn load(name_or_path: &str) -> Result<Self, ScenarioError> {
        if let Some((name, text)) = EMBEDDED.iter().find(|(name, _)| *name == name_or_path) {
            return Self::parse(name, text);
        }
        let text = std::fs::read_to_string(Path::new(name_or_path));
        Self::parse(name_or_path, &text.map_err(|e| ScenarioError::Unknown(name_or_path.to_owned(), Some(e)))?)
    }

    /// A scenario from its text; `file` is named in errors.
    ///
    /// # Errors
    /// The text is not a scenario, or a value makes no sense.
    pub fn parse(file: &str, text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text)
            .map_err(|e| ScenarioError::Syntax { file: file.to_owned(), message: e.to_string().trim_end().to_owned() })?;
        match scenario.problem() {
            None => Ok(scenario),
            Some((key, problem)) => Err(ScenarioError::Value { file: file.to_owned(), key: key.to_owned(), problem }),
        }
    }

    /// Those airlines that fly, by designator.
    pub(super) fn flying(&self) -> impl Iterator<Item = &'static super::network::Airline> + '_ {
        AIRLINES.iter().filter(|one| self.airlines.as_ref().is_none_or(|chosen| chosen.iter().any(|c| c.as_str() == one.code)))
    }

    fn problem(&self) -> Option<(&'static str, String)> {
        self.sizes()
            .or_else(|| self.airlines.iter().flatten().find_map(|c| unknown_airline("airlines", *c)))
            .or_else(|| self.weather.iter().find_map(|e| self.weather_problem(e)))
            .or_else(|| self.restriction.iter().find_map(|e| self.restriction_problem(e)))
            .or_else(|| self.grounding.iter().find_map(|e| self.grounding_problem(e)))
            .or_else(|| self.trouble.iter().find_map(|e| self.trouble_problem(e)))
            .or_else(|| self.overbooking.iter().find_map(|e| self.overbooking_problem(e)))
            .or_else(|| self.downsizing.iter().find_map(|e| self.downsizing_problem(e)))
            .or_else(|| self.submission.iter().find_map(|e| self.submission_problem(e)))
    }

    fn sizes(&self) -> Option<(&'static str, String)> {
        let year = self.date.civil().year();
        range("days", self.days, 1, DAYS_MAX)
            .or_else(|| range("passengers", self.passengers, 0, PASSENGERS_MAX))
            .or_else(|| range("load_percent", self.load_percent, 0, 100))
            .or_else(|| range("spares_per_hub", self.spares_per_hub, 0, 10))
            .or_else(|| (!(1990..=2099).contains(&year)).then(|| ("date", format!("{} is outside 1990 to 2099", self.date))))
            .or_else(|| self.airlines.as_ref().is_some_and(Vec::is_empty).then(|| ("airlines", "empty".to_owned())))
            .or_else(|| {
                let later = [self.overbooking.len(), self.downsizing.len(), self.submission.len()];
                let sudden = [self.weather.len(), self.restriction.len(), self.grounding.len(), self.trouble.len()];
                sudden
                    .iter()
                    .chain(&later)
                    .any(|n| *n > EVENTS_MAX)
                    .then(|| ("events", format!("more than {EVENTS_MAX} of one kind")))
            })
    }

    fn window(&self, key: &'static str, window: &Window) -> Option<(&'static str, String)> {
        let ordered = window.from < window.until;
        range(key, window.day, 1, self.days)
            .or_else(|| (!ordered).then(|| (key, format!("ends at {} but begins at {}", window.until, window.from))))
    }

    fn weather_problem(&self, event: &WeatherEvent) -> Option<(&'static str, String)> {
        unknown_airport("weather.airport", event.airport)
            .or_else(|| self.window("weather.window", &event.window))
            .or_else(|| range("weather.cancel_percent", event.cancel_percent, 0, 100))
            .or_else(|| range("weather.divert_percent", event.divert_percent, 0, 100))
    }

    fn restriction_problem(&self, event: &Restriction) -> Option<(&'static str, String)> {
        unknown_airport("restriction.airport", event.airport)
            .or_else(|| self.window("restriction.window", &event.window))
            .or_else(|| range("restriction.capacity_percent", event.capacity_percent, 1, 100))
            .or_else(|| range("restriction.cancel_percent", event.cancel_percent, 0, 100))
            .or_else(|| reason("restriction.reason", &event.reason))
    }

    fn grounding_problem(&self, event: &Grounding) -> Option<(&'static str, String)> {
        unknown_airline("grounding.airline", event.airline)
            .or_else(|| unknown_airport("grounding.airport", event.airport))
            .or_else(|| self.window("grounding.window", &event.window))
            .or_else(|| range("grounding.repair_min", event.repair_min, 1, 2880))
            .or_else(|| reason("grounding.reason", &event.reason))
    }

    fn trouble_problem(&self, event: &Trouble) -> Option<(&'static str, String)> {
        unknown_airline("trouble.airline", event.airline)
            .or_else(|| self.window("trouble.window", &event.window))
            .or_else(|| range("trouble.cancel_percent", event.cancel_percent, 0, 100))
            .or_else(|| range("trouble.delay_percent", event.delay_percent, 0, 100))
            .or_else(|| range("trouble.delay_min", event.delay_min, 0, 600))
            .or_else(|| reason("trouble.reason", &event.reason))
    }

    fn overbooking_problem(&self, event: &Overbooking) -> Option<(&'static str, String)> {
        unknown_airline("overbooking.airline", event.airline)
            .or_else(|| unknown_airport("overbooking.airport", event.airport))
            .or_else(|| self.window("overbooking.window", &event.window))
            .or_else(|| range("overbooking.volunteers", event.volunteers, 0, 50))
            .or_else(|| range("overbooking.refused", event.refused, 0, 50))
            .or_else(|| range("overbooking.standby", event.standby, 0, 50))
    }

    fn downsizing_problem(&self, event: &Downsizing) -> Option<(&'static str, String)> {
        unknown_airline("downsizing.airline", event.airline)
            .or_else(|| unknown_airport("downsizing.airport", event.airport))
            .or_else(|| self.window("downsizing.window", &event.window))
            .or_else(|| range("downsizing.passengers", event.passengers, 1, 50))
    }

    fn submission_problem(&self, event: &Submission) -> Option<(&'static str, String)> {
        unknown_airline("submission.airline", event.airline)
            .or_else(|| unknown_airport("submission.airport", event.airport))
            .or_else(|| self.window("submission.window", &event.window))
            .or_else(|| range("submission.late_min", event.late_min, 15, 2880))
            .or_else(|| names_nothing("submission.cause", &event.cause))
            .or_else(|| range("submission.share_percent", event.share_percent, 1, 100))
            .or_else(|| range("submission.after_hours", event.after_hours, 1, 72))
    }
}

fn names_nothing(key: &'static str, name: &str) -> Option<(&'static str, String)> {
    name.is_empty().then(|| (key, "empty".to_owned()))
}

fn range(key: &'static str, value: u32, low: u32, high: u32) -> Option<(&'static str, String)> {
    (!(low..=high).contains(&value)).then(|| (key, format!("{value} is outside {low} to {high}")))
}

fn unknown_airport(key: &'static str, code: Airport) -> Option<(&'static str, String)> {
    station(code).is_none().then(|| (key, format!("{code} is not in the network")))
}

fn unknown_airline(key: &'static str, code: Carrier) -> Option<(&'static str, String)> {
    airline(code).is_none().then(|| (key, format!("{code} is not in the network")))
}

fn reason(key: &'static str, code: &str) -> Option<(&'static str, String)> {
    let valid = code.len() == 2 && code.bytes().all(|b| b.is_ascii_digit());
    (!valid).then(|| (key, format!("`{code}` is not a two-digit delay code")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOUND: &str = r#"
        name = "t"
        description = "d"
        date = "2026-01-13"
        days = 2
        passengers = 100
        load_percent = 80
        spares_per_hub = 1
        [[weather]]
        airport = "FRA"
        phenomenon = "heavy-snow"
        window = { day = 1, from = "06:00", until = "14:00" }
    "#;

    #[test]
    fn every_embedded_scenario_loads_under_its_own_name() {
        for name in Scenario::names() {
            let scenario = Scenario::load(name).unwrap();
            assert_eq!(scenario.name, name);
            assert!(scenario.description.len() > 80, "{name}: says too little");
        }
        assert_eq!(Scenario::names().count(), 7);
    }

    #[test]
    fn bad_scenarios_are_refused_by_file_and_key() {
        let table = [
            ("days = 2", "days = 0", "`days`: 0 is outside 1 to 14"),
            ("days = 2", "dayz = 2", "unknown field `dayz`"),
            ("passengers = 100", "passengers = 60001", "`passengers`: 60001 is outside"),
            ("passengers = 100", "passengers = \"many\"", "invalid type: string"),
            ("\"FRA\"", "\"JFK\"", "`weather.airport`: JFK is not in the network"),
            ("\"FRA\"", "\"fra\"", "not a valid IATA airport code"),
            ("heavy-snow", "frogs", "unknown variant `frogs`"),
            ("day = 1", "day = 3", "`weather.window`: 3 is outside 1 to 2"),
            ("14:00", "05:00", "`weather.window`: ends at 05:00:00 but begins at 06:00:00"),
            ("until =", "untill =", "unknown field `untill`"),
            ("2026-01-13", "2026-02-30", "not a valid date"),
            ("2026-01-13", "1889-01-13", "`date`: 1889-01-13 is outside"),
            ("name = \"t\"", "", "missing field `name`"),
            ("[[weather]]", "airlines = []\n[[weather]]", "`airlines`: empty"),
            ("[[weather]]", "airlines = [\"ZZ\"]\n[[weather]]", "`airlines`: ZZ is not in the network"),
            ("[[weather]]", "[[wether]]", "unknown field `wether`"),
        ];
        Scenario::parse("x.toml", SOUND).unwrap();
        for (from, to, expected) in table {
            let error = Scenario::parse("x.toml", &SOUND.replace(from, to)).unwrap_err().to_string();
            assert!(error.starts_with("x.toml: ") && error.contains(expected), "{to}: {error}");
        }
    }

    #[test]
    fn a_scenario_that_does_not_exist_is_named_with_those_that_do() {
        let error = Scenario::load("no/such.toml").unwrap_err().to_string();
        assert!(error.contains("no/such.toml") && error.contains("weather-at-hub"), "{error}");
    }
}
