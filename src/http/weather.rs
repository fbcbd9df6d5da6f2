//! The providers of weather over HTTP: how they are, and what was published of what they sent.
//!
//! 404 where nobody is asked: without `[[weather.providers]]`, and in a recorded world.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use serde_json::json;
use slipstream_producers::live::breaker::State as Breaker;

use super::{Face, absent, judged};

const WITHOUT: &str = "nobody is asked for weather: it wants [[weather.providers]] in slipstream.toml, and the live world";

/// `/health/weather`: healthy while somebody can be asked.
pub(super) async fn health(State(face): State<Arc<Face>>) -> Response {
    let Some(rounds) = face.weather.get() else { return absent(WITHOUT) };
    let providers = rounds.providers();
    let healthy = providers.iter().any(|provider| provider.breaker != Breaker::Open);
    judged(healthy, json!({"providers": providers, "rounds": rounds.stats()}))
}
