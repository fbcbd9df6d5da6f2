//! What of an aerodrome the weather needs: its IATA code and the true headings of its runways. Origin: `data/README.md`.
//!
//! An aerodrome that is not here has no IATA code, or no runway whose heading is known: the caller says what follows.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use slipstream_schemas::ids::Airport;

use super::groups::Station;

const STATIONS: &str = include_str!("../../data/stations.csv");
const RUNWAYS: &str = include_str!("../../data/runways.csv");

/// The IATA code of a station, where it serves an airport that has one.
fn iata(station: Station) -> Option<&'static str> {
    static TABLE: OnceLock<BTreeMap<Station, &'static str>> = OnceLock::new();
    TABLE.get_or_init(|| rows(STATIONS).collect()).get(&station).copied()
}

/// The airport of a station, where it serves one that has an IATA code.
#[must_use]
pub fn airport(station: Station) -> Option<Airport> {
    iata(station)?.parse().ok()
}

/// The station of an airport.
#[must_use]
pub fn station(airport: Airport) -> Option<Station> {
    static TABLE: OnceLock<BTreeMap<Airport, Station>> = OnceLock::new();
    let read = || rows(STATIONS).filter_map(|(station, code)| Some((code.parse().ok()?, station))).collect();
    TABLE.get_or_init(read).get(&airport).copied()
}

/// True headings in degrees of one end of each runway; none where no heading is known.
#[must_use]
pub fn runways(station: Station) -> Option<&'static [u32]> {
    static TABLE: OnceLock<BTreeMap<Station, Vec<u32>>> = OnceLock::new();
    let read = || rows(RUNWAYS).map(|(station, headings)| (station, degrees(headings))).collect();
    TABLE.get_or_init(read).get(&station).map(Vec::as_slice)
}

fn rows(text: &'static str) -> impl Iterator<Item = (Station, &'static str)> {
    text.lines().skip(1).filter_map(|row| row.split_once(',')).filter_map(|(station, rest)| Some((station.parse().ok()?, rest)))
}

fn degrees(text: &str) -> Vec<u32> {
    text.split_ascii_whitespace().filter_map(|heading| heading.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_is_read() {
        assert_eq!(rows(STATIONS).count(), STATIONS.lines().count() - 1);
        assert_eq!(rows(RUNWAYS).count(), RUNWAYS.lines().count() - 1);
        for (station, headings) in rows(RUNWAYS) {
            let read = degrees(headings);
            assert!(!read.is_empty() && read.iter().all(|heading| *heading < 180), "{station}");
            assert_eq!(read.len(), headings.split(' ').count(), "{station}");
            assert!(iata(station).is_some(), "{station}");
        }
    }

    #[test]
    fn an_airport_is_known_by_either_code() {
        assert_eq!(iata("EPWA".parse().unwrap()), Some("WAW"));
        for (station, code) in rows(STATIONS) {
            assert_eq!(super::station(code.parse().unwrap()), Some(station), "{code}");
        }
        assert_eq!(runways("EPWA".parse().unwrap()), Some(&[115, 152][..]));
        assert_eq!(runways("ZZZZ".parse().unwrap()), None);
    }
}
