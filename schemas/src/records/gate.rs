//! What the gate does to passengers: refused, or carried in another class than booked.

use crate::ids::{Currency, Leg, Organisation, Passenger, Pnr};
use crate::records::bookings::Cabin;
use crate::{record, symbols};

symbols! {
    /// What happened at the gate.
    pub enum BoardingKind {
        /// Not carried though presented (Article 4).
        Refused = "REFUSED",
        /// Carried in a lower class (Article 10(2)).
        Downgraded = "DOWNGRADED",
        /// Carried in a higher class (Article 10(1)).
        Upgraded = "UPGRADED",
    }
}

record! {
    /// What the gate did to passengers of one booking; a later one for the same leg and kind replaces it. Key: PNR.
    pub struct Boarding @flat {
        /// PNR locator.
        pnr: Pnr,
        /// The booking's organisation.
        organisation: Organisation,
        /// The leg.
        #[serde(flatten)] leg: Leg,
        /// Whom it concerns; the others of the booking flew as booked.
        passengers: Vec<Passenger>,
        /// What happened.
        kind: BoardingKind,
        /// Seats were given up for benefits that were agreed (Article 4(1)).
        volunteered: bool,
        /// Who flies standby, or waits for a seat, holds no confirmed reservation (Article 3(2)(a)).
        standby: bool,
        /// Those benefits, in words; empty where none were agreed.
        benefit: String,
        /// Why, by its name in the table of causes of the passenger-rights engine.
        cause: String,
        /// Class that was paid for.
        cabin_paid: Cabin,
        /// Class that was flown; of no meaning for who was refused.
        cabin_flown: Cabin,
        /// Price of this flight for one passenger, minor units of two decimals; null where it is not known.
        segment_price_minor: Option<i64>,
        /// Its currency.
        currency: Option<Currency>,
        /// Whether another way was offered; null where nobody says.
        reroute_offered: Option<bool>,
        /// Departure of that way minus the booked one, minutes.
        reroute_departure_offset_min: Option<i32>,
        /// Arrival of that way at the final destination minus the booked one, minutes.
        reroute_arrival_delay_min: Option<i32>,
        /// In-block at the final destination, epoch ms; null until it is a fact.
        arrived_at: Option<i64>,
    }
}
