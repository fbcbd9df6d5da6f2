//! The stream of flight data over HTTP: how it is, and what has come of it.
//!
//! 404 where there is none: without `kind = "firehose"` among `[[sources.providers]]`, and in a recorded world.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::{Face, absent, judged};

const WITHOUT: &str =
    "no stream: it wants an entry of kind firehose under [[sources.providers]] in slipstream.toml, and the live world";

/// `/health/firehose`: healthy unless it locks us out, or five connections in a row have failed.
pub(super) async fn health(State(face): State<Arc<Face>>) -> Response {
    let Some(firehose) = face.firehose.get() else { return absent(WITHOUT) };
    judged(firehose.is_healthy(), json!({"stream": firehose.report()}))
}
