//! Conflicts of sources over HTTP: what is open, and a reviewer's decision on it (S0-04, S0-10).
//!
//! ```text
//! GET  /api/conflicts          ─► {"open": […], "leftOut": 0}
//! POST /api/conflicts/resolve  {"conflictId": …}                                ─► {"resolved": false, …}: it waits for a reviewer
//!                              {"conflictId": …, "approved": SOURCE, "reviewer": ID}    ─┬─► review.decisions ─► {"resolved": true, "selectedData": …}
//!                              {"conflictId": …, "mode": "PRIORITY", "reviewer": ID}    ─┘   approved: the first source by priority
//! ```
//!
//! AUTOMATIC is answered like MANUAL: a conflict is open because AUTOMATIC has left it to a reviewer.
//!
//! A decision is published first, and answered from `flight.state`: after [`ANSWER_WITHIN`] it is `pending`. Only callers on
//! this machine may decide, or those who know `SLIPSTREAM_API_TOKEN`; the reviewer's id is a pseudonym.

use std::cmp::Reverse;
use std::net::SocketAddr;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use slipstream_processors::truth::sources::Sources;
use slipstream_schemas::records::{Candidate, ConflictState, ReviewDecision};
use slipstream_schemas::topics::REVIEW_DECISIONS;
use slipstream_streams::record::{Record, derive_id};

use super::webhooks::unpublished_status;
use super::{Face, answer, refused};
use crate::commands::providers::clock;
use crate::conflicts::{Conflicts, Open};
use crate::intake;
use crate::webhook::fields::{Fault, Fields};

/// How long an answer waits for what becomes of its decision.
const ANSWER_WITHIN: Duration = Duration::from_millis(400);
/// How often it looks.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// Who decides, in the envelope of a decision.
const SOURCE: &str = "/reviewers";

/// `GET /api/conflicts`.
pub(super) async fn list(State(face): State<Arc<Face>>) -> Response {
    let (open, left_out) = known(&face).open();
    Json(json!({"open": open, "leftOut": left_out})).into_response()
}

/// `POST /api/conflicts/resolve`.
pub(super) async fn resolve(
    State(face): State<Arc<Face>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    body: Result<Json<Value>, JsonRejection>,
) -> Response {
    if !face.api_token.may(peer, &headers) {
        let error = "only callers on this machine decide, or those with the token of this API as `Authorization: Bearer`";
        return answer(StatusCode::UNAUTHORIZED, json!({"error": error, "place": "header", "field": "authorization"}));
    }
    let Ok(Json(body)) = body else {
        return answer(StatusCode::BAD_REQUEST, json!({"error": "a JSON object is expected", "place": "body", "field": ""}));
    };
    match Wanted::read(&body) {
        Ok(wanted) => wanted.resolved(&face).await,
        Err(Fault { field, error }) => {
            answer(StatusCode::UNPROCESSABLE_ENTITY, json!({"error": error, "place": "body", "field": field}))
        }
    }
}

fn known(face: &Face) -> MutexGuard<'_, Conflicts> {
    face.conflicts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Who may decide beside callers on this machine.
#[derive(Default)]
pub(crate) struct ApiToken(Option<crate::webhook::signature::Key>);

impl ApiToken {
    /// Those who know this token; nobody else where it is none.
    pub(crate) fn new(token: Option<String>) -> Self {
        Self(token.and_then(|token| crate::webhook::signature::Key::new(&token)))
    }

    pub(super) fn may(&self, peer: SocketAddr, headers: &HeaderMap) -> bool {
        let Some(ours) = &self.0 else { return peer.ip().to_canonical().is_loopback() };
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
        given.is_some_and(|given| ours.is_of(given))
    }
}

/// What is asked for.
struct Wanted {
    id: String,
    decision: Option<Decision>,
}

/// What a reviewer has decided.
struct Decision {
    /// The source that is approved; none is the first by priority.
    approved: Option<String>,
    reviewer: String,
}

impl Wanted {
    fn read(body: &Value) -> Result<Self, Fault> {
        let body = Fields::of(body)?;
        let id = body.required("conflictId", body.text("conflictId")?)?.to_owned();
        let (mode, approved) = (body.text("mode")?.unwrap_or("MANUAL"), body.text("approved")?);
        if !["MANUAL", "AUTOMATIC", "PRIORITY"].contains(&mode) {
            return Err(body.fault("mode", "MANUAL, AUTOMATIC or PRIORITY is expected"));
        }
        if approved.is_some() && mode != "MANUAL" {
            return Err(body.fault("approved", "only in mode MANUAL: the others choose by themselves"));
        }
        if approved.is_none() && mode != "PRIORITY" {
            return Ok(Self { id, decision: None });
        }
        let reviewer = body.text("reviewer")?.ok_or_else(|| body.fault("reviewer", "missing: who approves?"))?.to_owned();
        Ok(Self { id, decision: Some(Decision { approved: approved.map(str::to_owned), reviewer }) })
    }

    async fn resolved(self, face: &Face) -> Response {
        let open = known(face).find(&self.id);
        let Some(open) = open else { return self.not_open(face) };
        let Some(decision) = &self.decision else {
            return answer(StatusCode::OK, waiting(&self.id, &open));
        };
        let Some(approved) = decision.of(&open) else {
            let error = "none of the sources that differ";
            return answer(StatusCode::UNPROCESSABLE_ENTITY, json!({"error": error, "place": "body", "field": "approved"}));
        };
        let Some(intake) = &face.intake else {
            return refused(StatusCode::NOT_FOUND, "this world takes nothing from outside: it is a recorded one");
        };
        match intake.publish(vec![record(&open, approved, &decision.reviewer)]).await {
            Ok(()) => self.outcome(face, &open).await,
            Err(why) => {
                answer(unpublished_status(why), json!({"resolved": false, "conflictId": self.id, "error": why.to_string()}))
            }
        }
    }

    /// A conflict that is not under review: it was decided, or is another one now.
    fn not_open(&self, face: &Face) -> Response {
        match known(face).decided(&self.id) {
            Some(decided) if self.decision.is_none() => answer(StatusCode::OK, outcome(&self.id, decided)),
            _ => answer(
                StatusCode::CONFLICT,
                json!({"resolved": false, "conflictId": self.id, "error": "not under review, or has changed since"}),
            ),
        }
    }

    async fn outcome(&self, face: &Face, open: &Open) -> Response {
        let until = tokio::time::Instant::now() + ANSWER_WITHIN;
        while tokio::time::Instant::now() < until {
            if let Some(decided) = known(face).decided(&self.id) {
                return answer(StatusCode::OK, outcome(&self.id, decided));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let mut pending = waiting(&self.id, open);
        pending["pending"] = json!(true);
        answer(StatusCode::ACCEPTED, pending)
    }
}

impl Decision {
    /// The source that is approved; none where it is none of those that differ.
    fn of<'a>(&self, open: &'a Open) -> Option<&'a str> {
        let (sources, mut candidates) = (Sources::standard(), open.conflict.candidates.iter());
        let chosen = match &self.approved {
            Some(approved) => candidates.find(|candidate| candidate.source == *approved),
            // As reconcile sorts them: by the table, then the newer word, then the name.
            None => candidates.max_by_key(|Candidate { source, heard_at, .. }| {
                (sources.priority(source, open.leg.carrier), *heard_at, Reverse(source.as_str()))
            }),
        };
        chosen.map(|candidate| candidate.source.as_str())
    }
}

fn record(open: &Open, approved: &str, reviewer: &str) -> Record {
    let leg = open.leg;
    let (conflict, approved, reviewer) = (open.conflict.id.clone(), approved.to_owned(), reviewer.to_owned());
    let id = derive_id(&[SOURCE.as_bytes(), conflict.as_bytes(), approved.as_bytes(), reviewer.as_bytes()]);
    let decision = ReviewDecision { leg, conflict, approved, reviewer };
    intake::record(REVIEW_DECISIONS, &leg.carrier_number(), (SOURCE, id), clock()(), &decision)
}

fn waiting(id: &str, open: &Open) -> Value {
    json!({"resolved": false, "conflictId": id, "state": open.conflict.state, "selectedData": null,
        "leg": open.leg.to_string(), "conflict": open.conflict})
}

fn outcome(id: &str, decided: &Open) -> Value {
    let conflict = &decided.conflict;
    let is_selected = |source: &str| conflict.selected.as_deref() == Some(source);
    let selected = conflict.candidates.iter().find(|candidate| is_selected(&candidate.source));
    let data = selected.map(|selected| json!({"field": conflict.field, "source": selected.source, "value": selected.value}));
    json!({"resolved": conflict.state == ConflictState::Approved, "conflictId": id, "state": conflict.state,
        "selectedData": data, "leg": decided.leg.to_string()})
}
