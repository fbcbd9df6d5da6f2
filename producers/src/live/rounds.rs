//! Weather by the clock: the newest reports of the airports of the legs that are known, once a minute for some of them.
//!
//! ```text
//! flight.state ─► airports of the next 24 h, soonest first ─► 50 of those asked longest ago ─► briefing ─┬─ new ─► external.data
//!                                                                                                        └─ unreadable ─► dead.letter.queue
//! ```
//!
//! Each kind of report is asked for at most once a minute, as the first provider wants it. A report's id follows from its text, and one that
//! was published is not published again; two processes that go round for a moment write the same ids. What cannot be read is a dead letter, once
//! for each text, of the last [`LETTERS_MAX`]. Keeps a line for each of at most [`STATIONS_KNOWN_MAX`] airports and kind. Where nobody answers, the same airports are asked for
//! in the next round.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use slipstream_streams::record::{Record, Ts};
use uuid::Uuid;

use super::briefing::{Briefing, published, unreadable};
use super::error::ProviderError;
use super::provider::{Clock, Leads};
use super::shared::Shared;
use super::stats::ProviderReport;
use super::sync::Publisher;
use super::sync::truth::Truth;
use super::weather::{Kind, STATIONS_MAX};
use crate::local_time::{DAY, MINUTE};
use crate::weather::aerodromes;

/// Airports that are asked for: with 50 a minute each is asked every five minutes.
pub const STATIONS_KNOWN_MAX: usize = 250;
/// Dead letters that are remembered.
pub const LETTERS_MAX: usize = 10_000;
/// How far ahead a leg's departure makes its airports interesting, ms.
pub const AHEAD: Ts = DAY;
/// Pause after a round in which somebody was asked: the Aviation Weather Center wants no endpoint asked more often.
pub const EVERY: Duration = Duration::from_mins(1);
/// Pause while there is nobody to ask for, or another process leads.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What the rounds have come to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RoundStats {
    /// Rounds.
    pub rounds: u64,
    /// Reports published.
    pub published: u64,
    /// Reports that had been published before.
    pub repeated: u64,
    /// Reports that could not be read.
    pub unreadable: u64,
    /// Questions that nobody answered, or whose reports could not be published.
    pub failed: u64,
}

/// How long a report of a kind is not asked for again, ms.
fn kept_for(kind: Kind) -> Ts {
    match kind {
        Kind::Metar | Kind::Sigmet => 5 * MINUTE,
        Kind::Taf => 30 * MINUTE,
    }
}

/// The rounds of one process; cheap to clone.
#[derive(Clone)]
pub struct Rounds(Arc<Inner>);

struct Inner {
    briefing: Briefing,
    truth: Arc<Truth>,
    publisher: Arc<dyn Publisher>,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    lines: BTreeMap<(Kind, String), Line>,
    letters: BTreeSet<Uuid>,
    stats: RoundStats,
}

/// What is known of an airport's reports of one kind.
#[derive(Default)]
struct Line {
    asked_at: Option<Ts>,
    /// The records of the last answer that had some.
    last: BTreeSet<Uuid>,
}

impl Rounds {
    /// Rounds through the airports of `truth`.
    #[must_use]
    pub fn new(briefing: Briefing, truth: Arc<Truth>, publisher: Arc<dyn Publisher>, clock: Clock) -> Self {
        Self(Arc::new(Inner { briefing, truth, publisher, clock, state: Mutex::default() }))
    }

    /// What is measured of the providers.
    #[must_use]
    pub fn providers(&self) -> Vec<ProviderReport> {
        self.0.briefing.report()
    }

    /// Shares the providers with other processes, for as long as it is polled.
    pub async fn share(&self, shared: Arc<Shared>) {
        self.0.briefing.share(shared).await;
    }

    /// What they have come to.
    #[must_use]
    pub fn stats(&self) -> RoundStats {
        self.lock().stats
    }

    /// Goes round every minute while this process leads, for as long as it is polled; watches the providers beside.
    pub async fn keep(&self, leads: Leads) {
        let rounds = async {
            loop {
                let asked = leads() && self.once().await;
                tokio::time::sleep(if asked { EVERY } else { LOOK_EVERY }).await;
            }
        };
        tokio::join!(rounds, self.0.briefing.keep_watch());
    }

    /// One round: all kinds of reports of those airports whose turn it is. Whether it was anybody's turn.
    pub async fn once(&self) -> bool {
        let mut asked = false;
        for kind in [Kind::Metar, Kind::Taf, Kind::Sigmet] {
            let now = (self.0.clock)();
            let due = self.due(kind, now);
            if !due.is_empty() {
                self.ask(kind, &due, now).await;
                asked = true;
            }
        }
        self.lock().stats.rounds += u64::from(asked);
        asked
    }

    /// The airports whose turn it is: of those of the legs ahead, the ones asked longest ago; of equals the ones needed first.
    fn due(&self, kind: Kind, now: Ts) -> Vec<String> {
        let stations = self.stations(now);
        let mut state = self.lock();
        state.lines.retain(|(_, station), _| stations.contains(station));
        let asked_at = |station: &String| state.lines.get(&(kind, station.clone())).and_then(|line| line.asked_at);
        let is_due = |station: &&String| asked_at(station).is_none_or(|at| now - at >= kept_for(kind));
        let mut due: Vec<String> = stations.iter().filter(is_due).cloned().collect();
        due.sort_by_key(asked_at);
        due.truncate(STATIONS_MAX);
        due
    }

    /// The stations of the legs on their way or ahead, those needed first first.
    fn stations(&self, now: Ts) -> Vec<String> {
        let (mut seen, mut stations) = (BTreeSet::new(), Vec::new());
        for (leg, _) in self.0.truth.open(now, now + AHEAD) {
            for airport in [leg.origin, leg.destination] {
                if stations.len() < STATIONS_KNOWN_MAX && seen.insert(airport) {
                    stations.extend(aerodromes::station(airport).map(|station| station.to_string()));
                }
            }
        }
        stations
    }

    async fn ask(&self, kind: Kind, stations: &[String], now: Ts) {
        let (source, reports) = match self.0.briefing.reports(kind, stations).await {
            Ok(answer) => answer,
            Err(failed) if failed.iter().all(|failed| failed.error == ProviderError::NotOffered) => {
                self.settle(kind, stations, &[], &[], now);
                return;
            }
            Err(failed) => {
                tracing::warn!(?kind, stations = stations.len(), ?failed, "no weather");
                self.lock().stats.failed += 1;
                return;
            }
        };
        let read: Vec<_> = reports.read.iter().map(|report| (report.station.clone(), published(report, now))).collect();
        let letters: Vec<_> = reports.unread.iter().map(|unread| unreadable(&source, unread, now)).collect();
        let records = self.new_among(kind, &read, &letters);
        if !records.is_empty()
            && let Err(error) = self.0.publisher.publish(records).await
        {
            tracing::warn!(?kind, %error, "weather");
            self.lock().stats.failed += 1;
            return;
        }
        self.settle(kind, stations, &read, &letters, now);
    }

    /// The records that this process has not published yet.
    fn new_among(&self, kind: Kind, read: &[(String, Record)], letters: &[Record]) -> Vec<Record> {
        let state = self.lock();
        let read = read.iter().filter(|report| state.is_new(kind, report)).map(|(_, record)| record);
        let letters = letters.iter().filter(|letter| !state.letters.contains(&letter.event.id));
        read.chain(letters).cloned().collect()
    }

    /// Notes what was asked for, what of it is published now, and counts.
    fn settle(&self, kind: Kind, stations: &[String], read: &[(String, Record)], letters: &[Record], now: Ts) {
        let mut state = self.lock();
        let new = read.iter().filter(|report| state.is_new(kind, report)).count();
        state.stats.published += new as u64;
        state.stats.repeated += (read.len() - new) as u64;
        for station in stations {
            let line = state.lines.entry((kind, station.clone())).or_default();
            line.asked_at = Some(now);
            let of_it = read.iter().filter(|(of, _)| of == station).map(|(_, record)| record.event.id);
            // An answer without a report takes back none: the next one may bring the same again.
            let ids: BTreeSet<Uuid> = of_it.collect();
            if !ids.is_empty() {
                line.last = ids;
            }
        }
        if state.letters.len() + letters.len() > LETTERS_MAX {
            state.letters.clear();
        }
        for letter in letters {
            let is_new = state.letters.insert(letter.event.id);
            state.stats.unreadable += u64::from(is_new);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A provider may name a station that nobody asked for: it has no line, and is published each time under the same id.
    fn is_new(&self, kind: Kind, (station, record): &(String, Record)) -> bool {
        self.lines.get(&(kind, station.clone())).is_none_or(|line| !line.last.contains(&record.event.id))
    }
}
