//! Records from outside into the topics of a world: many callers, few transactions.
//!
//!     hand_in ─► queue ─► gather: until TRANSACTION_GAP after the last one began, or TRANSACTION_RECORDS ─► send, drain, commit ─► answers
//!
//! For what comes when it comes: webhooks, what providers answer, what people decide. One thread owns the transactional
//! producer. A caller is told of success only after the commit that holds its records. A transaction that was aborted, or
//! whose outcome is unknown, is made once more while its callers wait, with the same record ids: a reader may see a record
//! twice, never lose one that was confirmed. A producer that is fenced or broken is made anew.
//!
//! Promises no order between callers, and keeps nothing over a restart.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::buffer::Order;
use crate::codec::Codec;
use crate::errors::ErrorCounts;
use crate::kafka::{Connection, KafkaLog, Member};
use crate::log::{Log, LogError, Offsets};
use crate::pauses;
use crate::plan::Plan;
use crate::record::Record;
use crate::runtime::{Config, RuntimeError};
use crate::topology::Topology;

/// Least time between the beginnings of two transactions, unless one is full.
pub const TRANSACTION_GAP: Duration = Duration::from_millis(50);
/// Records that make a transaction full.
pub const TRANSACTION_RECORDS: usize = 500;
/// Most records that wait for their transaction; beyond them callers are turned away.
pub const WAITING_RECORDS_MAX: usize = 1_000;
/// Largest value of one record, bytes: below what a topic takes by default.
pub const VALUE_BYTES_MAX: usize = 512 * 1024;
/// For how long a caller's records are tried.
pub const CONFIRM_WITHIN: Duration = Duration::from_secs(8);
/// Pause before a transaction is tried again.
const PAUSE: Duration = Duration::from_millis(250);

/// Why records are not known to be in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotTaken {
    /// Too many wait already: nothing was written.
    #[error("{WAITING_RECORDS_MAX} records wait already")]
    Busy,
    /// More than one transaction holds, or a value above [`VALUE_BYTES_MAX`]: nothing was written.
    #[error("more than {TRANSACTION_RECORDS} records at once, or one above {VALUE_BYTES_MAX} bytes")]
    TooLarge,
    /// No commit was confirmed in time; the records may be in the log all the same.
    #[error("not confirmed within {} s", CONFIRM_WITHIN.as_secs())]
    Unconfirmed,
}

/// Who waits for an answer. Dropped without a call when the intake ends.
type Answer = Box<dyn FnOnce(Result<(), NotTaken>) + Send>;

/// What one caller hands in: in one transaction, or not at all.
struct Parcel {
    records: Vec<Record>,
    until: Instant,
    answer: Answer,
}

/// The way in. Dropping it writes what waits still, as far as the cluster allows.
pub struct Intake {
    parcels: Option<SyncSender<Parcel>>,
    waiting: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    errors: Arc<Mutex<ErrorCounts>>,
    thread: Option<JoinHandle<()>>,
}

impl Intake {
    /// Opens the way into a world for the process of this name; a second one of that name takes over from the first.
    ///
    /// # Errors
    /// The system refuses a thread. A cluster that is away is waited for.
    pub fn open(config: &Config, topology: &Topology, codec: &Arc<dyn Codec>, name: &str) -> Result<Self, RuntimeError> {
        let plan = Plan::new(topology.clone(), Arc::clone(codec), config.world.clone(), Order::Arrival, config.limits, "");
        let id = config.world.member("intake", name, 0);
        let member = Member { group: id.clone(), topics: Vec::new(), transactional_id: id, is_static: false };
        let (sender, parcels) = sync_channel(WAITING_RECORDS_MAX);
        let (waiting, stop) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let errors = Arc::<Mutex<ErrorCounts>>::default();
        let worker = Worker {
            plan,
            connection: config.connection.clone(),
            member,
            parcels,
            waiting: Arc::clone(&waiting),
            stop: Arc::clone(&stop),
            errors: Arc::clone(&errors),
            log: None,
            began: None,
        };
        let thread = std::thread::Builder::new().name("intake".to_owned()).spawn(move || worker.run());
        let thread = thread.map_err(|error| RuntimeError::Refused(format!("no thread: {error}")))?;
        Ok(Self { parcels: Some(sender), waiting, stop, errors, thread: Some(thread) })
    }

    /// Errors that its transactions have met, those that passed included.
    #[must_use]
    pub fn errors(&self) -> ErrorCounts {
        *self.errors.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands records in, which are committed together. `answer` is called once, on the intake's thread, or dropped when it
    /// ends; it must not block. A caller who cannot wait for a cluster that is away keeps a timer of its own.
    ///
    /// # Errors
    /// [`NotTaken::Busy`] and [`NotTaken::TooLarge`], at once and without a call of `answer`.
    pub fn hand_in(
        &self,
        records: Vec<Record>,
        answer: impl FnOnce(Result<(), NotTaken>) + Send + 'static,
    ) -> Result<(), NotTaken> {
        let count = records.len();
        let large = |record: &Record| record.body.as_ref().is_some_and(|body| body.len() > VALUE_BYTES_MAX);
        if count > TRANSACTION_RECORDS || records.iter().any(large) {
            return Err(NotTaken::TooLarge);
        }
        if self.waiting.fetch_add(count, Ordering::Relaxed) + count > WAITING_RECORDS_MAX {
            self.waiting.fetch_sub(count, Ordering::Relaxed);
            return Err(NotTaken::Busy);
        }
        let parcel = Parcel { records, until: Instant::now() + CONFIRM_WITHIN, answer: Box::new(answer) };
        let parcels = self.parcels.as_ref().ok_or(NotTaken::Unconfirmed)?;
        parcels.try_send(parcel).map_err(|refused| {
            self.waiting.fetch_sub(count, Ordering::Relaxed);
            match refused {
                TrySendError::Full(_) => NotTaken::Busy,
                TrySendError::Disconnected(_) => NotTaken::Unconfirmed,
            }
        })
    }
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.parcels = None; // the thread ends after what waits
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let ended = thread.join();
            tracing::debug!(?ended, "intake closed");
        }
    }
}

/// The thread that owns the producer.
struct Worker {
    plan: Plan,
    connection: Connection,
    member: Member,
    parcels: Receiver<Parcel>,
    waiting: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    errors: Arc<Mutex<ErrorCounts>>,
    log: Option<KafkaLog>,
    /// When the last transaction began.
    began: Option<Instant>,
}

impl Worker {
    fn run(mut self) {
        while let Some(batch) = self.gather() {
            self.settle(batch);
        }
    }

    /// What the next transaction holds; none when nobody can hand anything in any more.
    fn gather(&mut self) -> Option<Vec<Parcel>> {
        let first = self.parcels.recv().ok()?;
        let mut count = first.records.len();
        let mut batch = vec![first];
        let until = self.began.map_or_else(Instant::now, |began| began + TRANSACTION_GAP);
        while count < TRANSACTION_RECORDS {
            let Ok(parcel) = self.parcels.recv_timeout(until.saturating_duration_since(Instant::now())) else { break };
            count += parcel.records.len();
            batch.push(parcel);
        }
        self.waiting.fetch_sub(count, Ordering::Relaxed);
        Some(batch)
    }

    /// Writes a batch until it is committed, or nobody waits for it any more.
    fn settle(&mut self, mut batch: Vec<Parcel>) {
        loop {
            let now = Instant::now();
            let (waits, late): (Vec<_>, Vec<_>) = batch.into_iter().partition(|parcel| parcel.until > now);
            answer(late, Err(NotTaken::Unconfirmed));
            batch = waits;
            if batch.is_empty() {
                return;
            }
            self.began = Some(now);
            match self.transact(&batch) {
                Ok(()) => return answer(batch, Ok(())),
                Err(error) => {
                    tracing::warn!(%error, class = error.class().name(), "a transaction of the intake, again");
                    self.errors.lock().unwrap_or_else(PoisonError::into_inner).note(error.class());
                    // Whatever it was, a producer of the same identity ends what this one has left open.
                    self.log = None;
                    if matches!(error, LogError::Refused(_)) || !self.pause() {
                        return answer(batch, Err(NotTaken::Unconfirmed));
                    }
                }
            }
        }
    }

    fn transact(&mut self, batch: &[Parcel]) -> Result<(), LogError> {
        let log = match &mut self.log {
            Some(log) => log,
            none => none.insert(KafkaLog::open(&self.connection, &self.member, Instant::now())?),
        };
        let mut framed = Vec::new();
        for record in batch.iter().flat_map(|parcel| &parcel.records) {
            self.plan.outgoing(record, &mut framed, &mut |outgoing| log.send(outgoing))?;
        }
        log.drain()?;
        log.commit(&Offsets::new())
    }

    /// Waits; false when the intake is to end.
    fn pause(&self) -> bool {
        pauses::rest(PAUSE, &self.stop);
        !self.stop.load(Ordering::Relaxed)
    }
}

fn answer(parcels: Vec<Parcel>, outcome: Result<(), NotTaken>) {
    parcels.into_iter().for_each(|parcel| (parcel.answer)(outcome));
}
