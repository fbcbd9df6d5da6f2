//! The program's HTTP face: health, metrics, the board as JSON and as a page.
//!
//! | path | answers |
//! |---|---|
//! | `/` | the console |
//! | `/api/board` | the board, JSON |
//! | `/health` | 200 while every shard runs, 503 with the reason otherwise |
//! | `/metrics` | Prometheus text |
//! | `/health/flight-sync` | the providers' breakers and the cache; 503 while every breaker is open; 404 without providers |
//! | `/health/weather` | the same of the providers of weather, and what their rounds have come to |
//! | `/health/firehose` | the stream of flight data; 503 while it is locked out or gone; 404 where there is none |
//! | `/health/push` | the same of an airline's push |
//! | `/api/flights/LH400/2026-11-21` | what the providers know of a leg, and whether it is stale; `?origin=FRA` for one of several legs |
//! | POST `/webhooks/flight-status`, `/api/webhooks/flight-status` | a signed callback; with a secret behind it in the path, an alert of FlightAware's |
//! | POST `/api/flights/sync`, `/api/flights/sync/batch` | asks every provider for a flight, or for many, and publishes what they say |
//! | `/api/conflicts` | conflicts of sources that wait for a reviewer; POST `/api/conflicts/resolve` decides one |
//!
//! `docs/openapi.yaml` describes every path. What is read are snapshots, and what is written goes through the intake: a slow client never holds a stage back.

mod conflicts;
mod firehose;
mod flights;
mod push;
mod sync;
mod weather;
mod webhooks;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{MethodRouter, get, post};
use axum::{Json, Router};
use serde::Serialize;
use serde_json::{Value, json};
use slipstream_producers::live::desk::Desk;
use slipstream_producers::live::firehose::Firehose;
use slipstream_producers::live::push::Push;
use slipstream_producers::live::rounds::Rounds;
use slipstream_producers::live::shared::Shared;
use slipstream_producers::live::stats::ProviderReport;
use slipstream_streams::errors::{ErrorClass, ErrorCounts};
use slipstream_streams::status::{Phase, ShardStatus};

pub(crate) use self::conflicts::ApiToken;
use crate::board::Board;
use crate::conflicts::Conflicts;
use crate::failure::Failure;
use crate::intake::Intake;
use crate::metrics::Metrics;
use crate::source_metrics::{self, Said};
use crate::sync::Sync;
use crate::webhook::Webhooks;

const CONSOLE: &str = include_str!("console.html");

/// Health of the process, as last reported by its parts.
#[derive(Debug, Clone, Default)]
pub(crate) struct Health {
    /// Parts that do not run, with the reason.
    pub(crate) faults: Vec<String>,
}

/// What the pages read.
#[derive(Default)]
pub(crate) struct Face {
    /// The board.
    pub(crate) board: Mutex<Board>,
    /// Health.
    pub(crate) health: Mutex<Health>,
    /// Metrics.
    pub(crate) metrics: Metrics,
    /// Who asks the providers, where some are configured.
    pub(crate) desk: Option<Desk>,
    /// What is shared with other processes.
    pub(crate) shared: Option<Arc<Shared>>,
    /// The way of records from outside into the world, where it is the live one.
    pub(crate) intake: Option<Arc<Intake>>,
    /// Conflicts of sources.
    pub(crate) conflicts: Mutex<Conflicts>,
    /// Who may decide on them.
    pub(crate) api_token: ApiToken,
    /// Who syncs legs with the providers, in the live world.
    pub(crate) sync: Option<Sync>,
    /// Who asks for the weather, in the live world.
    pub(crate) weather: OnceLock<Rounds>,
    /// The stream of flight data, in the live world.
    pub(crate) firehose: OnceLock<Firehose>,
    /// An airline's push, in the live world.
    pub(crate) push: OnceLock<Push>,
    /// The gates of webhooks, where records may come in.
    pub(crate) webhooks: Option<Webhooks>,
}

impl Face {
    /// Takes over what the shards say of themselves.
    pub(crate) fn report(&self, shards: &[ShardStatus]) {
        if let Ok(mut health) = self.health.lock() {
            health.faults = shards.iter().filter_map(fault).collect();
        }
        self.metrics.report(shards);
    }

    /// What the sources say of themselves.
    async fn said(&self) -> Said {
        let mut said = Said::default();
        if let Some(desk) = &self.desk {
            let report = desk.report().await;
            (said.flights, said.cache) = (report.providers, Some(report.cache));
            said.scheduler = self.sync.as_ref().map(|sync| (sync.scheduler.status(), sync.scheduler.coverage()));
        }
        if let Some(stream) = self.firehose.get() {
            said.flights.push(stream.as_provider());
            said.stream = Some(stream.report());
        }
        if let Some(push) = self.push.get() {
            said.flights.push(push.as_provider());
            said.push = Some(push.report());
        }
        if let Some(rounds) = self.weather.get() {
            (said.weather, said.rounds) = (rounds.providers(), Some(rounds.stats()));
        }
        said
    }

    /// Takes over the errors that providers say of themselves.
    fn of_providers(&self, reports: &[ProviderReport]) {
        reports.iter().for_each(|report| self.metrics.met(&format!("provider:{}", report.provider), report.classes));
    }
}

fn fault(shard: &ShardStatus) -> Option<String> {
    match &shard.phase {
        Phase::Waiting(why) | Phase::Failed(why) => Some(format!("{}-{}: {why}", shard.unit, shard.shard)),
        Phase::Joining | Phase::Restoring { .. } | Phase::Running | Phase::Stopped => None,
    }
}

/// Serves until the process ends; returns the address in use.
///
/// # Errors
/// The port is taken.
pub(crate) async fn serve(listen: Option<SocketAddr>, face: Arc<Face>) -> Result<SocketAddr, Failure> {
    let wanted = listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
    let taken = |e: std::io::Error| Failure::dependency(format_args!("{wanted}: {e}; choose another address with --listen"));
    let listener = tokio::net::TcpListener::bind(wanted).await.map_err(taken)?;
    let address = listener.local_addr().map_err(taken)?;
    let app = routes().into_iter().fold(Router::new(), |app, (_, path, answer)| app.route(path, answer));
    let app = app.with_state(face).into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, app).await {
            tracing::error!(%error, "http server ended");
        }
    });
    Ok(address)
}

/// Every path with its method, as `docs/openapi.yaml` describes them.
fn routes() -> Vec<(&'static str, &'static str, MethodRouter<Arc<Face>>)> {
    vec![
        ("get", "/", get(|| async { Html(CONSOLE) })),
        ("get", "/api/board", get(board)),
        ("get", "/health", get(health)),
        ("get", "/metrics", get(metrics)),
        ("get", "/health/flight-sync", get(flights::health)),
        ("get", "/health/weather", get(weather::health)),
        ("get", "/health/firehose", get(firehose::health)),
        ("get", "/health/push", get(push::health)),
        ("get", "/api/flights/{flight}/{date}", get(flights::leg)),
        ("post", "/api/flights/sync", post(sync::one)),
        ("post", "/api/flights/sync/batch", post(sync::many)),
        ("get", "/api/conflicts", get(conflicts::list)),
        ("post", "/api/conflicts/resolve", post(conflicts::resolve)),
        ("post", "/webhooks/flight-status", post(webhooks::callback)),
        ("post", "/api/webhooks/flight-status", post(webhooks::callback)),
        ("post", "/webhooks/flight-status/{token}", post(webhooks::alert)),
        ("post", "/api/webhooks/flight-status/{token}", post(webhooks::alert)),
    ]
}

async fn board(State(face): State<Arc<Face>>) -> Response {
    let Ok(board) = face.board.lock() else { return broken() };
    let mut value = json!(&*board);
    value["chains"] = json!(board.worst_chains());
    Json(value).into_response()
}

async fn health(State(face): State<Arc<Face>>) -> Response {
    let Ok(health) = face.health.lock() else { return broken() };
    judged(health.faults.is_empty(), json!({"faults": health.faults}))
}

/// How something is, and what else is said of it.
#[derive(Serialize)]
struct Judged {
    healthy: bool,
    #[serde(flatten)]
    said: Value,
}

/// 503 where it is not healthy.
fn judged(healthy: bool, said: Value) -> Response {
    let status = if healthy { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    answer(status, Judged { healthy, said })
}

/// 404: this program runs without that, and why.
fn absent(why: &str) -> Response {
    refused(StatusCode::NOT_FOUND, why)
}

/// No, and why.
fn refused(status: StatusCode, why: impl std::fmt::Display) -> Response {
    answer(status, json!({"error": why.to_string()}))
}

fn answer(status: StatusCode, body: impl Serialize) -> Response {
    (status, Json(body)).into_response()
}

async fn metrics(State(face): State<Arc<Face>>) -> Response {
    let said = face.said().await;
    face.of_providers(&said.flights);
    face.of_providers(&said.weather);
    if let Some(rounds) = &said.rounds {
        face.metrics.met("source:weather", ErrorCounts::some(ErrorClass::Validation, rounds.unreadable));
    }
    if let Some(intake) = &face.intake {
        face.metrics.met("intake", intake.errors());
    }
    match face.metrics.text().and_then(|text| Ok(text + &source_metrics::text(&said)?)) {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": error}))).into_response(),
    }
}

/// A thread died while it held the lock: what it left may be half written.
fn broken() -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": "a part of the process died"}))).into_response()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    #[test]
    fn the_openapi_document_has_every_path_and_no_other() {
        let document: Value = serde_yaml_ng::from_str(include_str!("../../docs/openapi.yaml")).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let described =
            document["paths"].as_object().unwrap().iter().flat_map(|(path, methods)| {
                methods.as_object().unwrap().keys().map(move |method| (method.as_str(), path.as_str()))
            });
        let served = routes();
        let served: BTreeSet<(&str, &str)> = served.iter().map(|(method, path, _)| (*method, *path)).collect();
        assert_eq!(described.collect::<BTreeSet<_>>(), served);
        references(&document, &document);
    }

    /// Everything that the document refers to is in it.
    fn references(value: &Value, document: &Value) {
        match value {
            Value::Object(object) => {
                if let Some(to) = object.get("$ref").and_then(Value::as_str) {
                    assert!(document.pointer(to.trim_start_matches('#')).is_some(), "{to}");
                }
                object.values().for_each(|value| references(value, document));
            }
            Value::Array(list) => list.iter().for_each(|value| references(value, document)),
            _ => {}
        }
    }
}
