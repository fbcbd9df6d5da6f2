//! One leg of a tail, as the stage keeps it, and what was last said of it.

use slipstream_schemas::ids::Leg;
use slipstream_schemas::record;
use slipstream_schemas::records::{FlightEvent, FlightStatus, Inbound};

record! {
    /// A leg on this tail.
    pub(crate) struct Turn {
        /// The leg.
        #[serde(flatten)] leg: Leg,
        /// Revision of the snapshot that the other fields are from.
        revision: i32,
        /// Where it stands.
        status: FlightStatus,
        /// Scheduled off-block, epoch ms.
        scheduled_departure: i64,
        /// Scheduled in-block, epoch ms.
        scheduled_arrival: Option<i64>,
        /// Estimated off-block, epoch ms.
        estimated_departure: Option<i64>,
        /// Estimated in-block, epoch ms.
        estimated_arrival: Option<i64>,
        /// Off-block, epoch ms.
        out_at: Option<i64>,
        /// Take-off, epoch ms.
        off_at: Option<i64>,
        /// Landing, epoch ms.
        on_at: Option<i64>,
        /// In-block, epoch ms.
        in_at: Option<i64>,
        /// Its time was up before its facts came; none is awaited any more.
        closed: bool,
        /// The leg before it has been forgotten; what was said of the turn stands.
        orphan: bool,
        /// What was last said of it.
        told: Option<Reading>,
    }
}

record! {
    /// How a turn reads at one instant; the fields are those of the signal.
    pub(crate) struct Reading {
        /// The leg before.
        inbound: Option<Inbound>,
        /// Minimum turnaround, minutes.
        turn_min: i32,
        /// Minutes by which the turn pushes the leg.
        push_min: Option<i32>,
        /// Late minutes that the inbound explains.
        reactionary_min: i32,
        /// Late minutes that it does not.
        primary_min: i32,
        /// Departure delay, minutes.
        departure_delay_min: Option<i32>,
        /// Off-block, epoch ms.
        expected_departure: Option<i64>,
        /// In-block, epoch ms.
        expected_arrival: Option<i64>,
        /// Legs of the reactionary chain up to this one.
        chain_length: i32,
        /// Nothing more is expected.
        is_final: bool,
        /// The turn counts.
        linked: bool,
        /// The leg that had this aircraft elsewhere.
        conflict: Option<String>,
        /// When it was read, epoch ms.
        as_of: i64,
    }
}

impl Turn {
    /// A leg that is new to the tail.
    pub(super) fn of(event: &FlightEvent) -> Self {
        let mut turn = Self {
            leg: event.leg,
            revision: 0,
            status: FlightStatus::Unknown,
            scheduled_departure: 0,
            scheduled_arrival: None,
            estimated_departure: None,
            estimated_arrival: None,
            out_at: None,
            off_at: None,
            on_at: None,
            in_at: None,
            closed: false,
            orphan: false,
            told: None,
        };
        turn.learn(event);
        turn
    }

    /// Takes over a newer snapshot.
    pub(super) fn learn(&mut self, event: &FlightEvent) {
        self.revision = event.revision;
        self.status = event.status;
        self.scheduled_departure = event.scheduled_departure;
        self.scheduled_arrival = event.scheduled_arrival;
        self.estimated_departure = event.estimated_departure;
        self.estimated_arrival = event.estimated_arrival;
        self.out_at = event.out_at;
        self.off_at = event.off_at;
        self.on_at = event.on_at;
        self.in_at = event.in_at;
    }

    /// Cancelled: it keeps its place, and neither leaves nor arrives.
    pub(super) fn cancelled(&self) -> bool {
        self.status == FlightStatus::Cancelled
    }

    /// No fact of it is awaited any more.
    pub(super) fn ended(&self) -> bool {
        self.closed || self.in_at.is_some() || matches!(self.status, FlightStatus::Cancelled | FlightStatus::Diverted)
    }

    /// Its last signal was final.
    pub(super) fn is_final(&self) -> bool {
        self.told.as_ref().is_some_and(|told| told.is_final)
    }

    /// How the leg after it names it.
    pub(super) fn as_inbound(&self) -> Inbound {
        Inbound {
            carrier: self.leg.carrier,
            number: self.leg.number,
            suffix: self.leg.suffix,
            date: self.leg.date,
            origin: self.leg.origin,
            repeat: self.leg.repeat,
        }
    }
}
