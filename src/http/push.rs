//! An airline's push over HTTP: how it is, and what has come of it.
//!
//! 404 where there is none: without `push` in an entry of `[[sources.providers]]`, and in a recorded world.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use super::Face;

const WITHOUT: &str =
    "no push: it wants `push` in an entry of kind lufthansa under [[sources.providers]] in slipstream.toml, and the live world";

/// `/health/push`: healthy unless it locks us out, or five connections in a row have failed.
pub(super) async fn health(State(face): State<Arc<Face>>) -> Response {
    let Some(push) = face.push.get() else {
        return (StatusCode::NOT_FOUND, Json(json!({"error": WITHOUT}))).into_response();
    };
    let healthy = push.is_healthy();
    let status = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"healthy": healthy, "push": push.report()}))).into_response()
}
