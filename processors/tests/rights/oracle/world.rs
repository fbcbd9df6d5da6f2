//! One complete set of facts: everything that an article asks, with nothing unknown in it.

use super::atlas::{Day, Place};
use super::scope::Licence;

/// What happened to the flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    Delay,
    Cancellation,
    DeniedBoarding,
    Downgrade,
    Upgrade,
    Diversion,
    Advance,
}

/// Where the law puts a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nature {
    Inherent,
    Extraordinary,
}

/// The re-routing that the carrier offered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offer {
    Nothing,
    /// Minutes of departure against the booked one (negative: before it), and of arrival after the booked one.
    Flight {
        departs: i64,
        arrives: i64,
    },
}

/// A stretch that one carrier flew: the airports it landed at.
#[derive(Debug, Clone)]
pub(super) struct Flown {
    pub(super) landed: Vec<&'static Place>,
    pub(super) licence: Licence,
}

/// Why the minutes were lost: causes and how many minutes each; one part without minutes is the whole.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) nature: Nature,
    pub(super) minutes: Option<i64>,
}

/// A case of which everything is known, but for what only decides on care.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) day: Day,
    pub(super) origin: &'static Place,
    pub(super) destination: &'static Place,
    pub(super) direct: bool,
    pub(super) flown: Vec<Flown>,
    pub(super) fixed_wing: bool,
    pub(super) benefits_abroad: bool,
    pub(super) event: Event,
    pub(super) arrival_delay: i64,
    /// The arrival that the re-routing really had.
    pub(super) actual_arrival: Option<i64>,
    pub(super) advanced_by: i64,
    pub(super) notice_days: i64,
    pub(super) offer: Offer,
    pub(super) ground: String,
    pub(super) parts: Vec<Part>,
    pub(super) measures_proved: bool,
    pub(super) link_proved: bool,
    pub(super) earlier_rotation: bool,
    pub(super) passenger: Passenger,
    pub(super) price_cents: i64,
    pub(super) departure_delay: Option<i64>,
    pub(super) overnight: Option<bool>,
    pub(super) other_region: bool,
    pub(super) took_refund: bool,
}

/// Who claims, as far as the law asks.
#[derive(Debug, Clone)]
pub(super) struct Passenger {
    pub(super) pays_a_public_fare: bool,
    pub(super) confirmed: bool,
    pub(super) presented: bool,
    pub(super) volunteered: bool,
    pub(super) documents_valid: bool,
    pub(super) rebooked_in_time: bool,
    pub(super) tour_called_off: bool,
}
