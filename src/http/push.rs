//! An airline's push over HTTP: how it is, and what has come of it.
//!
//! 404 where there is none: without `push` in an entry of `[[sources.providers]]`, and in a recorded world.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::{Face, absent, judged};

const WITHOUT: &str =
    "no push: it wants `push` in an entry of kind lufthansa under [[sources.providers]] in slipstream.toml, and the live world";

/// `/health/push`: healthy unless it locks us out, or five connections in a row have failed.
pub(super) async fn health(State(face): State<Arc<Face>>) -> Response {
    let Some(push) = face.push.get() else { return absent(WITHOUT) };
    judged(push.is_healthy(), json!({"push": push.report()}))
}
