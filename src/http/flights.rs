//! Flight data over HTTP: a leg as the providers know it, and how they are.
//!
//! A stale answer says so; nobody's answer is 502, a leg that nobody knows 404.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};
use slipstream_producers::live::breaker::State as Breaker;
use slipstream_producers::live::desk::{DeskReport, Served, Unanswered};
use slipstream_producers::live::provider::LegQuery;

use super::{Face, absent, judged};

/// Which leg of a flight with several.
#[derive(Debug, Deserialize)]
pub(super) struct Which {
    origin: Option<String>,
}

/// `/api/flights/LH400/2026-11-21?origin=FRA`.
pub(super) async fn leg(
    State(face): State<Arc<Face>>,
    Path((flight, date)): Path<(String, String)>,
    Query(which): Query<Which>,
) -> Response {
    let Some(desk) = &face.desk else { return without_providers() };
    let origin = which.origin.map_or_else(String::new, |origin| format!("/{origin}"));
    let leg: LegQuery = match format!("{flight}/{date}{origin}").parse() {
        Ok(leg) => leg,
        Err(error) => return said(StatusCode::BAD_REQUEST, json!({"error": format!("{error}")})),
    };
    let answer = desk.status(leg).await;
    face.metrics.answered(kind(&answer));
    match answer {
        Ok(served) => said(StatusCode::OK, json!(served)),
        Err(nobody) if nobody.is_unknown() => said(StatusCode::NOT_FOUND, json!({"error": format!("nobody knows {leg}")})),
        Err(nobody) => said(StatusCode::BAD_GATEWAY, json!({"error": nobody.to_string()})),
    }
}

/// What the answer was, for the metrics.
fn kind(answer: &Result<Served, Unanswered>) -> &'static str {
    match answer {
        Ok(served) if served.stale => "stale",
        Ok(served) if served.from_cache => "kept",
        Ok(_) => "fetched",
        Err(nobody) if nobody.is_unknown() => "unknown",
        Err(_) => "nobody",
    }
}

/// `/health/flight-sync`: healthy while somebody can be asked; with the scheduler where legs are synced, and `degraded` where breakers
/// are to be shared and Redis does not answer.
pub(super) async fn health(State(face): State<Arc<Face>>) -> Response {
    let Some(desk) = &face.desk else { return without_providers() };
    let report = desk.report().await;
    let healthy = report.providers.iter().any(|provider| provider.breaker != Breaker::Open);
    let mut body = json!({"circuitBreaker": breakers(&report), "cache": report.cache});
    if let Some(shared) = &face.shared {
        body["degraded"] = json!(shared.is_degraded());
    }
    if let Some(sync) = &face.sync {
        body["scheduler"] = json!(sync.scheduler.status());
        body["lastSync"] = json!(sync.syncer.ledger().last_sync());
    }
    judged(healthy, body)
}

fn breakers(report: &DeskReport) -> BTreeMap<&str, Value> {
    let breaker = |state, failures| json!({"state": state, "failureCount": failures});
    let providers = report.providers.iter();
    providers.map(|one| (one.provider.as_str(), breaker(one.breaker, one.breaker_failures))).collect()
}

fn without_providers() -> Response {
    absent("no providers are configured: [[sources.providers]] in slipstream.toml")
}

fn said(status: StatusCode, body: Value) -> Response {
    (status, Json(body)).into_response()
}
