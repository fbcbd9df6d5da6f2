//! The whole graph on one page.
//!
//! Cut into two fixed units of deployment, `flights` and `people`; a process runs whole units.

use std::collections::BTreeMap;
use std::sync::Arc;

use slipstream_schemas::topics as t;
use slipstream_streams::processor::Processor;
use slipstream_streams::record::Topic;
use slipstream_streams::topology::{Stage, Topology};

use crate::stages;
use crate::truth::rules::Rules;

/// One row of the pipeline.
pub struct Row {
    /// A verb.
    pub name: &'static str,
    /// Unit of deployment.
    pub unit: &'static str,
    /// Key of all its inputs.
    pub key: &'static str,
    /// Topics read.
    pub reads: &'static [Topic],
    /// Topics written.
    pub writes: &'static [Topic],
    /// Stores, in the order of the ids that the stage uses.
    pub stores: &'static [&'static str],
    /// Makes the processor.
    pub make: fn() -> Box<dyn Processor>,
}

/// Every stage, in topological order.
pub const PIPELINE: &[Row] = &[
    Row {
        name: "identify",
        unit: "flights",
        key: "designator",
        reads: &[t::FLIGHT_UNMATCHED],
        writes: &[t::FLIGHT_OBSERVATIONS_IDENTIFIED],
        stores: &["pairs", "held"],
        make: || Box::<stages::identify::Identify>::default(),
    },
    Row {
        name: "reconcile",
        unit: "flights",
        key: "carrier-number",
        reads: &[t::FLIGHT_OBSERVATIONS, t::FLIGHT_OBSERVATIONS_IDENTIFIED, t::REVIEW_DECISIONS],
        writes: &[
            t::FLIGHT_EVENTS,
            t::FLIGHT_STATE,
            t::FLIGHT_EVENTS_BY_AIRCRAFT,
            t::FLIGHT_EVENTS_BY_ORGANISATION,
            t::DECISION_AUDIT,
        ],
        stores: &["legs", "held", "seen"],
        make: || Box::<stages::reconcile::Reconcile>::default(),
    },
    Row {
        name: "rotate",
        unit: "flights",
        key: "aircraft",
        reads: &[t::FLIGHT_EVENTS_BY_AIRCRAFT],
        writes: &[t::ROTATION_SIGNALS],
        stores: &["legs"],
        make: || Box::<stages::rotate::Rotate>::default(),
    },
    Row {
        name: "disrupt",
        unit: "flights",
        key: "leg",
        reads: &[t::FLIGHT_EVENTS, t::ROTATION_SIGNALS],
        writes: &[t::DISRUPTION_EVENTS, t::DISRUPTION_BY_LEG],
        stores: &["legs"],
        make: || Box::<stages::disrupt::Disrupt>::default(),
    },
    Row {
        name: "index",
        unit: "people",
        key: "PNR",
        reads: &[t::BOOKING_EVENTS],
        writes: &[t::BOOKING_BY_LEG, t::BOOKING_BY_ORGANISATION],
        stores: &["bookings"],
        make: || Box::<stages::index::Index>::default(),
    },
    Row {
        name: "reach",
        unit: "people",
        key: "leg",
        reads: &[t::DISRUPTION_BY_LEG, t::BOOKING_BY_LEG, t::CARRIER_PROOFS],
        writes: &[t::DISRUPTION_BY_PNR, t::DISRUPTION_BY_ORGANISATION, t::DISRUPTION_EVENTS],
        stores: &["bookings", "disruptions"],
        make: || Box::<stages::reach::Reach>::default(),
    },
    Row {
        name: "recover",
        unit: "people",
        key: "organisation",
        reads: &[
            t::DISRUPTION_BY_ORGANISATION,
            t::BOOKING_BY_ORGANISATION,
            t::INVENTORY_EVENTS,
            t::FLIGHT_EVENTS_BY_ORGANISATION,
        ],
        writes: &[t::REACCOMMODATION, t::DECISION_AUDIT],
        stores: &["bookings", "legs", "parties", "pending"],
        make: || Box::<stages::recover::Recover>::default(),
    },
    Row {
        name: "entitle",
        unit: "people",
        key: "PNR",
        reads: &[t::DISRUPTION_BY_PNR, t::BOOKING_EVENTS, t::BOARDING_EVENTS, t::REACCOMMODATION],
        writes: &[t::PASSENGER_EVENTS, t::DECISION_AUDIT, t::LIABILITY_BY_LEG],
        stores: &["bookings", "cases"],
        make: || Box::<stages::entitle::Entitle>::default(),
    },
    Row {
        name: "expose",
        unit: "people",
        key: "leg",
        reads: &[t::LIABILITY_BY_LEG],
        writes: &[t::LIABILITY_LEGS, t::LIABILITY_BY_SCOPE],
        stores: &["journeys", "told"],
        make: || Box::<stages::expose::Expose>::default(),
    },
    Row {
        name: "total",
        unit: "people",
        key: "scope",
        reads: &[t::LIABILITY_BY_SCOPE],
        writes: &[t::LIABILITY_TOTALS],
        stores: &["legs", "sums"],
        make: || Box::<stages::total::Total>::default(),
    },
    Row {
        name: "notify",
        unit: "people",
        key: "PNR",
        reads: &[t::PASSENGER_EVENTS],
        writes: &[t::NOTIFICATIONS],
        stores: &["told"],
        make: || Box::<stages::notify::Notify>::default(),
    },
];

/// The pipeline with other rules of truth than those of this version: other modes, or trust tables.
#[must_use]
pub fn topology_by(rules: &Arc<Rules>, partitions: BTreeMap<Topic, i32>) -> Topology {
    let mut topology = topology(partitions);
    for stage in topology.stages.iter_mut().filter(|stage| stage.name == "reconcile") {
        let rules = Arc::clone(rules);
        stage.make = Arc::new(move || Box::new(stages::reconcile::Reconcile::by(Arc::clone(&rules))));
    }
    topology
}

/// The pipeline as the runtime runs it, with the partition count of every topic.
#[must_use]
pub fn topology(partitions: BTreeMap<Topic, i32>) -> Topology {
    let stage = |row: &Row| {
        let make = row.make;
        Stage { name: row.name, unit: row.unit, reads: row.reads, writes: row.writes, stores: row.stores, make: Arc::new(make) }
    };
    Topology {
        stages: PIPELINE.iter().map(stage).collect(),
        partitions,
        dead_letters: t::DEAD_LETTER_QUEUE,
        late: t::LATE_RECORDS,
        progress: t::PROGRESS,
    }
}
