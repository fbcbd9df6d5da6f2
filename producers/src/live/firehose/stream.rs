//! Connects, takes up, publishes, and does so again: for as long as this process leads.
//!
//! ```text
//! leads? ─► position from the topic ─► connect ─► lines ─► parcel ─► published ─┐
//!   ▲                                    ▲          ▲                           │
//!   │                                    │          └───────────────────────────┤
//!   └── pause, 1 s to 30 s, half chance ─┴── broken, silent, not published ◄────┘        refused ─► the end
//! ```
//!
//! While a parcel is published nothing is read: a cluster that is away holds the server back, and what it drops is sent again from the
//! position. After a parcel whose outcome is unknown the position is read anew from the topic, where it stands if the parcel does.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use slipstream_schemas::records::SourcePosition;
use tokio::io::{AsyncRead, AsyncWriteExt};
use tokio::time::Instant;

use super::super::breaker::State;
use super::super::dial::{Dial, broken};
use super::super::error::{ProviderError, Verdict};
use super::super::http::Unusable;
use super::super::mock::MockSettings;
use super::super::provider::{Card, Clock, Leads};
use super::super::retry;
use super::super::secret::Secret;
use super::super::session::Phase;
use super::super::stats::ProviderReport;
use super::super::sync::{Publisher, Unpublished};
use super::SOURCE;
use super::lines::Lines;
use super::peer::{Peer, Wire};
use super::settings::{Login, Start, StreamSettings};
use super::stage::Stage;
use super::tally::{Count, FirehoseReport};
use super::uptake::Uptake;

/// First pause before a connection is made anew.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// How often somebody who waits looks whether he leads.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Periods of signs of life after which a silent connection is given up.
const SILENT_PERIODS: u32 = 2;
/// For a health check's connection to send something.
const CHECK: Duration = Duration::from_secs(10);
/// Milliseconds of an hour.
const HOUR: i64 = 3_600_000;

/// A position on its way from where it is kept.
pub type Finding<'a> = Pin<Box<dyn Future<Output = Result<Option<SourcePosition>, Unpublished>> + Send + 'a>>;

/// Where the positions of streams are kept, committed ones only.
pub trait Positions: Send + Sync {
    /// The last one of a source; none before its first.
    fn last<'a>(&'a self, source: &'a str) -> Finding<'a>;
}

/// Where what was taken up goes, and from where it goes on.
#[derive(Clone)]
pub struct Way {
    /// Whether this process is the one that reads the stream.
    pub leads: Leads,
    /// Puts parcels on their topics.
    pub publisher: Arc<dyn Publisher>,
    /// Knows how far the last parcel went.
    pub positions: Arc<dyn Positions>,
}

/// The stream; cheap to clone, clones are one.
#[derive(Clone)]
pub struct Firehose(Arc<Inner>);

struct Inner {
    name: String,
    source: Arc<str>,
    settings: StreamSettings,
    login: Login,
    peer: Peer,
    clock: Clock,
    count: Mutex<Count>,
}

/// Why a session is over.
enum End {
    /// Another process leads.
    Follows,
    /// The connection failed, or ended.
    Broken(ProviderError),
    /// The position could not be read, or a parcel not be published.
    Unpublished(Unpublished),
}

impl Firehose {
    /// The stream of these settings under a name of its own.
    ///
    /// # Errors
    /// A setting is none; the message names it.
    pub fn new(name: String, settings: StreamSettings, login: Login, clock: Clock) -> Result<Self, Unusable> {
        let settings = settings.checked()?;
        let peer = Peer::Server(Dial::new("firehose", (&settings.host, settings.port), settings.ca.as_deref())?);
        let (source, count) = (SOURCE.into(), Mutex::default());
        Ok(Self(Arc::new(Inner { name, source, settings, login, peer, clock, count })))
    }

    /// A mock of the stream that `card` names: it and its source are called so.
    ///
    /// # Errors
    /// A setting is none; the message names it.
    pub fn mock(card: &Card, settings: StreamSettings, mock: MockSettings, clock: Clock) -> Result<Self, Unusable> {
        let settings = settings.checked()?;
        let peer = Peer::Stage(Arc::new(Stage::new(card.clone(), mock, &settings, clock.clone())));
        let (name, source) = (format!("{}-mock", card.name), format!("{SOURCE}-mock").into());
        let login = Login::new(Secret::new("nobody"), Secret::new("nothing"))?;
        Ok(Self(Arc::new(Inner { name, source, settings, login, peer, clock, count: Mutex::default() })))
    }

    /// How it is.
    #[must_use]
    pub fn report(&self) -> FirehoseReport {
        let now_s = (self.0.clock)().div_euclid(1000);
        self.lock().report(&self.0.name, now_s)
    }

    /// The same as those show it who are asked: connections are its calls, and the breaker of one that is gone is open.
    #[must_use]
    pub fn as_provider(&self) -> ProviderReport {
        self.lock().session.as_provider(&self.0.name)
    }

    /// Whether it can be counted on.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.as_provider().breaker == State::Closed
    }

    /// Connects beside the stream, waits for the first line, and leaves.
    ///
    /// # Errors
    /// Nobody is there, or it lets us not in.
    pub async fn check(&self) -> Result<(), ProviderError> {
        let checked = async {
            let mut lines = self.connect(Start::Live).await?;
            let mut uptake = self.uptake(None);
            loop {
                if let Some(line) = lines.take() {
                    return uptake.line(&line, (self.0.clock)());
                }
                read(&mut lines).await?;
            }
        };
        let late = || Err(ProviderError::Timeout { after: CHECK });
        let outcome = tokio::time::timeout(CHECK, checked).await.unwrap_or_else(|_| late());
        self.lock().session.checked(outcome.as_ref().err().map_or(Verdict::Healthy, ProviderError::verdict));
        outcome
    }

    /// Keeps the stream going while this process leads; ends only when the server refuses name, password or subscription, which somebody
    /// has to mend first.
    pub async fn keep(&self, way: &Way) {
        let mut pauses = retry::pauses(PAUSE_FIRST, u32::MAX);
        loop {
            while !(way.leads)() {
                self.lock().session.turn(Phase::Standby);
                tokio::time::sleep(LOOK_EVERY).await;
            }
            let mut progressed = false;
            match self.session(way, &mut progressed).await {
                End::Follows => continue,
                End::Broken(error) if error.verdict() == Verdict::LockedOut => {
                    tracing::error!(source = %self.0.name, %error, "stopped: mend the login or the subscription and start again");
                    return;
                }
                End::Broken(error) => tracing::warn!(source = %self.0.name, %error, "connecting again"),
                End::Unpublished(error) => {
                    self.lock().session.unpublished(&error.to_string());
                    tracing::warn!(source = %self.0.name, %error, "connecting again");
                }
            }
            if progressed {
                pauses = retry::pauses(PAUSE_FIRST, u32::MAX);
            }
            tokio::time::sleep(pauses.next().unwrap_or(PAUSE_FIRST)).await;
        }
    }

    /// One connection, from the position that is kept to its end.
    async fn session(&self, way: &Way, progressed: &mut bool) -> End {
        self.lock().session.turn(Phase::Connecting);
        let kept = match way.positions.last(&self.0.name).await {
            Ok(kept) => kept,
            Err(error) => return End::Unpublished(error),
        };
        let mut uptake = self.uptake(kept.as_ref());
        let began = Instant::now();
        let start = self.start(uptake.pitr());
        let opened = async {
            let mut lines = self.connect(start).await?;
            // Nothing says that we are let in but the first line.
            tokio::time::timeout(self.patience(), read(&mut lines)).await.unwrap_or_else(|_| Err(self.silent()))?;
            Ok(lines)
        };
        let opened = opened.await;
        let mut lines = match opened {
            Ok(lines) => lines,
            Err(error) => {
                self.lock().session.connected(began, Some(&error));
                return End::Broken(error);
            }
        };
        let mut is_first = true;
        let mut note = |error: Option<&ProviderError>| {
            let session = &mut self.lock().session;
            match (std::mem::take(&mut is_first), error) {
                (true, error) => session.connected(began, error),
                (false, Some(error)) => session.ended(error),
                (false, None) => session.heard(),
            }
            *progressed |= error.is_none();
        };
        self.take(way, &mut lines, &mut uptake, &mut note).await
    }

    /// Takes lines up until something ends it. `note` hears of every read that brought messages, and of the error that ended it.
    async fn take<R: AsyncRead + Unpin>(
        &self,
        way: &Way,
        lines: &mut Lines<R>,
        uptake: &mut Uptake,
        note: &mut (dyn FnMut(Option<&ProviderError>) + Send),
    ) -> End {
        let mut deadline = Instant::now() + self.patience();
        loop {
            let mut ended = None;
            let mut heard = false;
            while ended.is_none()
                && !uptake.is_full()
                && let Some(line) = lines.take()
            {
                ended = uptake.line(&line, (self.0.clock)()).err();
                heard = true;
            }
            if let Some(error) = &ended {
                note(Some(error));
            } else if heard {
                note(None);
            }
            let is_full = uptake.is_full();
            if let Err(error) = self.publish(way, uptake).await {
                return End::Unpublished(error);
            }
            if let Some(error) = ended {
                return End::Broken(error);
            }
            if !(way.leads)() {
                return End::Follows;
            }
            if heard {
                deadline = Instant::now() + self.patience();
            }
            if is_full {
                continue;
            }
            if let Err(error) = self.more(lines, deadline).await {
                note(Some(&error));
                return End::Broken(error);
            }
        }
    }

    /// Reads, or waits for a moment.
    async fn more<R: AsyncRead + Unpin>(&self, lines: &mut Lines<R>, deadline: Instant) -> Result<(), ProviderError> {
        let until = deadline.min(Instant::now() + LOOK_EVERY);
        match tokio::time::timeout_at(until, read(lines)).await {
            Ok(read) => read,
            Err(_) if Instant::now() >= deadline => Err(self.silent()),
            Err(_) => Ok(()),
        }
    }

    async fn publish(&self, way: &Way, uptake: &mut Uptake) -> Result<(), Unpublished> {
        let pitr = uptake.pitr();
        if let Some((records, tally)) = uptake.parcel((self.0.clock)()) {
            way.publisher.publish(records).await?;
            self.lock().committed(&tally, pitr);
        }
        Ok(())
    }

    async fn connect(&self, start: Start) -> Result<Lines<Box<dyn Wire>>, ProviderError> {
        tracing::info!(source = %self.0.name, server = %self.0.peer.origin(), ?start, "connecting");
        let mut connection = self.0.peer.open().await?;
        let line = self.0.settings.initiation(&self.0.login, start);
        let written = async {
            connection.write_all(line.as_bytes()).await?;
            connection.flush().await
        };
        written.await.map_err(|e| broken("connection broke", &e))?;
        Ok(Lines::new(connection))
    }

    /// Where to begin: at the position, unless the stream has been away for too long, which is said and counted.
    fn start(&self, pitr: Option<i64>) -> Start {
        let Some(pitr) = pitr else { return Start::Live };
        let oldest = ((self.0.clock)() - i64::from(self.0.settings.resume_max_h) * HOUR).div_euclid(1000);
        if pitr >= oldest {
            return Start::Pitr(pitr);
        }
        tracing::error!(source = %self.0.name, pitr, resume_max_h = self.0.settings.resume_max_h, "too long ago: beginning now, with a gap");
        self.lock().skipped();
        Start::Live
    }

    fn uptake(&self, kept: Option<&SourcePosition>) -> Uptake {
        Uptake::new((&self.0.name, Arc::clone(&self.0.source)), (self.0.peer.origin(), self.0.login.clone()), kept)
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(self.0.settings.keepalive_s.into()) * SILENT_PERIODS
    }

    fn silent(&self) -> ProviderError {
        ProviderError::Timeout { after: self.patience() }
    }

    fn lock(&self) -> MutexGuard<'_, Count> {
        self.0.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads once.
async fn read<R: AsyncRead + Unpin>(lines: &mut Lines<R>) -> Result<(), ProviderError> {
    match lines.fill().await {
        Ok(true) => Ok(()),
        Ok(false) => Err(ProviderError::Unavailable { reason: "ended by the server".to_owned() }),
        Err(error) => Err(broken("connection broke", &error)),
    }
}
