//! What each airport can handle at each moment, and why not more.
//!
//!     season + scenario weather ─┐
//!     scenario restrictions ─────┴─► per airport and quarter of an hour: capacity, and the reason when reduced
//!
//! The one place where windows in local time become instants. Computed once for the scenario's span; pure.

use jiff::tz::TimeZone;
use slipstream_schemas::ids::{Airport, Date};
use slipstream_schemas::wire::WireError;

use super::network::{STATIONS, Station, station, zone_of};
use super::scenario::{Phenomenon, Scenario, Window};
use super::timetable::at_local;
use super::weather::{Conditions, REPORT_INTERVAL_MIN};
use super::{HOUR, MINUTE};

/// A stretch of time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Span {
    /// First instant, epoch ms.
    pub(super) from: i64,
    /// First instant after it, epoch ms.
    pub(super) until: i64,
}

impl Span {
    /// A scenario's window on a clock.
    pub(super) fn of(scenario: &Scenario, window: &Window, clock: &TimeZone) -> Result<Self, WireError> {
        let days = jiff::Span::new().days(i64::from(window.day) - 1);
        let date: Date = scenario.date.civil().saturating_add(days).into();
        Ok(Self { from: at_local(date, window.from, clock)?, until: at_local(date, window.until, clock)? })
    }

    /// True if the instant lies in it.
    pub(super) fn holds(&self, at: i64) -> bool {
        (self.from..self.until).contains(&at)
    }
}

/// Weather of the scenario, with its instants.
struct Spell {
    airport: Airport,
    span: Span,
    phenomenon: Phenomenon,
    divert_percent: i64,
}

/// Restriction of the scenario, with its instants.
struct Limit {
    airport: Airport,
    span: Span,
    percent: i64,
    reason: String,
}

/// Weather and capacity of every airport over the scenario's span.
pub(super) struct Sky {
    start: i64,
    conditions: Vec<Vec<Conditions>>,
    spells: Vec<Spell>,
    limits: Vec<Limit>,
}

impl Sky {
    /// The sky from `start` to `end`, epoch ms.
    ///
    /// # Errors
    /// Never for a scenario that was parsed: its zones exist.
    pub(super) fn new(scenario: &Scenario, seed: u64, start: i64, end: i64) -> Result<Self, WireError> {
        let mut spells = Vec::new();
        for event in &scenario.weather {
            let span = Span::of(scenario, &event.window, &zone_of(event.airport))?;
            let divert_percent = i64::from(event.divert_percent);
            spells.push(Spell { airport: event.airport, span, phenomenon: event.phenomenon, divert_percent });
        }
        let mut limits = Vec::new();
        for event in &scenario.restriction {
            let span = Span::of(scenario, &event.window, &zone_of(event.airport))?;
            let percent = i64::from(event.capacity_percent);
            limits.push(Limit { airport: event.airport, span, percent, reason: event.reason.clone() });
        }
        let start = start.div_euclid(HOUR) * HOUR;
        let mut sky = Self { start, conditions: Vec::new(), spells, limits };
        sky.conditions = STATIONS.iter().map(|s| sky.series(seed, s, end)).collect();
        Ok(sky)
    }

    fn series(&self, seed: u64, station: &Station, end: i64) -> Vec<Conditions> {
        let times = (self.start..=end).step_by((REPORT_INTERVAL_MIN * MINUTE) as usize);
        times.map(|at| Conditions::at(seed, station, at, self.spell(station, at).map(|s| s.phenomenon))).collect()
    }

    fn spell(&self, station: &Station, at: i64) -> Option<&Spell> {
        self.spells.iter().find(|s| s.airport.as_str() == station.code && s.span.holds(at))
    }

    /// Routine reports of every airport: station, time of observation, text.
    pub(super) fn reports(&self) -> impl Iterator<Item = (&'static Station, i64, String)> + '_ {
        // Stations observe at 20 and 50 minutes past.
        let offset = 20 * MINUTE;
        self.conditions.iter().zip(STATIONS).flat_map(move |(series, station)| {
            series.iter().enumerate().map(move |(nth, conditions)| {
                let at = self.start + nth as i64 * REPORT_INTERVAL_MIN * MINUTE + offset;
                (station, at, conditions.metar(station, at))
            })
        })
    }

    /// Movements possible at an airport, percent of what its timetable needs at its peak.
    pub(super) fn capacity_percent(&self, airport: Airport, at: i64) -> i64 {
        self.weather_percent(airport, at).min(self.limit(airport, at).map_or(100, |limit| limit.percent))
    }

    /// Delay code (AHM 730) for waiting at `origin`, or for `destination`, at these instants.
    pub(super) fn reason(&self, origin: (Airport, i64), destination: (Airport, i64)) -> String {
        let (here, there) = (self.capacity_percent(origin.0, origin.1), self.capacity_percent(destination.0, destination.1));
        let (place, weather_code, other) = if there < here { (destination, "84", Some("83")) } else { (origin, "71", None) };
        if self.weather_percent(place.0, place.1) <= self.limit(place.0, place.1).map_or(99, |limit| limit.percent) {
            return weather_code.to_owned();
        }
        let limit = self.limit(place.0, place.1).map(|limit| limit.reason.as_str());
        limit.map_or("89", |reason| other.unwrap_or(reason)).to_owned()
    }

    /// Percent of arrivals that divert from an airport at an instant.
    pub(super) fn divert_percent(&self, airport: Airport, at: i64) -> i64 {
        station(airport).and_then(|s| self.spell(s, at)).map_or(0, |spell| spell.divert_percent)
    }

    /// Aircraft that leave an airport at an instant have to be de-iced first.
    pub(super) fn icy(&self, airport: Airport, at: i64) -> bool {
        let spell = station(airport).and_then(|s| self.spell(s, at));
        spell.is_some_and(|spell| matches!(spell.phenomenon, Phenomenon::LightSnow | Phenomenon::HeavySnow))
    }

    fn weather_percent(&self, airport: Airport, at: i64) -> i64 {
        let series = STATIONS.iter().position(|s| s.code == airport.as_str()).and_then(|index| self.conditions.get(index));
        let nth = (at - self.start).div_euclid(REPORT_INTERVAL_MIN * MINUTE);
        let conditions = series.zip(usize::try_from(nth).ok()).and_then(|(series, nth)| series.get(nth));
        conditions.map_or(100, Conditions::capacity_percent)
    }

    fn limit(&self, airport: Airport, at: i64) -> Option<&Limit> {
        self.limits.iter().filter(|l| l.airport == airport && l.span.holds(at)).min_by_key(|l| l.percent)
    }
}
