//! What the stage knows of one leg: who said what of each field, and what came of it.

use slipstream_schemas::ids::Leg;
use slipstream_schemas::record;
use slipstream_schemas::records::{
    Candidate, ConflictState, FlightConflict, FlightEvent, FlightKind, FlightState, FlightStatus, Provenance, ResolutionMode,
    SyncStatus,
};
use slipstream_streams::record::derive_id;

use crate::truth::field::{Field, Value};
use crate::truth::rules::{Claimed, FRESH_MS, Setting};

/// Most conflicts of a leg that are remembered; the oldest that is settled makes room.
const CONFLICTS_MAX: usize = 24;
/// Most departures of a leg that are remembered for recognition.
const DEPARTURES_MAX: usize = 16;

record! {
    /// A source that has spoken of the leg.
    pub(crate) struct Speaker {
        /// Its name.
        name: String,
        /// Its own id of the leg.
        leg: Option<String>,
        /// When it spoke last, epoch ms.
        heard_at: i64,
    }
}

record! {
    /// The latest word of one speaker on one field.
    pub(crate) struct Claim {
        /// Number of the [`Field`].
        field: i32,
        /// Place of the speaker.
        speaker: i32,
        /// What is said.
        value: Value,
        /// When it was said last, epoch ms.
        heard_at: i64,
    }
}

record! {
    /// One leg as reconciled.
    pub(crate) struct Known {
        /// The leg as its last event left it.
        last: FlightEvent,
        /// Every scheduled off-block that it has had, epoch ms; a retimed leg is still found by them.
        departures: Vec<i64>,
        /// Who has spoken, in order of their first word.
        speakers: Vec<Speaker>,
        /// The latest word of each on each field.
        claims: Vec<Claim>,
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
        /// No source has stated a schedule.
        provisional: bool,
        /// Terminals, gates and head count, by number of their field.
        details: Vec<Claim>,
        /// Where the fields of which several have spoken come from.
        provenance: Vec<Provenance>,
        /// Conflicts, the newest last.
        conflicts: Vec<FlightConflict>,
    }
}

impl Known {
    /// A leg that nothing is known of but its identity and its departure.
    pub(super) fn open(leg: Leg, departure: i64, provisional: bool) -> Self {
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
            superseded_by: None,
        };
        Self {
            last,
            departures: vec![departure],
            speakers: Vec::new(),
            claims: Vec::new(),
            differing: 0,
            last_synced_at: departure,
            outcome_at: None,
            returned_at: None,
            retimed: false,
            told_delayed: false,
            provisional,
            details: Vec::new(),
            provenance: Vec::new(),
            conflicts: Vec::new(),
        }
    }

    /// Place of a speaker, who is noted at its first word.
    pub(super) fn speaker(&mut self, name: &str, leg: Option<&str>, now: i64) -> usize {
        let place = self.speakers.iter().position(|speaker| speaker.name == name).unwrap_or_else(|| {
            self.speakers.push(Speaker { name: name.to_owned(), leg: None, heard_at: now });
            self.speakers.len() - 1
        });
        let speaker = &mut self.speakers[place];
        speaker.heard_at = now;
        if let (Some(leg), None) = (leg, &speaker.leg) {
            speaker.leg = Some(leg.to_owned());
        }
        place
    }

    /// Whether the leg has been announced, or is about to be in this step.
    pub(super) fn is_told(&self) -> bool {
        !self.last.source.is_empty()
    }

    /// Whether a source has spoken of the leg.
    pub(super) fn has_heard(&self, source: &str) -> bool {
        self.speakers.iter().any(|speaker| speaker.name == source)
    }

    /// What this source calls the leg, if it has named it.
    pub(super) fn named_by(&self, source: &str) -> Option<&str> {
        self.speakers.iter().find(|speaker| speaker.name == source)?.leg.as_deref()
    }

    /// Notes a scheduled departure, for recognition.
    pub(super) fn departs(&mut self, departure: i64) {
        if !self.departures.contains(&departure) {
            if self.departures.len() == DEPARTURES_MAX {
                self.departures.remove(1); // the first one is in the leg's name
            }
            self.departures.push(departure);
        }
    }

    /// Notes a speaker's latest word on a field.
    pub(super) fn claim(&mut self, field: Field, speaker: usize, value: Value, heard_at: i64) {
        let (field, speaker) = (field as i32, speaker as i32);
        let known = self.claims.iter_mut().find(|claim| (claim.field, claim.speaker) == (field, speaker));
        match known {
            Some(claim) => (claim.value, claim.heard_at) = (value, heard_at),
            None => self.claims.push(Claim { field, speaker, value, heard_at }),
        }
    }

    /// What is said of a field.
    pub(super) fn claimed(&self, field: Field) -> Vec<Claimed<'_>> {
        let of_field = self.claims.iter().filter(|claim| claim.field == field as i32);
        let source = |claim: &Claim| self.speakers.get(usize::try_from(claim.speaker).ok()?).map(|speaker| speaker.name.as_str());
        of_field
            .filter_map(|claim| Some(Claimed { source: source(claim)?, value: &claim.value, heard_at: claim.heard_at }))
            .collect()
    }

    /// The leg, for a decision made now.
    pub(super) fn setting(&self, now: i64) -> Setting {
        Setting { operator: self.last.leg.carrier, departure: self.last.scheduled_departure, now }
    }

    /// Nobody has said anything of a field any more.
    pub(super) fn forget(&mut self, field: Field) {
        self.claims.retain(|claim| claim.field != field as i32);
        self.provenance.retain(|origin| origin.field != field.name());
        self.differ(field, false);
        self.settle_conflict(field, ConflictState::Resolved, "no longer of interest");
    }

    /// Notes whether the speakers differ on a field.
    pub(super) fn differ(&mut self, field: Field, differ: bool) {
        self.differing = if differ { self.differing | bit(field) } else { self.differing & !bit(field) };
    }

    /// A terminal, a gate or the head count.
    pub(super) fn detail(&self, field: Field) -> Option<&Value> {
        self.details.iter().find(|detail| detail.field == field as i32).map(|detail| &detail.value)
    }

    /// Takes one of those.
    pub(super) fn set_detail(&mut self, field: Field, value: Value) {
        self.details.retain(|detail| detail.field != field as i32);
        self.details.push(Claim { field: field as i32, speaker: 0, value, heard_at: 0 });
    }

    /// Notes why a field is as it is.
    pub(super) fn explain(&mut self, field: Field, source: &str, heard_at: i64, mode: ResolutionMode, rule: &str) {
        self.provenance.retain(|origin| origin.field != field.name());
        let (field, source, rule) = (field.name().to_owned(), source.to_owned(), rule.to_owned());
        self.provenance.push(Provenance { field, source, heard_at, mode, rule });
        self.provenance.sort_by(|a, b| a.field.cmp(&b.field));
    }

    /// Id of the conflict that `claimed` are: it follows from the leg, the field and who says what.
    pub(super) fn conflict_id(&self, field: Field, claimed: &[Claimed<'_>]) -> String {
        let mut said: Vec<String> =
            claimed.iter().map(|claim| format!("{}={}", claim.source, claim.value.shown(field))).collect();
        said.sort();
        let parts = [self.last.leg.to_string(), field.name().to_owned(), said.join("\0")];
        derive_id(&[b"conflict", parts[0].as_bytes(), parts[1].as_bytes(), parts[2].as_bytes()]).to_string()
    }

    /// The conflict of that id.
    pub(super) fn conflict(&self, id: &str) -> Option<&FlightConflict> {
        self.conflicts.iter().find(|conflict| conflict.id == id)
    }

    /// The field's open conflict, if any.
    pub(super) fn open_conflict(&mut self, field: Field) -> Option<&mut FlightConflict> {
        let open = |state| matches!(state, ConflictState::UnderReview | ConflictState::Disputed);
        self.conflicts.iter_mut().find(|conflict| conflict.field == field.name() && open(conflict.state))
    }

    /// Whether a reviewer has yet to decide on something.
    pub(super) fn is_under_review(&self) -> bool {
        self.conflicts.iter().any(|conflict| conflict.state == ConflictState::UnderReview)
    }

    /// Closes the field's open conflict.
    pub(super) fn settle_conflict(&mut self, field: Field, state: ConflictState, rule: &str) {
        if let Some(conflict) = self.open_conflict(field) {
            (conflict.state, conflict.rule) = (state, rule.to_owned());
        }
    }

    /// Notes a conflict; of a field only one is open.
    pub(super) fn add_conflict(&mut self, conflict: FlightConflict) {
        let by_rule = |state| matches!(state, ConflictState::Resolved | ConflictState::Disputed);
        self.conflicts.retain(|known| known.id != conflict.id && (known.field != conflict.field || !by_rule(known.state)));
        if self.conflicts.len() >= CONFLICTS_MAX {
            let settled = self.conflicts.iter().position(|known| known.state != ConflictState::UnderReview);
            self.conflicts.remove(settled.unwrap_or_default());
        }
        self.conflicts.push(conflict);
    }

    /// How far the speakers agree: those who spoke at most 30 minutes before the last word count.
    pub(super) fn sync_status(&self) -> SyncStatus {
        let newest = self.speakers.iter().map(|speaker| speaker.heard_at).max().unwrap_or_default();
        let fresh = self.speakers.iter().filter(|speaker| speaker.heard_at >= newest - FRESH_MS).count();
        match (fresh, self.differing) {
            (_, differing) if differing != 0 => SyncStatus::Conflict,
            (0 | 1, _) => SyncStatus::Unverified,
            _ => SyncStatus::ExactMatch,
        }
    }

    /// What changes when the state has to be told anew, apart from the event itself.
    pub(super) fn shown(&self) -> Shown {
        let origins = self.provenance.iter().map(|origin| (origin.field.clone(), origin.source.clone(), origin.rule.clone()));
        let conflicts = self.conflicts.iter().map(|conflict| (conflict.id.clone(), conflict.state));
        let details = self.details.iter().map(|detail| (detail.field, detail.value.clone()));
        (self.speakers.len(), self.differing, origins.collect(), conflicts.collect(), details.collect())
    }

    /// The leg as the topic of states shows it.
    pub(super) fn state(&self) -> FlightState {
        let text = |field| self.detail(field).and_then(|value| value.text.clone());
        let mut sources: Vec<String> = self.speakers.iter().map(|speaker| speaker.name.clone()).collect();
        sources.sort();
        FlightState {
            last: self.last.clone(),
            sources,
            last_synced_at: self.last_synced_at,
            sync_status: self.sync_status(),
            departure_terminal: text(Field::DepartureTerminal),
            departure_gate: text(Field::DepartureGate),
            arrival_terminal: text(Field::ArrivalTerminal),
            arrival_gate: text(Field::ArrivalGate),
            passengers: self.detail(Field::Passengers).and_then(|value| value.number?.try_into().ok()),
            provisional: self.provisional,
            provenance: self.provenance.clone(),
            conflicts: self.conflicts.clone(),
        }
    }
}

/// Count of speakers, differing fields, origins of values, conflicts, details.
pub(super) type Shown = (usize, i32, Vec<(String, String, String)>, Vec<(String, ConflictState)>, Vec<(i32, Value)>);

/// The candidates of a conflict as records show them.
pub(super) fn candidates(field: Field, claimed: &[Claimed<'_>]) -> Vec<Candidate> {
    let mut all: Vec<Candidate> = claimed
        .iter()
        .map(|claim| Candidate { source: claim.source.to_owned(), value: claim.value.shown(field), heard_at: claim.heard_at })
        .collect();
    all.sort_by(|a, b| a.source.cmp(&b.source));
    all
}

fn bit(field: Field) -> i32 {
    1 << field as i32
}
