//! What a decision is made from. Nothing else reaches it.

use slipstream_schemas::ids::{Airport, Carrier, Date};

/// One journey disruption of one passenger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// Echoed in the decision.
    pub id: String,
    /// Scheduled date of the first affected flight: chooses the rule set. None: not known.
    pub date: Option<Date>,
    /// First departure of the journey as booked.
    pub origin: Airport,
    /// Final destination of the journey as booked (C-11/11, C-537/17).
    pub destination: Airport,
    /// Carrier that operates the disrupted leg, or was to: it answers (Article 2(b)).
    pub carrier: Carrier,
    /// Every leg of the journey as booked, in order.
    pub legs: Vec<LegFacts>,
    /// What happened.
    pub event: Event,
    /// Departure delay that is expected or known, minutes: moves care and refund, never the sum.
    pub departure_delay_min: Option<i32>,
    /// Delay at the final destination.
    pub arrival: Arrival,
    /// How long before departure a cancellation was told.
    pub notice: Notice,
    /// What re-routing was offered.
    pub offer: Offer,
    /// Name of the cause (`data/causes.csv`); none: not known.
    pub cause: Option<String>,
    /// The carrier proved that all reasonable measures were taken. None: nothing submitted yet.
    pub measures_proved: Option<bool>,
    /// A night's stay becomes necessary.
    pub overnight: Option<bool>,
    /// No further fact of the journey is expected.
    pub closed: bool,
}

/// One leg of the journey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LegFacts {
    /// Departure.
    pub from: Airport,
    /// Arrival.
    pub to: Airport,
    /// ISO 3166-1 alpha-2 code of the state that licensed its operating carrier; none: not known.
    pub licence: Option<String>,
}

/// What happened, as the law classifies it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A flight that operates later, or a missed connection within one booking (C-402/07, C-11/11).
    Delay,
    /// A planned flight that does not operate (Article 2(l)).
    Cancellation,
    /// Landed elsewhere: measured at the booked airport (C-826/19).
    Diversion,
}

/// Minutes after the booked arrival at the final destination, and how good they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// Not known.
    Unknown,
    /// Never reached it: no re-routing was found or wanted.
    Never,
    /// A forecast, a schedule or an offer.
    Expected(i32),
    /// In-block; the door opens later (C-452/13), so near a threshold this is not enough.
    InBlock(i32),
    /// A door was opened.
    DoorOpen(i32),
}

/// Notice of a cancellation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    /// Not known: the burden of proof is on the carrier (Article 5(4)), but the case is open.
    Unknown,
    /// Minutes before the scheduled departure that the passenger was told; negative: after it.
    Minutes(i64),
}

/// An offer of re-routing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offer {
    /// Not known whether there was one.
    Unknown,
    /// There was none.
    None,
    /// There was one.
    Made {
        /// Departure against the booked one, minutes; negative is earlier.
        departure_offset_min: i32,
        /// Arrival at the final destination against the booked one, minutes.
        arrival_delay_min: i32,
    },
}

impl Arrival {
    /// The minutes, where there are any.
    #[must_use]
    pub fn minutes(self) -> Option<i32> {
        match self {
            Self::Unknown | Self::Never => None,
            Self::Expected(min) | Self::InBlock(min) | Self::DoorOpen(min) => Some(min),
        }
    }
}
