//! Which providers there are: a table of settings becomes clients.
//!
//! ```toml
//! [sources]
//! use = "monitor"                # or sync, api
//! [[sources.providers]]
//! kind = "flightaware"           # key: FLIGHTAWARE_API_KEY
//! priority = 10
//! limit = { units = 10, per_s = 60 }
//! [[sources.providers]]
//! kind = "lufthansa"             # LUFTHANSA_CLIENT_ID, LUFTHANSA_CLIENT_SECRET
//! boards = true                  # its plan includes the departures of airports
//! push = { carriers = ["LH"] }   # what it tells by itself: LUFTHANSA_PUSH_CLIENT_ID, …_USERNAME, …_TOKEN
//! [[sources.providers]]
//! kind = "amadeus"
//! mock = { seed = 7, error_rate = 0.1 }
//! ```
//!
//! Keys come from the environment alone; there is no field for one. A provider is a mock only where its entry says so.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::airfrance_klm::{self, AirFranceKlm};
use super::amadeus::Amadeus;
use super::desk::{Desk, Flights};
use super::firehose::Firehose;
use super::firehose::settings::{StreamSettings, login, of_entry};
use super::fleet::Fleet;
use super::flightaware::{self, FlightAware};
use super::freshness::Freshness;
use super::http::Unusable;
use super::lufthansa::{self, Lufthansa};
use super::mock::{Mock, MockSettings};
use super::oauth::Credentials;
use super::opensky::{self, OpenSky, Watched};
use super::profile::{Profile, RateLimit, Use};
use super::provider::{Card, Clock, Cost, TIMEOUT};
use super::push::Push;
use super::push::settings::{self as push, PushSettings};
use super::secret::Secret;
use super::sync::scheduler::ScheduleSettings;

/// Calls to one provider under way at once, unless its entry says otherwise.
const PARALLEL_MAX: usize = 8;
/// Most providers.
pub const PROVIDERS_MAX: usize = 32;

/// The table `[sources]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sources {
    /// How they are asked; `monitor` unless said otherwise.
    #[serde(rename = "use")]
    pub usage: Option<Use>,
    /// Failures in a row that open a breaker, instead of the profile's.
    pub breaker_failures: Option<u32>,
    /// Seconds it stays open, instead of the profile's.
    pub breaker_open_s: Option<u64>,
    /// How long a marked answer is given at once while a new one is fetched behind it, seconds.
    pub revalidate_s: u64,
    /// How long answers are fresh, instead of the usual times.
    pub fresh_min: FreshMinutes,
    /// The providers.
    pub providers: Vec<Entry>,
    /// When legs are synced by themselves.
    pub sync: ScheduleSettings,
    /// What only the environment sets.
    #[serde(skip)]
    overrides: Overrides,
}

/// The contract's variables (S0-17) that no key of the table has the grain of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Overrides {
    week: Option<Duration>,
    open_for: Option<Duration>,
    successes: Option<u32>,
}

/// How long answers are fresh, in minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FreshMinutes {
    /// The departure is within 2 h, or the leg is disrupted.
    pub critical: u32,
    /// The departure is within 24 h.
    pub day: u32,
    /// Within 7 days.
    pub week: u32,
    /// Further away.
    pub later: u32,
}

impl Default for FreshMinutes {
    fn default() -> Self {
        Self { critical: 2, day: 5, week: 15, later: 60 }
    }
}

/// Which API a provider speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// FlightAware AeroAPI.
    FlightAware,
    /// FlightAware Firehose: a stream, which is not asked.
    Firehose,
    /// Lufthansa Open API.
    Lufthansa,
    /// Air France-KLM Open Data.
    AirFranceKlm,
    /// Amadeus REST.
    Amadeus,
    /// OpenSky Network: movements, of legs that are known from others.
    OpenSky,
    /// British Airways, which has no public API: what it sends under contract is the input `aidx:`. Here it is a mock or nothing.
    BritishAirways,
    /// None but a mock's.
    Mock,
}

/// One provider.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Which API it speaks.
    pub kind: Kind,
    /// Name; that of the kind unless said otherwise.
    pub name: Option<String>,
    /// Who is asked first: the highest.
    #[serde(default)]
    pub priority: u8,
    /// Address of the API, instead of the public one.
    pub url: Option<String>,
    /// Seconds for one attempt.
    pub timeout_s: Option<u64>,
    /// Calls under way at once.
    pub parallel: Option<usize>,
    /// What the contract with the provider allows.
    pub limit: Option<Limit>,
    /// Of OpenSky: which aircraft are asked for.
    pub opensky: Option<Watched>,
    /// Of Firehose: the server, and what is wanted of it.
    pub firehose: Option<StreamSettings>,
    /// Of FlightAware and Lufthansa: the plan includes the departures of airports, so that one call answers for many legs.
    #[serde(default)]
    pub boards: bool,
    /// Of Lufthansa: which carriers tell by themselves that a leg has changed.
    pub push: Option<PushSettings>,
    /// In place of the provider, a mock that behaves like this.
    pub mock: Option<MockSettings>,
}

/// Units of quota in how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Units.
    pub units: NonZeroU32,
    /// Seconds; at least 1.
    pub per_s: NonZeroU32,
}

/// Looks up a variable of the environment.
pub type Environment<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Sources {
    /// The profile, with what the settings change of it.
    #[must_use]
    pub fn profile(&self) -> Profile {
        let mut profile = Profile::of(self.usage.unwrap_or(Use::Monitor));
        profile.breaker.failures = self.breaker_failures.unwrap_or(profile.breaker.failures).max(1);
        profile.breaker.open_for = self.breaker_open_s.map_or(profile.breaker.open_for, Duration::from_secs);
        profile.breaker.open_for = self.overrides.open_for.unwrap_or(profile.breaker.open_for);
        profile.breaker.successes = self.overrides.successes.unwrap_or(profile.breaker.successes).max(1);
        profile
    }

    /// How long answers are fresh.
    #[must_use]
    pub fn freshness(&self) -> Freshness {
        let FreshMinutes { critical, day, week, later } = self.fresh_min;
        let [critical, day, week, later] = [critical, day, week, later].map(|min| Duration::from_mins(min.into()));
        let week = self.overrides.week.unwrap_or(week);
        Freshness { critical, day, week, later, while_revalidating: Duration::from_secs(self.revalidate_s) }
    }

    /// Whether legs are synced by themselves: where it is said, and where providers are asked to be compared.
    #[must_use]
    pub fn is_scheduled(&self) -> bool {
        self.sync.enabled.unwrap_or(self.usage == Some(Use::Sync))
    }

    /// These settings, and over them the contract's variables (S0-17): `FLIGHT_SYNC_CACHE_TTL_MS` is the middle tier, of legs
    /// within a week.
    ///
    /// # Errors
    /// A value that is none; the message names the variable.
    pub fn with_environment(mut self, environment: Environment<'_>) -> Result<Self, Unusable> {
        let at_least_1 = |name| number(environment, name).map(|value| value.map(|value: u64| value.max(1)));
        let millis = |name| Ok(at_least_1(name)?.map(Duration::from_millis));
        let count = |name| number::<u32>(environment, name);
        self.overrides.week = millis("FLIGHT_SYNC_CACHE_TTL_MS")?.or(self.overrides.week);
        self.overrides.open_for = millis("CIRCUIT_BREAKER_TIMEOUT_MS")?.or(self.overrides.open_for);
        self.overrides.successes = count("CIRCUIT_BREAKER_HALF_OPEN_ATTEMPTS")?.or(self.overrides.successes);
        self.breaker_failures = count("CIRCUIT_BREAKER_FAILURE_THRESHOLD")?.or(self.breaker_failures);
        self.sync.batch = number(environment, "FLIGHT_SYNC_BATCH_SIZE")?.unwrap_or(self.sync.batch);
        self.sync.enabled = number(environment, "FLIGHT_SYNC_ENABLED")?.or(self.sync.enabled);
        self.sync.cron = number(environment, "FLIGHT_SYNC_CRON_INTERVAL")?.unwrap_or(self.sync.cron);
        Ok(self)
    }

    /// A desk that asks these providers.
    ///
    /// # Errors
    /// An entry lacks a key or has an address that is none; the message names entry and variable.
    pub fn desk(&self, environment: Environment<'_>, clock: &Clock) -> Result<Desk, Unusable> {
        if self.providers.len() > PROVIDERS_MAX {
            return Err(Unusable(format!("sources.providers: more than {PROVIDERS_MAX}")));
        }
        let fleet = Fleet::<Flights>::new(self.profile());
        for (place, entry) in self.providers.iter().enumerate().filter(|(_, entry)| !entry.is_stream()) {
            fleet.add(entry.client(environment, clock).map_err(|e| entry.named(place, &e))?);
        }
        if fleet.by_priority().len() < self.asked() {
            return Err(Unusable("sources.providers: two of one name; give each a `name`".to_owned()));
        }
        Ok(Desk::new(fleet, self.freshness(), clock.clone()))
    }

    /// How many of the providers can be asked: a stream cannot.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.providers.iter().filter(|entry| !entry.is_stream()).count()
    }

    /// The stream among the providers; none where none is.
    ///
    /// # Errors
    /// There are two, a variable is not set, or a setting is none; the message names the entry.
    pub fn firehose(&self, environment: Environment<'_>, clock: &Clock) -> Result<Option<Firehose>, Unusable> {
        let mut streams = self.providers.iter().enumerate().filter(|(_, entry)| entry.is_stream());
        let Some((place, entry)) = streams.next() else { return Ok(None) };
        if streams.next().is_some() {
            return Err(Unusable("sources.providers: one firehose is enough".to_owned()));
        }
        let stream = of_entry(entry).and_then(|settings| match &entry.mock {
            Some(mock) => Firehose::mock(&entry.card(), settings, mock.clone(), clock.clone()),
            None => Firehose::new(entry.name(), settings, login(environment)?, clock.clone()),
        });
        stream.map(Some).map_err(|e| entry.named(place, &e))
    }

    /// The push among the providers; none where none is.
    ///
    /// # Errors
    /// There are two, a variable is not set, or a setting is none; the message names the entry.
    pub fn push(&self, environment: Environment<'_>, clock: &Clock) -> Result<Option<Push>, Unusable> {
        let mut entries = self.providers.iter().enumerate().filter(|(_, entry)| entry.push.is_some());
        let Some((place, entry)) = entries.next() else { return Ok(None) };
        if entries.next().is_some() {
            return Err(Unusable("sources.providers: one push is enough".to_owned()));
        }
        let push = push::of_entry(entry, environment)
            .and_then(|set| set.map(|(settings, login)| Push::new(entry.name(), settings, login, clock.clone())).transpose());
        push.map_err(|e| entry.named(place, &e))
    }
}

impl Entry {
    fn is_stream(&self) -> bool {
        self.kind == Kind::Firehose
    }

    fn named(&self, place: usize, error: &Unusable) -> Unusable {
        Unusable(format!("sources.providers[{place}] ({}): {error}", self.name()))
    }

    fn name(&self) -> String {
        self.name.clone().unwrap_or_else(|| format!("{:?}", self.kind).to_lowercase())
    }

    fn card(&self) -> Card {
        let window = |limit: Limit| RateLimit::window(limit.units, Duration::from_secs(limit.per_s.get().into()));
        Card {
            name: self.name(),
            priority: self.priority,
            timeout: self.timeout_s.map_or(TIMEOUT, Duration::from_secs),
            limit: self.limit.map(window).or_else(|| self.public_limit()),
            cost: Cost { status: 1, search: 1, health: 1 },
            batch_max: 1,
            boards: self.boards,
            parallel_max: self.parallel.unwrap_or(PARALLEL_MAX),
        }
    }

    /// What a provider allows the smallest of its customers, where that is published.
    fn public_limit(&self) -> Option<RateLimit> {
        let (units, per) = match self.kind {
            Kind::FlightAware => (10, Duration::from_mins(1)),
            Kind::Lufthansa => lufthansa::CALLS_PER_SECOND,
            Kind::AirFranceKlm => airfrance_klm::CALLS_PER_SECOND,
            Kind::Amadeus => (10, Duration::from_secs(1)),
            // Without an account it is less, which the client knows.
            Kind::OpenSky | Kind::Firehose | Kind::BritishAirways | Kind::Mock => return None,
        };
        NonZeroU32::new(units).map(|units| RateLimit::window(units, per))
    }

    fn client(&self, environment: Environment<'_>, clock: &Clock) -> Result<Arc<Flights>, Unusable> {
        let (card, clock) = (self.card(), clock.clone());
        push::allowed(self)?;
        if self.boards && (self.mock.is_some() || !matches!(self.kind, Kind::FlightAware | Kind::Lufthansa)) {
            return Err(Unusable("boards: only an entry of kind flightaware or lufthansa has them, and no mock".to_owned()));
        }
        if let Some(settings) = &self.mock {
            return Ok(Arc::new(Mock::new(Card { limit: None, ..card }, settings.clone(), clock)));
        }
        if self.firehose.is_some() {
            return Err(Unusable("firehose: only an entry of that kind has it".to_owned()));
        }
        if self.opensky.is_some() && self.kind != Kind::OpenSky {
            return Err(Unusable("opensky: only an entry of that kind has it".to_owned()));
        }
        let url = |public: &str| self.url.clone().unwrap_or_else(|| public.to_owned());
        Ok(match self.kind {
            Kind::FlightAware => {
                let key = secret(environment, "FLIGHTAWARE_API_KEY")?;
                Arc::new(FlightAware::new(card, &url(flightaware::BASE_URL), key, clock)?)
            }
            Kind::Firehose => return Err(Unusable("a stream is not asked".to_owned())),
            Kind::Lufthansa => {
                let credentials = credentials(environment, "LUFTHANSA")?;
                Arc::new(Lufthansa::new(card, &url(lufthansa::BASE_URL), credentials, clock)?)
            }
            Kind::AirFranceKlm => {
                let key = secret(environment, "AIRFRANCE_KLM_API_KEY")?;
                Arc::new(AirFranceKlm::new(card, &url(airfrance_klm::BASE_URL), key, clock)?)
            }
            Kind::Amadeus => {
                let base = self.url.clone().or_else(|| environment("AMADEUS_API_BASE_URL"));
                let missing = || Unusable("its public host is gone: give `url` or set AMADEUS_API_BASE_URL".to_owned());
                Arc::new(Amadeus::new(card, &base.ok_or_else(missing)?, credentials(environment, "AMADEUS")?, clock)?)
            }
            Kind::OpenSky => {
                let login = either(environment, "OPENSKY")?;
                let watched = self.opensky.clone().unwrap_or_default();
                Arc::new(OpenSky::new(card, &url(opensky::BASE_URL), login, watched, clock)?)
            }
            Kind::BritishAirways => {
                let said = "it has no public API: read what it sends under contract as the input `aidx:`, or give `mock = {}`";
                return Err(Unusable(said.to_owned()));
            }
            Kind::Mock => return Err(Unusable("a mock says how it behaves: give `mock = {}`".to_owned())),
        })
    }
}

/// A value of the environment; an empty one is none.
fn number<T: std::str::FromStr>(environment: Environment<'_>, name: &str) -> Result<Option<T>, Unusable>
where
    T::Err: std::fmt::Display,
{
    let Some(text) = environment(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    text.parse().map(Some).map_err(|e| Unusable(format!("{name}: `{text}`: {e}")))
}

/// Credentials, or none where neither of their parts is set.
fn either(environment: Environment<'_>, prefix: &str) -> Result<Option<Credentials>, Unusable> {
    let is_set = |name| environment(&format!("{prefix}_{name}")).is_some_and(|value| !value.is_empty());
    let any = is_set("CLIENT_ID") || is_set("CLIENT_SECRET");
    any.then(|| credentials(environment, prefix)).transpose()
}

fn credentials(environment: Environment<'_>, prefix: &str) -> Result<Credentials, Unusable> {
    let part = |name| secret(environment, &format!("{prefix}_{name}"));
    Ok(Credentials { id: part("CLIENT_ID")?, secret: part("CLIENT_SECRET")? })
}

pub(crate) fn secret(environment: Environment<'_>, name: &str) -> Result<Secret, Unusable> {
    let value = environment(name).filter(|value| !value.is_empty());
    value.map(Secret::new).ok_or_else(|| Unusable(format!("{name} is not set in the environment")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn desk(toml: &str, variables: &[(&str, &str)]) -> Result<Desk, Unusable> {
        let sources: Sources = toml::from_str(toml).map_err(|e| Unusable(e.to_string()))?;
        let environment = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let clock: Clock = Arc::new(|| 0);
        sources.desk(&environment, &clock)
    }

    #[tokio::test]
    async fn entries_become_providers_in_order_of_priority() {
        let toml = "use = \"sync\"\nbreaker_failures = 4\n[[providers]]\nkind = \"lufthansa\"\npriority = 1\n\
                    [[providers]]\nkind = \"flightaware\"\npriority = 9\n[[providers]]\nkind = \"amadeus\"\nmock = {}\n\
                    [[providers]]\nkind = \"opensky\"\n[[providers]]\nkind = \"opensky\"\nname = \"sky\"\nmock = {}\n";
        let keys = [("FLIGHTAWARE_API_KEY", "k"), ("LUFTHANSA_CLIENT_ID", "i"), ("LUFTHANSA_CLIENT_SECRET", "s")];
        let desk = desk(toml, &keys).unwrap();
        let report = desk.report().await;
        let names: Vec<&str> = report.providers.iter().map(|provider| provider.provider.as_str()).collect();
        assert_eq!(names, ["flightaware", "lufthansa", "amadeus-mock", "opensky", "sky-mock"]);
        assert_eq!(desk.fleet().profile().breaker.failures, 4);
    }

    #[test]
    fn times_are_the_usual_ones_unless_said_otherwise() {
        let usual: Sources = toml::from_str("").unwrap();
        assert_eq!(usual.freshness(), Freshness::default());
        let other: Sources = toml::from_str("revalidate_s = 30\nfresh_min = { day = 1 }").unwrap();
        let (day, while_revalidating) = (Duration::from_mins(1), Duration::from_secs(30));
        assert_eq!(other.freshness(), Freshness { day, while_revalidating, ..Freshness::default() });
    }

    // contract: S0-17
    #[test]
    fn the_variables_of_the_contract_set_what_their_names_say() {
        let variables = [
            ("FLIGHT_SYNC_CACHE_TTL_MS", "90000"),
            ("FLIGHT_SYNC_BATCH_SIZE", "7"),
            ("FLIGHT_SYNC_ENABLED", "true"),
            ("FLIGHT_SYNC_CRON_INTERVAL", "*/5 * * * *"),
            ("CIRCUIT_BREAKER_FAILURE_THRESHOLD", "9"),
            ("CIRCUIT_BREAKER_TIMEOUT_MS", "1500"),
            ("CIRCUIT_BREAKER_HALF_OPEN_ATTEMPTS", "4"),
        ];
        let environment = |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let usual = Sources::default();
        assert_eq!((usual.sync.cron.as_str(), usual.sync.batch, usual.is_scheduled()), ("*/15 * * * *", 100, false));
        let set = usual.with_environment(&environment).unwrap();
        assert_eq!((set.sync.cron.as_str(), set.sync.batch, set.is_scheduled()), ("*/5 * * * *", 7, true));
        assert_eq!(set.freshness().week, Duration::from_secs(90));
        let breaker = set.profile().breaker;
        assert_eq!((breaker.failures, breaker.open_for, breaker.successes), (9, Duration::from_millis(1500), 4));
        for (name, _) in variables.iter().filter(|(name, _)| *name != "FLIGHT_SYNC_CRON_INTERVAL") {
            let wrong = |asked: &str| (asked == *name).then(|| "soon".to_owned());
            assert!(Sources::default().with_environment(&wrong).unwrap_err().to_string().contains(name), "{name}");
        }
    }

    #[tokio::test]
    async fn what_is_missing_or_wrong_is_named() {
        let cases = [
            ("[[providers]]\nkind = \"flightaware\"", "FLIGHTAWARE_API_KEY"),
            ("[[providers]]\nkind = \"amadeus\"", "AMADEUS_API_BASE_URL"),
            ("[[providers]]\nkind = \"mock\"", "mock = {}"),
            ("[[providers]]\nkind = \"britishairways\"", "`aidx:`"),
            ("[[providers]]\nkind = \"flightaware\"\nkey = \"abc\"", "key"),
            ("[[providers]]\nkind = \"nobody\"", "nobody"),
            ("[[providers]]\nkind = \"mock\"\nmock = {}\n[[providers]]\nkind = \"mock\"\nmock = {}", "two of one name"),
            ("[[providers]]\nkind = \"mock\"\nmock = { chaos = 1 }", "chaos"),
            ("[[providers]]\nkind = \"opensky\"\nopensky = { bbox = [50.0, 10.0, 40.0, 20.0] }", "opensky.bbox"),
            ("[[providers]]\nkind = \"opensky\"\nopensky = { bbox = [nan, 10.0, 40.0, 20.0] }", "opensky.bbox"),
            ("[[providers]]\nkind = \"opensky\"\nopensky = { icao24 = [\"48ad0\"] }", "48ad0"),
            ("[[providers]]\nkind = \"lufthansa\"\nopensky = {}", "only an entry of that kind"),
            (
                "[[providers]]\nkind = \"flightaware\"\npush = {}",
                "sources.providers[0] (flightaware): push: only an entry of kind lufthansa",
            ),
            (
                "[[providers]]\nkind = \"lufthansa\"\nmock = {}\npush = {}",
                "sources.providers[0] (lufthansa): push: a mock has none",
            ),
            ("[[providers]]\nkind = \"lufthansa\"\npush = { word = 1 }", "word"),
            ("[[providers]]\nkind = \"amadeus\"\nboards = true", "sources.providers[0] (amadeus): boards: only"),
            ("[[providers]]\nkind = \"lufthansa\"\nmock = {}\nboards = true", "and no mock"),
            ("[[providers]]\nkind = \"mock\"\nlimit = { units = 0, per_s = 1 }", "nonzero"),
        ];
        for (toml, expected) in cases {
            let error = desk(toml, &[]).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(expected), "{toml}: {error}");
        }
        let half = desk("[[providers]]\nkind = \"opensky\"", &[("OPENSKY_CLIENT_ID", "hush")]);
        assert!(half.err().is_some_and(|error| error.to_string().contains("OPENSKY_CLIENT_SECRET")));
        let address = desk("[[providers]]\nkind = \"flightaware\"\nurl = \"nowhere\"", &[("FLIGHTAWARE_API_KEY", "hush")]);
        let error = address.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("nowhere") && !error.contains("hush"), "{error}");
    }
}
