//! Whom to connect to, as whom, and what is asked for: the table `firehose` of an entry of `[[sources.providers]]`.
//!
//! ```toml
//! [[sources.providers]]
//! kind = "firehose"              # FLIGHTAWARE_FIREHOSE_USERNAME, FLIGHTAWARE_FIREHOSE_PASSWORD
//! firehose = { airlines = ["DLH", "LOT"], keepalive_s = 60 }
//! ```
//!
//! Name and password come from the environment alone. What goes into the initiation line is checked here, so that no value can end the
//! line or add a command to it.

use std::path::PathBuf;

use serde::Deserialize;

use super::super::config::{Entry, Environment, secret};
use super::super::http::Unusable;
use super::super::secret::Secret;

/// Events that may be asked for: the ones that become observations.
pub const EVENTS: &[&str] =
    &["flifo", "flightplan", "departure", "arrival", "cancellation", "surface_offblock", "surface_onblock"];
/// Version of the protocol that messages are read in.
const VERSION: &str = "37.0";
/// Name of this client.
const USER_AGENT: &str = concat!("slipstream/", env!("CARGO_PKG_VERSION"));
/// Most airlines of the filter.
const AIRLINES_MAX: usize = 200;
/// Longest user name or password, bytes.
const WORD_BYTES_MAX: usize = 200;

/// The table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StreamSettings {
    /// Server.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Which of [`EVENTS`]; `flifo` and `flightplan` exclude each other.
    pub events: Vec<String>,
    /// ICAO designators of the airlines wanted; none: all.
    pub airlines: Vec<String>,
    /// Seconds between two signs of life, 1 to 300; after two periods without a line the connection is made anew.
    pub keepalive_s: u16,
    /// Hours that the stream may have been away and still be resumed, 1 to 168; beyond it it begins now.
    pub resume_max_h: u16,
    /// Authorities that the server is trusted by, a PEM file, instead of the system's.
    pub ca: Option<PathBuf>,
}

impl Default for StreamSettings {
    fn default() -> Self {
        let events = ["flifo", "departure", "arrival", "cancellation", "surface_offblock", "surface_onblock"];
        Self {
            host: "firehose.flightaware.com".to_owned(),
            port: 1501,
            events: events.map(str::to_owned).to_vec(),
            airlines: Vec::new(),
            keepalive_s: 60,
            resume_max_h: 12,
            ca: None,
        }
    }
}

/// As whom to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub(super) username: Secret,
    pub(super) password: Secret,
}

impl Login {
    /// Name and password (an API key, for most accounts).
    ///
    /// # Errors
    /// One of them cannot stand in the initiation line; the message names its variable and not its value.
    pub fn new(username: Secret, password: Secret) -> Result<Self, Unusable> {
        for (secret, variable) in [(&username, USERNAME), (&password, PASSWORD)] {
            let word = secret.reveal();
            if !(1..=WORD_BYTES_MAX).contains(&word.len()) || !word.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"') {
                return Err(Unusable(format!(
                    "{variable}: 1 to {WORD_BYTES_MAX} ASCII characters without blanks and quotes are expected"
                )));
            }
        }
        Ok(Self { username, password })
    }

    /// A text without name and password, should the server have repeated them.
    pub(super) fn hidden(&self, text: &str) -> String {
        text.replace(self.password.reveal(), "[secret]").replace(self.username.reveal(), "[secret]")
    }
}

/// Names of the variables.
const USERNAME: &str = "FLIGHTAWARE_FIREHOSE_USERNAME";
const PASSWORD: &str = "FLIGHTAWARE_FIREHOSE_PASSWORD";

/// Where the stream begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Now.
    Live,
    /// With this second, epoch.
    Pitr(i64),
}

impl StreamSettings {
    /// Checks what will stand in the initiation line, and the limits.
    ///
    /// # Errors
    /// The message names the field.
    pub fn checked(self) -> Result<Self, Unusable> {
        let refuse = |field: &str, error: String| Err(Unusable(format!("firehose.{field}: {error}")));
        if let Some(unknown) = self.events.iter().find(|event| !EVENTS.contains(&event.as_str())) {
            return refuse("events", format!("`{unknown}` is none of {}", EVENTS.join(", ")));
        }
        let has = |name: &str| self.events.iter().any(|event| event == name);
        if self.events.is_empty() || has("flifo") && has("flightplan") {
            return refuse("events", "at least one is expected, and not flifo beside flightplan, which it replaces".to_owned());
        }
        let is_icao = |code: &String| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
        if self.airlines.len() > AIRLINES_MAX || !self.airlines.iter().all(is_icao) {
            return refuse("airlines", format!("at most {AIRLINES_MAX} ICAO designators such as DLH are expected"));
        }
        if !(1..=300).contains(&self.keepalive_s) {
            return refuse("keepalive_s", format!("{}, must be 1 to 300", self.keepalive_s));
        }
        if !(1..=168).contains(&self.resume_max_h) {
            return refuse("resume_max_h", format!("{}, must be 1 to 168", self.resume_max_h));
        }
        Ok(self)
    }

    /// The line that the client begins with. It holds the password: it is written to the server and nowhere else.
    pub(super) fn initiation(&self, login: &Login, start: Start) -> String {
        let start = match start {
            Start::Live => "live".to_owned(),
            Start::Pitr(second) => format!("pitr {second}"),
        };
        let filter = if self.airlines.is_empty() { String::new() } else { format!(" filter \"{}\"", self.airlines.join(" ")) };
        format!(
            "{start} username {} password {} version {VERSION} events \"{}\"{filter} keepalive {} useragent {USER_AGENT}\n",
            login.username.reveal(),
            login.password.reveal(),
            self.events.join(" "),
            self.keepalive_s,
        )
    }
}

/// Settings of an entry.
pub(crate) fn of_entry(entry: &Entry) -> Result<StreamSettings, Unusable> {
    let asked = [entry.url.is_some(), entry.timeout_s.is_some(), entry.parallel.is_some(), entry.limit.is_some()];
    if asked.contains(&true) || entry.opensky.is_some() || entry.push.is_some() {
        return Err(Unusable("a stream has no url, timeout_s, parallel, limit, opensky or push: see `firehose`".to_owned()));
    }
    entry.firehose.clone().unwrap_or_default().checked()
}

/// The login that the environment has.
pub(crate) fn login(environment: Environment<'_>) -> Result<Login, Unusable> {
    Login::new(secret(environment, USERNAME)?, secret(environment, PASSWORD)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(username: &str, password: &str) -> Result<Login, Unusable> {
        Login::new(Secret::new(username), Secret::new(password))
    }

    #[test]
    fn the_line_asks_for_what_is_set() {
        let login = login("ops", "k3y").unwrap();
        let settings = StreamSettings { airlines: vec!["DLH".to_owned(), "LOT".to_owned()], ..StreamSettings::default() };
        let line = settings.initiation(&login, Start::Pitr(1_795_243_200));
        let expected = "pitr 1795243200 username ops password k3y version 37.0 \
            events \"flifo departure arrival cancellation surface_offblock surface_onblock\" filter \"DLH LOT\" keepalive 60 useragent ";
        assert!(line.starts_with(expected) && line.ends_with('\n') && line.matches('\n').count() == 1, "{line}");
        assert!(StreamSettings::default().initiation(&login, Start::Live).starts_with("live username ops "));
    }

    #[test]
    fn no_value_ends_the_line_or_adds_a_command() {
        for (username, password) in
            [("", "x"), ("a b", "x"), ("a", "x\nlive"), ("a", "x\ty"), ("a", "\"x"), ("a", "kéy"), ("a", &"x".repeat(201))]
        {
            let error = login(username, password).unwrap_err().to_string();
            assert!(error.starts_with("FLIGHTAWARE_FIREHOSE_"), "{error}");
            assert!(password.len() < 4 || !error.contains(password), "{error}");
        }
        let set = |text: &str| {
            toml::from_str::<StreamSettings>(text).map_err(|e| e.to_string()).and_then(|set| set.checked().map_err(|e| e.0))
        };
        for (text, named) in [
            ("events = [\"position\"]", "events: `position`"),
            ("events = []", "events"),
            ("events = [\"flifo\", \"flightplan\"]", "events"),
            ("airlines = [\"LH\"]", "airlines"),
            ("airlines = [\"DLH\\\" x\"]", "airlines"),
            ("keepalive_s = 0", "keepalive_s"),
            ("keepalive_s = 301", "keepalive_s"),
            ("resume_max_h = 0", "resume_max_h"),
            ("password = \"x\"", "unknown field"),
        ] {
            let error = set(text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }

    #[test]
    fn nobody_is_shown_who_connects() {
        let shown = format!("{:?}", login("ops-user", "hush-hush").unwrap());
        assert!(!shown.contains("ops-user") && !shown.contains("hush"), "{shown}");
    }
}
