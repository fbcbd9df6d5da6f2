//! SIGMETs of the Aviation Weather Center, as warnings for the aerodromes that lie within their area. Pure but for the JSON.
//!
//! ```text
//! isigmet (the world), airsigmet (the United States) ─► area, hazard, validity ─► aerodromes inside, of those asked for ─► AirportWeather, kind SIGMET
//! ```
//!
//! Only what hinders an aerodrome becomes a warning: thunderstorms, volcanic ash, sand and dust storms, tropical cyclones. Turbulence, icing and
//! mountain waves are matters of the route. The weights are those of [`crate::weather::impact`]'s scale; a cyclone has none there, and its
//! component has no value. An area is a polygon on the plane of degrees around the aerodrome, edges included, also over the date line: between
//! vertices 5 degrees apart that is a few kilometres from the great circle. What is a line, a point or no polygon cannot be read and says so.
//!
//! Read in the API's OpenAPI document v4, which spells some fields in two ways; both are taken.

use serde::Deserialize;
use serde_json::Value;
use slipstream_schemas::records::AirportWeather;
use slipstream_schemas::reference;

use super::http::instant;
use super::weather::Reports;
use crate::reports::assessed;
use crate::weather::aerodromes;
use crate::weather::groups::Station;
use crate::weather::impact::{Band, Component, Impact};

/// Most vertices of an area; the longest published ones have some fifty.
pub const VERTICES_MAX: usize = 500;
/// SIGMETs of one answer that are looked at; the center answers with at most 400 rows.
pub const SIGMETS_MAX: usize = 1_000;
/// Characters of a name that is shown.
const NAME_MAX: usize = 60;
/// Hazards that hinder an aerodrome: the code, the component, its value.
const HAZARDS: [(&str, &str, Option<f64>); 7] = [
    ("TS", "thunder", Some(0.40)),
    ("TSGR", "thunder", Some(0.40)),
    ("CONVECTIVE", "thunder", Some(0.40)),
    ("VA", "other", Some(1.00)),
    ("DS", "other", Some(0.60)),
    ("SS", "other", Some(0.60)),
    ("TC", "other", None),
];

/// One of either endpoint.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sigmet {
    icao_id: Option<String>,
    fir_id: Option<String>,
    series_id: Option<String>,
    receipt_time: Option<String>,
    creation_time: Option<String>,
    /// Epoch seconds.
    valid_time_from: Option<i64>,
    valid_time_to: Option<i64>,
    hazard: Option<String>,
    /// Of the domestic list, which has outlooks too.
    air_sigmet_type: Option<String>,
    geom: Option<String>,
    #[serde(default)]
    coords: Option<Vec<Vertex>>,
    #[serde(alias = "rawAirSigmet")]
    raw_sigmet: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Vertex {
    lat: f64,
    lon: f64,
}

/// What a SIGMET warns of, where.
struct Warning<'a> {
    area: &'a [Vertex],
    observed_at: i64,
    raw: &'a str,
    hazard: Component,
}

/// The warnings of these rows for these stations, and which of them cannot be read: each fails alone.
pub(super) fn warnings(rows: &[Value], stations: &[String], found: &mut Reports) {
    for row in rows.iter().take(SIGMETS_MAX) {
        let Ok(sigmet) = Sigmet::deserialize(row) else {
            let name = format!("SIGMET {} of {}", row["seriesId"], row["firId"]);
            found.take(name.chars().take(NAME_MAX).collect(), Err("a field is of another type".to_owned()));
            continue;
        };
        match sigmet.read() {
            Ok(None) => {}
            Ok(Some(warning)) => {
                let inside = stations.iter().filter_map(|station| warning.at(station));
                inside.for_each(|report| found.take(report.station.clone(), Ok(report)));
            }
            Err(problem) => found.take(sigmet.name(), Err(problem)),
        }
    }
    if let Some(beyond) = rows.len().checked_sub(SIGMETS_MAX).filter(|beyond| *beyond > 0) {
        found.take("SIGMET".to_owned(), Err(format!("{beyond} more than {SIGMETS_MAX}")));
    }
}

impl Sigmet {
    fn name(&self) -> String {
        let part = |part: &Option<String>| part.clone().unwrap_or_else(|| "?".to_owned());
        let place = self.fir_id.clone().or_else(|| self.icao_id.clone()).unwrap_or_else(|| "?".to_owned());
        format!("SIGMET {} of {place}", part(&self.series_id)).chars().take(NAME_MAX).collect()
    }

    /// What it warns of; nothing where that is no matter of aerodromes.
    fn read(&self) -> Result<Option<Warning<'_>>, String> {
        if self.air_sigmet_type.as_deref().is_some_and(|kind| kind != "SIGMET") {
            return Ok(None);
        }
        let hazard = self.hazard.as_deref().ok_or("hazard: missing")?;
        let Some((_, component, value)) = HAZARDS.iter().find(|(code, ..)| *code == hazard) else { return Ok(None) };
        let raw = self.raw_sigmet.as_deref().filter(|raw| !raw.trim().is_empty()).ok_or("rawSigmet: missing")?;
        let area = self.area()?;
        let (from, to) = self.valid_time_from.zip(self.valid_time_to).ok_or("validTimeFrom, validTimeTo: missing")?;
        if from < 0 || to < from {
            return Err("validTimeTo: before validTimeFrom".to_owned());
        }
        let time = |seconds: i64| jiff::Timestamp::from_second(seconds).map_err(|_| "validTimeTo: no instant".to_owned());
        let evidence = format!("{} {hazard}, {} to {}", self.name(), time(from)?, time(to)?);
        let hazard = Component { hazard: component, value: *value, evidence };
        Ok(Some(Warning { area, observed_at: self.received()?, raw, hazard }))
    }

    fn area(&self) -> Result<&[Vertex], String> {
        if let Some(geom) = self.geom.as_deref().filter(|geom| *geom != "AREA") {
            return Err(format!("geom: {} is not an area", geom.chars().take(20).collect::<String>()));
        }
        let area = self.coords.as_deref().unwrap_or_default();
        let is_place = |vertex: &Vertex| vertex.lat.abs() <= 90.0 && vertex.lon.abs() <= 180.0;
        match area.len() {
            0..3 => Err("coords: fewer than three".to_owned()),
            count if count > VERTICES_MAX => Err(format!("coords: more than {VERTICES_MAX}")),
            _ if !area.iter().all(is_place) => Err("coords: not on the earth".to_owned()),
            _ => Ok(area),
        }
    }

    /// When the center received it; some of its instants are UTC without saying so.
    fn received(&self) -> Result<i64, String> {
        let text = self.receipt_time.as_deref().or(self.creation_time.as_deref()).ok_or("receiptTime: missing")?;
        let at = instant(text).or_else(|| instant(&format!("{text}Z")));
        at.filter(|at| *at >= 0).ok_or_else(|| "receiptTime: no instant".to_owned())
    }
}

impl Warning<'_> {
    /// The warning for a station; none where it lies outside, or nobody knows where it lies.
    fn at(&self, station: &str) -> Option<AirportWeather> {
        let station: Station = station.parse().ok()?;
        let place = reference::airport(aerodromes::airport(station)?)?;
        let score = self.hazard.value.unwrap_or_default();
        is_within(place.latitude, place.longitude, self.area).then(|| {
            let impact = Impact { score, band: Band::of(score), components: vec![self.hazard.clone()] };
            AirportWeather { kind: "SIGMET".to_owned(), observed_at: self.observed_at, ..assessed(station, self.raw, impact) }
        })
    }
}

/// Whether a place lies in a polygon or on its edge. Degrees east are counted from the place, and on from vertex to vertex, so that an
/// area may lie across the date line; an edge goes the shorter way around the earth.
fn is_within(latitude: f64, longitude: f64, area: &[Vertex]) -> bool {
    let (mut east, mut before) = (0.0, longitude);
    let seen = area.iter().map(|vertex| {
        east += (vertex.lon - before + 540.0).rem_euclid(360.0) - 180.0;
        before = vertex.lon;
        (east, vertex.lat - latitude)
    });
    let seen: Vec<(f64, f64)> = seen.collect();
    [-360.0, 0.0, 360.0].into_iter().any(|turn| is_around(&seen, turn))
}

/// Whether a polygon, turned by so many degrees, holds the origin: edges that cross the parallel east of it are counted.
fn is_around(polygon: &[(f64, f64)], turn: f64) -> bool {
    let mut inside = false;
    for (at, (x1, y1)) in polygon.iter().enumerate() {
        let (x2, y2) = polygon[(at + 1) % polygon.len()];
        let (x1, y1, x2) = (x1 + turn, *y1, x2 + turn);
        let across = x1 * y2 - x2 * y1;
        if across == 0.0 && x1 * x2 + y1 * y2 <= 0.0 {
            return true;
        }
        if (y1 > 0.0) != (y2 > 0.0) && (across > 0.0) == (y2 > y1) {
            inside = !inside;
        }
    }
    inside
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn polygon(text: &str) -> Vec<Vertex> {
        let vertex = |pair: &str| {
            let (lat, lon) = pair.split_once(' ').unwrap();
            Vertex { lat: lat.parse().unwrap(), lon: lon.parse().unwrap() }
        };
        text.split('/').map(vertex).collect()
    }

    #[test]
    fn a_place_is_in_an_area_or_not() {
        for line in include_str!("../../tests/cases/sigmet-areas.csv").lines().skip(1) {
            let cells: Vec<&str> = line.split(',').collect();
            let [area, latitude, longitude, expected, why] = cells[..] else { panic!("{line}") };
            let mut area = polygon(area);
            for _ in 0..2 {
                let within = is_within(latitude.parse().unwrap(), longitude.parse().unwrap(), &area);
                assert_eq!(within, expected == "in", "{line}: {why}");
                area.reverse();
            }
        }
    }

    #[test]
    fn what_cannot_be_read_says_where() {
        let good = r#"{"icaoId":"EPWA","firId":"EPWW","seriesId":"2","receiptTime":"2026-11-21 05:50:00","validTimeFrom":1795240800,"validTimeTo":1795255200,
            "hazard":"TS","geom":"AREA","coords":[{"lat":51,"lon":20},{"lat":53,"lon":20},{"lat":53,"lon":22}],"rawSigmet":"EPWW SIGMET 2"}"#;
        let read = |json: &str| serde_json::from_str::<Sigmet>(json).unwrap().read().map(|warning| warning.is_some());
        assert_eq!(read(good), Ok(true));
        assert_eq!(read(&good.replace("\"TS\"", "\"TURB\"")), Ok(false), "a matter of the route");
        let outlook = good.replace("\"hazard\"", "\"airSigmetType\":\"OUTLOOK\",\"hazard\"");
        assert_eq!(read(&outlook), Ok(false), "no warning yet");
        let cases = [
            ("\"hazard\":\"TS\",", "", "hazard: missing"),
            ("AREA", "LINE", "geom: LINE is not an area"),
            (",{\"lat\":53,\"lon\":22}", "", "coords: fewer than three"),
            ("\"lat\":51", "\"lat\":91", "coords: not on the earth"),
            ("1795255200", "1795240799", "validTimeTo: before validTimeFrom"),
            ("1795255200", "9223372036854775807", "validTimeTo: no instant"),
            ("\"validTimeFrom\":1795240800,", "", "validTimeFrom, validTimeTo: missing"),
            ("2026-11-21 05:50:00", "soon", "receiptTime: no instant"),
            ("\"EPWW SIGMET 2\"", "\" \"", "rawSigmet: missing"),
            ("\"EPWW SIGMET 2\"", "null", "rawSigmet: missing"),
        ];
        for (from, to, problem) in cases {
            let bad = good.replace(from, to);
            assert_ne!(bad, good, "{problem}");
            assert_eq!(read(&bad), Err(problem.to_owned()));
        }
        let vertices = vec![r#"{"lat":1,"lon":1}"#; VERTICES_MAX + 1].join(",");
        let many = good.replace("{\"lat\":51,\"lon\":20}", &vertices);
        assert_eq!(read(&many), Err("coords: more than 500".to_owned()));
    }

    proptest! {
        /// The centre of a square is inside wherever on the earth it lies, and what lies as far beyond an edge is not.
        #[test]
        fn squares_hold_their_centre_alone(latitude in -60.0..60.0_f64, longitude in -180.0..180.0_f64, half in 0.5..10.0_f64) {
            let wrapped = |degrees: f64| (degrees + 540.0).rem_euclid(360.0) - 180.0;
            let corner = |north: f64, east: f64| Vertex { lat: latitude + north * half, lon: wrapped(longitude + east * half) };
            let square = [corner(-1.0, -1.0), corner(-1.0, 1.0), corner(1.0, 1.0), corner(1.0, -1.0)];
            prop_assert!(is_within(latitude, longitude, &square));
            prop_assert!(!is_within(latitude, wrapped(longitude + 2.0 * half), &square));
            prop_assert!(!is_within(latitude + 2.0 * half, longitude, &square));
        }
    }
}
