//! The program's HTTP face: health, metrics, the board as JSON and as a page.
//!
//! | path | answers |
//! |---|---|
//! | `/` | the console |
//! | `/api/board` | the board, JSON |
//! | `/health` | 200 while every shard runs, 503 with the reason otherwise |
//! | `/metrics` | Prometheus text |
//! | `/health/flight-sync` | the providers' breakers and the cache; 503 while every breaker is open; 404 without providers |
//! | `/api/flights/LH400/2026-11-21` | what the providers know of a leg, and whether it is stale; `?origin=FRA` for one of several legs |
//! | POST `/webhooks/flight-status`, `/api/webhooks/flight-status` | a signed callback; with a secret behind it in the path, an alert of FlightAware's |
//!
//! What is read are snapshots, and what is written goes through the intake: a slow client never holds a stage back.

mod flights;
mod webhooks;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;
use slipstream_producers::live::desk::Desk;
use slipstream_streams::status::{Phase, ShardStatus};

use crate::board::Board;
use crate::failure::Failure;
use crate::intake::Intake;
use crate::metrics::Metrics;
use crate::source_metrics;
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
    /// The way of records from outside into the world, where it is the live one.
    pub(crate) intake: Option<Arc<Intake>>,
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
    let app = Router::new()
        .route("/", get(|| async { Html(CONSOLE) }))
        .route("/api/board", get(board))
        .route("/health", get(health))
        .route("/metrics", get(metrics))
        .route("/health/flight-sync", get(flights::health))
        .route("/api/flights/{flight}/{date}", get(flights::leg))
        .route("/webhooks/flight-status", post(webhooks::callback))
        .route("/api/webhooks/flight-status", post(webhooks::callback))
        .route("/webhooks/flight-status/{token}", post(webhooks::alert))
        .route("/api/webhooks/flight-status/{token}", post(webhooks::alert))
        .with_state(face)
        .into_make_service_with_connect_info::<SocketAddr>();
    tokio::spawn(async move {
        if let Err(error) = axum::serve(listener, app).await {
            tracing::error!(%error, "http server ended");
        }
    });
    Ok(address)
}

async fn board(State(face): State<Arc<Face>>) -> Response {
    let Ok(board) = face.board.lock() else { return broken() };
    let mut value = json!(&*board);
    value["chains"] = json!(board.worst_chains());
    Json(value).into_response()
}

async fn health(State(face): State<Arc<Face>>) -> Response {
    let Ok(health) = face.health.lock() else { return broken() };
    let status = if health.faults.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({"healthy": health.faults.is_empty(), "faults": health.faults}))).into_response()
}

async fn metrics(State(face): State<Arc<Face>>) -> Response {
    let of_sources = match &face.desk {
        Some(desk) => source_metrics::text(&desk.report().await),
        None => Ok(String::new()),
    };
    match face.metrics.text().and_then(|text| Ok(text + &of_sources?)) {
        Ok(text) => ([(header::CONTENT_TYPE, "text/plain; version=0.0.4")], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": error}))).into_response(),
    }
}

/// A thread died while it held the lock: what it left may be half written.
fn broken() -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({"error": "a part of the process died"}))).into_response()
}
