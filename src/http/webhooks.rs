//! Webhooks over HTTP: a post comes in by its gate, and is answered when it is committed.
//!
//! | answer | means |
//! |---|---|
//! | 202 (callback), 200 (alert) | committed; 200 with `duplicate` when this process has committed it before |
//! | 400, 413, 415, 422 | the request is not what is expected: place and field are named |
//! | 401, 403, 404 | not signed, not from there, or no such gate |
//! | 408 | the body did not arrive in time |
//! | 429, 503 with Retry-After | too many wait; no commit was confirmed in time: to be sent again |
//!
//! The order of the checks is size, content type, authentication, content: nothing of a body is looked at before its sender
//! is known, and what can be refused by its head is not read.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Path, Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use slipstream_streams::intake::NotTaken;

use super::Face;
use crate::commands::providers::clock;
use crate::webhook::signature::{SIGNATURE, TIMESTAMP, Unsigned};
use crate::webhook::{BODY_BYTES_MAX, Delivery, Gate, Refusal, Webhooks};

/// When who was turned away may come again, seconds.
const RETRY_AFTER_S: &str = "1";

/// The general callback.
pub(super) async fn callback(State(face): State<Arc<Face>>, request: Request) -> Response {
    answered(&face, Gate::Callback, taken(&face, None, request).await)
}

/// An alert of FlightAware's: `/webhooks/flight-status/{token}`.
pub(super) async fn alert(
    State(face): State<Arc<Face>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    Path(token): Path<String>,
    request: Request,
) -> Response {
    answered(&face, Gate::Alert, taken(&face, Some((&token, peer.ip())), request).await)
}

/// Why a post is not taken, as it is answered.
struct Refused {
    status: StatusCode,
    place: &'static str,
    field: String,
    error: String,
}

fn refused(status: StatusCode, place: &'static str, field: &str, error: impl std::fmt::Display) -> Refused {
    Refused { status, place, field: field.to_owned(), error: error.to_string() }
}

async fn taken(face: &Face, alert: Option<(&str, IpAddr)>, request: Request) -> Result<Delivery, Refused> {
    let (Some(webhooks), Some(intake)) = (&face.webhooks, &face.intake) else {
        return Err(refused(StatusCode::NOT_FOUND, "path", "", "this world takes nothing from outside: it is a recorded one"));
    };
    let (head, body) = request.into_parts();
    sized(&head.headers)?;
    is_json(&head.headers)?;
    if let Some((token, from)) = alert {
        webhooks.admit(token, from).map_err(unwelcome)?;
    }
    let body = arrived(webhooks, body).await?;
    let now = clock()();
    let delivery = match alert {
        Some(_) => webhooks.alert(&body, now),
        None => webhooks.callback((text(&head.headers, TIMESTAMP), text(&head.headers, SIGNATURE)), &body, now),
    };
    let mut delivery = delivery.map_err(unwelcome)?;
    if !delivery.is_known {
        intake.publish(std::mem::take(&mut delivery.records)).await.map_err(unpublished)?;
        webhooks.note(delivery.id);
    }
    Ok(delivery)
}

fn too_large() -> Refused {
    refused(StatusCode::PAYLOAD_TOO_LARGE, "body", "", format_args!("more than {BODY_BYTES_MAX} bytes"))
}

fn sized(headers: &HeaderMap) -> Result<(), Refused> {
    let Some(length) = text(headers, header::CONTENT_LENGTH.as_str()) else { return Ok(()) };
    let length: u64 = length.parse().map_err(|_| refused(StatusCode::BAD_REQUEST, "header", "content-length", "no number"))?;
    if length > BODY_BYTES_MAX as u64 { Err(too_large()) } else { Ok(()) }
}

fn is_json(headers: &HeaderMap) -> Result<(), Refused> {
    let media = text(headers, header::CONTENT_TYPE.as_str()).unwrap_or_default();
    let name = media.split(';').next().unwrap_or_default().trim();
    if name.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    Err(refused(StatusCode::UNSUPPORTED_MEDIA_TYPE, "header", "content-type", "application/json is expected"))
}

/// The body, if it is not too large and comes in time.
async fn arrived(webhooks: &Webhooks, body: Body) -> Result<Bytes, Refused> {
    let read = tokio::time::timeout(webhooks.timeout, axum::body::to_bytes(body, BODY_BYTES_MAX));
    let late = || refused(StatusCode::REQUEST_TIMEOUT, "body", "", "did not arrive in time");
    // Beyond its limit a body is not read on; one that breaks off reaches nobody with its answer.
    read.await.map_err(|_| late())?.map_err(|_| too_large())
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn unwelcome(refusal: Refusal) -> Refused {
    match refusal {
        Refusal::Closed(variable) => {
            refused(StatusCode::NOT_FOUND, "path", "", format_args!("this gate is closed: {variable} is not set"))
        }
        Refusal::Path => refused(StatusCode::NOT_FOUND, "path", "", "no such gate"),
        Refusal::Network => refused(StatusCode::FORBIDDEN, "address", "", "not a network that this gate is open to"),
        Refusal::Signature(Unsigned(header, error)) => refused(StatusCode::UNAUTHORIZED, "header", header, error),
        Refusal::Syntax(line, column) => {
            refused(StatusCode::BAD_REQUEST, "body", "", format_args!("no JSON from line {line}, column {column} on"))
        }
        Refusal::Body(fault) => refused(StatusCode::UNPROCESSABLE_ENTITY, "body", &fault.field, fault.error),
    }
}

pub(super) fn unpublished_status(why: NotTaken) -> StatusCode {
    match why {
        NotTaken::Busy => StatusCode::TOO_MANY_REQUESTS,
        NotTaken::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        NotTaken::Unconfirmed => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn unpublished(why: NotTaken) -> Refused {
    refused(unpublished_status(why), "server", "", why)
}

fn answered(face: &Face, gate: Gate, outcome: Result<Delivery, Refused>) -> Response {
    let (status, body) = match outcome {
        Ok(delivery) => (success(gate, delivery.is_known), receipt(&delivery)),
        Err(refused) => {
            let Refused { status, place, field, error } = refused;
            (status, json!({"processed": false, "error": error, "place": place, "field": field}))
        }
    };
    face.metrics.webhook(gate.name(), status.as_u16());
    let again = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let retry = again.then_some([(header::RETRY_AFTER, RETRY_AFTER_S)]);
    (status, retry.unwrap_or([(header::CACHE_CONTROL, "no-store")]), Json(body)).into_response()
}

fn success(gate: Gate, is_known: bool) -> StatusCode {
    match gate {
        Gate::Callback if !is_known => StatusCode::ACCEPTED,
        Gate::Callback | Gate::Alert => StatusCode::OK,
    }
}

fn receipt(delivery: &Delivery) -> Value {
    json!({"processed": true, "duplicate": delivery.is_known, "id": delivery.id, "ignored": delivery.ignored})
}
