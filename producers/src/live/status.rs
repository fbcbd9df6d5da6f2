//! What a provider says of one leg, in one form whoever says it.
//!
//! A designator keeps the text as received and says whether the provider states it as the operating or a marketing one; a
//! date says what it is the date of. Nobody here guesses the other: that is for the stages that have all sources. Times are
//! epoch milliseconds UTC. Texts of a provider that mean nothing to us are kept as [`FlightStatus::Unknown`].

use serde::Serialize;
use slipstream_schemas::ids::{Airport, Carrier, Date, Suffix, Tail};
use slipstream_schemas::records::FlightStatus;
use slipstream_streams::record::Ts;
use uuid::Uuid;

use crate::local_time::MINUTE;

/// A departure or arrival this late is a disruption: what the industry counts as not on time.
pub const DELAYED_FROM_MIN: i32 = 15;

/// Who flies under a designator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// The carrier that flies.
    Operating,
    /// A carrier that sells seats on it.
    Marketing,
    /// The provider does not say.
    Unstated,
}

/// A flight number as a provider writes it, and as we read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Designator {
    /// The text as received.
    pub received: String,
    /// Airline.
    pub carrier: Carrier,
    /// Number without leading zeros, 0 to 9999.
    pub number: u16,
    /// Operational suffix.
    pub suffix: Option<Suffix>,
    /// Whose designator it is.
    pub role: Role,
}

impl Designator {
    /// Reads a carrier and a number that come apart, such as `LH` and `0400A`; none when they are no designator.
    #[must_use]
    pub fn of(carrier: &str, number: &str, role: Role) -> Option<Self> {
        let received = format!("{carrier}{number}");
        let letter = number.chars().last().filter(char::is_ascii_uppercase);
        let digits = &number[..number.len() - letter.map_or(0, char::len_utf8)];
        let valid = (1..=4).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
        Some(Self {
            received,
            carrier: carrier.parse().ok()?,
            number: digits.parse().ok().filter(|_| valid)?,
            suffix: letter.map(|letter| letter.to_string().parse()).transpose().ok()?,
            role,
        })
    }
}

/// What a date is the date of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DateMeaning {
    /// Of this leg's scheduled departure, by the clock of its origin.
    LegLocal,
    /// Of this leg's scheduled departure, in UTC.
    LegUtc,
    /// Of the flight's first departure, by the clock there: later legs may be on another day.
    FlightLocal,
    /// Of the flight's first departure, in UTC.
    FlightUtc,
}

/// A date and its meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct StatedDate {
    /// The date.
    pub date: Date,
    /// What of.
    pub meaning: DateMeaning,
}

/// One end of a leg.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LegEnd {
    /// Airport, where the provider gives its IATA code.
    pub airport: Option<Airport>,
    /// Scheduled at the gate, epoch ms.
    pub scheduled: Option<Ts>,
    /// Estimated at the gate, epoch ms.
    pub estimated: Option<Ts>,
    /// Actual at the gate, epoch ms.
    pub actual: Option<Ts>,
    /// Actual on the runway, epoch ms.
    pub runway: Option<Ts>,
    /// Terminal.
    pub terminal: Option<String>,
    /// Gate.
    pub gate: Option<String>,
}

impl LegEnd {
    /// The best time known: actual, else estimated, else scheduled.
    #[must_use]
    pub fn expected(&self) -> Option<Ts> {
        self.actual.or(self.estimated).or(self.scheduled)
    }

    /// Minutes between the schedule and what is known beyond it; negative is early.
    #[must_use]
    pub fn delay_min(&self) -> Option<i32> {
        let late = self.actual.or(self.estimated)?.checked_sub(self.scheduled?)?;
        i32::try_from(late.div_euclid(MINUTE)).ok()
    }
}

/// How a leg is disrupted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Disruption {
    /// Will not operate.
    Cancelled,
    /// Landed, or going, elsewhere.
    Diverted,
    /// Late by [`DELAYED_FROM_MIN`] or more.
    Delayed,
}

/// One provider's word on one leg.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FlightStatusData {
    /// The provider's own id of the leg.
    pub flight_id: Option<String>,
    /// The designator the provider leads with.
    pub designator: Designator,
    /// Further ones it states: the operating one beside a marketing one, codeshares.
    pub also: Vec<Designator>,
    /// Its date.
    pub date: Option<StatedDate>,
    /// Where the leg stands.
    pub status: FlightStatus,
    /// Departure.
    pub departure: LegEnd,
    /// Arrival.
    pub arrival: LegEnd,
    /// Aircraft registration without hyphen: providers disagree about hyphens.
    pub tail: Option<Tail>,
    /// Minutes late, where the provider states it or the times give it: of the arrival, else of the departure.
    pub delay_minutes: Option<i32>,
    /// When it was said, epoch ms.
    pub last_updated: Ts,
    /// Name of the provider.
    pub source: String,
    /// How far this can be trusted, 0 to 1: [`confidence`].
    pub confidence_score: f64,
    /// The answer it was read from: UUIDv5 of the provider and the bytes received.
    pub raw_data: Uuid,
}

/// Who speaks of a leg, and in which answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speaker<'a> {
    /// Name of the provider.
    pub(crate) source: &'a str,
    /// When it was heard, epoch ms.
    pub(crate) at: Ts,
    /// Id of the answer.
    pub(crate) raw_data: Uuid,
    /// It flies the legs that it speaks of.
    pub(crate) operates: bool,
}

impl FlightStatusData {
    /// A leg between two ends, where it stands and how late it is by its times alone; what else the provider states is added.
    pub(crate) fn said(by: Speaker<'_>, designator: Designator, departure: LegEnd, arrival: LegEnd) -> Self {
        Self {
            flight_id: None,
            designator,
            also: Vec::new(),
            date: None,
            status: status_by_times(&departure, &arrival),
            tail: None,
            delay_minutes: arrival.delay_min().or(departure.delay_min()),
            last_updated: by.at,
            source: by.source.to_owned(),
            confidence_score: confidence(&departure, &arrival, by.operates),
            raw_data: by.raw_data,
            departure,
            arrival,
        }
    }

    /// The designator under which the leg is flown, where the provider states it.
    #[must_use]
    pub fn operating(&self) -> Option<&Designator> {
        std::iter::once(&self.designator).chain(&self.also).find(|designator| designator.role == Role::Operating)
    }

    /// How the leg is disrupted, if it is.
    #[must_use]
    pub fn disruption(&self) -> Option<Disruption> {
        let late = [self.departure.delay_min(), self.arrival.delay_min(), self.delay_minutes];
        match self.status {
            FlightStatus::Cancelled => Some(Disruption::Cancelled),
            FlightStatus::Diverted => Some(Disruption::Diverted),
            _ => late.into_iter().flatten().any(|min| min >= DELAYED_FROM_MIN).then_some(Disruption::Delayed),
        }
    }

    /// Whether the leg is disrupted.
    #[must_use]
    pub fn is_disrupted(&self) -> bool {
        self.disruption().is_some()
    }
}

/// Where a leg stands by its times: what happened beats what is written about it.
#[must_use]
pub fn status_by_times(departure: &LegEnd, arrival: &LegEnd) -> FlightStatus {
    match (arrival.actual, arrival.runway, departure.runway, departure.actual) {
        (Some(_), ..) => FlightStatus::Arrived,
        (_, Some(_), ..) => FlightStatus::Landed,
        (_, _, Some(_), _) => FlightStatus::Airborne,
        (.., Some(_)) => FlightStatus::Departed,
        _ => FlightStatus::Scheduled,
    }
}

/// How far a word can be trusted before anything is learned about its source: the operating carrier's own beats another's, and
/// what happened beats an estimate, which beats a schedule. Our own scale; stages that learn replace it.
#[must_use]
pub fn confidence(departure: &LegEnd, arrival: &LegEnd, by_operating_carrier: bool) -> f64 {
    let ends = [departure, arrival];
    let by_fact = if ends.iter().any(|end| end.actual.is_some() || end.runway.is_some()) {
        0.9
    } else if ends.iter().any(|end| end.estimated.is_some()) {
        0.75
    } else {
        0.6
    };
    if by_operating_carrier { by_fact + 0.09 } else { by_fact }
}

/// A registration without its hyphen, where it is one.
#[must_use]
pub fn tail(received: &str) -> Option<Tail> {
    received.replace('-', "").to_ascii_uppercase().parse().ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn designators_are_read_as_written() {
        let read = |carrier, number| {
            Designator::of(carrier, number, Role::Unstated)
                .map(|d| (d.carrier.to_string(), d.number, d.suffix.map(|s| s.to_string())))
        };
        let some = |carrier: &str, number, suffix: Option<&str>| Some((carrier.to_owned(), number, suffix.map(str::to_owned)));
        assert_eq!(read("LH", "400"), some("LH", 400, None));
        assert_eq!(read("AF", "0007"), some("AF", 7, None), "padded");
        assert_eq!(read("DLH", "400A"), some("DLH", 400, Some("A")));
        for (carrier, number) in
            [("LH", ""), ("LH", "A"), ("LH", "12345"), ("LH", "-1"), ("12", "1"), ("", "1"), ("LH", "4é"), ("LH", "+12")]
        {
            assert_eq!(read(carrier, number), None, "{carrier} {number}");
        }
    }

    #[test]
    fn what_happened_last_decides_where_a_leg_stands() {
        let at = |actual, runway| LegEnd { actual, runway, ..LegEnd::default() };
        let cases = [
            (at(None, None), at(None, None), FlightStatus::Scheduled),
            (at(Some(1), None), at(None, None), FlightStatus::Departed),
            (at(Some(1), Some(2)), at(None, None), FlightStatus::Airborne),
            (at(None, Some(2)), at(None, Some(3)), FlightStatus::Landed),
            (at(None, None), at(Some(4), None), FlightStatus::Arrived),
        ];
        for (departure, arrival, expected) in cases {
            assert_eq!(status_by_times(&departure, &arrival), expected, "{departure:?} {arrival:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_designator_or_none(carrier in "\\PC{0,4}", number in "\\PC{0,6}") {
            let read = Designator::of(&carrier, &number, Role::Unstated);
            prop_assert!(read.is_none_or(|designator| designator.number <= 9999));
        }

        #[test]
        fn no_times_overflow(scheduled: i64, actual: i64) {
            let end = LegEnd { scheduled: Some(scheduled), actual: Some(actual), ..LegEnd::default() };
            let _ = end.delay_min();
        }
    }
}
