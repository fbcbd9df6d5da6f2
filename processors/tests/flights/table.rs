//! Tables of observations that a dispatcher can read; one row an observation, blank cells say nothing.

use slipstream_schemas::records::FlightObservation;

use super::support::{at, said};

/// One row.
pub struct Line {
    pub known_at: i64,
    pub said: FlightObservation,
    pub expect: String,
    pub state: String,
}

/// The cases of a table; a blank name continues the case above.
pub fn cases(text: &str) -> Vec<(String, Vec<Line>)> {
    let mut cases: Vec<(String, Vec<Line>)> = Vec::new();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    for row in reader.records() {
        let row = row.unwrap();
        let cell = |place: usize| row.get(place).unwrap_or_default();
        if !cell(0).is_empty() {
            cases.push((cell(0).to_owned(), Vec::new()));
        }
        cases.last_mut().unwrap().1.push(line(cell));
    }
    cases
}

fn line<'a>(cell: impl Fn(usize) -> &'a str) -> Line {
    let text = |place: usize| Some(cell(place)).filter(|text| !text.is_empty());
    let mut said = said(cell(2), cell(4), cell(5).parse().unwrap());
    said.source_leg = text(3).map(str::to_owned);
    [said.scheduled_departure, said.scheduled_arrival, said.at, said.estimated_departure, said.estimated_arrival] =
        [6, 7, 8, 9, 10].map(|place| text(place).map(at));
    said.tail = text(11).map(|tail| tail.parse().unwrap());
    said.diverted_to = text(12).map(|airport| airport.parse().unwrap());
    said.reason = text(13).map(str::to_owned);
    Line { known_at: at(cell(1)), said, expect: cell(14).to_owned(), state: cell(15).to_owned() }
}
