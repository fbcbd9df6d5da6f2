//! The model behind its lock, and those who wait for it to change.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::{SystemTime, UNIX_EPOCH},
};

use kafka_protocol::protocol::StrBytes;
use tokio::sync::{Notify, oneshot};

use crate::model::{Answer, Model, Ticket, Tp};

/// A reader that sleeps until one of its partitions is written.
struct Reader {
    partitions: BTreeSet<Tp>,
    wake: Notify,
}

struct State {
    model: Model,
    next_ticket: Ticket,
    callers: BTreeMap<Ticket, oneshot::Sender<Answer>>,
    readers: Vec<Weak<Reader>>,
}

/// One broker: a model, where it listens, and its waiters.
pub(crate) struct Cluster {
    state: Mutex<State>,
    /// Where clients reach it.
    pub(crate) address: SocketAddr,
}

impl Cluster {
    /// A cluster of one node at `address`.
    pub(crate) fn new(model: Model, address: SocketAddr) -> Self {
        let state = State { model, next_ticket: 0, callers: BTreeMap::new(), readers: Vec::new() };
        Self { state: Mutex::new(state), address }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // The model leaves no call half done that a panic elsewhere could expose; carry on.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls the model at the present time, then wakes whoever waited for what happened.
    pub(crate) fn with<T>(&self, call: impl FnOnce(&mut Model) -> T) -> T {
        let mut state = self.lock();
        state.model.set_clock(now_ms());
        let result = call(&mut state.model);
        state.wake();
        result
    }

    /// Lets time pass: sessions, transaction timeouts, upkeep.
    pub(crate) fn tick(&self) {
        self.with(|model| model.advance(now_ms()));
    }

    /// Why the store can no longer be trusted, if so.
    pub(crate) fn failure(&self) -> Option<String> {
        self.lock().model.failure().map(str::to_owned)
    }

    /// Makes a call that is answered under a ticket, and waits for the answer; `None` if the broker stops first.
    pub(crate) async fn ask(&self, call: impl FnOnce(&mut Model, Ticket)) -> Option<Answer> {
        let (sender, answer) = oneshot::channel();
        let ticket = self.take_ticket(sender);
        self.with(|model| call(model, ticket));
        answer.await.ok()
    }

    fn take_ticket(&self, sender: oneshot::Sender<Answer>) -> Ticket {
        let mut state = self.lock();
        state.next_ticket += 1;
        let ticket = state.next_ticket;
        state.callers.retain(|_, caller| !caller.is_closed());
        state.callers.insert(ticket, sender);
        ticket
    }

    /// Something to wait on until one of these partitions is written. Listens from now on, also before it is awaited.
    pub(crate) fn listen(&self, partitions: BTreeSet<Tp>) -> Listener {
        let reader = Arc::new(Reader { partitions, wake: Notify::new() });
        let mut state = self.lock();
        state.readers.retain(|reader| reader.strong_count() > 0);
        state.readers.push(Arc::downgrade(&reader));
        Listener(reader)
    }

    /// The host that clients are told.
    pub(crate) fn host(&self) -> StrBytes {
        text(&self.address.ip().to_string())
    }

    /// The port that clients are told.
    pub(crate) fn port(&self) -> i32 {
        i32::from(self.address.port())
    }
}

impl State {
    fn wake(&mut self) {
        for (ticket, answer) in self.model.take_answers() {
            if let Some(caller) = self.callers.remove(&ticket) {
                // A caller that went away needs no answer.
                let _gone = caller.send(answer);
            }
        }
        let touched = self.model.take_touched();
        if !touched.is_empty() {
            let concerned = |r: &Arc<Reader>| touched.iter().any(|tp| r.partitions.contains(tp));
            self.readers.iter().filter_map(Weak::upgrade).filter(concerned).for_each(|r| r.wake.notify_one());
        }
    }
}

/// See [`Cluster::listen`].
pub(crate) struct Listener(Arc<Reader>);

impl Listener {
    /// Returns at once if something was written since the last call.
    pub(crate) async fn heard(&self) {
        self.0.wake.notified().await;
    }
}

/// Wall clock, epoch ms.
pub(crate) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

/// A protocol text.
pub(crate) fn text(value: &str) -> StrBytes {
    StrBytes::from_string(value.to_owned())
}
