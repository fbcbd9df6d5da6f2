//! Disruptions of legs and connections, from opened to resolved.

use crate::ids::Leg;
use crate::{record, symbols};

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
