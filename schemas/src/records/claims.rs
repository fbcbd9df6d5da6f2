//! What a carrier submits to be freed from a sum: the cause of a disrupted leg, and the measures that it took.

use crate::ids::{Leg, Organisation, Pnr};
use crate::{record, symbols};

symbols! {
    /// What a carrier can do against the consequences of a circumstance (Article 5(3)).
    pub enum MeasureKind {
        /// Another aircraft.
        SpareAircraft = "SPARE_AIRCRAFT",
        /// Another crew.
        StandbyCrew = "STANDBY_CREW",
        /// Time planned in reserve (C-294/10).
        ReserveTime = "RESERVE_TIME",
        /// Seats on its own flights.
        SeatsOfItsOwn = "SEATS_OF_ITS_OWN",
        /// Earlier seats on other carriers (C-74/19).
        SeatsOfOthers = "SEATS_OF_OTHERS",
        /// Repair, inspection, de-icing: the aircraft made fit again.
        Repair = "REPAIR",
        /// A better slot, or another route or airport.
        SlotOrRoute = "SLOT_OR_ROUTE",
        /// Any other.
        Other = "OTHER",
    }
}

symbols! {
    /// What came of the review of a submission.
    pub enum Finding {
        /// Submitted, and not yet reviewed: nothing is proved.
        Submitted = "SUBMITTED",
        /// All reasonable measures are proved.
        Proved = "PROVED",
        /// They are not.
        NotProved = "NOT_PROVED",
    }
}

record! {
    /// One measure, taken or left undone.
    pub struct Measure {
        /// Which.
        kind: MeasureKind,
        /// Whether it was taken; a measure that was open and left undone counts against the carrier.
        taken: bool,
        /// Who took it, by function.
        by: String,
        /// Reference of the document that shows it; empty where there is none.
        evidence: String,
    }
}

record! {
    /// One cause that the carrier names.
    pub struct ClaimedCause {
        /// Name in the table of causes of the passenger-rights engine.
        cause: String,
        /// Percent of the leg's delay that it explains, 1 to 100.
        share: i32,
    }
}

record! {
    /// A carrier's defence for one leg: cause and measures with their evidence. A later one for the same leg replaces it. Key: leg.
    pub struct CarrierProof @flat {
        /// The carrier's reference of this submission.
        submission: String,
        /// The leg.
        #[serde(flatten)] leg: Leg,
        /// Causes with their shares; what is missing to 100 is the carrier's own.
        causes: Vec<ClaimedCause>,
        /// The earlier leg of the aircraft that the cause hit, as a leg key; null: this leg.
        earlier_leg: Option<String>,
        /// The earlier leg led to this disruption directly; null: nothing submitted.
        direct_link: Option<bool>,
        /// Manufacturer or authority confirmed a hidden defect; null: nothing submitted.
        defect_confirmed: Option<bool>,
        /// Measures, taken and left undone.
        measures: Vec<Measure>,
        /// What came of the review.
        finding: Finding,
        /// Who reviewed it, by function; empty before that.
        reviewed_by: String,
        /// Reference of the file.
        evidence: String,
    }
}

record! {
    /// A carrier's defence as it reaches one booking. Key: PNR.
    pub struct BookingProof {
        /// PNR locator.
        pnr: Pnr,
        /// The booking's organisation.
        organisation: Organisation,
        /// The defence.
        #[serde(flatten)] proof: CarrierProof,
    }
}
