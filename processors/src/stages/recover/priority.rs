//! Who is placed first when seats are short.
//!
//! Law first (Article 11 of Regulation 261/2004): children alone, then people with reduced mobility or a medical case
//! and those with them. Then policy: infants, people who connect onwards, cabin, tier, larger parties, PNR. The tier
//! orders the queue and never touches money.

use slipstream_schemas::records::{AgeGroup, Cabin, Tier, Traveller};

use super::rows::{Held, Trip};

/// Special service codes that go first, most urgent first.
const SERVICES: [&str; 10] = ["MEDA", "STCR", "WCHC", "WCHS", "WCHR", "BLND", "DEAF", "DPNA", "MAAS", "WCBD"];

/// Sub-key part that orders bookings: smaller goes first.
pub(super) fn order(held: &Held, trip: &Trip) -> Vec<u8> {
    let people = &held.passengers;
    let best_tier = people.iter().map(|p| p.tier).max().unwrap_or(Tier::None);
    let infants = people.iter().any(|p| p.age_group == AgeGroup::Infant);
    let cabin = trip.booked.iter().map(|segment| segment.cabin).max().unwrap_or(Cabin::Economy);
    let mut order = vec![
        u8::from(!alone(people)),
        people.iter().map(service).min().unwrap_or(u8::MAX),
        u8::from(!infants),
        u8::from(trip.booked.len() < 2),
        u8::MAX - cabin as u8,
        u8::MAX - best_tier as u8,
        u8::MAX - people.len().min(usize::from(u8::MAX)) as u8,
    ];
    order.extend_from_slice(held.pnr.as_str().as_bytes());
    order
}

/// Children without an adult, or announced as such.
fn alone(people: &[Traveller]) -> bool {
    let announced = |p: &Traveller| p.ssr.iter().any(|code| code == "UMNR" || code == "YPTA");
    people.iter().any(announced) || people.iter().all(|p| p.age_group != AgeGroup::Adult)
}

fn service(traveller: &Traveller) -> u8 {
    let places = traveller.ssr.iter().filter_map(|code| SERVICES.iter().position(|known| known == code));
    places.min().map_or(u8::MAX, |place| place as u8)
}
