//! Flights: what sources say, what is true, and what an aircraft brings along.
//!
//!     observation ─► event, state ─► rotation signal

use crate::ids::{Airport, Carrier, Date, Leg, Suffix, Tail};
use crate::{record, symbols};

symbols! {
    /// What happened to a leg. The order is the rank within one instant.
    pub enum FlightKind {
        /// The leg is in the schedule.
        Scheduled = "SCHEDULED",
        /// A tail was assigned, or taken away (`tail` is null).
        Assigned = "ASSIGNED",
        /// A new estimate of departure or arrival.
        Estimated = "ESTIMATED",
        /// Off blocks.
        Out = "OUT",
        /// Take-off.
        Off = "OFF",
        /// Landing.
        On = "ON",
        /// In blocks.
        In = "IN",
        /// The departure is expected or known to be late by 15 minutes or more.
        Delayed = "DELAYED",
        /// Will not operate.
        Cancelled = "CANCELLED",
        /// A cancellation was taken back.
        Reinstated = "REINSTATED",
        /// Landed, or going, elsewhere.
        Diverted = "DIVERTED",
        /// The schedule itself moved.
        Retimed = "RETIMED",
        /// Came back to its gate or airport.
        Returned = "RETURNED",
        /// Two identities turned out to be one leg.
        Merged = "MERGED",
    }
}

symbols! {
    /// Where a leg stands.
    pub enum FlightStatus {
        /// Not yet off blocks.
        Scheduled = "SCHEDULED",
        /// Off blocks.
        Departed = "DEPARTED",
        /// In the air.
        Airborne = "AIRBORNE",
        /// On the ground at the destination.
        Landed = "LANDED",
        /// In blocks: flown.
        Arrived = "ARRIVED",
        /// Cancelled.
        Cancelled = "CANCELLED",
        /// Diverted.
        Diverted = "DIVERTED",
    }
}

record! {
    /// What one source says of one leg, as received and normalised. Key: carrier + number, `LH400`.
    pub struct FlightObservation {
        /// Name of the source, as in the priority table.
        source: String,
        /// The source's own id of the leg; null where it has none.
        source_leg: Option<String>,
        /// What is said.
        kind: FlightKind,
        /// Operating carrier.
        carrier: Carrier,
        /// Flight number without leading zeros.
        number: i32,
        /// Operational suffix.
        suffix: Option<Suffix>,
        /// Local scheduled date at origin, where the source states it.
        date: Option<Date>,
        /// Airport of departure.
        origin: Airport,
        /// Scheduled airport of arrival.
        destination: Airport,
        /// Scheduled off-block, epoch ms.
        scheduled_departure: Option<i64>,
        /// Scheduled in-block, epoch ms.
        scheduled_arrival: Option<i64>,
        /// When it happened, epoch ms; null for plans.
        at: Option<i64>,
        /// Estimated off-block, epoch ms.
        estimated_departure: Option<i64>,
        /// Estimated in-block, epoch ms.
        estimated_arrival: Option<i64>,
        /// Aircraft registration.
        tail: Option<Tail>,
        /// Where a diverted leg went.
        diverted_to: Option<Airport>,
        /// IATA delay or cancellation code (AHM 730), as the airline stated it at that time.
        reason: Option<String>,
        /// The instant is an assumption of the feed, not a fact (`--cancel-lead`).
        assumed: bool,
        /// Flight designator as received, where it is not the operating one, such as `LH9123`.
        designator: Option<String>,
        /// Whose designator that is.
        #[serde(default)] role: DesignatorRole,
        /// What `date` means to the source; UNKNOWN is taken as LEG_LOCAL.
        #[serde(default)] date_meaning: DateMeaning,
        /// Terminal of departure.
        departure_terminal: Option<String>,
        /// Gate of departure.
        departure_gate: Option<String>,
        /// Terminal of arrival.
        arrival_terminal: Option<String>,
        /// Gate or stand of arrival.
        arrival_gate: Option<String>,
        /// Passengers on board or booked, as the source counts them.
        passengers: Option<i32>,
    }
}

impl FlightObservation {
    /// Who says what of which flight, and nothing more.
    #[must_use]
    pub fn of(
        source: &str,
        kind: FlightKind,
        (carrier, number): (Carrier, i32),
        (origin, destination): (Airport, Airport),
    ) -> Self {
        Self {
            source: source.to_owned(),
            source_leg: None,
            kind,
            carrier,
            number,
            suffix: None,
            date: None,
            origin,
            destination,
            scheduled_departure: None,
            scheduled_arrival: None,
            at: None,
            estimated_departure: None,
            estimated_arrival: None,
            tail: None,
            diverted_to: None,
            reason: None,
            assumed: false,
            designator: None,
            role: DesignatorRole::Unknown,
            date_meaning: DateMeaning::Unknown,
            departure_terminal: None,
            departure_gate: None,
            arrival_terminal: None,
            arrival_gate: None,
            passengers: None,
        }
    }
}

symbols! {
    /// Whose number a source uses for a flight.
    pub enum DesignatorRole {
        /// The carrier that flies.
        Operating = "OPERATING",
        /// A carrier that sells seats on it.
        Marketing = "MARKETING",
    }
}

symbols! {
    /// What a source's date of a flight means.
    pub enum DateMeaning {
        /// Local date of this leg's scheduled departure.
        LegLocal = "LEG_LOCAL",
        /// The same in UTC.
        LegUtc = "LEG_UTC",
        /// Local date of the first departure of the whole flight.
        FlightLocal = "FLIGHT_LOCAL",
        /// The same in UTC.
        FlightUtc = "FLIGHT_UTC",
        /// Day of the month only (movement messages), local; the month was filled in by the reader.
        DayLocal = "DAY_LOCAL",
        /// The same in UTC.
        DayUtc = "DAY_UTC",
    }
}

record! {
    /// A marketing number and the flight it is sold on, as a source states it. Key: the marketing designator, `UA8840`.
    pub struct Codeshare {
        /// Name of the source.
        source: String,
        /// Marketing carrier.
        carrier: Carrier,
        /// Marketing flight number.
        number: i32,
        /// Carrier that flies.
        operating_carrier: Carrier,
        /// Its flight number.
        operating_number: i32,
        /// Its operational suffix.
        operating_suffix: Option<Suffix>,
        /// Local date of departure for which it is said; null: every date.
        date: Option<Date>,
        /// Airport of departure.
        origin: Airport,
        /// Airport of arrival.
        destination: Airport,
    }
}

record! {
    /// What a reviewer decided on a conflict of sources. Key: carrier + number, `LH400`.
    pub struct ReviewDecision {
        /// The leg.
        #[serde(flatten)] leg: Leg,
        /// The conflict as `flight.state` names it; one that has changed since is refused.
        conflict: String,
        /// The source whose value is approved.
        approved: String,
        /// Who decided: a user's pseudonymous id.
        reviewer: String,
    }
}

record! {
    /// The reconciled truth about one leg: what changed, and the leg as it now stands. Key: leg, or the key of a repartition.
    pub struct FlightEvent @flat {
        /// The leg.
        #[serde(flatten)] leg: Leg,
        /// What changed.
        kind: FlightKind,
        /// Where the leg now stands.
        status: FlightStatus,
        /// Scheduled off-block, epoch ms.
        scheduled_departure: i64,
        /// Scheduled in-block, epoch ms; null where no source knows it.
        scheduled_arrival: Option<i64>,
        /// When it happened, epoch ms; null for plans.
        at: Option<i64>,
        /// Aircraft registration now assigned.
        tail: Option<Tail>,
        /// Actual, else estimated, off-block minus scheduled; minutes.
        departure_delay_min: Option<i32>,
        /// Actual, else estimated, in-block minus scheduled; minutes.
        arrival_delay_min: Option<i32>,
        /// Estimated off-block, epoch ms.
        estimated_departure: Option<i64>,
        /// Estimated in-block, epoch ms.
        estimated_arrival: Option<i64>,
        /// Actual off-block, epoch ms.
        out_at: Option<i64>,
        /// Take-off, epoch ms.
        off_at: Option<i64>,
        /// Landing, epoch ms.
        on_at: Option<i64>,
        /// Actual in-block, epoch ms.
        in_at: Option<i64>,
        /// Where a diverted leg went.
        diverted_to: Option<Airport>,
        /// Reason code stated at that time.
        reason: Option<String>,
        /// The source that was believed.
        source: String,
        /// The instant is an assumption of the feed.
        assumed: bool,
        /// Counts the changes of this leg from 1; of two snapshots the higher one is the newer.
        revision: i32,
        /// Key of the leg that this one turned out to be (MERGED); null otherwise.
        superseded_by: Option<String>,
    }
}

record! {
    /// A leg's current state with its sync metadata, compacted by leg (S0-12).
    pub struct FlightState {
        /// The leg as its last event left it.
        #[serde(flatten)] last: FlightEvent,
        /// Sources that have spoken of the leg, in alphabetical order.
        sources: Vec<String>,
        /// When a source last spoke, epoch ms.
        last_synced_at: i64,
        /// EXACT_MATCH, CONFLICT or UNVERIFIED.
        sync_status: SyncStatus,
        /// Terminal of departure.
        departure_terminal: Option<String>,
        /// Gate of departure.
        departure_gate: Option<String>,
        /// Terminal of arrival.
        arrival_terminal: Option<String>,
        /// Gate or stand of arrival.
        arrival_gate: Option<String>,
        /// Passengers on board or booked.
        passengers: Option<i32>,
        /// No source has stated a schedule: the leg was opened for a movement that nothing else explained.
        provisional: bool,
        /// Why each field is as it is, where two or more sources have spoken of it.
        provenance: Vec<Provenance>,
        /// Fields on which sources differ or have differed, the newest last.
        conflicts: Vec<FlightConflict>,
    }
}

symbols! {
    /// How differing sources are brought to one value (S0-08..10).
    pub enum ResolutionMode {
        /// The source that stands first in the order of priority.
        Priority = "PRIORITY",
        /// A rule of the field; what differs significantly goes to review.
        Automatic = "AUTOMATIC",
        /// A reviewer decides.
        Manual = "MANUAL",
        /// The source that was right most often, by the trust table.
        Learned = "LEARNED",
    }
}

record! {
    /// Where the value of one field comes from.
    pub struct Provenance {
        /// The field, as `estimated_departure`.
        field: String,
        /// The source that was believed.
        source: String,
        /// When it said so last, epoch ms.
        heard_at: i64,
        /// How it was chosen.
        mode: ResolutionMode,
        /// Why, with the version of the trust table where one was read.
        rule: String,
    }
}

symbols! {
    /// What became of a conflict.
    pub enum ConflictState {
        /// A reviewer is to decide; the last approved value stays.
        UnderReview = "UNDER_REVIEW",
        /// Published by priority all the same, because it is a fact of the flight's progress.
        Disputed = "DISPUTED",
        /// A reviewer has decided.
        Approved = "APPROVED",
        /// Nobody decided in time: by priority.
        Expired = "EXPIRED",
        /// The sources agree again, or the field no longer matters.
        Resolved = "RESOLVED",
        /// What was said cannot be true beside what is known, and lost.
        Impossible = "IMPOSSIBLE",
    }
}

record! {
    /// What one source says of one field.
    pub struct Candidate {
        /// The source.
        source: String,
        /// The value; instants as RFC 3339.
        value: String,
        /// When it was said last, epoch ms.
        heard_at: i64,
    }
}

record! {
    /// Sources that differ on one field.
    pub struct FlightConflict {
        /// Follows from the leg, the field and the values: another value makes another conflict.
        id: String,
        /// The field.
        field: String,
        /// What became of it.
        state: ConflictState,
        /// When the sources first differed so, epoch ms.
        detected_at: i64,
        /// The source whose value is published; null while the last approved value stays.
        selected: Option<String>,
        /// Why.
        rule: String,
        /// What each source says.
        candidates: Vec<Candidate>,
    }
}

symbols! {
    /// How far the sources of one leg agree (S0-12).
    pub enum SyncStatus {
        /// Two or more sources, one story.
        ExactMatch = "EXACT_MATCH",
        /// The sources differ.
        Conflict = "CONFLICT",
        /// One source only.
        Unverified = "UNVERIFIED",
    }
}

record! {
    /// The leg before, on the same tail.
    pub struct Inbound {
        /// Operating carrier.
        carrier: Carrier,
        /// Flight number.
        number: i32,
        /// Operational suffix.
        suffix: Option<Suffix>,
        /// Local scheduled date at its origin.
        date: Date,
        /// Its airport of departure.
        origin: Airport,
        /// Its repeat number.
        repeat: i32,
    }
}

record! {
    /// One turn of one aircraft: how late the leg is and how much of it the aircraft brought along. Key: leg.
    pub struct RotationSignal {
        /// The leg that departs.
        #[serde(flatten)] leg: Leg,
        /// The aircraft; null once the leg has lost it.
        tail: Option<Tail>,
        /// The leg before on that tail; null if there is none that ends here within 24 h.
        inbound: Option<Inbound>,
        /// Minimum turnaround used, minutes.
        turn_min: i32,
        /// Inbound in-block (expected or actual) + minimum turnaround - scheduled departure, minutes.
        push_min: Option<i32>,
        /// Late minutes that the inbound explains.
        reactionary_min: i32,
        /// Late minutes that it does not.
        primary_min: i32,
        /// Actual, else expected, departure delay, minutes; negative when early.
        departure_delay_min: Option<i32>,
        /// Expected or actual off-block, epoch ms.
        expected_departure: Option<i64>,
        /// Expected or actual in-block, epoch ms.
        expected_arrival: Option<i64>,
        /// Legs of the reactionary chain that ends with this leg, this one included; 1 when it continues none.
        chain_length: i32,
        /// The instant of this reading, epoch ms.
        as_of: i64,
        /// No later fact of this leg or its inbound is expected.
        is_final as "final": bool,
        /// The turn counts: inbound known and scheduled 15 to 360 minutes before, so that its delay may be passed on.
        linked: bool,
        /// A data error: the leg, as a key, that had this aircraft elsewhere when this leg left its blocks.
        conflict: Option<String>,
    }
}
