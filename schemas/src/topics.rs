//! The topics: their names here, everything else about them in `topics.yaml`.
//!
//!     topics.yaml ─► Catalogue ─► plan(wanted, existing) ─► changes
//!
//! A test holds the names here and the file to each other, and writes the documents that follow from it.

mod catalogue;
mod plan;

pub use self::catalogue::{Catalogue, CatalogueError, Cleanup, Key, TOPICS_YAML, Topic, Visibility, Wanted, World};
pub use self::plan::{Change, Existing, plan, verify};

macro_rules! topics {
    ($($constant:ident = $name:literal;)*) => {
        $(#[doc = concat!("`", $name, "`")] pub const $constant: &str = $name;)*
        /// Every topic of this module.
        pub const ALL: &[&str] = &[$($name),*];
    };
}

topics! {
    FLIGHT_OBSERVATIONS = "flight.observations";
    FLIGHT_UNMATCHED = "flight.unmatched";
    FLIGHT_OBSERVATIONS_IDENTIFIED = "flight.observations.identified";
    REVIEW_DECISIONS = "review.decisions";
    FLIGHT_EVENTS = "flight.events";
    FLIGHT_STATE = "flight.state";
    SYNC_STATUS = "sync.status";
    SOURCE_POSITIONS = "source.positions";
    FLIGHT_EVENTS_BY_AIRCRAFT = "flight.events.by-aircraft";
    FLIGHT_EVENTS_BY_ORGANISATION = "flight.events.by-organisation";
    EXTERNAL_DATA = "external.data";
    ROTATION_SIGNALS = "rotation.signals";
    DISRUPTION_EVENTS = "disruption.events";
    DISRUPTION_BY_LEG = "disruption.by-leg";
    DISRUPTION_BY_PNR = "disruption.by-pnr";
    DISRUPTION_BY_ORGANISATION = "disruption.by-organisation";
    BOOKING_EVENTS = "booking.events";
    BOOKING_BY_LEG = "booking.by-leg";
    BOOKING_BY_ORGANISATION = "booking.by-organisation";
    INVENTORY_EVENTS = "inventory.events";
    BOARDING_EVENTS = "boarding.events";
    CARRIER_PROOFS = "carrier.proofs";
    REACCOMMODATION = "reaccommodation";
    PASSENGER_EVENTS = "passenger.events";
    LIABILITY_BY_LEG = "liability.by-leg";
    LIABILITY_LEGS = "liability.legs";
    LIABILITY_BY_SCOPE = "liability.by-scope";
    LIABILITY_TOTALS = "liability.totals";
    NOTIFICATIONS = "notifications";
    ML_FEATURES = "ml.features";
    ML_PREDICTIONS = "ml.predictions";
    DECISION_AUDIT = "decision.audit";
    SYSTEM_METRICS = "system.metrics";
    DEAD_LETTER_QUEUE = "dead.letter.queue";
    LATE_RECORDS = "late.records";
    IDENTIFY_RETRY = "identify.retry";
    RECONCILE_RETRY = "reconcile.retry";
    ROTATE_RETRY = "rotate.retry";
    DISRUPT_RETRY = "disrupt.retry";
    INDEX_RETRY = "index.retry";
    REACH_RETRY = "reach.retry";
    RECOVER_RETRY = "recover.retry";
    ENTITLE_RETRY = "entitle.retry";
    EXPOSE_RETRY = "expose.retry";
    TOTAL_RETRY = "total.retry";
    NOTIFY_RETRY = "notify.retry";
    CLOCK = "clock";
    PROGRESS = "progress";
}
