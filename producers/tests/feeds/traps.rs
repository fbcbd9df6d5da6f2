//! What real data holds and a clean model does not.

use slipstream_producers::event_model::{Model, Tails};
use slipstream_producers::inputs::Playback;
use slipstream_schemas::records::{FlightKind, FlightObservation};
use slipstream_streams::record::{Record, rfc3339};

use crate::support::{FLOWN, bts, observation, play, with};

const HOUR: i64 = 3_600_000;

fn said(rows: &[String], model: Model) -> Vec<(i64, FlightObservation)> {
    let folder = tempfile::tempdir().unwrap();
    let (records, refused) = play(&[bts(&folder, "day.csv", rows)], Playback { model, ..Playback::default() });
    assert!(refused.is_empty(), "{refused}");
    records.iter().map(|record: &Record| (record.timestamp, observation(record))).collect()
}

fn kinds(said: &[(i64, FlightObservation)]) -> Vec<FlightKind> {
    said.iter().map(|(_, observation)| observation.kind).collect()
}

fn stamp(said: &[(i64, FlightObservation)], number: i32, kind: FlightKind) -> String {
    let found = said.iter().find(|(_, o)| o.number == number && o.kind == kind);
    found.map_or("never".to_owned(), |(at, _)| rfc3339(*at)[..16].to_owned())
}

const CANCELLED: &[(&str, &str)] =
    &[("cancelled", "1"), ("dep_delay", ""), ("taxi_out", ""), ("air_time", ""), ("taxi_in", ""), ("tail_num", "")];
const DIVERTED: &[(&str, &str)] = &[("diverted", "1"), ("air_time", ""), ("taxi_in", "")];

#[test]
fn one_leg_twice_with_two_tails_is_kept_twice() {
    let rows = [with(FLOWN, &[("tail_num", "N908FR"), ("dep_delay", "28")]), with(FLOWN, &[("tail_num", "N918FR")])];
    let said = said(&rows, Model::default());
    let legs: Vec<String> =
        said.iter().filter(|(_, o)| o.kind == FlightKind::In).filter_map(|(_, o)| o.source_leg.clone()).collect();
    assert_eq!(legs, ["AA1/2008-01-31/JFK-LAX/0800/1", "AA1/2008-01-31/JFK-LAX/0800"]);
    assert_eq!(said.len(), 12);
}

#[test]
fn one_number_twice_from_one_airport_is_two_legs() {
    let said = said(&[FLOWN.to_owned(), with(FLOWN, &[("dest", "TWF")])], Model::default());
    let mut legs: Vec<_> = said.iter().filter_map(|(_, o)| o.source_leg.clone()).collect();
    legs.sort();
    legs.dedup();
    assert_eq!(legs, ["AA1/2008-01-31/JFK-LAX/0800", "AA1/2008-01-31/JFK-TWF/0800"]);
}

#[test]
fn a_leg_may_leave_its_gate_and_be_cancelled() {
    let row = with(&with(FLOWN, CANCELLED), &[("dep_delay", "15")]);
    for cancel_lead in [0, 2 * HOUR] {
        let said = said(std::slice::from_ref(&row), Model { cancel_lead, ..Model::default() });
        assert_eq!(kinds(&said), [FlightKind::Scheduled, FlightKind::Out, FlightKind::Cancelled]);
        assert_eq!(stamp(&said, 1, FlightKind::Cancelled), "2008-01-31T13:15", "not before it left");
        assert!(said.iter().all(|(_, o)| !o.assumed));
    }
}

#[test]
fn a_cancellation_is_known_at_departure_or_by_assumption_before() {
    let row = with(FLOWN, CANCELLED);
    let at_departure = said(std::slice::from_ref(&row), Model::default());
    assert_eq!(kinds(&at_departure), [FlightKind::Scheduled, FlightKind::Cancelled]);
    assert_eq!(stamp(&at_departure, 1, FlightKind::Cancelled), "2008-01-31T13:00");
    assert!(!at_departure[1].1.assumed);
    let ahead = said(std::slice::from_ref(&row), Model { cancel_lead: 2 * HOUR, ..Model::default() });
    assert_eq!(stamp(&ahead, 1, FlightKind::Cancelled), "2008-01-31T11:00");
    assert!(ahead[1].1.assumed && !ahead[0].1.assumed);
    let too_far = said(&[row], Model { cancel_lead: 99 * HOUR, ..Model::default() });
    assert_eq!(kinds(&too_far), [FlightKind::Scheduled, FlightKind::Cancelled], "never before the schedule");
}

#[test]
fn a_diversion_is_known_half_an_hour_after_the_scheduled_arrival() {
    let plain = said(&[with(FLOWN, DIVERTED)], Model::default());
    assert_eq!(
        kinds(&plain),
        [FlightKind::Scheduled, FlightKind::Assigned, FlightKind::Out, FlightKind::Off, FlightKind::Diverted]
    );
    assert_eq!(stamp(&plain, 1, FlightKind::Diverted), "2008-01-31T20:00", "19:30Z + 30 min");
    let late = said(&[with(&with(FLOWN, DIVERTED), &[("dep_delay", "600")])], Model::default());
    assert_eq!(stamp(&late, 1, FlightKind::Diverted), "2008-01-31T23:20", "not before it took off");
    let unknown = said(&[with(&with(FLOWN, DIVERTED), &[("crs_elapsed", "")])], Model::default());
    assert_eq!(unknown[0].1.scheduled_arrival, None);
    assert_eq!(stamp(&unknown, 1, FlightKind::Diverted), "2008-01-31T20:00", "11:30 in Los Angeles + 30 min");
}

#[test]
fn a_missing_block_time_leaves_the_arrival_unknown() {
    let said = said(&[with(FLOWN, &[("crs_elapsed", "")])], Model::default());
    assert_eq!(kinds(&said).len(), 6);
    assert!(said.iter().all(|(_, o)| o.scheduled_arrival.is_none()));
}

#[test]
fn a_phase_of_no_length_keeps_its_order() {
    let said = said(&[with(FLOWN, &[("taxi_out", "0"), ("air_time", "0"), ("taxi_in", "0")])], Model::default());
    use FlightKind::{Assigned, In, Off, On, Out, Scheduled};
    assert_eq!(kinds(&said), [Scheduled, Assigned, Out, Off, On, In]);
    assert_eq!(said[2].0, said[5].0);
}

#[test]
fn a_small_letter_in_a_registration_is_a_typing_error() {
    let said = said(&[with(FLOWN, &[("tail_num", "N991cA")])], Model::default());
    assert_eq!(said[1].1.tail.unwrap().as_str(), "N991CA");
}

/// JFK-LAX at 13:00Z, in at 19:05Z; the next leg of the tail at 21:00Z, and one of the day after.
fn rotation() -> [String; 3] {
    let next = [("flight_num", "2"), ("origin", "LAX"), ("dest", "SFO"), ("crs_dep_time", "1300")];
    let day_after = [("flight_num", "3"), ("flight_date", "2008-02-01"), ("crs_dep_time", "0900")];
    [FLOWN.to_owned(), with(FLOWN, &next), with(FLOWN, &day_after)]
}

#[test]
fn tails_are_known_a_day_ahead_or_with_the_inbound_or_never() {
    let of = |tails| said(&rotation(), Model { tails, ..Model::default() });
    let stamps = |said: &[_]| [1, 2, 3].map(|number| stamp(said, number, FlightKind::Assigned));
    assert_eq!(stamps(&of(Tails::Planned)), ["2008-01-30T13:00", "2008-01-30T21:00", "2008-01-31T14:00"]);
    // In at 13:10Z + 355 min; the third leg follows the second: out 21:10Z, in 03:05Z.
    assert_eq!(stamps(&of(Tails::Strict)), ["2008-01-30T13:00", "2008-01-31T19:05", "2008-02-01T03:05"]);
    assert_eq!(stamps(&of(Tails::Never)), ["never", "never", "never"]);
}

#[test]
fn a_tail_in_two_places_is_known_when_it_shows_itself() {
    // The second leg leaves while the first, by the data, is still in the air.
    let rows = [FLOWN.to_owned(), with(FLOWN, &[("flight_num", "2"), ("origin", "BOS"), ("crs_dep_time", "1000")])];
    let said = said(&rows, Model { tails: Tails::Strict, ..Model::default() });
    assert_eq!(stamp(&said, 2, FlightKind::Assigned), stamp(&said, 2, FlightKind::Out));
    assert_eq!(kinds(&said).iter().filter(|kind| **kind == FlightKind::Assigned).count(), 2);
}

#[test]
fn a_cancelled_leg_does_not_move_its_aircraft() {
    let cancelled = with(&with(FLOWN, CANCELLED), &[("flight_num", "9"), ("tail_num", "N101AA"), ("crs_dep_time", "1100")]);
    let [first, next, _] = rotation();
    let said = said(&[first, cancelled, next], Model { tails: Tails::Strict, ..Model::default() });
    assert_eq!(stamp(&said, 2, FlightKind::Assigned), "2008-01-31T19:05");
    assert_eq!(stamp(&said, 9, FlightKind::Assigned), "2008-01-31T16:00", "at its cancellation, which ends the matter");
}

#[test]
fn a_leg_of_an_earlier_local_date_may_follow_one_of_a_later() {
    // Guam to Honolulu on the 1st leaves before the same aircraft's leg out of Honolulu on the 31st.
    let island =
        [("flight_date", "2008-02-01"), ("origin", "GUM"), ("dest", "HNL"), ("crs_dep_time", "800"), ("crs_elapsed", "420")];
    let onward = [("flight_num", "2"), ("origin", "HNL"), ("dest", "LAX"), ("crs_dep_time", "2200")];
    let rows = [with(FLOWN, &onward), with(FLOWN, &island)];
    let said = said(&rows, Model { tails: Tails::Strict, ..Model::default() });
    assert_eq!(stamp(&said, 1, FlightKind::In), "2008-02-01T04:05");
    assert_eq!(stamp(&said, 2, FlightKind::Assigned), "2008-02-01T04:05", "the inbound of the later date counts");
    assert!(said.windows(2).all(|pair| pair[0].0 <= pair[1].0));
}

#[test]
fn the_night_summer_time_begins_keeps_its_legs_in_order() {
    let night = |number: &str, departs: &str| {
        with(FLOWN, &[("flight_num", number), ("flight_date", "2008-03-09"), ("crs_dep_time", departs), ("dep_delay", "0")])
    };
    let said = said(&[night("1", "159"), night("2", "230"), night("3", "300")], Model::default());
    let out = [1, 2, 3].map(|number| stamp(&said, number, FlightKind::Out));
    assert_eq!(out, ["2008-03-09T06:59", "2008-03-09T07:30", "2008-03-09T07:00"]);
}
