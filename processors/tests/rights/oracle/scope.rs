//! Article 3: who is covered, by which of the two Regulations, and which answers first.

use super::world::World;

/// The two Regulations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Regime {
    Eu261,
    Uk261,
}

/// Who licensed a carrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Licence {
    MemberState,
    Associated,
    UnitedKingdom,
    Elsewhere,
}

/// From here on the text of 2005 is at its end, and the next is not in force.
pub(super) const TEXT_OF_2005_ENDED: u32 = 20_271_023;

/// The Regulations that cover the passenger, the one of the departure point first.
pub(super) fn article_3(world: &World) -> Vec<Regime> {
    if !world.fixed_wing || !passenger_is_covered(world) {
        return Vec::new();
    }
    let mut covering = Vec::new();
    if world.day >= 20_050_217 && european(world) {
        covering.push(Regime::Eu261);
    }
    if world.day >= 20_210_101 && british(world) {
        covering.push(Regime::Uk261);
    }
    if world.origin.in_united_kingdom(world.day) {
        covering.reverse();
    }
    covering
}

/// Article 3(1): from the territory on any carrier, into it on one of its own.
fn european(world: &World) -> bool {
    let day = world.day;
    let own = |licence| match licence {
        Licence::MemberState | Licence::Associated => true,
        Licence::UnitedKingdom => !super::atlas::brexit_done(day),
        Licence::Elsewhere => false,
    };
    let brought_in = || world.flown.iter().any(|leg| own(leg.licence) && leg.landed.iter().any(|at| at.in_community(day)));
    world.origin.in_community(day) || (world.destination.in_community(day) && !world.benefits_abroad && brought_in())
}

/// The same article as amended for the United Kingdom: (a), (b)(i) and (b)(ii).
fn british(world: &World) -> bool {
    let day = world.day;
    if world.origin.in_united_kingdom(day) {
        return true;
    }
    let into_the_kingdom = world.destination.in_united_kingdom(day)
        && world.flown.iter().any(|leg| {
            matches!(leg.licence, Licence::UnitedKingdom | Licence::MemberState)
                && leg.landed.iter().any(|at| at.in_united_kingdom(day))
        });
    let into_a_member_state = world.destination.in_member_state(day)
        && world
            .flown
            .iter()
            .any(|leg| leg.licence == Licence::UnitedKingdom && leg.landed.iter().any(|at| at.in_member_state(day)));
    !world.benefits_abroad && (into_the_kingdom || into_a_member_state)
}

/// Article 3(2), (3) and (6); whether the passenger was there in time is asked where somebody was refused, in Article 4.
fn passenger_is_covered(world: &World) -> bool {
    let passenger = &world.passenger;
    passenger.pays_a_public_fare && passenger.confirmed && !passenger.tour_called_off
}
