//! One question is asked once at a time; who asks the same meanwhile gets the same answer.
//!
//! The asking runs on its own: a caller that goes away takes nothing from the others. Keeps what is under way, and at most
//! [`UNDER_WAY_MAX`] questions of it.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// Different questions under way at once; a further one is not asked.
const UNDER_WAY_MAX: usize = 10_000;

type Table<T> = Arc<Mutex<BTreeMap<String, watch::Receiver<Option<T>>>>>;

/// Questions under way, by key.
#[derive(Debug)]
pub(crate) struct SingleFlight<T>(Table<T>);

impl<T> Default for SingleFlight<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Clone + Send + Sync + 'static> SingleFlight<T> {
    /// The answer to `key`: of the question under way, or of `ask`. None when too many are under way, or the asking died.
    pub(crate) async fn run<F>(&self, key: &str, ask: impl FnOnce() -> F) -> Option<T>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut answer = self.join(key, ask)?;
        let given = answer.wait_for(Option::is_some).await.ok()?;
        given.clone()
    }

    fn join<F>(&self, key: &str, ask: impl FnOnce() -> F) -> Option<watch::Receiver<Option<T>>>
    where
        F: Future<Output = T> + Send + 'static,
    {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(answer) = under_way.get(key) {
            return Some(answer.clone());
        }
        if under_way.len() >= UNDER_WAY_MAX {
            return None;
        }
        let (sender, receiver) = watch::channel(None);
        under_way.insert(key.to_owned(), receiver.clone());
        drop(under_way);
        let (entry, asked) = (Entry { table: Arc::clone(&self.0), key: key.to_owned() }, ask());
        tokio::spawn(async move {
            let answer = asked.await;
            // Out of the table before the answer is out: who comes later asks anew.
            drop(entry);
            sender.send_replace(Some(answer));
        });
        Some(receiver)
    }
}

/// Leaves the table also when its asking dies.
struct Entry<T> {
    table: Table<T>,
    key: String,
}

impl<T> Drop for Entry<T> {
    fn drop(&mut self) {
        self.table.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_hundred_callers_ask_once_and_the_next_asks_anew() {
        let (flight, asked) = (SingleFlight::default(), Arc::new(AtomicU32::new(0)));
        let ask = || {
            let asked = Arc::clone(&asked);
            async move {
                tokio::time::sleep(Duration::from_millis(100)).await;
                asked.fetch_add(1, Ordering::SeqCst)
            }
        };
        let mut callers = Vec::new();
        for _ in 0..100 {
            callers.push(flight.join("LH400", ask).unwrap());
        }
        drop(callers.pop());
        for mut caller in callers {
            assert_eq!(*caller.wait_for(Option::is_some).await.unwrap(), Some(0));
        }
        assert_eq!(flight.run("LH400", ask).await, Some(1));
        assert_eq!(flight.run("LH401", ask).await, Some(2));
    }

    #[tokio::test]
    async fn an_asking_that_dies_leaves_no_trace() {
        let flight = SingleFlight::<u32>::default();
        assert_eq!(flight.run("x", || async { panic!("on purpose") }).await, None);
        assert_eq!(flight.run("x", || async { 7 }).await, Some(7));
    }
}
