//! Bookings, seats for sale, and what disruption and re-accommodation make of them.

use crate::ids::{Currency, Leg, Organisation, Passenger, Pnr};
use crate::records::disruptions::Disruption;
use crate::{record, symbols};

symbols! {
    /// Cabin (S3-05).
    pub enum Cabin {
        /// Economy.
        Economy = "ECONOMY",
        /// Premium economy.
        PremiumEconomy = "PREMIUM_ECONOMY",
        /// Business.
        Business = "BUSINESS",
        /// First.
        First = "FIRST",
    }
}

symbols! {
    /// Frequent-flyer tier. Orders re-accommodation only; never money.
    pub enum Tier {
        /// No status.
        None = "NONE",
        /// Silver.
        Silver = "SILVER",
        /// Gold.
        Gold = "GOLD",
        /// Platinum.
        Platinum = "PLATINUM",
    }
}

symbols! {
    /// Age group as ticketed.
    pub enum AgeGroup {
        /// Adult.
        Adult = "ADULT",
        /// Child, 2 to 11 years.
        Child = "CHILD",
        /// Infant under 2.
        Infant = "INFANT",
    }
}

record! {
    /// One passenger of a booking; no personal data in the clear.
    pub struct Traveller {
        /// Pseudonymous id.
        passenger: Passenger,
        /// Age group.
        age_group: AgeGroup,
        /// Tier.
        tier: Tier,
        /// IATA SSR codes: WCHR, UMNR, MEDA ...
        ssr: Vec<String>,
        /// BCP 47 language for notices.
        language: String,
        /// `email` or `sms`.
        channel: String,
        /// Sealed address; never opened by a processor.
        contact: Option<String>,
    }
}

record! {
    /// One flight of an itinerary.
    pub struct Segment {
        /// The leg.
        #[serde(flatten)] leg: Leg,
        /// Cabin.
        cabin: Cabin,
        /// Scheduled off-block when booked, epoch ms.
        scheduled_departure: i64,
        /// Scheduled in-block when booked, epoch ms.
        scheduled_arrival: i64,
    }
}

symbols! {
    /// Booking events of the PSS (S3-13).
    pub enum BookingKind {
        /// booking.created
        Created = "CREATED",
        /// booking.modified
        Modified = "MODIFIED",
        /// booking.cancelled
        Cancelled = "CANCELLED",
    }
}

record! {
    /// A booking as it now stands. Key: PNR, or the key of a repartition.
    pub struct Booking {
        /// PNR locator.
        pnr: Pnr,
        /// Who sold it and answers for it.
        organisation: Organisation,
        /// What changed.
        kind: BookingKind,
        /// In order of travel, at most 8.
        segments: Vec<Segment>,
        /// At most 99; a party is never split.
        passengers: Vec<Traveller>,
        /// Total paid, minor units.
        total_minor: i64,
        /// Currency of the total.
        currency: Currency,
    }
}

record! {
    /// Seats for sale on one leg and cabin (S3-12). Key: organisation.
    pub struct Inventory {
        /// Who may give the seats.
        organisation: Organisation,
        /// The leg.
        #[serde(flatten)] leg: Leg,
        /// Cabin.
        cabin: Cabin,
        /// Scheduled off-block, epoch ms.
        scheduled_departure: i64,
        /// Scheduled in-block, epoch ms.
        scheduled_arrival: i64,
        /// Seats in the cabin.
        capacity: i32,
        /// Free seats before.
        previous_available: i32,
        /// Free seats now.
        current_available: i32,
        /// BOOKING, CANCELLATION, ADJUSTMENT.
        reason: String,
    }
}

record! {
    /// A disruption as it touches one booking. Key: PNR, or organisation.
    pub struct BookingDisruption {
        /// PNR locator.
        pnr: Pnr,
        /// The booking's organisation.
        organisation: Organisation,
        /// The disruption.
        #[serde(flatten)] what: Disruption,
        /// Index of the touched segment in the booking.
        segment: i32,
        /// The onward connection is expected to break.
        connection_at_risk: bool,
    }
}

symbols! {
    /// What re-accommodation came to for one booking.
    pub enum Outcome {
        /// The booked itinerary stands.
        Kept = "KEPT",
        /// A new itinerary with seats.
        Rebooked = "REBOOKED",
        /// Nothing is left to travel; the fare goes back.
        Refunded = "REFUNDED",
        /// No itinerary with free seats exists within the horizon.
        Unplaceable = "UNPLACEABLE",
    }
}

record! {
    /// A booking's new itinerary. Key: PNR.
    pub struct Reaccommodation {
        /// PNR locator.
        pnr: Pnr,
        /// Organisation whose seats were used.
        organisation: Organisation,
        /// The disruption that made it necessary.
        disruption: String,
        /// What came of it.
        outcome: Outcome,
        /// Why, in words of the rule that decided.
        reason: String,
        /// Itinerary from here on; empty unless kept or rebooked.
        segments: Vec<Segment>,
        /// Passengers placed together.
        passengers: Vec<Passenger>,
        /// New arrival at the final destination minus the booked one, minutes.
        arrival_delay_min: Option<i32>,
        /// Departure of the new itinerary minus the booked one, minutes.
        departure_offset_min: Option<i32>,
        /// The disrupted segment's index in the booked itinerary.
        segment: i32,
        /// In-block of the itinerary's last leg, epoch ms; null until it is a fact.
        arrived_at: Option<i64>,
    }
}
