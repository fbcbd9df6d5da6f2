//! Airports and carriers: facts that no feed repeats. Origin and licence of the tables: `data/README.md`.
//!
//!     data/*.csv ─► parsed once, at the first question ─► by code
//!
//! Kept for the life of the process. A code that is not here is unknown: the caller says what follows.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use jiff::tz::TimeZone;

use crate::ids::{Airport, Carrier, Date};

/// What is known of an airport.
#[derive(Debug, Clone)]
pub struct AirportFacts {
    /// ISO 3166-1 alpha-2 code of its country.
    pub country: &'static str,
    /// Degrees north, WGS 84.
    pub latitude: f64,
    /// Degrees east, WGS 84.
    pub longitude: f64,
    /// Its clock.
    pub zone: TimeZone,
}

/// What is known of a carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CarrierFacts {
    /// Name.
    pub name: &'static str,
    /// ISO 3166-1 alpha-2 code of the country that licensed it.
    pub country: &'static str,
    /// IATA designator, where it has one: the one that legs are named by.
    pub iata: Option<Carrier>,
    /// ICAO designator, where known.
    pub icao: Option<Carrier>,
}

const AIRPORTS: &str = include_str!("../data/airports.csv");
/// In order of preference.
const CARRIERS: [&str; 3] = [
    include_str!("../data/carriers-bts.csv"),
    include_str!("../data/carriers-openflights.csv"),
    include_str!("../data/carriers-added.csv"),
];

/// The airport with this IATA code.
#[must_use]
pub fn airport(code: Airport) -> Option<&'static AirportFacts> {
    static TABLE: OnceLock<BTreeMap<Airport, AirportFacts>> = OnceLock::new();
    TABLE.get_or_init(|| rows(AIRPORTS).filter_map(airport_row).collect()).get(&code)
}

/// The carrier with this IATA or ICAO designator.
#[must_use]
pub fn carrier(code: Carrier) -> Option<&'static CarrierFacts> {
    static TABLE: OnceLock<BTreeMap<Carrier, CarrierFacts>> = OnceLock::new();
    TABLE.get_or_init(carrier_table).get(&code)
}

/// The designator that legs of this carrier are named by: the IATA one, where `code` is an ICAO designator that has one.
#[must_use]
pub fn designator(code: Carrier) -> Carrier {
    carrier(code).and_then(|facts| facts.iata).filter(|_| code.as_str().len() == 3).unwrap_or(code)
}

impl AirportFacts {
    /// The airport's calendar date at an instant, epoch ms; none outside the years -9999 to 9999.
    #[must_use]
    pub fn local_date(&self, at: i64) -> Option<Date> {
        let instant = jiff::Timestamp::from_millisecond(at).ok()?;
        Some(self.zone.to_datetime(instant).date().into())
    }
}

fn rows(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines().skip(1)
}

fn airport_row(row: &'static str) -> Option<(Airport, AirportFacts)> {
    let mut cells = row.splitn(5, ',');
    let code = cells.next()?.parse().ok()?;
    let country = cells.next()?;
    let (latitude, longitude) = (cells.next()?.parse().ok()?, cells.next()?.parse().ok()?);
    let zone = TimeZone::get(cells.next()?).ok()?;
    Some((code, AirportFacts { country, latitude, longitude, zone }))
}

fn carrier_row(row: &'static str) -> Option<(Option<Carrier>, CarrierFacts)> {
    let mut cells = row.splitn(4, ',');
    let (iata, icao) = (cells.next()?.parse().ok(), cells.next()?.parse().ok());
    Some((iata, CarrierFacts { country: cells.next()?, name: cells.next()?, iata, icao }))
}

fn carrier_table() -> BTreeMap<Carrier, CarrierFacts> {
    let mut table = BTreeMap::new();
    for (iata, facts) in CARRIERS.into_iter().flat_map(rows).filter_map(carrier_row) {
        for code in iata.into_iter().chain(facts.icao) {
            table.entry(code).or_insert_with(|| facts.clone());
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_every_table_is_read() {
        let airports: Vec<_> = rows(AIRPORTS).filter_map(airport_row).collect();
        assert_eq!(airports.len(), rows(AIRPORTS).count());
        assert!(airports.is_sorted_by(|a, b| a.0 < b.0), "a code stands twice, or out of order");
        for (code, facts) in &airports {
            let place = facts.latitude.abs() <= 90.0 && facts.longitude.abs() <= 180.0;
            assert!(place && facts.country.len() == 2, "{code}: {facts:?}");
        }
        for (iata, facts) in CARRIERS.into_iter().flat_map(rows).map(|row| carrier_row(row).unwrap()) {
            assert!(iata.or(facts.icao).is_some() && facts.country.len() == 2 && !facts.name.is_empty(), "{facts:?}");
        }
    }

    #[test]
    fn carriers_are_found_by_either_designator_and_in_order_of_preference() {
        let of = |code: &str| carrier(code.parse().unwrap()).map(|facts| (facts.name, facts.country));
        assert_eq!(of("LH"), Some(("Lufthansa", "DE")));
        assert_eq!(of("DLH"), of("LH"));
        assert_eq!(of("ITY"), Some(("ITA Airways", "IT")));
        assert_eq!(of("XE"), Some(("Expressjet Airlines Inc.", "US")), "BTS before OpenFlights");
        assert_eq!(of("QQX"), None);
        let named = |code: &str| designator(code.parse().unwrap()).to_string();
        assert_eq!([named("DLH"), named("LH"), named("QQX")], ["LH", "LH", "QQX"]);
    }

    /// Zones that do not follow their neighbours, and the day's edges.
    #[test]
    fn local_dates_follow_the_airports_own_clock() {
        let cases = [
            ("JFK", "2008-01-31T04:59:59Z", "2008-01-30"),
            ("JFK", "2008-01-31T05:00:00Z", "2008-01-31"),
            ("PHX", "2008-07-01T06:59:59Z", "2008-06-30"), // Arizona stays on UTC-7 in summer
            ("DEN", "2008-07-01T06:00:00Z", "2008-07-01"),
            ("IND", "2008-01-15T05:00:00Z", "2008-01-15"), // Indiana: Eastern in Indianapolis,
            ("EVV", "2008-01-15T05:59:59Z", "2008-01-14"), // Central in Evansville
            ("HNL", "2008-07-01T09:59:59Z", "2008-06-30"),
            ("AKL", "2008-01-31T11:00:00Z", "2008-02-01"),
            ("LHR", "2008-03-30T00:59:59Z", "2008-03-30"), // the hour before summer time begins
        ];
        for (code, at, expect) in cases {
            let at: jiff::Timestamp = at.parse().unwrap();
            let date = airport(code.parse().unwrap()).unwrap().local_date(at.as_millisecond()).unwrap();
            assert_eq!(date.to_string(), expect, "{code} at {at}");
        }
        assert_eq!(airport("JFK".parse().unwrap()).unwrap().local_date(i64::MAX), None);
    }
}
