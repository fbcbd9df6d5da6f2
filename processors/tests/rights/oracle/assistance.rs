//! Articles 6, 8 and 9: care, refund, re-routing. No cause is read here.

use super::articles::{hours_until_care, refused_without_grounds};
use super::scope::{TEXT_OF_2005_ENDED, article_3};
use super::world::{Event, World};

/// What an output field must say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Say {
    Yes,
    No,
    /// Null, because a fact is missing.
    Null,
    /// The rule book leaves it open for this case.
    Open,
}

/// Care and choice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Assistance {
    pub(crate) meals: Say,
    pub(crate) hotel: Say,
    pub(crate) refund: Say,
    pub(crate) reroute: Say,
}

const NONE: Assistance = Assistance { meals: Say::No, hotel: Say::No, refund: Say::No, reroute: Say::No };
const OPEN: Assistance = Assistance { meals: Say::Open, hotel: Say::Open, refund: Say::Open, reroute: Say::Open };

/// What Articles 6, 8 and 9 give in this world.
pub(super) fn of(world: &World) -> Assistance {
    let Some(regime) = article_3(world).first().copied() else {
        return NONE;
    };
    if world.day >= TEXT_OF_2005_ENDED {
        return OPEN;
    }
    match world.event {
        Event::Delay => {
            let meals = if world.direct { waits(world, hours_until_care(world, regime)) } else { waits_somewhere(world) };
            waiting(world, meals, waits(world, 5), Say::No)
        }
        Event::Diversion => {
            let meals = if world.direct { waits(world, hours_until_care(world, regime)) } else { Say::Open };
            let refund = if world.other_region { Say::Open } else { waits(world, 5) };
            waiting(world, meals, refund, if world.other_region { Say::Open } else { Say::No })
        }
        Event::Cancellation => waiting(world, Say::Yes, Say::Yes, Say::Yes),
        Event::DeniedBoarding if world.passenger.volunteered => Assistance { refund: Say::Yes, reroute: Say::Yes, ..NONE },
        Event::DeniedBoarding if refused_without_grounds(world) => waiting(world, Say::Yes, Say::Yes, Say::Yes),
        Event::DeniedBoarding => NONE,
        Event::Advance if world.advanced_by > 60 => Assistance { refund: Say::Yes, reroute: Say::Yes, ..OPEN },
        Event::Advance => NONE,
        Event::Downgrade | Event::Upgrade => OPEN,
    }
}

/// A departure so many hours late, or more.
fn waits(world: &World, hours: i64) -> Say {
    match world.departure_delay {
        None => Say::Null,
        Some(minutes) if minutes >= hours * 60 => Say::Yes,
        Some(_) => Say::No,
    }
}

/// The same without knowing which flight of the journey waits: two hours are the least, four the most.
fn waits_somewhere(world: &World) -> Say {
    match (waits(world, 2), waits(world, 4)) {
        (least, most) if least == most => least,
        _ => Say::Open,
    }
}

/// Meals as found, a hotel where a night is spent as well; over with the refund.
fn waiting(world: &World, meals: Say, refund: Say, reroute: Say) -> Assistance {
    if world.took_refund {
        return Assistance { refund, reroute, ..OPEN };
    }
    let hotel = match (meals, world.overnight) {
        (Say::No, _) | (_, Some(false)) => Say::No,
        (meals, Some(true)) => meals,
        (Say::Open, None) => Say::Open,
        (_, None) => Say::Null,
    };
    Assistance { meals, hotel, refund, reroute }
}
