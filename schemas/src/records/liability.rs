//! What disruptions may cost by law, as it builds up: by booking, by leg, by carrier and for the whole network.

use crate::ids::{Leg, Organisation, Pnr};
use crate::{record, symbols};

symbols! {
    /// What a cliff brings once it is passed.
    pub enum CliffKind {
        /// Meals and communications (Article 9), by minutes of departure delay.
        Care = "CARE",
        /// The choice of a refund (Article 6(1)(iii)), by minutes of departure delay.
        Refund = "REFUND",
        /// A night's stay: the next local date at the airport of departure.
        Overnight = "OVERNIGHT",
        /// A sum (Article 7), by minutes of delay at the final destination.
        Compensation = "COMPENSATION",
        /// A larger sum than before, by the same minutes.
        LargerSum = "LARGER_SUM",
        /// A sum if the flight is cancelled with less notice than this (Article 5(1)(c)).
        Notice = "NOTICE",
    }
}

record! {
    /// Sums in one currency, minor units. The three exclude each other and may be added.
    pub struct Stake {
        /// ISO 4217 code.
        currency: String,
        /// By final decisions.
        settled_minor: i64,
        /// On the facts as they stand and the arrival now expected.
        due_minor: i64,
        /// On facts not known yet, if they turn out for the passenger.
        open_minor: i64,
    }
}

record! {
    /// An instant from which more is owed.
    pub struct Cliff {
        /// What it brings.
        kind: CliffKind,
        /// The instant, epoch ms.
        at: i64,
        /// The minutes of the law behind it: of delay, or of notice.
        threshold_min: i32,
        /// Passengers to whom it brings it.
        passengers: i32,
        /// All that is at stake once it is passed; of a notice, if the flight is then cancelled.
        stakes: Vec<Stake>,
    }
}

record! {
    /// What one disrupted journey adds to the leg behind it; without passengers: no longer anything. Key: leg.
    pub struct BookingLiability {
        /// PNR locator.
        pnr: Pnr,
        /// Whose booking it is.
        organisation: Organisation,
        /// The leg.
        #[serde(flatten)] leg: Leg,
        /// Passengers.
        passengers: i32,
        /// What is at stake as things stand.
        stakes: Vec<Stake>,
        /// Those ahead, the soonest first.
        cliffs: Vec<Cliff>,
        /// Which case of the booking: empty for the journey, else what happened at the gate.
        case: String,
    }
}

record! {
    /// What is at stake by law, as of an instant of event time. Key: leg; carrier or `network` for the totals.
    pub struct Exposure {
        /// `leg`, `carrier` or `network`.
        scope: String,
        /// The leg key, the carrier, or `network`.
        subject: String,
        /// Event time of this reading, epoch ms.
        as_of: i64,
        /// Legs with anything at stake.
        legs: i32,
        /// Journeys.
        bookings: i32,
        /// Passengers.
        passengers: i32,
        /// What is at stake as things stand.
        stakes: Vec<Stake>,
        /// Those ahead, the soonest first; of the totals by hour.
        cliffs: Vec<Cliff>,
    }
}
