//! The map: eleven airports, six airlines and their aircraft, as tables.
//!
//! Positions and zones come from the airports reference; designators are real ones so that its look-ups work, while
//! fleets, frequencies and everything that happens are invented. Traffic is thinned: an airport sees the
//! simulated airlines only, and its capacity is scaled to them.

use jiff::tz::TimeZone;
use slipstream_schemas::ids::{Airport, Carrier};
use slipstream_schemas::reference::{self, AirportFacts};

/// One airport.
#[derive(Debug)]
pub(super) struct Station {
    /// IATA code.
    pub(super) code: &'static str,
    /// ICAO code, as METARs name it.
    pub(super) icao: &'static str,
    /// Language spoken there, BCP 47.
    pub(super) language: &'static str,
    /// Mean temperature in January and July, degrees Celsius.
    pub(super) climate: (i64, i64),
    /// How much traffic it draws, 1 to 5.
    pub(super) pull: i64,
    /// Minimum connection time, minutes.
    pub(super) connection_min: i64,
    /// Where flights to it divert.
    pub(super) alternate: &'static str,
}

/// Every airport of the network, by IATA code.
#[rustfmt::skip]
pub(super) const STATIONS: &[Station] = &[
    Station { code: "AMS", icao: "EHAM", language: "nl", climate: (3, 18), pull: 5, connection_min: 50, alternate: "LHR" },
    Station { code: "ARN", icao: "ESSA", language: "sv", climate: (-3, 18), pull: 3, connection_min: 45, alternate: "CPH" },
    Station { code: "CDG", icao: "LFPG", language: "fr", climate: (4, 19), pull: 5, connection_min: 60, alternate: "AMS" },
    Station { code: "CPH", icao: "EKCH", language: "da", climate: (1, 17), pull: 3, connection_min: 45, alternate: "ARN" },
    Station { code: "FCO", icao: "LIRF", language: "it", climate: (8, 25), pull: 4, connection_min: 45, alternate: "ZRH" },
    Station { code: "FRA", icao: "EDDF", language: "de", climate: (1, 19), pull: 5, connection_min: 45, alternate: "MUC" },
    Station { code: "LHR", icao: "EGLL", language: "en", climate: (5, 18), pull: 5, connection_min: 60, alternate: "AMS" },
    Station { code: "MAD", icao: "LEMD", language: "es", climate: (6, 25), pull: 4, connection_min: 50, alternate: "CDG" },
    Station { code: "MUC", icao: "EDDM", language: "de", climate: (-1, 18), pull: 4, connection_min: 40, alternate: "ZRH" },
    Station { code: "VIE", icao: "LOWW", language: "de", climate: (0, 20), pull: 3, connection_min: 40, alternate: "MUC" },
    Station { code: "ZRH", icao: "LSZH", language: "de", climate: (0, 18), pull: 3, connection_min: 40, alternate: "MUC" },
];

/// One airline; it is also the organisation that sells its seats.
#[derive(Debug)]
pub(super) struct Airline {
    /// IATA designator.
    pub(super) code: &'static str,
    /// Where its aircraft spend the night, the largest first.
    pub(super) hubs: &'static [&'static str],
    /// Minimum turnaround, minutes.
    pub(super) turn_min: i64,
    /// First flight number.
    pub(super) number_base: i32,
    /// Registration without its last two letters.
    pub(super) registration: &'static str,
    /// Currency of its fares.
    pub(super) currency: &'static str,
    /// Price of one euro in that currency, percent.
    pub(super) euro_percent: i64,
}

/// Every airline of the network, by designator.
#[rustfmt::skip]
pub(super) const AIRLINES: &[Airline] = &[
    Airline { code: "AF", hubs: &["CDG"], turn_min: 40, number_base: 1000, registration: "F-GK", currency: "EUR", euro_percent: 100 },
    Airline { code: "BA", hubs: &["LHR"], turn_min: 45, number_base: 300, registration: "G-EU", currency: "GBP", euro_percent: 86 },
    Airline { code: "KL", hubs: &["AMS"], turn_min: 40, number_base: 900, registration: "PH-B", currency: "EUR", euro_percent: 100 },
    Airline { code: "LH", hubs: &["FRA", "MUC"], turn_min: 40, number_base: 100, registration: "D-AI", currency: "EUR", euro_percent: 100 },
    Airline { code: "LX", hubs: &["ZRH"], turn_min: 40, number_base: 600, registration: "HB-J", currency: "CHF", euro_percent: 94 },
    Airline { code: "SK", hubs: &["CPH", "ARN"], turn_min: 35, number_base: 400, registration: "SE-R", currency: "DKK", euro_percent: 746 },
];

/// One aircraft type, with the seats of its cabins.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct AircraftType {
    /// Economy seats.
    pub(super) economy: i32,
    /// Business seats.
    pub(super) business: i32,
}

/// For thin routes: an Embraer 190.
pub(super) const SMALL: &AircraftType = &AircraftType { economy: 88, business: 12 };
/// For ordinary routes: an Airbus A320.
pub(super) const MEDIUM: &AircraftType = &AircraftType { economy: 144, business: 20 };
/// For thick routes: an Airbus A321.
pub(super) const LARGE: &AircraftType = &AircraftType { economy: 176, business: 24 };

/// The station of a code; every code inside this module's tables has one (a test holds it).
pub(super) fn station(code: Airport) -> Option<&'static Station> {
    STATIONS.iter().find(|station| station.code == code.as_str())
}

/// The airline of a designator.
pub(super) fn airline(code: Carrier) -> Option<&'static Airline> {
    AIRLINES.iter().find(|airline| airline.code == code.as_str())
}

impl Station {
    fn facts(&self) -> Option<&'static AirportFacts> {
        reference::airport(self.code.parse().ok()?)
    }

    /// Its clock; UTC only if the reference did not know the airport.
    pub(super) fn zone(&self) -> TimeZone {
        self.facts().map_or(TimeZone::UTC, |facts| facts.zone.clone())
    }

    /// Degrees north and east.
    fn position(&self) -> (f64, f64) {
        self.facts().map_or((0.0, 0.0), |facts| (facts.latitude, facts.longitude))
    }
}

/// The clock of an airport of the network.
pub(super) fn zone_of(code: Airport) -> TimeZone {
    station(code).map_or(TimeZone::UTC, Station::zone)
}

/// Great-circle distance in kilometres on the mean sphere.
pub(super) fn distance_km(from: &Station, to: &Station) -> i64 {
    const EARTH_RADIUS_KM: f64 = 6371.009;
    let ((from_lat, from_lon), (to_lat, to_lon)) = (from.position(), to.position());
    let (lat_a, lat_b) = (from_lat.to_radians(), to_lat.to_radians());
    let half_lat = (lat_b - lat_a) / 2.0;
    let half_lon = (to_lon - from_lon).to_radians() / 2.0;
    let haversine = half_lat.sin().powi(2) + lat_a.cos() * lat_b.cos() * half_lon.sin().powi(2);
    (2.0 * EARTH_RADIUS_KM * haversine.sqrt().asin()).round() as i64
}

/// Scheduled block time in minutes, a multiple of five: taxi and climb, cruise at 780 km/h, and the westerlies,
/// which are stronger in winter.
pub(super) fn block_min(from: &Station, to: &Station, winter: bool) -> i64 {
    const TAXI_AND_CLIMB_MIN: i64 = 36;
    let cruise = distance_km(from, to) / 13;
    let eastward = ((to.position().1 - from.position().1) * 10.0).round() as i64;
    let tailwind = eastward * if winter { 8 } else { 4 } / 100;
    (TAXI_AND_CLIMB_MIN + cruise - tailwind + 4) / 5 * 5
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(code: &str) -> &'static Station {
        station(code.parse().unwrap()).unwrap()
    }

    #[test]
    fn tables_are_whole_and_sorted() {
        assert_eq!(STATIONS.len(), 11);
        assert!(STATIONS.is_sorted_by_key(|s| s.code) && AIRLINES.is_sorted_by_key(|a| a.code));
        for one in STATIONS {
            assert_ne!(at(one.alternate).code, one.code);
            assert!(one.facts().is_some(), "{}: not in the reference", one.code);
        }
        for one in AIRLINES {
            assert!(one.hubs.iter().all(|hub| at(hub).code == *hub));
            assert!(airline(one.code.parse().unwrap()).is_some());
        }
    }

    #[test]
    fn distances_fall_into_the_bands_of_the_law() {
        let table = [("LHR", "CDG", 348), ("FRA", "MUC", 300), ("MAD", "ARN", 2595), ("LHR", "FCO", 1444), ("AMS", "MAD", 1459)];
        for (from, to, km) in table {
            let found = distance_km(at(from), at(to));
            assert!((found - km).abs() <= 6, "{from}-{to}: {found} km, expected {km}");
        }
    }

    #[test]
    fn block_times_are_plausible_and_westbound_is_longer_in_winter() {
        for (from, to, low, high) in
            [("FRA", "MUC", 50, 65), ("LHR", "CDG", 55, 75), ("ARN", "MAD", 225, 260), ("LHR", "FCO", 135, 155)]
        {
            let block = block_min(at(from), at(to), true);
            assert!((low..=high).contains(&block), "{from}-{to}: {block} min");
        }
        assert!(block_min(at("VIE"), at("LHR"), true) > block_min(at("LHR"), at("VIE"), true));
    }
}
