//! The registry's routes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, Query, State},
    http::{StatusCode, header::CONTENT_TYPE},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use super::{
    Refusal, Registry,
    compatibility::Level,
    store::{Offered, Wanted},
};

/// Largest request.
const BODY_MAX: usize = 1 << 20;
/// Confluent's media type.
const MEDIA_TYPE: &str = "application/vnd.schemaregistry.v1+json";

type Shared = Arc<Mutex<Registry>>;
type Answer = Result<Json, Refusal>;

/// An answer under Confluent's media type.
struct Json(Value);

impl IntoResponse for Json {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, MEDIA_TYPE)], self.0.to_string()).into_response()
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let status = u16::try_from(self.code / 100).ok().and_then(|code| StatusCode::from_u16(code).ok());
        let body = Json(json!({"error_code": self.code, "message": self.message}));
        (status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), body).into_response()
    }
}

fn answer(value: impl Serialize) -> Answer {
    serde_json::to_value(value).map(Json).map_err(|error| Refusal::new(50_001, error.to_string()))
}

fn lock(shared: &Shared) -> MutexGuard<'_, Registry> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn parse<T: DeserializeOwned>(body: &Bytes, code: u32) -> Result<T, Refusal> {
    serde_json::from_slice(body).map_err(|error| Refusal::new(code, format!("Invalid request: {error}")))
}

fn wanted(version: &str) -> Result<Wanted, Refusal> {
    match version {
        "latest" | "-1" => Ok(Wanted::Latest),
        number => match number.parse() {
            Ok(number) if number > 0 => Ok(Wanted::Number(number)),
            _ => Err(Refusal::new(42_202, format!("The specified version '{number}' is not a valid version id."))),
        },
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Options {
    deleted: bool,
    permanent: bool,
    verbose: bool,
    default_to_global: bool,
    subject_prefix: String,
}

/// Serves the registry until `stop`.
pub(crate) async fn serve(listener: TcpListener, registry: Registry, stop: CancellationToken) {
    let routes = routes(Arc::new(Mutex::new(registry)));
    let served = axum::serve(listener, routes).with_graceful_shutdown(async move { stop.cancelled().await });
    if let Err(error) = served.await {
        tracing::error!(%error, "schema registry stopped");
    }
}

fn routes(registry: Shared) -> Router {
    Router::new()
        .route("/", get(async || answer(json!({}))))
        .route("/contexts", get(async || answer(["."])))
        .route("/v1/metadata/id", get(async || answer(json!({"scope": {"path": []}, "id": "slipstream-dev-registry"}))))
        .route("/schemas/types", get(async || answer(["AVRO"])))
        .route("/schemas/ids/{id}", get(schema))
        .route("/schemas/ids/{id}/schema", get(raw_schema))
        .route("/schemas/ids/{id}/subjects", get(subjects_of))
        .route("/schemas/ids/{id}/versions", get(versions_of))
        .route("/subjects", get(subjects))
        .route("/subjects/{subject}", post(look_up).delete(delete_subject))
        .route("/subjects/{subject}/versions", get(versions).post(register))
        .route("/subjects/{subject}/versions/{version}", get(version).delete(delete_version))
        .route("/subjects/{subject}/versions/{version}/schema", get(version_schema))
        .route("/subjects/{subject}/versions/{version}/referencedby", get(referrers))
        .route("/compatibility/subjects/{subject}/versions", post(compatible))
        .route("/compatibility/subjects/{subject}/versions/{version}", post(compatible_with))
        .route("/config", get(global_level).put(set_global_level).delete(reset_global_level))
        .route("/config/{subject}", get(level).put(set_level).delete(reset_level))
        .route("/mode", get(async || answer(json!({"mode": "READWRITE"}))))
        .fallback(async || Refusal::new(40_400, "HTTP 404 Not Found"))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(registry)
}

async fn subjects(State(shared): State<Shared>, Query(options): Query<Options>) -> Answer {
    answer(lock(&shared).subjects(&options.subject_prefix, options.deleted))
}

async fn versions(State(shared): State<Shared>, Path(subject): Path<String>) -> Answer {
    answer(lock(&shared).versions(&subject)?)
}

async fn version(State(shared): State<Shared>, Path((subject, version)): Path<(String, String)>) -> Answer {
    answer(lock(&shared).version(&subject, wanted(&version)?)?)
}

async fn version_schema(State(shared): State<Shared>, Path((subject, version)): Path<(String, String)>) -> Answer {
    let found = lock(&shared).version(&subject, wanted(&version)?)?;
    raw(&found.schema)
}

fn raw(schema: &str) -> Answer {
    serde_json::from_str(schema).map(Json).map_err(|error| Refusal::new(50_001, error.to_string()))
}

async fn referrers(State(shared): State<Shared>, Path((subject, version)): Path<(String, String)>) -> Answer {
    let registry = lock(&shared);
    let found = registry.version(&subject, wanted(&version)?)?;
    answer(registry.referrers(&subject, found.version))
}

async fn look_up(State(shared): State<Shared>, Path(subject): Path<String>, body: Bytes) -> Answer {
    answer(lock(&shared).look_up(&subject, &parse(&body, 42_201)?)?)
}

async fn register(State(shared): State<Shared>, Path(subject): Path<String>, body: Bytes) -> Answer {
    let id = lock(&shared).register(&subject, &parse::<Offered>(&body, 42_201)?)?;
    answer(json!({"id": id}))
}

async fn delete_subject(State(shared): State<Shared>, Path(subject): Path<String>, Query(options): Query<Options>) -> Answer {
    answer(lock(&shared).delete_subject(&subject, options.permanent)?)
}

async fn delete_version(
    State(shared): State<Shared>,
    Path((subject, version)): Path<(String, String)>,
    Query(options): Query<Options>,
) -> Answer {
    answer(lock(&shared).delete_version(&subject, wanted(&version)?, options.permanent)?)
}

async fn schema(State(shared): State<Shared>, Path(id): Path<u32>) -> Answer {
    answer(lock(&shared).schema(id)?)
}

async fn raw_schema(State(shared): State<Shared>, Path(id): Path<u32>) -> Answer {
    raw(&lock(&shared).schema(id)?.schema)
}

async fn subjects_of(State(shared): State<Shared>, Path(id): Path<u32>) -> Answer {
    let registry = lock(&shared);
    let mut subjects: Vec<String> = registry.places(id)?.into_iter().map(|(subject, _)| subject).collect();
    subjects.dedup();
    answer(subjects)
}

async fn versions_of(State(shared): State<Shared>, Path(id): Path<u32>) -> Answer {
    let registry = lock(&shared);
    let place = |(subject, version)| json!({"subject": subject, "version": version});
    answer(registry.places(id)?.into_iter().map(place).collect::<Vec<_>>())
}

fn verdict(faults: &[String], verbose: bool) -> Answer {
    let compatible = faults.is_empty();
    answer(if verbose { json!({"is_compatible": compatible, "messages": faults}) } else { json!({"is_compatible": compatible}) })
}

async fn compatible(
    State(shared): State<Shared>,
    Path(subject): Path<String>,
    Query(options): Query<Options>,
    body: Bytes,
) -> Answer {
    verdict(&lock(&shared).faults(&subject, &parse(&body, 42_201)?, None)?, options.verbose)
}

async fn compatible_with(
    State(shared): State<Shared>,
    Path((subject, version)): Path<(String, String)>,
    Query(options): Query<Options>,
    body: Bytes,
) -> Answer {
    let against = Some(wanted(&version)?);
    verdict(&lock(&shared).faults(&subject, &parse(&body, 42_201)?, against)?, options.verbose)
}

#[derive(Deserialize)]
struct NewLevel {
    compatibility: Level,
}

fn set(shared: &Shared, subject: Option<&str>, body: &Bytes) -> Answer {
    let NewLevel { compatibility } = parse(body, 42_203)?;
    lock(shared).set_level(subject, Some(compatibility))?;
    answer(json!({"compatibility": compatibility}))
}

async fn global_level(State(shared): State<Shared>) -> Answer {
    answer(json!({"compatibilityLevel": lock(&shared).level(None)}))
}

async fn set_global_level(State(shared): State<Shared>, body: Bytes) -> Answer {
    set(&shared, None, &body)
}

async fn reset_global_level(State(shared): State<Shared>) -> Answer {
    answer(json!({"compatibilityLevel": lock(&shared).set_level(None, None)?}))
}

async fn level(State(shared): State<Shared>, Path(subject): Path<String>, Query(options): Query<Options>) -> Answer {
    let registry = lock(&shared);
    let global = registry.level(None).filter(|_| options.default_to_global);
    let level = registry.level(Some(&subject)).or(global);
    let level = level.ok_or_else(|| no_level(&subject))?;
    answer(json!({"compatibilityLevel": level}))
}

fn no_level(subject: &str) -> Refusal {
    Refusal::new(40_408, format!("Subject '{subject}' does not have subject-level compatibility configured"))
}

async fn set_level(State(shared): State<Shared>, Path(subject): Path<String>, body: Bytes) -> Answer {
    set(&shared, Some(&subject), &body)
}

async fn reset_level(State(shared): State<Shared>, Path(subject): Path<String>) -> Answer {
    let mut registry = lock(&shared);
    let before = registry.level(Some(&subject)).ok_or_else(|| no_level(&subject))?;
    registry.set_level(Some(&subject), None)?;
    answer(json!({"compatibilityLevel": before}))
}
