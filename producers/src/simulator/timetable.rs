//! The plan: every leg of the scenario's days, flown by aircraft that really rotate.
//!
//!     hub waves ──► round trips ──► lines of flying (one aircraft, one day, base to base) ──► legs of each date
//!
//! A hub has four departure waves a day. A round trip leaves in a wave, and its aircraft takes the tightest
//! later departure of its type that the minimum turnaround allows, so that delay has chains to travel. A line ends
//! at its base every night; the aircraft of a base take its lines in turn, one further each day. The pattern of a day
//! counts minutes from local midnight, so that it follows the base's clock from season to season.

use std::collections::BTreeMap;

use jiff::civil::Time;
use jiff::tz::TimeZone;
use slipstream_schemas::ids::{Airport, Carrier, Date, Leg, Tail};
use slipstream_schemas::wire::WireError;

use super::MINUTE;
use super::dice::Dice;
use super::network::{AircraftType, Airline, LARGE, MEDIUM, SMALL, STATIONS, Station, block_min, distance_km, station};
use super::scenario::Scenario;

/// Local start of the departure waves, minutes of the day.
const WAVES: [i64; 4] = [390, 650, 910, 1170];
/// Last local minute at which the last line may be back at base: half an hour past midnight.
const CLOSE: i64 = 1470;
/// Longest that departures of one wave are spread, minutes.
const WAVE_SPREAD_MIN: i64 = 60;

/// One planned leg.
#[derive(Debug, Clone)]
pub(super) struct Flight {
    /// Identity.
    pub(super) leg: Leg,
    /// Scheduled off-block as first published, epoch ms.
    pub(super) departure: i64,
    /// Scheduled in-block as first published, epoch ms.
    pub(super) arrival: i64,
    /// Type planned.
    pub(super) kind: &'static AircraftType,
    /// Leaves from its aircraft's base; the leg after it brings the aircraft back.
    pub(super) outbound: bool,
    /// Great circle.
    pub(super) distance_km: i64,
}

/// One aircraft's day: outbound and inbound legs in turn, from base to base.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Airline.
    pub(super) airline: &'static Airline,
    /// Aircraft planned, an index into [`Timetable::aircraft`].
    pub(super) aircraft: usize,
    /// Indexes into [`Timetable::flights`], in order of departure.
    pub(super) flights: Vec<usize>,
}

/// One aircraft.
#[derive(Debug, Clone)]
pub(super) struct Aircraft {
    /// Registration.
    pub(super) tail: Tail,
    /// Where it spends the night.
    pub(super) base: Airport,
    /// Airline.
    pub(super) carrier: Carrier,
    /// Type.
    pub(super) kind: &'static AircraftType,
    /// In reserve: has no line of its own.
    pub(super) spare: bool,
}

/// Everything planned.
#[derive(Debug, Default)]
pub(super) struct Timetable {
    /// Every leg.
    pub(super) flights: Vec<Flight>,
    /// Every line, day by day.
    pub(super) lines: Vec<Line>,
    /// Every aircraft.
    pub(super) aircraft: Vec<Aircraft>,
}

/// One round trip of the day's pattern, in minutes of the local day at the base.
#[derive(Debug, Clone, Copy)]
struct RoundTrip {
    spoke: &'static Station,
    kind: &'static AircraftType,
    number: i32,
    out: (i64, i64),
    back: (i64, i64),
}

impl Timetable {
    /// The timetable of a scenario. It depends on the seed only in the order of departures inside a wave.
    ///
    /// # Errors
    /// Never with the tables of this crate: codes parse, and local times of waves exist in every zone.
    pub(super) fn plan(scenario: &Scenario, seed: u64) -> Result<Self, WireError> {
        let mut timetable = Self::default();
        for airline in scenario.flying() {
            for (order, hub) in airline.hubs.iter().enumerate() {
                let base: Airport = hub.parse()?;
                if let Some(station) = station(base) {
                    let trips = pattern(scenario, seed, airline, order, station);
                    timetable.roll_out(scenario, airline, base, &lines_of(&trips, airline.turn_min))?;
                }
            }
        }
        Ok(timetable)
    }

    /// Gives the lines of one base to aircraft, and dates to both.
    fn roll_out(
        &mut self,
        scenario: &Scenario,
        airline: &'static Airline,
        base: Airport,
        pattern: &[Vec<RoundTrip>],
    ) -> Result<(), WireError> {
        let mut fleets: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
        for trips in pattern {
            let kind = trips.first().map_or(MEDIUM, |trip| trip.kind);
            let index = self.register(airline, base, kind, false)?;
            fleets.entry(kind.economy).or_default().push(index);
        }
        for spare in 0..scenario.spares_per_hub {
            self.register(airline, base, [MEDIUM, LARGE, SMALL][spare as usize % 3], true)?;
        }
        let mut date = scenario.date.civil();
        for day in 0..scenario.days as usize {
            let mut place: BTreeMap<i32, usize> = BTreeMap::new();
            for trips in pattern {
                let kind = trips.first().map_or(MEDIUM, |trip| trip.kind);
                let (fleet, place) = (&fleets[&kind.economy], place.entry(kind.economy).or_default());
                let aircraft = fleet[(*place + day) % fleet.len()];
                *place += 1;
                self.add_line(airline, base, aircraft, date.into(), trips)?;
            }
            date = date.saturating_add(jiff::Span::new().days(1));
        }
        Ok(())
    }

    fn add_line(
        &mut self,
        airline: &'static Airline,
        base: Airport,
        aircraft: usize,
        date: Date,
        trips: &[RoundTrip],
    ) -> Result<(), WireError> {
        let Some(hub) = station(base) else { return Ok(()) };
        let midnight = at_local(date, Time::midnight(), &hub.zone())?;
        let mut flights = Vec::new();
        for trip in trips {
            let spoke: Airport = trip.spoke.code.parse()?;
            for (outbound, (from, until)) in [(true, trip.out), (false, trip.back)] {
                let (departure, arrival) = (midnight + from * MINUTE, midnight + until * MINUTE);
                let (origin, destination) = if outbound { (base, spoke) } else { (spoke, base) };
                let clock = if outbound { hub } else { trip.spoke }.zone();
                let leg = Leg {
                    carrier: airline.code.parse()?,
                    number: trip.number + i32::from(!outbound),
                    suffix: None,
                    date: local_date(departure, &clock)?,
                    origin,
                    destination,
                    repeat: 0,
                };
                flights.push(self.flights.len());
                let distance_km = distance_km(hub, trip.spoke);
                self.flights.push(Flight { leg, departure, arrival, kind: trip.kind, outbound, distance_km });
            }
        }
        self.lines.push(Line { airline, aircraft, flights });
        Ok(())
    }

    fn register(
        &mut self,
        airline: &Airline,
        base: Airport,
        kind: &'static AircraftType,
        spare: bool,
    ) -> Result<usize, WireError> {
        let carrier: Carrier = airline.code.parse()?;
        let serial = self.aircraft.iter().filter(|one| one.carrier == carrier).count();
        let letter = |n: usize| char::from(b'A' + (n % 26) as u8);
        let tail = format!("{}{}{}", airline.registration, letter(serial / 26), letter(serial)).parse()?;
        self.aircraft.push(Aircraft { tail, base, carrier, kind, spare });
        Ok(self.aircraft.len() - 1)
    }
}

/// The round trips of one hub on any day, in order of departure.
fn pattern(scenario: &Scenario, seed: u64, airline: &Airline, order: usize, hub: &'static Station) -> Vec<RoundTrip> {
    let month = scenario.date.civil().month();
    let winter = !(4..=10).contains(&month);
    let mut dice = Dice::new(seed, &format!("timetable/{}/{}", airline.code, hub.code));
    let served_elsewhere = |code: &str| airline.hubs[..order].contains(&code);
    let mut trips = Vec::new();
    for (route, spoke) in STATIONS.iter().filter(|s| s.code != hub.code).enumerate() {
        if served_elsewhere(spoke.code) {
            continue;
        }
        let first = airline.number_base + order as i32 * 200 + route as i32 * 20;
        let (out, back) = (block_min(hub, spoke, winter), block_min(spoke, hub, winter));
        let turn = airline.turn_min + 5 * dice.between(0, 1);
        let waves = departures(frequency(hub, spoke, month), out + turn + back);
        for (nth, wave) in waves.into_iter().enumerate() {
            let off = wave + 5 * dice.between(0, WAVE_SPREAD_MIN / 5 - 1);
            let off = off.min(CLOSE - out - turn - back);
            let spoke_off = off + out + turn;
            trips.push(RoundTrip {
                spoke,
                kind: kind_for(hub, spoke),
                number: first + 2 * nth as i32,
                out: (off, off + out),
                back: (spoke_off, spoke_off + back),
            });
        }
    }
    trips.sort_by_key(|trip| (trip.out.0, trip.number));
    trips
}

/// Round trips a day: two on thin routes, more between large airports, one more to the south in summer.
fn frequency(hub: &Station, spoke: &Station, month: i8) -> usize {
    let base = match hub.pull + spoke.pull {
        10.. => 5,
        9 => 4,
        8 => 3,
        _ => 2,
    };
    base + usize::from((6..=9).contains(&month) && matches!(spoke.code, "FCO" | "MAD"))
}

fn kind_for(hub: &Station, spoke: &Station) -> &'static AircraftType {
    match hub.pull + spoke.pull {
        9.. => LARGE,
        7..=8 => MEDIUM,
        _ => SMALL,
    }
}

/// Which waves (or minutes between them) `count` round trips of `cycle` minutes leave in.
fn departures(count: usize, cycle: i64) -> Vec<i64> {
    let [morning, noon, afternoon, evening] = WAVES;
    let last = if evening + cycle <= CLOSE { evening } else { afternoon };
    let mut waves = vec![morning, last];
    waves.extend(
        [noon, (afternoon + noon) / 2, morning + WAVE_SPREAD_MIN, noon + WAVE_SPREAD_MIN].iter().take(count.saturating_sub(2)),
    );
    if count >= 4 && last == evening {
        waves[3] = afternoon;
    }
    waves.sort_unstable();
    waves
}

/// Packs round trips, in order of departure, into lines: each goes to the line of its type that is ready last.
fn lines_of(trips: &[RoundTrip], turn_min: i64) -> Vec<Vec<RoundTrip>> {
    let mut lines: Vec<Vec<RoundTrip>> = Vec::new();
    for trip in trips {
        let ready = |line: &Vec<RoundTrip>| line.last().map_or(0, |last| last.back.1 + turn_min);
        let fits =
            |line: &&mut Vec<RoundTrip>| ready(line) <= trip.out.0 && line.last().is_some_and(|last| last.kind == trip.kind);
        match lines.iter_mut().filter(fits).max_by_key(|line| ready(line)) {
            Some(line) => line.push(*trip),
            None => lines.push(vec![*trip]),
        }
    }
    lines
}

/// Epoch ms of a local date and time of day; a time that a change of the clock skips is taken as just after it.
pub(super) fn at_local(date: Date, time: Time, clock: &TimeZone) -> Result<i64, WireError> {
    let invalid = |_| WireError::Invalid(format!("{date} {time}"), "local time");
    Ok(clock.to_zoned(date.civil().to_datetime(time)).map_err(invalid)?.timestamp().as_millisecond())
}

/// The calendar date of an instant on a clock.
fn local_date(at: i64, clock: &TimeZone) -> Result<Date, WireError> {
    let invalid = |_| WireError::Invalid(at.to_string(), "instant");
    Ok(clock.to_datetime(jiff::Timestamp::from_millisecond(at).map_err(invalid)?).date().into())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn plan(name: &str, date: &str, seed: u64) -> Timetable {
        let mut scenario = Scenario::load(name).unwrap();
        scenario.date = date.parse().unwrap();
        Timetable::plan(&scenario, seed).unwrap()
    }

    #[test]
    fn every_line_rotates_from_base_to_base_with_its_turnarounds() {
        for (date, seed) in [("2026-01-13", 1), ("2026-07-24", 2), ("2026-03-28", 3), ("2026-10-24", 4)] {
            let timetable = plan("normal", date, seed);
            for line in &timetable.lines {
                let base = timetable.aircraft[line.aircraft].base;
                let mut at = (base, i64::MIN);
                for flight in line.flights.iter().map(|f| &timetable.flights[*f]) {
                    assert_eq!(flight.leg.origin, at.0);
                    assert!(flight.departure >= at.1, "{} leaves before its turnaround is over", flight.leg);
                    at = (flight.leg.destination, flight.arrival + line.airline.turn_min * MINUTE);
                }
                assert_eq!(at.0, base, "nightly base");
            }
        }
    }

    #[test]
    fn an_aircraft_never_flies_two_lines_at_once() {
        let timetable = plan("normal", "2026-03-28", 5);
        let mut lines: Vec<_> = timetable.lines.iter().collect();
        lines.sort_by_key(|l| (l.aircraft, timetable.flights[l.flights[0]].departure));
        for pair in lines.windows(2).filter(|pair| pair[0].aircraft == pair[1].aircraft) {
            let (end, start) = (pair[0].flights.last().unwrap(), pair[1].flights[0]);
            assert!(timetable.flights[*end].arrival < timetable.flights[start].departure);
        }
    }

    #[test]
    fn numbers_are_unique_per_carrier_and_day_and_routes_have_two_frequencies() {
        let timetable = plan("normal", "2026-07-24", 1);
        let mut numbers = BTreeSet::new();
        let mut routes: BTreeMap<_, usize> = BTreeMap::new();
        for leg in timetable.flights.iter().map(|f| f.leg) {
            assert!(numbers.insert((leg.carrier, leg.number, leg.date)), "{leg}: number used twice");
            *routes.entry((leg.carrier, leg.date, leg.origin, leg.destination)).or_default() += 1;
        }
        assert!(routes.values().all(|count| *count >= 2));
        assert!(routes.values().any(|count| *count >= 5), "no thick route");
        assert!(routes.values().any(|count| *count == 2), "no thin route");
    }

    #[test]
    fn the_season_shapes_the_timetable() {
        let count = |date: &str| plan("normal", date, 1).flights.iter().filter(|f| f.leg.destination.as_str() == "FCO").count();
        assert!(count("2026-07-24") > count("2026-01-13"));
    }

    #[test]
    fn dates_are_local_at_the_origin() {
        let timetable = plan("normal", "2026-01-13", 1);
        let table: BTreeSet<String> = timetable.flights.iter().map(|f| f.leg.date.to_string()).collect();
        assert_eq!(table.into_iter().collect::<Vec<_>>(), ["2026-01-13", "2026-01-14"]);
    }
}
