//! Whom to connect to, as whom, and for which carriers: the table `push` of an entry of `[[sources.providers]]`.
//!
//! ```toml
//! [[sources.providers]]
//! kind = "lufthansa"             # LUFTHANSA_PUSH_CLIENT_ID, LUFTHANSA_PUSH_USERNAME, LUFTHANSA_PUSH_TOKEN
//! push = { carriers = ["LH"] }
//! ```
//!
//! Client id, user name and token come from the environment alone. What goes into a topic is checked here, so that no value subscribes to
//! more than it says.

use std::path::PathBuf;

use serde::Deserialize;
use slipstream_schemas::ids::Carrier;

use super::super::config::{Entry, Environment, Kind, secret};
use super::super::http::Unusable;
use super::super::secret::Secret;

/// Most carriers.
const CARRIERS_MAX: usize = 20;
/// Longest client id, user name or token, bytes: a token with many claims has a quarter of it.
const WORD_BYTES_MAX: usize = 8 * 1024;

/// The table.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PushSettings {
    /// IATA designators of the operating carriers wanted, such as LH.
    pub carriers: Vec<String>,
    /// Server.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Authorities that the server is trusted by, a PEM file, instead of the system's.
    pub ca: Option<PathBuf>,
}

impl Default for PushSettings {
    fn default() -> Self {
        Self { carriers: Vec::new(), host: "lhgopenapi.lufthansa.com".to_owned(), port: 8883, ca: None }
    }
}

/// As whom to connect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Login {
    pub(super) client_id: Secret,
    pub(super) username: Secret,
    pub(super) token: Secret,
}

/// Names of the variables.
const CLIENT_ID: &str = "LUFTHANSA_PUSH_CLIENT_ID";
const USERNAME: &str = "LUFTHANSA_PUSH_USERNAME";
const TOKEN: &str = "LUFTHANSA_PUSH_TOKEN";

impl Login {
    /// Client id, user name, and the token that is sent as the password.
    ///
    /// # Errors
    /// One of them is none; the message names its variable and not its value.
    pub fn new(client_id: Secret, username: Secret, token: Secret) -> Result<Self, Unusable> {
        for (secret, variable) in [(&client_id, CLIENT_ID), (&username, USERNAME), (&token, TOKEN)] {
            let word = secret.reveal();
            if !(1..=WORD_BYTES_MAX).contains(&word.len()) || !word.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(Unusable(format!("{variable}: 1 to {WORD_BYTES_MAX} ASCII characters without blanks are expected")));
            }
        }
        Ok(Self { client_id, username, token })
    }
}

impl PushSettings {
    /// Checks what will stand in topics.
    ///
    /// # Errors
    /// The message names the field.
    pub fn checked(self) -> Result<Self, Unusable> {
        let is_iata = |code: &String| code.len() == 2 && code.parse::<Carrier>().is_ok();
        if !(1..=CARRIERS_MAX).contains(&self.carriers.len()) || !self.carriers.iter().all(is_iata) {
            return Err(Unusable(format!("push.carriers: 1 to {CARRIERS_MAX} IATA designators such as LH are expected")));
        }
        if self.port == 0 {
            return Err(Unusable("push.port: 0 is none".to_owned()));
        }
        Ok(self)
    }

    /// What is subscribed to: all flights of each carrier.
    pub(super) fn topics(&self) -> Vec<String> {
        self.carriers.iter().map(|carrier| format!("prd/FlightUpdate/{carrier}/#")).collect()
    }
}

/// Refuses the table where nobody could be asked after a message.
pub(crate) fn allowed(entry: &Entry) -> Result<(), Unusable> {
    match entry.push {
        Some(_) if entry.kind != Kind::Lufthansa => Err(Unusable("push: only an entry of kind lufthansa has it".to_owned())),
        Some(_) if entry.mock.is_some() => Err(Unusable("push: a mock has none".to_owned())),
        _ => Ok(()),
    }
}

/// Settings and login of an entry; none where it has no push.
pub(crate) fn of_entry(entry: &Entry, environment: Environment<'_>) -> Result<Option<(PushSettings, Login)>, Unusable> {
    allowed(entry)?;
    let Some(settings) = entry.push.clone() else { return Ok(None) };
    let settings = settings.checked()?;
    let [client_id, username, token] = [CLIENT_ID, USERNAME, TOKEN].map(|name| secret(environment, name));
    Ok(Some((settings, Login::new(client_id?, username?, token?)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(client_id: &str, username: &str, token: &str) -> Result<Login, Unusable> {
        Login::new(Secret::new(client_id), Secret::new(username), Secret::new(token))
    }

    #[test]
    fn each_carrier_is_a_topic_and_no_value_subscribes_to_more() {
        let set = |text: &str| {
            toml::from_str::<PushSettings>(text).map_err(|e| e.to_string()).and_then(|set| set.checked().map_err(|e| e.0))
        };
        let settings = set("carriers = [\"LH\", \"4Y\"]").unwrap();
        assert_eq!(settings.topics(), ["prd/FlightUpdate/LH/#", "prd/FlightUpdate/4Y/#"]);
        assert_eq!((settings.host.as_str(), settings.port), ("lhgopenapi.lufthansa.com", 8883));
        for (text, named) in [
            ("", "push.carriers"),
            ("carriers = []", "push.carriers"),
            ("carriers = [\"#\"]", "push.carriers"),
            ("carriers = [\"+/\"]", "push.carriers"),
            ("carriers = [\"DLH\"]", "push.carriers"),
            ("carriers = [\"lh\"]", "push.carriers"),
            ("carriers = [\"42\"]", "push.carriers"),
            ("carriers = [\"LH\"]\nport = 0", "push.port"),
            ("carriers = [\"LH\"]\ntoken = \"x\"", "unknown field"),
        ] {
            let error = set(text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
        assert!(PushSettings { carriers: vec!["LH".to_owned(); CARRIERS_MAX + 1], ..settings }.checked().is_err());
    }

    #[test]
    fn a_login_is_refused_by_the_name_of_its_variable_and_never_shown() {
        for (words, named) in [
            (["", "user", "hush-hush"], CLIENT_ID),
            (["id", "us er", "hush-hush"], USERNAME),
            (["id", "user", "hush\nhush"], TOKEN),
            (["id", "user", &"x".repeat(WORD_BYTES_MAX + 1)], TOKEN),
        ] {
            let error = login(words[0], words[1], words[2]).unwrap_err().to_string();
            assert!(error.starts_with(named) && !error.contains("hush"), "{error}");
        }
        let shown = format!("{:?}", login("the-id", "the-user", "hush-hush").unwrap());
        assert!(!shown.contains("the-") && !shown.contains("hush"), "{shown}");
    }
}
