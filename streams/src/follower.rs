//! Follows the progress topic: every promise and the declaration, into a view.
//!
//! A shard takes these records among its others; a source, which reads nothing else, lets them be polled here.

use std::time::Duration;

use crate::catch_up::read_to_end;
use crate::codec::{Poison, Promise};
use crate::errors::{Cause, ErrorClass};
use crate::log::{Log, LogError, Offsets, Place, Raw};
use crate::plan::Plan;
use crate::progress::View;
use crate::topology::Topology;
use crate::world::{DECLARATION_KEY, Declaration};

/// Records read at once.
const POLL_RECORDS: usize = 1_000;

/// What a record of the progress topic was.
#[derive(Debug)]
pub(crate) enum News {
    /// A promise, already in the view.
    Promise(Promise),
    /// The declaration, already in the view.
    Declaration,
}

/// A view that is read from the progress topic.
#[derive(Debug)]
pub(crate) struct Follower {
    /// What has been read.
    pub view: View,
    /// Where to read on.
    pub at: Offsets,
}

impl Follower {
    /// Nothing is read yet.
    pub(crate) fn new(topology: &Topology) -> Self {
        Self { view: View::new(topology), at: Offsets::new() }
    }

    /// Takes a record of the progress topic; a tombstone says nothing.
    pub(crate) fn take(&mut self, plan: &Plan, raw: &Raw<'_>) -> Result<Option<News>, LogError> {
        let refused = |poison: Poison| {
            let error = format!("{}/{} offset {}: {poison}", raw.topic, raw.partition, raw.offset);
            let cause = Cause::new(poison.class, error);
            if plan.codec.is_passing(&poison) { LogError::Reopen(cause) } else { LogError::Refused(cause) }
        };
        let news = match (raw.key, raw.value) {
            (Some(key), Some(value)) => Some(self.read(plan, key, value).map_err(refused)?),
            _ => None,
        };
        // What could not be read is read again, by a new log.
        self.at.insert(Place::new(raw.topic, raw.partition), raw.offset + 1);
        Ok(news)
    }

    fn read(&mut self, plan: &Plan, key: &[u8], value: &[u8]) -> Result<News, Poison> {
        let encoded = plan.codec.decode(plan.topology.progress, None, value)?;
        if key == DECLARATION_KEY.as_bytes() {
            self.view.declare(plan.codec.read_declaration(&encoded.body)?);
            return Ok(News::Declaration);
        }
        let promise = plan.codec.read_promise(&encoded.body)?;
        self.view.promise(promise.clone());
        Ok(News::Promise(promise))
    }

    /// Reads everything that is there now, and goes on reading from there.
    pub(crate) fn catch_up(&mut self, plan: &Plan, log: &mut dyn Log) -> Result<(), LogError> {
        let places: Vec<Place> = plan.progress().collect();
        let from = std::mem::take(&mut self.at);
        let mut take = |raw: &Raw<'_>| self.take(plan, raw).map(|_| ());
        self.at = read_to_end(log, &places, &from, plan.limits.restore_stall, &mut take)?;
        Ok(())
    }

    /// Reads what there is; true if there was something.
    pub(crate) fn poll(&mut self, plan: &Plan, log: &mut dyn Log, wait: Duration) -> Result<bool, LogError> {
        let mut fault = Ok(None);
        let got = log.poll(POLL_RECORDS, wait, &mut |raw| {
            if fault.is_ok() {
                fault = self.take(plan, &raw);
            }
        })?;
        fault.map(|_| got > 0)
    }
}

/// Declares a world. Doing so again with the same content changes nothing.
pub(crate) fn declare(plan: &Plan, log: &mut dyn Log, declaration: &Declaration) -> Result<(), LogError> {
    let mut progress = Follower::new(&plan.topology);
    progress.catch_up(plan, log)?;
    match progress.view.declaration() {
        // A live world has no beginning: whoever comes later finds it as it is.
        Some(found) if found == declaration || found.live && declaration.live => return Ok(()),
        Some(found) if found.live != declaration.live => {
            let kind = if found.live { "live" } else { "recorded" };
            let said = format!("the world is {kind}: its time is of another kind; use another world");
            return Err(LogError::refused(ErrorClass::Validation, said));
        }
        Some(found) => {
            let said = format!(
                "the world is declared already, with sources {:?} from {}; drop it or use another name",
                found.sources, found.start
            );
            return Err(LogError::refused(ErrorClass::Validation, said));
        }
        None => {}
    }
    plan.declaration(declaration, &mut |record| log.send(record))?;
    log.drain()?;
    log.commit(&Offsets::new())
}
