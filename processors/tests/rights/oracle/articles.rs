//! Articles 4 to 7 and 10, each a function over a complete world.

use super::atlas::kilometres;
use super::causes::GROUNDS;
use super::scope::{Regime, TEXT_OF_2005_ENDED, article_3};
use super::world::{Event, Nature, Offer, World};

/// The answer in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Decision {
    Eligible,
    NotEligible,
    OutOfScope,
    DowngradeRefund,
    /// A text that nobody may apply yet.
    NoText,
}

/// What is owed, in a world where all is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ruling {
    pub(crate) decision: Decision,
    /// Covering Regulations, the deciding one first.
    pub(crate) regimes: Vec<Regime>,
    pub(crate) amount: i64,
    pub(crate) halved: bool,
    /// Percent of the price, and cents; for downgrading alone.
    pub(crate) downgrade: Option<(i64, i64)>,
}

impl Ruling {
    /// Whether both say the same to the passenger; which other Regulation covers him is no part of that.
    pub(super) fn same_answer(&self, other: &Self) -> bool {
        let class = |ruling: &Self| ruling.downgrade.filter(|_| ruling.decision == Decision::DowngradeRefund);
        let said = |ruling: &Self| (ruling.decision, ruling.regimes.first().copied(), ruling.amount, class(ruling));
        said(self) == said(other)
    }

    pub(super) fn lacks_a_text(&self) -> bool {
        self.decision == Decision::NoText
    }
}

/// Distance classes of Article 7(1): a, b, c.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    A,
    B,
    C,
}

/// Everything in its order: Article 3, then the article of the event.
pub(super) fn judge(world: &World) -> Ruling {
    let regimes = article_3(world);
    let nothing = Ruling { decision: Decision::OutOfScope, regimes, amount: 0, halved: false, downgrade: None };
    let Some(first) = nothing.regimes.first().copied() else {
        let downgrade = is_about_class(world).then_some((0, 0));
        return Ruling { downgrade, ..nothing };
    };
    if first == Regime::Eu261 && world.day >= TEXT_OF_2005_ENDED {
        return Ruling { decision: Decision::NoText, ..nothing };
    }
    if is_about_class(world) {
        return article_10(world, first, nothing);
    }
    let owed = match world.event {
        Event::DeniedBoarding => article_4(world),
        Event::Cancellation => article_5(world),
        Event::Advance => article_5_brought_forward(world),
        Event::Delay | Event::Diversion | Event::Downgrade | Event::Upgrade => sturgeon(world),
    };
    if !owed {
        return Ruling { decision: Decision::NotEligible, ..nothing };
    }
    let halved = article_7_2(world, first);
    let amount = article_7_1(world, first) / if halved { 2 } else { 1 };
    Ruling { decision: Decision::Eligible, amount, halved, ..nothing }
}

fn is_about_class(world: &World) -> bool {
    matches!(world.event, Event::Downgrade | Event::Upgrade)
}

/// Denied boarding against the passenger's will and without reasonable grounds; no circumstance excuses it (C-22/11).
fn article_4(world: &World) -> bool {
    !world.passenger.volunteered && refused_without_grounds(world)
}

/// Article 2(j): the passenger was there in time with valid papers, or was told before that there was no use in coming (C-238/22).
pub(super) fn refused_without_grounds(world: &World) -> bool {
    let was_there = world.passenger.presented || world.notice_days >= 1;
    was_there && world.passenger.documents_valid && !GROUNDS.contains(&world.ground.as_str())
}

/// Article 5(1)(c) and (3).
fn article_5(world: &World) -> bool {
    let Offer::Flight { departs, .. } = world.offer else {
        return world.notice_days < 14 && !article_5_3(world);
    };
    let told_in_time = in_time(world.notice_days, -departs, arrival_of_rerouting(world));
    !told_in_time && !article_5_3(world)
}

/// C-146/20: more than an hour forward is a cancellation; the flight itself is then what is offered in its place.
fn article_5_brought_forward(world: &World) -> bool {
    world.advanced_by > 60 && !in_time(world.notice_days, world.advanced_by, -world.advanced_by) && !article_5_3(world)
}

/// (i) two weeks; (ii) a week, two hours before, four after; (iii) less, one hour before, two after.
fn in_time(notice_days: i64, early: i64, late: i64) -> bool {
    match notice_days {
        14.. => true,
        7..=13 => early <= 120 && late < 240,
        _ => early <= 60 && late < 120,
    }
}

/// The actual arrival, once it is known, replaces the offered one.
fn arrival_of_rerouting(world: &World) -> i64 {
    match (world.actual_arrival, world.offer) {
        (Some(actual), _) => actual,
        (None, Offer::Flight { arrives, .. }) => arrives,
        (None, Offer::Nothing) => i64::MAX,
    }
}

/// Three hours at the final destination (C-402/07), without the minutes that nobody could have avoided (C-315/15).
fn sturgeon(world: &World) -> bool {
    if world.arrival_delay < 180 || world.passenger.rebooked_in_time {
        return false;
    }
    if article_5_3(world) {
        return false;
    }
    let excused = |part: &&super::world::Part| part.nature == Nature::Extraordinary && world.measures_proved;
    let taken_off: i64 = world.parts.iter().filter(excused).filter_map(|part| part.minutes).sum();
    world.arrival_delay - taken_off >= 180
}

/// Extraordinary, unavoidable, and the cause of this very disruption; only for a cause that covers the whole.
fn article_5_3(world: &World) -> bool {
    let linked = !world.earlier_rotation || world.link_proved;
    let whole = |part: &super::world::Part| part.minutes.is_none() && part.nature == Nature::Extraordinary;
    world.parts.iter().any(whole) && world.measures_proved && linked
}

fn class(world: &World, regime: Regime) -> Class {
    let km = kilometres(world.origin, world.destination);
    let inside = [world.origin, world.destination].iter().all(|end| end.in_community(world.day));
    match km {
        ..=1500.0 => Class::A,
        _ if regime == Regime::Eu261 && inside => Class::B,
        ..=3500.0 => Class::B,
        _ => Class::C,
    }
}

fn article_7_1(world: &World, regime: Regime) -> i64 {
    match (regime, class(world, regime)) {
        (Regime::Eu261, Class::A) => 250,
        (Regime::Eu261, Class::B) => 400,
        (Regime::Eu261, Class::C) => 600,
        (Regime::Uk261, Class::A) => 220,
        (Regime::Uk261, Class::B) => 350,
        (Regime::Uk261, Class::C) => 520,
    }
}

/// Half: for a re-routing within two, three, four hours, and for a long flight less than four hours late.
fn article_7_2(world: &World, regime: Regime) -> bool {
    let class = class(world, regime);
    match world.event {
        Event::Cancellation | Event::DeniedBoarding => {
            let window = match class {
                Class::A => 120,
                Class::B => 180,
                Class::C => 240,
            };
            world.offer != Offer::Nothing && arrival_of_rerouting(world) <= window
        }
        Event::Delay | Event::Diversion => class == Class::C && world.arrival_delay < 240,
        Event::Advance | Event::Downgrade | Event::Upgrade => false,
    }
}

fn article_10(world: &World, regime: Regime, nothing: Ruling) -> Ruling {
    if world.event == Event::Upgrade {
        return Ruling { decision: Decision::NotEligible, downgrade: Some((0, 0)), ..nothing };
    }
    let overseas = [world.origin, world.destination].iter().filter(|end| end.is_french_overseas(world.day)).count() == 1;
    let inside = [world.origin, world.destination].iter().all(|end| end.in_community(world.day));
    let percent = match class(world, regime) {
        Class::A => 30,
        Class::B if regime == Regime::Eu261 && inside && overseas => 75,
        Class::B => 50,
        Class::C => 75,
    };
    // Half a cent is rounded up.
    let cents = (world.price_cents * percent + 50) / 100;
    Ruling { decision: Decision::DowngradeRefund, downgrade: Some((percent, cents)), ..nothing }
}

/// The class for the times of Article 6, over the flight that waits.
pub(super) fn hours_until_care(world: &World, regime: Regime) -> i64 {
    match class(world, regime) {
        Class::A => 2,
        Class::B => 3,
        Class::C => 4,
    }
}
