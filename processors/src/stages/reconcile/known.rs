//! What the stage knows of one leg, and who said it.

use slipstream_schemas::ids::Leg;
use slipstream_schemas::record;
use slipstream_schemas::records::{FlightEvent, FlightKind, FlightStatus, SyncStatus};

use super::sources::priority;

record! {
    /// A source that has spoken of the leg.
    pub(crate) struct Speaker {
        /// Its name.
        name: String,
        /// Its own id of the leg.
        leg: Option<String>,
    }
}

record! {
    /// One leg as reconciled.
    pub(crate) struct Known {
        /// The leg as its last event left it.
        last: FlightEvent,
        /// Scheduled off-block when first heard of, epoch ms; a retimed leg is still found by it.
        first_departure: i64,
        /// Who has spoken, in order of their first word.
        speakers: Vec<Speaker>,
        /// For each [`Field`], 1 + the place of the speaker that is believed, or 0.
        believed: Vec<i32>,
        /// One bit for each [`Field`] on which speakers differ.
        differing: i32,
        /// When a source last changed something, epoch ms.
        last_synced_at: i64,
        /// When the leg was last cancelled, diverted or reinstated, epoch ms.
        outcome_at: Option<i64>,
        /// When it last came back to its gate, epoch ms; movements up to then no longer count.
        returned_at: Option<i64>,
        /// The schedule moved; a first publication that comes late does not move it back.
        retimed: bool,
        /// DELAYED was said.
        told_delayed: bool,
    }
}

/// What is weighed by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Schedule,
    Tail,
    EstimatedDeparture,
    EstimatedArrival,
    Out,
    Off,
    On,
    In,
    Outcome,
}

/// Count of [`Field`]s.
const FIELDS: usize = 9;

impl Known {
    /// A leg that nothing is known of but its identity and its departure.
    pub(super) fn open(leg: Leg, departure: i64) -> Self {
        let last = FlightEvent {
            leg,
            kind: FlightKind::Unknown,
            status: FlightStatus::Scheduled,
            scheduled_departure: departure,
            scheduled_arrival: None,
            at: None,
            tail: None,
            departure_delay_min: None,
            arrival_delay_min: None,
            estimated_departure: None,
            estimated_arrival: None,
            out_at: None,
            off_at: None,
            on_at: None,
            in_at: None,
            diverted_to: None,
            reason: None,
            source: String::new(),
            assumed: false,
            revision: 0,
        };
        Self {
            last,
            first_departure: departure,
            speakers: Vec::new(),
            believed: vec![0; FIELDS],
            differing: 0,
            last_synced_at: departure,
            outcome_at: None,
            returned_at: None,
            retimed: false,
            told_delayed: false,
        }
    }

    /// Place of a speaker, who is noted at its first word.
    pub(super) fn speaker(&mut self, name: &str, leg: Option<&str>) -> usize {
        let place = self.speakers.iter().position(|speaker| speaker.name == name).unwrap_or_else(|| {
            self.speakers.push(Speaker { name: name.to_owned(), leg: None });
            self.speakers.len() - 1
        });
        if let (Some(leg), None) = (leg, &self.speakers[place].leg) {
            self.speakers[place].leg = Some(leg.to_owned());
        }
        place
    }

    /// Whether a source has spoken of the leg.
    pub(super) fn has_heard(&self, source: &str) -> bool {
        self.speakers.iter().any(|speaker| speaker.name == source)
    }

    /// What this source calls the leg, if it has named it.
    pub(super) fn named_by(&self, source: &str) -> Option<&str> {
        self.speakers.iter().find(|speaker| speaker.name == source)?.leg.as_deref()
    }

    /// Whether `speaker` may set a field: nobody has, or nobody more trusted.
    pub(super) fn believes(&self, field: Field, speaker: usize) -> bool {
        self.holder(field).is_none_or(|holder| holder == speaker || self.trust(speaker) >= self.trust(holder))
    }

    /// `speaker` agrees with what is known of a field.
    pub(super) fn agree(&mut self, field: Field, speaker: usize) {
        if self.holder(field) != Some(speaker) {
            self.differing &= !bit(field);
            if self.believes(field, speaker) {
                self.hold(field, speaker);
            }
        }
    }

    /// `speaker` says otherwise. Whether it is believed.
    pub(super) fn contradict(&mut self, field: Field, speaker: usize) -> bool {
        let others = self.holder(field).is_some_and(|holder| holder != speaker);
        if others {
            self.differing |= bit(field);
        }
        let believed = self.believes(field, speaker);
        if believed {
            self.hold(field, speaker);
        }
        believed
    }

    /// Nobody has said anything of a field any more.
    pub(super) fn forget(&mut self, field: Field) {
        if let Some(holder) = self.believed.get_mut(field as usize) {
            *holder = 0;
        }
        self.differing &= !bit(field);
    }

    fn hold(&mut self, field: Field, speaker: usize) {
        if let Some(holder) = self.believed.get_mut(field as usize) {
            *holder = speaker as i32 + 1;
        }
    }

    fn holder(&self, field: Field) -> Option<usize> {
        let holder = self.believed.get(field as usize).copied().unwrap_or_default();
        usize::try_from(holder - 1).ok().filter(|place| *place < self.speakers.len())
    }

    fn trust(&self, speaker: usize) -> i32 {
        priority(&self.speakers[speaker].name)
    }

    /// Names of the speakers, in alphabetical order.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.speakers.iter().map(|speaker| speaker.name.clone()).collect();
        names.sort();
        names
    }

    /// How far the speakers agree.
    pub(super) fn sync_status(&self) -> SyncStatus {
        match (self.speakers.len(), self.differing) {
            (0 | 1, _) => SyncStatus::Unverified,
            (_, 0) => SyncStatus::ExactMatch,
            _ => SyncStatus::Conflict,
        }
    }
}

fn bit(field: Field) -> i32 {
    1 << field as i32
}
