//! What a case may cost by law: as things stand, and at each legal cliff ahead.
//!
//! ```text
//! facts ─► the law ─────────────────────────────► at stake now
//!      └─► the same facts, later by one threshold ─► the law ─► is more owed? ─► a cliff, with its instant
//! ```
//!
//! No threshold is written here: those of every rule set are tried, and one is a cliff where the answer changes. A sum that waits
//! for a fact counts as open, as if the fact turned out for the passenger. What is as things stand takes the arrival that is
//! expected, not the minutes that have passed.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use slipstream_schemas::records::{BookingLiability, Cliff, CliffKind, Rights, Stake};
use slipstream_schemas::reference;

use super::assess::{cancelled, main};
use super::case::Case;
use crate::journey::MINUTE;
use crate::rights::{self, Arrival, Event, Law, Reroute, Verdict, decide_unproved, rulesets};

/// Hundredths of a currency unit.
const MINOR: i64 = 100;
/// Later than any threshold, minutes.
const FAR_MIN: i32 = 10_000;

/// Minutes of arrival delay at which any rule set changes the sum.
static ARRIVALS: LazyLock<BTreeSet<i32>> = LazyLock::new(|| {
    let of_set = |set: &rights::RuleSet| {
        let windows = set.window.iter().map(|window| window.late_below_min);
        let halves = set.halved_offer_until_min.into_iter().map(|until| until + 1);
        windows.chain(halves).chain([set.delay_min, set.halved_delay_below_min]).collect::<Vec<_>>()
    };
    rulesets().iter().flat_map(of_set).collect()
});

/// Minutes of departure delay at which any rule set gives care or a refund.
static DEPARTURES: LazyLock<BTreeSet<i32>> =
    LazyLock::new(|| rulesets().iter().flat_map(|set| set.care_min.into_iter().chain([set.refund_min])).collect());

/// Minutes of notice below which any rule set asks more, with an offer that only the longer notice forgives.
static NOTICES: LazyLock<BTreeSet<(i64, i32)>> = LazyLock::new(|| {
    let of_set = |set: &rights::RuleSet| {
        let shorter = set.window.windows(2).map(|pair| (pair[0].notice_min, pair[1].late_below_min));
        shorter.chain([(set.notice_free_min, FAR_MIN)]).collect::<Vec<_>>()
    };
    rulesets().iter().flat_map(of_set).collect()
});

/// Longest doubt about when a door opened, minutes after in-block.
static DOUBT_MIN: LazyLock<i32> =
    LazyLock::new(|| rulesets().iter().map(|set| set.door_after_block_min + set.door_margin_min).max().unwrap_or(0));

/// What a case adds to the leg behind it, by the decision that stands; none while nothing is at stake and nothing ahead.
pub(super) fn liability(law: &Law, case: &Case, facts: &rights::Case, rights: &Rights, now: i64) -> Option<BookingLiability> {
    let (leg, _) = main(case)?;
    let people = case.passengers.len() as i64;
    let settled = rights.status == "final";
    let stakes = if settled { settled_sum(rights, people) } else { sums(law, facts, people) };
    let ahead = Ahead { law, case, facts, people, now };
    let mut cliffs = if settled || case.closed { Vec::new() } else { ahead.cliffs(&stakes) };
    cliffs.sort_by_key(|cliff| (cliff.at, cliff.kind));
    follow(&stakes, &mut cliffs);
    let nothing = stakes.is_empty() && cliffs.is_empty();
    (!nothing).then_some(BookingLiability {
        pnr: case.pnr,
        organisation: case.organisation,
        leg,
        passengers: people as i32,
        stakes,
        cliffs,
        case: case.gate.first().map(|gate| gate.kind.to_string()).unwrap_or_default(),
    })
}

fn settled_sum(rights: &Rights, people: i64) -> Vec<Stake> {
    let sum = rights.amount.unwrap_or(0) * MINOR * people;
    let currency = rights.currency.clone().unwrap_or_default();
    if sum == 0 { Vec::new() } else { vec![Stake { currency, settled_minor: sum, due_minor: 0, open_minor: 0 }] }
}

/// What the law gives all passengers on some facts; open sums as if what is not known turned out for them.
fn sums(law: &Law, facts: &rights::Case, people: i64) -> Vec<Stake> {
    let decision = decide_unproved(law, facts);
    match decision.verdict {
        Verdict::Eligible => stake(&decision, people, false),
        Verdict::Undetermined => stake(&decide_unproved(law, &worst(facts)), people, true),
        _ => Vec::new(),
    }
}

/// The sum of a decision for all passengers.
fn stake(decision: &rights::Decision<'_>, people: i64, is_open: bool) -> Vec<Stake> {
    let sum = decision.amount.unwrap_or(0) * MINOR * people;
    let currency = decision.currency.as_deref().unwrap_or_default().to_owned();
    let (due_minor, open_minor) = if is_open { (0, sum) } else { (sum, 0) };
    if sum == 0 { Vec::new() } else { vec![Stake { currency, settled_minor: 0, due_minor, open_minor }] }
}

/// The same facts with what is not known turned out for the passenger.
fn worst(facts: &rights::Case) -> rights::Case {
    let mut worst = facts.clone();
    worst.defence.carrier_contributed = true;
    worst.choice = None;
    worst.reroute.offered = facts.reroute.offered.or(Some(false));
    worst.arrival = match facts.arrival {
        Arrival::Unknown | Arrival::Never => Arrival::DoorOpen(FAR_MIN),
        Arrival::InBlock(minutes) => Arrival::DoorOpen(minutes + *DOUBT_MIN),
        known => known,
    };
    worst
}

/// All that is due or open, whatever the currency: only compared with itself.
fn weight(stakes: &[Stake]) -> i64 {
    stakes.iter().map(|stake| stake.due_minor + stake.open_minor).sum()
}

/// The search for cliffs.
struct Ahead<'a> {
    law: &'a Law,
    case: &'a Case,
    facts: &'a rights::Case,
    people: i64,
    now: i64,
}

impl Ahead<'_> {
    fn cliffs(&self, now: &[Stake]) -> Vec<Cliff> {
        let all = self.of_arrival(now).into_iter().chain(self.of_departure()).chain(self.of_night()).chain(self.of_notice());
        all.filter(|cliff| cliff.at > self.now).collect()
    }

    fn cliff(&self, kind: CliffKind, at: i64, threshold_min: i32, stakes: Vec<Stake>) -> Cliff {
        Cliff { kind, at, threshold_min, passengers: self.people as i32, stakes }
    }

    /// Minutes at the final destination beyond the expected ones.
    fn of_arrival(&self, now: &[Stake]) -> Vec<Cliff> {
        let (Some(expected), Some(last)) = (self.facts.arrival.minutes(), self.case.booked.last()) else {
            return Vec::new();
        };
        let mut before = weight(now);
        let mut cliffs = Vec::new();
        for late in ARRIVALS.iter().copied().filter(|late| *late > expected) {
            let stakes = sums(self.law, &rights::Case { arrival: Arrival::Expected(late), ..self.facts.clone() }, self.people);
            let after = weight(&stakes);
            if after > before {
                let kind = if before == 0 { CliffKind::Compensation } else { CliffKind::LargerSum };
                cliffs.push(self.cliff(kind, last.scheduled_arrival + i64::from(late) * MINUTE, late, stakes));
                before = after;
            }
        }
        cliffs
    }

    /// When the leg behind the case was to leave, unless it has left.
    fn waits_since(&self) -> Option<i64> {
        let (leg, scheduled) = main(self.case)?;
        let known = self.case.disruptions.iter().find(|d| d.what.leg == leg)?;
        let left = known.what.arrived || known.what.expected_departure.is_some_and(|at| at <= self.now);
        (!left).then_some(scheduled)
    }

    /// Minutes of departure delay: care, and the choice of a refund.
    fn of_departure(&self) -> Vec<Cliff> {
        let flies = matches!(self.facts.event, Some(Event::Delay));
        let Some(scheduled) = self.waits_since().filter(|_| flies) else {
            return Vec::new();
        };
        let given = |minutes: Option<i32>| {
            let decision_facts = rights::Case { dep_delay_min: minutes, ..self.facts.clone() };
            let decision = decide_unproved(self.law, &decision_facts);
            [(CliffKind::Care, decision.care.meals), (CliffKind::Refund, decision.refund_right)]
                .map(|(kind, due)| (kind, due == Some(true)))
        };
        let mut before = given(self.facts.dep_delay_min);
        let mut cliffs = Vec::new();
        for late in DEPARTURES.iter().copied().filter(|late| self.facts.dep_delay_min.is_none_or(|now| *late > now)) {
            let after = given(Some(late));
            let news = after.iter().zip(&before).filter(|((_, after), (_, before))| *after && !before);
            let at = scheduled + i64::from(late) * MINUTE;
            cliffs.extend(news.map(|((kind, _), _)| self.cliff(*kind, at, late, Vec::new())));
            before = after;
        }
        cliffs
    }

    /// The next local date where the passengers wait: a night, if care is due to them at all.
    fn of_night(&self) -> Option<Cliff> {
        let scheduled = self.waits_since().filter(|_| self.facts.overnight_wait != Some(true))?;
        let stays = rights::Case { overnight_wait: Some(true), dep_delay_min: Some(FAR_MIN), ..self.facts.clone() };
        if decide_unproved(self.law, &stays).care.hotel != Some(true) {
            return None;
        }
        let (leg, _) = main(self.case)?;
        let zone = &reference::airport(leg.origin)?.zone;
        let booked = zone.to_datetime(jiff::Timestamp::from_millisecond(scheduled).ok()?);
        let midnight = booked.date().tomorrow().ok()?.to_zoned(zone.clone()).ok()?.timestamp().as_millisecond();
        let after_min = i32::try_from((midnight - scheduled).div_euclid(MINUTE)).ok()?;
        Some(self.cliff(CliffKind::Overnight, midnight, after_min, Vec::new()))
    }

    /// Notice of a cancellation that has not been given: what less of it would cost.
    fn of_notice(&self) -> Vec<Cliff> {
        let news = self.case.disruptions.iter().any(cancelled);
        let Some(scheduled) = self.waits_since().filter(|_| !news) else {
            return Vec::new();
        };
        let told = |(notice, late): (i64, i32)| {
            let offer = Reroute { offered: Some(true), dep_offset_min: Some(0), arr_delay_min: Some(late) };
            let none = Reroute { offered: Some(false), ..Reroute::default() };
            let facts = rights::Case {
                event: Some(Event::Cancellation),
                arrival: Arrival::Unknown,
                dep_delay_min: None,
                notice_min: Some(notice - 1),
                reroute: if late == FAR_MIN { none } else { offer },
                ..self.facts.clone()
            };
            let stakes = sums(self.law, &facts, self.people);
            let at = scheduled - notice * MINUTE;
            (at > self.now && !stakes.is_empty()).then(|| self.cliff(CliffKind::Notice, at, notice as i32, stakes))
        };
        NOTICES.iter().copied().filter_map(told).collect()
    }
}

/// A cliff that brings no sum has the sums of the one before it.
fn follow(now: &[Stake], cliffs: &mut [Cliff]) {
    let mut before = now.to_vec();
    for cliff in cliffs {
        match cliff.kind {
            CliffKind::Compensation | CliffKind::LargerSum => before.clone_from(&cliff.stakes),
            CliffKind::Notice | CliffKind::Unknown => {}
            CliffKind::Care | CliffKind::Refund | CliffKind::Overnight => cliff.stakes.clone_from(&before),
        }
    }
}
