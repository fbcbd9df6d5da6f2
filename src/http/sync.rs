//! The contract's calls of sync over HTTP: one flight, or many (S0-01, S0-03).
//!
//! `POST /api/flights/sync` takes `{"flightNumber","airline","departureDate","departureAirport"?,"arrivalAirport"?}`, and `…/sync/batch`
//! `{"flights":[…]}`. Whoever calls costs the quota of the providers: this wants the token of the other calls that write.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Json;
use axum::extract::{ConnectInfo, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use slipstream_producers::live::sync::request::SyncRequest;

use super::{Face, refused};
use crate::sync::Sync;

/// Many flights.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Batch {
    flights: Vec<SyncRequest>,
}

/// Syncs one flight: 200 with the result, 502 with it when no provider answered.
pub(super) async fn one(
    State(face): State<Arc<Face>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Json(request): Json<SyncRequest>,
) -> Response {
    let sync = match admitted(&face, peer, &headers) {
        Ok(sync) => sync,
        Err((status, error)) => return refused(status, error),
    };
    if let Err(error) = request.query() {
        return refused(StatusCode::BAD_REQUEST, error);
    }
    let result = sync.syncer.sync(&request).await;
    let status = if result.success { StatusCode::OK } else { StatusCode::BAD_GATEWAY };
    (status, Json(result)).into_response()
}

/// Syncs many: 200 with what came of each.
pub(super) async fn many(
    State(face): State<Arc<Face>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    headers: HeaderMap,
    Json(batch): Json<Batch>,
) -> Response {
    match admitted(&face, peer, &headers) {
        Ok(sync) => Json(sync.syncer.batch(batch.flights).await).into_response(),
        Err((status, error)) => refused(status, error),
    }
}

/// Who syncs, for those who may ask for it.
fn admitted<'f>(face: &'f Face, peer: SocketAddr, headers: &HeaderMap) -> Result<&'f Sync, (StatusCode, &'static str)> {
    if !face.api_token.may(peer, headers) {
        return Err((StatusCode::UNAUTHORIZED, "this call wants the token of SLIPSTREAM_API_TOKEN"));
    }
    face.sync.as_ref().ok_or((StatusCode::NOT_FOUND, WITHOUT))
}

const WITHOUT: &str = "nothing is synced here: it wants [[sources.providers]] in slipstream.toml, and the live world";
