//! Listens and asks, and does so again: for as long as this process leads.
//!
//! ```text
//! leads? ─► connect, log in, subscribe ─► message ─► flights that wait ┈► asked, one at a time, whatever the connection does
//!   ▲                                        │
//!   └── pause, 1 s to 30 s, half chance ◄────┴── broken, silent          refused ─► the end
//! ```
//!
//! While a dead letter is published no further message is read. One that could not be published is kept, and published before the next
//! connection is made.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use slipstream_streams::record::{Record, derive_id};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;
use tokio::time::Instant;

use super::super::breaker::State;
use super::super::dial::Dial;
use super::super::error::{ProviderError, Verdict};
use super::super::http::Unusable;
use super::super::provider::{Clock, Leads, LegQuery};
use super::super::retry;
use super::super::session::Phase;
use super::super::stats::ProviderReport;
use super::super::sync::flight::Syncer;
use super::super::sync::{Publisher, Unpublished};
use super::link::{Link, Message};
use super::message::{self, Fault, MESSAGE_BYTES_MAX, Notice};
use super::settings::{Login, PushSettings};
use super::tally::{Count, PushReport};
use super::waiting::{Put, Waiting};
use super::{ENVELOPE, LETTERS, SUFFIX};
use crate::letters;

/// First pause before a connection is made anew.
const PAUSE_FIRST: Duration = Duration::from_secs(1);
/// How often somebody who waits looks whether he leads.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// A connection that has lasted so long was a good one: the pause after it is the first again. Of two who connect under one client id each
/// ends the other's connection, and they must not do so every second.
const SETTLED: Duration = Duration::from_secs(30);
/// A message has no place in a log of the server's.
const NO_POSITION: i64 = -1;

/// Where messages lead.
#[derive(Clone)]
pub struct Way {
    /// Whether this process is the one that listens.
    pub leads: Leads,
    /// Puts dead letters on their topic.
    pub publisher: Arc<dyn Publisher>,
    /// Asks, and publishes what is said.
    pub syncer: Syncer,
}

/// The push; cheap to clone, clones are one.
#[derive(Clone)]
pub struct Push(Arc<Inner>);

struct Inner {
    /// Whom to ask after a message.
    provider: String,
    name: String,
    settings: PushSettings,
    login: Login,
    dial: Dial,
    clock: Clock,
    kept: Mutex<Kept>,
    /// A flight has come to wait.
    comes: Notify,
}

#[derive(Default)]
struct Kept {
    count: Count,
    waiting: Waiting,
    /// A dead letter that is not published yet.
    letter: Option<Record>,
}

/// Why a session is over.
enum End {
    /// Another process leads.
    Follows,
    /// The connection failed, or ended.
    Broken(ProviderError),
    /// A dead letter could not be published.
    Unpublished(Unpublished),
}

impl Push {
    /// The push of these settings; the provider of the name `provider` is asked after a message.
    ///
    /// # Errors
    /// A setting is none; the message names it.
    pub fn new(provider: String, settings: PushSettings, login: Login, clock: Clock) -> Result<Self, Unusable> {
        let settings = settings.checked()?;
        let dial = Dial::new("push", (&settings.host, settings.port), settings.ca.as_deref())?;
        let (name, kept, comes) = (format!("{provider}{SUFFIX}"), Mutex::default(), Notify::new());
        Ok(Self(Arc::new(Inner { provider, name, settings, login, dial, clock, kept, comes })))
    }

    /// How it is.
    #[must_use]
    pub fn report(&self) -> PushReport {
        let kept = self.lock();
        kept.count.report(&self.0.name, kept.waiting.len())
    }

    /// The same as those show it who are asked: connections are its calls, and the breaker of one that is gone is open.
    #[must_use]
    pub fn as_provider(&self) -> ProviderReport {
        self.lock().count.session.as_provider(&self.0.name)
    }

    /// Whether it can be counted on.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.as_provider().breaker == State::Closed
    }

    /// Listens and asks while this process leads; ends only when the server refuses login or subscription, which somebody has to mend first.
    pub async fn keep(&self, way: &Way) {
        tokio::select! {
            () = self.listen(way) => {}
            () = self.ask(way) => {}
        }
    }

    async fn listen(&self, way: &Way) {
        let mut pauses = retry::pauses(PAUSE_FIRST, u32::MAX);
        loop {
            while !(way.leads)() {
                self.follow();
                tokio::time::sleep(LOOK_EVERY).await;
            }
            let began = Instant::now();
            match self.session(way).await {
                End::Follows => continue,
                End::Broken(error) if error.verdict() == Verdict::LockedOut => {
                    tracing::error!(source = %self.0.name, %error, "stopped: mend the login and start again");
                    return;
                }
                End::Broken(error) => tracing::warn!(source = %self.0.name, %error, "connecting again"),
                End::Unpublished(error) => {
                    self.lock().count.session.unpublished(&error.to_string());
                    tracing::warn!(source = %self.0.name, %error, "connecting again");
                }
            }
            if began.elapsed() >= SETTLED {
                pauses = retry::pauses(PAUSE_FIRST, u32::MAX);
            }
            tokio::time::sleep(pauses.next().unwrap_or(PAUSE_FIRST)).await;
        }
    }

    /// Another process leads, which hears the same: what waits here is its to ask.
    fn follow(&self) {
        let mut kept = self.lock();
        kept.waiting = Waiting::default();
        kept.count.session.turn(Phase::Standby);
    }

    /// One connection, from its beginning to its end.
    async fn session(&self, way: &Way) -> End {
        if let Err(error) = self.publish(way).await {
            return End::Unpublished(error);
        }
        self.lock().count.session.turn(Phase::Connecting);
        let began = Instant::now();
        let opened = self.connect().await;
        self.lock().count.session.connected(began, opened.as_ref().err());
        let mut link = match opened {
            Ok(link) => link,
            Err(error) => return End::Broken(error),
        };
        let end = self.take(way, &mut link).await;
        if let End::Broken(error) = &end {
            self.lock().count.session.ended(error);
        } else {
            link.leave().await;
        }
        end
    }

    async fn connect(&self) -> Result<Link<impl AsyncRead + AsyncWrite + Unpin + Send + use<>>, ProviderError> {
        tracing::info!(source = %self.0.name, server = %self.0.dial.origin(), "connecting");
        let connection = self.0.dial.open().await?;
        Link::open(connection, &self.0.login, self.0.settings.topics()).await
    }

    /// Takes messages up until something ends it.
    async fn take<S: AsyncRead + AsyncWrite + Unpin>(&self, way: &Way, link: &mut Link<S>) -> End {
        while (way.leads)() {
            match link.next(Instant::now() + LOOK_EVERY).await {
                Ok(None) => continue,
                Ok(Some(message)) => self.hear(way, &message).await,
                Err(error) => return End::Broken(error),
            }
            if let Err(error) = self.publish(way).await {
                return End::Unpublished(error);
            }
        }
        End::Follows
    }

    async fn hear(&self, way: &Way, message: &Message) {
        self.lock().count.session.heard();
        match message::read(&message.topic, &message.body, (self.0.clock)()) {
            Ok(notice) => self.changed(way, notice).await,
            Err(fault) => self.refused(message, &fault),
        }
    }

    /// A flight has changed: it waits to be asked for, and who asks meanwhile is not given what was kept of it.
    async fn changed(&self, way: &Way, Notice { flight, code }: Notice) {
        way.syncer.outdate(flight).await;
        let mut kept = self.lock();
        let put = kept.waiting.put(flight);
        kept.count.tally.code(code);
        kept.count.tally.put(put);
        drop(kept);
        match put {
            Put::New => self.0.comes.notify_one(),
            Put::Again => {}
            Put::Full => tracing::warn!(source = %self.0.name, %flight, "no room: the scheduler asks later"),
        }
    }

    /// A message that nobody can use. The id of its letter follows from what it says.
    fn refused(&self, message: &Message, fault: &Fault) {
        tracing::warn!(source = %self.0.name, error = %fault, "unusable message");
        let (topic, body, origin) = (message.topic.as_bytes(), &message.body, self.0.dial.origin());
        let id = derive_id(&[ENVELOPE.as_bytes(), b"message", topic, body]);
        let text = (topic.len() + body.len() <= MESSAGE_BYTES_MAX).then(|| [topic, b"\n", body].concat());
        let (at, now) = ((origin.as_str(), NO_POSITION), (self.0.clock)());
        let letter = letters::of_message(LETTERS, id, at, &fault.to_string(), text.as_deref(), now);
        let mut kept = self.lock();
        kept.count.tally.unreadable(fault.reason);
        kept.letter = Some(letter);
    }

    /// Publishes the dead letter that is due, if one is.
    async fn publish(&self, way: &Way) -> Result<(), Unpublished> {
        let due = self.lock().letter.clone();
        let Some(letter) = due else { return Ok(()) };
        way.publisher.publish(vec![letter]).await?;
        self.lock().letter = None;
        Ok(())
    }

    /// Asks for the flights that wait, one at a time.
    async fn ask(&self, way: &Way) {
        loop {
            let Some(flight) = self.next() else {
                self.0.comes.notified().await;
                continue;
            };
            let results = way.syncer.anew(flight, &self.0.provider).await;
            let mut kept = self.lock();
            results.iter().for_each(|result| kept.count.tally.asked(result.success));
        }
    }

    fn next(&self) -> Option<LegQuery> {
        self.lock().waiting.take()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
