//! Every record that stands on a topic, and the one list that ranks the record types.
//!
//!     observation ─► event, state ─► rotation signal ─► disruption ─► by booking ─► re-accommodation ─► decision ─► notice
//!
//! A record type (CloudEvents `ce_type`) is finer than a schema: the kinds of one schema are types of their
//! own, because rank, the order in which a stage takes records of one instant, depends on the kind.
//! Instants are epoch milliseconds UTC, minutes are whole and signed, money is integer minor units.

use crate::ids::{Airport, Carrier, Currency, Date, Leg, Organisation, Passenger, Pnr, Suffix, Tail};
use crate::wire::Wire;
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

symbols! {
    /// What kind of disruption.
    pub enum Pattern {
        /// Departure or arrival late by 15 minutes or more.
        Delay = "DELAY",
        /// Late because the aircraft is late.
        ReactionaryDelay = "REACTIONARY_DELAY",
        /// Will not operate.
        Cancellation = "CANCELLATION",
        /// Lands elsewhere.
        Diversion = "DIVERSION",
        /// A connection is expected to break.
        MissedConnection = "MISSED_CONNECTION",
    }
}

symbols! {
    /// Where a disruption stands in its life.
    pub enum Phase {
        /// First seen.
        Opened = "OPENED",
        /// Changed.
        Updated = "UPDATED",
        /// Over: the outcome is known, or it did not come to pass.
        Resolved = "RESOLVED",
    }
}

symbols! {
    /// How bad.
    pub enum Severity {
        /// 15 minutes or more.
        Low = "LOW",
        /// 60 minutes or more.
        High = "HIGH",
        /// Cancelled, diverted, or 180 minutes or more.
        Critical = "CRITICAL",
    }
}

record! {
    /// One cause of a disruption.
    pub struct Cause {
        /// What: `late_inbound`, `airline`, `weather`, `atc`, `airport`, `security`, `unknown`.
        kind: String,
        /// Share in percent; the shares of one disruption add up to 100.
        share: i32,
        /// Minutes explained.
        minutes: Option<i32>,
        /// Ids of the events that show it.
        evidence: Vec<String>,
    }
}

record! {
    /// A disruption of one leg. On `disruption.events` and, for the stages that follow, on `disruption.by-leg`.
    pub struct Disruption @flat {
        /// Id, the same through its whole life.
        disruption: String,
        /// `leg`, or `connection` for a pair of legs.
        scope: String,
        /// The leg.
        #[serde(flatten)] leg: Leg,
        /// Current pattern.
        pattern: Pattern,
        /// Where it stands in its life.
        phase: Phase,
        /// How bad.
        severity: Severity,
        /// Ranked, largest share first.
        causes: Vec<Cause>,
        /// 0 to 100; 100 once the fact is known.
        confidence: i32,
        /// Operating carrier's reason code, where stated.
        reason: Option<String>,
        /// Scheduled off-block, epoch ms.
        scheduled_departure: i64,
        /// Scheduled in-block, epoch ms.
        scheduled_arrival: Option<i64>,
        /// Expected or actual off-block, epoch ms; null when cancelled.
        expected_departure: Option<i64>,
        /// Expected or actual in-block, epoch ms; null when cancelled or unknown.
        expected_arrival: Option<i64>,
        /// In-block is a fact.
        arrived: bool,
        /// The second leg of a broken connection, as a leg key.
        onward: Option<String>,
        /// Passengers concerned, where the stage knows them.
        passengers: Option<i32>,
    }
}

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

symbols! {
    /// What a passenger event says.
    pub enum PassengerKind {
        /// What the law owes: a [`RightsDecision`].
        RightsDecision = "RIGHTS_DECISION",
        /// Meals, communication, hotel or transport are due now.
        CareDue = "CARE_DUE",
        /// Rebooked.
        Rebooked = "REBOOKED",
        /// No seat was found.
        Unplaceable = "UNPLACEABLE",
        /// Refund or re-routing may be chosen.
        ChoiceOffered = "CHOICE_OFFERED",
        /// The passenger's flight is disrupted.
        Disrupted = "DISRUPTED",
        /// The disruption is over.
        Resolved = "RESOLVED",
    }
}

record! {
    /// Care that is due, by kind (Article 9).
    pub struct Care {
        /// Meals and refreshments.
        meals: Option<bool>,
        /// Two calls or messages.
        communications: Option<bool>,
        /// Hotel.
        hotel: Option<bool>,
        /// Transport between airport and hotel.
        transport: Option<bool>,
    }
}

record! {
    /// One step of a decision's proof.
    pub struct RuleApplied {
        /// Rule id.
        id: String,
        /// The fact it read.
        fact: String,
        /// What followed.
        effect: String,
    }
}

record! {
    /// What the law owes one passenger, with its proof (keys of the rights case format).
    pub struct Rights @flat {
        /// Case id.
        id: String,
        /// eligible, not_eligible, out_of_scope, downgrade_refund, undetermined.
        decision: String,
        /// EU261, UK261, NONE.
        regime: String,
        /// Other regimes whose scope is met.
        also_applicable: Vec<String>,
        /// Rule set name@effective date.
        ruleset: String,
        /// Article 7 sum payable; null when undetermined.
        eligible: Option<bool>,
        /// Whole currency units.
        amount: Option<i64>,
        /// Currency of the amount.
        currency: Option<String>,
        /// 0 or 50.
        reduction_percent: Option<i32>,
        /// Minutes at the final destination.
        arr_delay_min: Option<i32>,
        /// Great circle, kilometres.
        distance_km: Option<i32>,
        /// Care due.
        care: Care,
        /// Refund may be chosen.
        refund_right: Option<bool>,
        /// Re-routing may be chosen.
        reroute_right: Option<bool>,
        /// Carrier that owes it.
        liable_carrier: Option<String>,
        /// Facts that would change the answer.
        missing: Vec<String>,
        /// The proof, in order of application.
        rules: Vec<RuleApplied>,
        /// provisional or final.
        status: String,
    }
}

record! {
    /// What happened to one passenger, or is owed. Key: PNR.
    pub struct PassengerEvent {
        /// PNR locator.
        pnr: Pnr,
        /// Passenger.
        passenger: Passenger,
        /// What it says.
        kind: PassengerKind,
        /// The disruption behind it.
        disruption: String,
        /// The touched leg, as a leg key.
        leg: String,
        /// New itinerary; empty for the other kinds.
        segments: Vec<Segment>,
        /// Short reason.
        reason: String,
        /// Language for notices.
        language: String,
        /// Channel for notices.
        channel: String,
        /// Sealed contact.
        contact: Option<String>,
        /// Expected off-block of the touched leg, epoch ms; null when cancelled or unknown.
        expected_departure: Option<i64>,
        /// Care that is due now; null for the other kinds.
        care: Option<Care>,
    }
}

record! {
    /// The law's answer for one passenger, revised until final. Key: PNR.
    pub struct RightsDecision {
        /// PNR locator.
        pnr: Pnr,
        /// Passenger.
        passenger: Passenger,
        /// RIGHTS_DECISION.
        kind: PassengerKind,
        /// The disruption behind it.
        disruption: String,
        /// The touched leg, as a leg key.
        leg: String,
        /// The decision with its proof.
        #[serde(flatten)] rights: Rights,
        /// Language for notices.
        language: String,
        /// Channel for notices.
        channel: String,
        /// Sealed contact.
        contact: Option<String>,
    }
}

record! {
    /// What to tell whom, by which channel. Key: passenger.
    pub struct Notification {
        /// Passenger.
        passenger: Passenger,
        /// PNR locator.
        pnr: Pnr,
        /// email or sms.
        channel: String,
        /// Template name.
        template: String,
        /// Language of the text.
        language: String,
        /// Why the passenger is told: the fact.
        reason: String,
        /// The text, without personal data.
        text: String,
        /// Sealed contact.
        contact: Option<String>,
    }
}

record! {
    /// One automatic choice: what went in, what decided, what else was possible. Key: subject.
    pub struct Audit {
        /// Leg key, PNR or passenger.
        subject: String,
        /// Stage that chose.
        stage: String,
        /// What was chosen.
        decision: String,
        /// Rule set or model with its version.
        rule: String,
        /// Facts, `name=value`.
        inputs: Vec<String>,
        /// What else was possible, and why not.
        alternatives: Vec<String>,
    }
}

record! {
    /// A weather report or forecast as received. Key: airport.
    pub struct WeatherReport {
        /// Airport.
        airport: Airport,
        /// METAR, SPECI, TAF or SIGMET.
        kind: String,
        /// Time of observation or issue, epoch ms.
        observed_at: i64,
        /// The report's text.
        raw: String,
    }
}

record! {
    /// A record that a stage refused, or that came too late. Key: the record's key.
    pub struct DeadLetter {
        /// Short machine-readable reason.
        reason: String,
        /// Stage that refused it.
        stage: String,
        /// Topic it came from.
        topic: String,
        /// Partition it came from.
        partition: i32,
        /// Offset it came from.
        offset: i64,
        /// What was wrong, with the field.
        error: String,
        /// The record's value, base64.
        value: Option<String>,
        /// Type of the refused record, where known.
        record_type: Option<String>,
        /// Times it was handed in again.
        redeliveries: i32,
    }
}

record! {
    /// An offset of one partition.
    pub struct Position {
        /// Topic.
        topic: String,
        /// Partition.
        partition: i32,
        /// Offset after the last record meant.
        offset: i64,
    }
}

record! {
    /// A task's or source's promise: everything stamped before `progress` is written. Key: writer and partition.
    pub struct Progress {
        /// Stage or `source:NAME`.
        writer: String,
        /// The task's input partition; 0 for a source.
        partition: i32,
        /// Epoch ms; the largest long means for ever.
        progress: i64,
        /// Last offset written, by partition.
        written: Vec<Position>,
        /// Read up to, by partition: records below `progress` before these positions are done.
        read: Vec<Position>,
        /// A source's position in its input, in records.
        position: i64,
    }
}

record! {
    /// A world's declaration, on `progress` under the key `world`. Sources that are to write, and its first instant.
    pub struct World {
        /// Source names.
        sources: Vec<String>,
        /// First instant, epoch ms.
        start: i64,
        /// `live` or `recorded`.
        time: String,
    }
}

record! {
    /// One tick of the live clock. One partition, one a second.
    pub struct Tick {
        /// Wall clock, epoch ms.
        at: i64,
    }
}

/// Where a record type stands in the one list; also its number inside a process.
pub type Rank = u16;

/// One record type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TypeSpec {
    /// CloudEvents type.
    pub name: &'static str,
    /// Avro record that carries it, without namespace.
    pub schema: &'static str,
}

const fn of(name: &'static str, schema: &'static str) -> TypeSpec {
    TypeSpec { name, schema }
}

/// Every record type in rank order: at one instant a stage takes them in this order.
pub const TYPES: &[TypeSpec] = &[
    of("flight.observed.scheduled", "FlightObservation"),
    of("flight.observed.assigned", "FlightObservation"),
    of("flight.observed.estimated", "FlightObservation"),
    of("flight.observed.out", "FlightObservation"),
    of("flight.observed.off", "FlightObservation"),
    of("flight.observed.on", "FlightObservation"),
    of("flight.observed.in", "FlightObservation"),
    of("flight.observed.delayed", "FlightObservation"),
    of("flight.observed.cancelled", "FlightObservation"),
    of("flight.observed.reinstated", "FlightObservation"),
    of("flight.observed.diverted", "FlightObservation"),
    of("flight.observed.retimed", "FlightObservation"),
    of("flight.observed.returned", "FlightObservation"),
    of("flight.observed.merged", "FlightObservation"),
    of("flight.scheduled", "FlightEvent"),
    of("flight.assigned", "FlightEvent"),
    of("flight.estimated", "FlightEvent"),
    of("flight.out", "FlightEvent"),
    of("flight.off", "FlightEvent"),
    of("flight.on", "FlightEvent"),
    of("flight.in", "FlightEvent"),
    of("flight.delayed", "FlightEvent"),
    of("flight.cancelled", "FlightEvent"),
    of("flight.reinstated", "FlightEvent"),
    of("flight.diverted", "FlightEvent"),
    of("flight.retimed", "FlightEvent"),
    of("flight.returned", "FlightEvent"),
    of("flight.merged", "FlightEvent"),
    of("flight.state", "FlightState"),
    of("weather.reported", "WeatherReport"),
    of("rotation.updated", "RotationSignal"),
    of("booking.created", "Booking"),
    of("booking.modified", "Booking"),
    of("booking.cancelled", "Booking"),
    of("inventory.updated", "Inventory"),
    of("disruption.opened", "Disruption"),
    of("disruption.updated", "Disruption"),
    of("disruption.resolved", "Disruption"),
    of("booking.disrupted", "BookingDisruption"),
    of("booking.reaccommodated", "Reaccommodation"),
    of("passenger.disrupted", "PassengerEvent"),
    of("passenger.care.due", "PassengerEvent"),
    of("passenger.choice.offered", "PassengerEvent"),
    of("passenger.rebooked", "PassengerEvent"),
    of("passenger.unplaceable", "PassengerEvent"),
    of("passenger.rights.decided", "RightsDecision"),
    of("passenger.resolved", "PassengerEvent"),
    of("notification.requested", "Notification"),
    of("decision.audited", "Audit"),
    of("record.refused", "DeadLetter"),
    of("progress", "Progress"),
    of("world", "World"),
    of("clock.tick", "Tick"),
];

/// The rank of a type by name.
#[must_use]
pub const fn rank_of(name: &str) -> Option<Rank> {
    let mut rank = 0;
    while rank < TYPES.len() {
        if same(TYPES[rank].name.as_bytes(), name.as_bytes()) {
            return Some(rank as Rank);
        }
        rank += 1;
    }
    None
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let mut i = 0;
    while i < a.len() {
        if a[i] != b[i] {
            return false;
        }
        i += 1;
    }
    true
}

/// A rank known at compile time; a name that is not in [`TYPES`] does not compile.
#[expect(clippy::panic, reason = "evaluated at compile time only")]
const fn rank(name: &str) -> Rank {
    match rank_of(name) {
        Some(rank) => rank,
        None => panic!("no such record type"),
    }
}

/// A record that stands on a topic.
pub trait Message: Wire + serde::Serialize {
    /// Name of the Avro record, without namespace.
    const SCHEMA: &'static str;
    /// The record's type.
    fn rank(&self) -> Rank;
}

macro_rules! message {
    ($($name:ident => |$value:ident| $rank:expr;)*) => {
        $(impl Message for $name {
            const SCHEMA: &'static str = stringify!($name);
            fn rank(&self) -> Rank {
                let $value = self;
                $rank
            }
        })*
        /// The generated schema of every record that stands on a topic, by name.
        #[must_use]
        pub fn schemas() -> Vec<(&'static str, serde_json::Value)> {
            vec![$((stringify!($name), <$name as Wire>::schema(&mut std::collections::BTreeSet::new()))),*]
        }

        /// The plain JSON of a record's bytes, written to `out` (unions unwrapped, enums as text).
        ///
        /// # Errors
        /// Bytes that are not of that schema.
        pub fn write_json(schema: &str, body: &[u8], out: &mut Vec<u8>) -> Result<(), crate::wire::WireError> {
            match schema {
                $(stringify!($name) => {
                    let record = <$name as Wire>::from_bytes(body)?;
                    serde_json::to_writer(out, &record).map_err(|e| crate::wire::WireError::Invalid(e.to_string(), "JSON value"))
                })*
                _ => Err(crate::wire::WireError::Invalid(schema.to_owned(), "schema name")),
            }
        }

        /// The type of a record by its body, which is read to its end.
        ///
        /// # Errors
        /// Bytes that are not of that schema.
        pub fn rank_of_body(schema: &str, body: &[u8]) -> Result<Rank, crate::wire::WireError> {
            match schema {
                $(stringify!($name) => <$name as Wire>::from_bytes(body).map(|record| record.rank()),)*
                _ => Err(crate::wire::WireError::Invalid(schema.to_owned(), "schema name")),
            }
        }

        /// The bytes of a record given as plain JSON.
        ///
        /// # Errors
        /// JSON that is not of that schema.
        pub fn from_json(schema: &str, json: &str) -> Result<(Rank, Vec<u8>), crate::wire::WireError> {
            match schema {
                $(stringify!($name) => {
                    let record: $name = serde_json::from_str(json).map_err(|e| crate::wire::WireError::Invalid(e.to_string(), "JSON record"))?;
                    Ok((record.rank(), record.to_bytes()))
                })*
                _ => Err(crate::wire::WireError::Invalid(schema.to_owned(), "schema name")),
            }
        }
    };
}

/// Kinds of one schema stand side by side in [`TYPES`]; the first is that of kind 1, `Unknown` has none.
fn by_kind(first: Rank, kind: usize) -> Rank {
    first + kind.max(1) as Rank - 1
}

message! {
    FlightObservation => |r| by_kind(const { rank("flight.observed.scheduled") }, r.kind as usize);
    FlightEvent => |r| by_kind(const { rank("flight.scheduled") }, r.kind as usize);
    FlightState => |_r| const { rank("flight.state") };
    WeatherReport => |_r| const { rank("weather.reported") };
    RotationSignal => |_r| const { rank("rotation.updated") };
    Booking => |r| by_kind(const { rank("booking.created") }, r.kind as usize);
    Inventory => |_r| const { rank("inventory.updated") };
    Disruption => |r| by_kind(const { rank("disruption.opened") }, r.phase as usize);
    BookingDisruption => |_r| const { rank("booking.disrupted") };
    Reaccommodation => |_r| const { rank("booking.reaccommodated") };
    PassengerEvent => |r| match r.kind {
        PassengerKind::Unknown | PassengerKind::RightsDecision | PassengerKind::Disrupted => const { rank("passenger.disrupted") },
        PassengerKind::CareDue => const { rank("passenger.care.due") },
        PassengerKind::ChoiceOffered => const { rank("passenger.choice.offered") },
        PassengerKind::Rebooked => const { rank("passenger.rebooked") },
        PassengerKind::Unplaceable => const { rank("passenger.unplaceable") },
        PassengerKind::Resolved => const { rank("passenger.resolved") },
    };
    RightsDecision => |_r| const { rank("passenger.rights.decided") };
    Notification => |_r| const { rank("notification.requested") };
    Audit => |_r| const { rank("decision.audited") };
    DeadLetter => |_r| const { rank("record.refused") };
    Progress => |_r| const { rank("progress") };
    World => |_r| const { rank("world") };
    Tick => |_r| const { rank("clock.tick") };
}
