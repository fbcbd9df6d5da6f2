//! The client of a Confluent-compatible schema registry.
//!
//!     register   sets FULL_TRANSITIVE at the subject, then adds the schema       only when asked: deployment, dev broker
//!     id         looks the schema up at the subject; never adds it               at start
//!     schema     asks for a foreign id                                           once per id
//!
//! Every call blocks its thread and works from any, also from inside an async runtime: it runs on a thread and
//! a runtime of its own. Calls are rare, a few dozen in a process's life, because the codec keeps every answer.
//! A schema that does not go with what stands at its subject is refused in our own words, by record and field.
//! Network faults and a registry without a leader are retried [`ATTEMPTS`] times with growing pauses, about 3 s.
//! An id that nobody knows is remembered for [`MISSING_FOR`], so that a flood of bad records is no flood of requests.

use std::collections::BTreeMap;
use std::error::Error as _;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use schema_registry_converter::async_impl::schema_registry::{SrSettings, get_schema_by_id, perform_sr_call, post_schema};
use schema_registry_converter::error::SRCError;
use schema_registry_converter::schema_registry_common::{RawError, SchemaType, SrCall, SuppliedSchema};

use crate::compatibility;
use crate::records;
use crate::schema_ids::{IdError, SchemaIds, subject};

/// Tries of one call.
pub const ATTEMPTS: u32 = 5;
/// Tries of a call that a lagging replica answers with "not found", about 0.6 s.
pub const LAG_ATTEMPTS: u32 = 3;
/// How long an unknown id stays unknown without asking again.
pub const MISSING_FOR: Duration = Duration::from_secs(60);
/// Unknown ids remembered.
const MISSING_MAX: usize = 1024;
/// Pause after the first failed try; doubled after each.
const PAUSE: Duration = Duration::from_millis(200);
/// Longest wait for one answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Registry error code: the schema, or the id, was not found. Seen right after a registration too, on a replica that lags.
const SCHEMA_NOT_FOUND: u32 = 40_403;
/// Registry error code: the schema breaks the subject's rule of compatibility.
const INCOMPATIBLE: u32 = 409;
/// Registry error code: the subject was not found.
const SUBJECT_NOT_FOUND: u32 = 40_401;

/// A schema that stands at a subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Subject.
    pub subject: String,
    /// Id of the schema.
    pub id: u32,
}

/// The client.
#[derive(Debug)]
pub struct Registry {
    url: String,
    user: Option<User>,
    missing: Mutex<BTreeMap<u32, Instant>>,
}

/// Who asks; shown without the password.
#[derive(Clone)]
struct User {
    name: String,
    password: String,
}

impl std::fmt::Debug for User {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.name.fmt(f)
    }
}

impl Registry {
    /// A client of the registry at `url`, such as `http://localhost:8081`. Connects to nothing yet.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self { url: url.trim_end_matches('/').to_owned(), user: None, missing: Mutex::default() }
    }

    /// Asks as this user, with HTTP basic authentication.
    #[must_use]
    pub fn as_user(mut self, name: &str, password: &str) -> Self {
        self.user = Some(User { name: name.to_owned(), password: password.to_owned() });
        self
    }

    /// Puts our schemas at their subjects, with compatibility FULL_TRANSITIVE; `records` are (topic, record) pairs.
    ///
    /// Registering again changes nothing and gives the same ids.
    ///
    /// # Errors
    /// The first subject that the registry refuses, or that it did not answer for; those before it are registered.
    pub fn register(&self, records: &[(&str, &str)]) -> Result<Vec<Registered>, IdError> {
        let ours: BTreeMap<&str, String> = records::schemas().iter().map(|(name, json)| (*name, json.to_string())).collect();
        self.run(async |session: &Session| {
            let mut registered = Vec::new();
            for (topic, record) in records {
                let subject = subject(topic, record);
                let text = ours.get(record).ok_or_else(|| IdError::NotRegistered(subject.clone()))?;
                session.require_full_transitive(&subject).await?;
                let id = session.register(&subject, record, text).await?;
                registered.push(Registered { subject, id });
            }
            Ok(registered)
        })
    }

    /// Runs one conversation to its end on a thread of its own.
    fn run<T: Send>(&self, work: impl AsyncFnOnce(&Session) -> Result<T, IdError> + Send) -> Result<T, IdError> {
        let failed = |why: String| IdError::Refused { what: "a client".to_owned(), why };
        let conversation = || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|e| failed(e.to_string()))?;
            let session = Session::open(&self.url, self.user.clone())?;
            runtime.block_on(work(&session))
        };
        std::thread::scope(|scope| scope.spawn(conversation).join()).unwrap_or_else(|_| Err(failed("it stopped".to_owned())))
    }

    fn is_missing(&self, id: u32) -> bool {
        let missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        missing.get(&id).is_some_and(|since| since.elapsed() < MISSING_FOR)
    }

    fn remember_missing(&self, id: u32) {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        missing.retain(|_, since| since.elapsed() < MISSING_FOR);
        if missing.len() < MISSING_MAX {
            missing.insert(id, Instant::now());
        }
    }
}

impl SchemaIds for Registry {
    fn id(&self, subject: &str, schema: &str) -> Result<u32, IdError> {
        self.run(async |session: &Session| session.look_up(subject, schema).await)
    }

    fn schema(&self, id: u32) -> Result<String, IdError> {
        if self.is_missing(id) {
            return Err(IdError::UnknownId(id));
        }
        let answer = self.run(async |session: &Session| session.schema(id).await);
        if matches!(answer, Err(IdError::UnknownId(_))) {
            self.remember_missing(id);
        }
        answer
    }
}

/// One conversation: connections live as long as it.
struct Session {
    url: String,
    user: Option<User>,
    settings: SrSettings,
    http: reqwest::Client,
}

/// A failed try, before it is known whether another follows.
struct Failure {
    code: u32,
    again: bool,
    why: String,
}

impl Session {
    fn open(url: &str, user: Option<User>) -> Result<Self, IdError> {
        let failed = |why: String| IdError::Refused { what: format!("a client of {url}"), why };
        let client = || reqwest::Client::builder().timeout(TIMEOUT);
        let mut settings = SrSettings::new_builder(url.to_owned());
        settings.set_timeout(TIMEOUT);
        if let Some(user) = &user {
            settings.set_basic_authorization(&user.name, Some(&user.password));
        }
        let settings = settings.build_with(client()).map_err(|e| failed(e.to_string()))?;
        Ok(Self { url: url.to_owned(), user, settings, http: client().build().map_err(|e| failed(e.to_string()))? })
    }

    async fn register(&self, subject: &str, record: &str, text: &str) -> Result<u32, IdError> {
        let what = || format!("to register `{subject}`");
        let schema = || SuppliedSchema::new(Some(format!("slipstream.{record}")), SchemaType::Avro, text.to_owned());
        let post = async || post_schema(&self.settings, subject.to_owned(), schema()).await.map_err(failure);
        match self.retried(&[], post).await {
            Ok(schema) => Ok(schema.id),
            Err(failure) if failure.code == INCOMPATIBLE => {
                let why = self.difference(subject, text).await.unwrap_or(failure.why);
                Err(IdError::Refused { what: what(), why })
            }
            Err(failure) => Err(self.error(what(), failure)),
        }
    }

    /// What keeps `text` from following the latest version at the subject, by record and field; none if another one does.
    async fn difference(&self, subject: &str, text: &str) -> Option<String> {
        let latest = async || perform_sr_call(&self.settings, SrCall::GetLatest(subject)).await.map_err(failure);
        let latest = self.retried(&[], latest).await.ok()?;
        let faults = compatibility::check(&latest.schema?, text).err()?;
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        let version = latest.version.map_or_else(|| "latest".to_owned(), |version| version.to_string());
        Some(format!(
            "it does not go with version {version} there: {}; undo the change, or give the new content a subject of its own",
            faults.join("; ")
        ))
    }

    async fn look_up(&self, subject: &str, text: &str) -> Result<u32, IdError> {
        let body = serde_json::json!({"schema": text, "schemaType": "AVRO"}).to_string();
        let call = async || perform_sr_call(&self.settings, SrCall::PostForVersion(subject, &body)).await.map_err(failure);
        match self.retried(&[], call).await {
            Ok(found) => found.id.ok_or_else(|| IdError::NotRegistered(subject.to_owned())),
            Err(failure) if [SCHEMA_NOT_FOUND, SUBJECT_NOT_FOUND].contains(&failure.code) => {
                Err(IdError::NotRegistered(subject.to_owned()))
            }
            Err(failure) => Err(self.error(format!("for the id of `{subject}`"), failure)),
        }
    }

    async fn schema(&self, id: u32) -> Result<String, IdError> {
        let call = async || get_schema_by_id(id, &self.settings).await.map_err(failure);
        match self.retried(&[SCHEMA_NOT_FOUND], call).await {
            Ok(found) if found.schema_type == SchemaType::Avro => Ok(found.schema),
            Ok(_) => Err(IdError::Refused { what: format!("schema id {id}"), why: "it is not an Avro schema".to_owned() }),
            Err(failure) if failure.code == SCHEMA_NOT_FOUND => Err(IdError::UnknownId(id)),
            Err(failure) => Err(self.error(format!("for schema id {id}"), failure)),
        }
    }

    /// `PUT /config/SUBJECT`, which the converter has no call for.
    async fn require_full_transitive(&self, subject: &str) -> Result<(), IdError> {
        let url = format!("{}/config/{subject}", self.url);
        let put = async || {
            let mut request = self.http.put(&url).header("content-type", "application/vnd.schemaregistry.v1+json");
            if let Some(user) = &self.user {
                request = request.basic_auth(&user.name, Some(&user.password));
            }
            let answer = request.body(r#"{"compatibility":"FULL_TRANSITIVE"}"#).send().await;
            let answer = answer.map_err(|e| Failure { code: 0, again: true, why: e.to_string() })?;
            match answer.status() {
                status if status.is_success() => Ok(()),
                // A conflict: somebody else sets it at this moment.
                status => {
                    let again = status.is_server_error() || status == reqwest::StatusCode::CONFLICT;
                    Err(Failure { code: 0, again, why: format!("HTTP {status}") })
                }
            }
        };
        self.retried(&[], put).await.map_err(|failure| self.error(format!("for compatibility at `{subject}`"), failure))
    }

    /// Tries until there is an answer, or a refusal that another try cannot change; `lagging` codes may be a replica's.
    async fn retried<T>(&self, lagging: &[u32], call: impl AsyncFn() -> Result<T, Failure>) -> Result<T, Failure> {
        let mut pause = PAUSE;
        for attempt in 1..ATTEMPTS {
            match call().await {
                Err(failure) if failure.again || (attempt < LAG_ATTEMPTS && lagging.contains(&failure.code)) => {
                    tokio::time::sleep(pause).await;
                    pause *= 2;
                }
                answer => return answer,
            }
        }
        call().await
    }

    fn error(&self, what: String, failure: Failure) -> IdError {
        if failure.again {
            IdError::Unreachable { url: self.url.clone(), what, why: failure.why }
        } else {
            IdError::Refused { what, why: failure.why }
        }
    }
}

fn failure(error: SRCError) -> Failure {
    let raw = error.source().and_then(|source| source.downcast_ref::<RawError>());
    let code = raw.map_or(0, |raw| raw.error_code);
    // 42901 too many requests; 50001 to 50004 store, timeout, forwarding, no leader.
    let again = error.retriable || code / 100 == 429 || (50_001..=50_004).contains(&code);
    let why = error.cause.map_or_else(|| error.error.clone(), |cause| format!("{}: {cause}", error.error));
    Failure { code, again, why }
}
