//! Flight data over HTTP: a leg as the providers know it, and how they are.
//!
//! A stale answer says so; nobody's answer is 502, a leg that nobody knows 404.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use serde_json::{Value, json};
use slipstream_producers::live::breaker::State as Breaker;
use slipstream_producers::live::desk::{DeskReport, Served, Unanswered};
use slipstream_producers::live::provider::LegQuery;

use super::{Face, absent, answer, judged, refused};

const WITHOUT: &str = "no providers are configured: [[sources.providers]] in slipstream.toml";

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
    let Some(desk) = &face.desk else { return absent(WITHOUT) };
    let origin = which.origin.map_or_else(String::new, |origin| format!("/{origin}"));
    let leg: LegQuery = match format!("{flight}/{date}{origin}").parse() {
        Ok(leg) => leg,
        Err(error) => return refused(StatusCode::BAD_REQUEST, error),
    };
    let heard = desk.status(leg).await;
    face.metrics.answered(kind(&heard));
    match heard {
        Ok(served) => answer(StatusCode::OK, served),
        Err(nobody) if nobody.is_unknown() => refused(StatusCode::NOT_FOUND, format_args!("nobody knows {leg}")),
        Err(nobody) => refused(StatusCode::BAD_GATEWAY, nobody),
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
    let Some(desk) = &face.desk else { return absent(WITHOUT) };
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
