//! Everything that the inputs hold, as one stream in the order of the reference schedule.
//!
//!     recorded source, … ──► merged by instant ──► disturbed (tests) ──► one instant at a time, sorted
//!
//! Within an instant records stand by (rank, topic, key, id), so the stream does not depend on the order of
//! files or of the rows of a day. Keeps one record a source and those of one instant.

use std::collections::VecDeque;
use std::sync::Arc;
use std::vec::IntoIter;

use slipstream_schemas::records::Message;
use slipstream_streams::record::{Record, Topic, Ts, derive_id};
use slipstream_streams::reference::{Source, SourceError};

use crate::Recorded;
use crate::disturb::{Disturbance, Disturbed};
use crate::refusals::Refused;

/// An input that was read whole: its records in order, and what it holds besides.
pub(crate) struct ReadWhole {
    records: IntoIter<Record>,
    refused: Refused,
}

impl ReadWhole {
    pub(crate) fn new(records: Vec<Record>, refused: Refused) -> Self {
        Self { records: records.into_iter(), refused }
    }
}

impl Source for ReadWhole {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        Ok(self.records.next())
    }
}

impl Recorded for ReadWhole {
    fn refused(&self) -> Refused {
        self.refused.clone()
    }
}

/// A source's record; its id follows from source and content.
pub(crate) fn record<M: Message>(envelope: &Arc<str>, topic: Topic, key: &str, said: &M, known_at: Ts) -> Record {
    let body = said.to_bytes();
    let id = derive_id(&[envelope.as_bytes(), &body]);
    Record::said(topic, key, known_at, (envelope, id), (said.rank(), body))
}

/// The stream of all inputs.
pub struct Feed {
    source: Box<dyn Recorded + Send>,
    ahead: Option<Record>,
    started: bool,
    instant: VecDeque<Record>,
}

impl Feed {
    pub(crate) fn new(sources: Vec<Box<dyn Recorded + Send>>, disturbance: Disturbance) -> Self {
        let merged = Merged { sources, heads: Vec::new() };
        let source: Box<dyn Recorded + Send> =
            if disturbance.is_none() { Box::new(merged) } else { Box::new(Disturbed::new(merged, disturbance)) };
        Self { source, ahead: None, started: false, instant: VecDeque::new() }
    }

    /// What has been refused so far; complete once the stream has ended.
    #[must_use]
    pub fn refused(&self) -> Refused {
        self.source.refused()
    }

    fn fill(&mut self) -> Result<(), SourceError> {
        if !self.started {
            self.started = true;
            self.ahead = self.source.next()?;
        }
        let now = self.ahead.as_ref().map(|record| record.timestamp);
        let mut records = Vec::new();
        while let Some(record) = self.ahead.take_if(|record| Some(record.timestamp) == now) {
            records.push(record);
            self.ahead = self.source.next()?;
        }
        records.sort_by(|a, b| a.order().cmp(&b.order()));
        self.instant = records.into();
        Ok(())
    }
}

impl Source for Feed {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        if self.instant.is_empty() {
            self.fill()?;
        }
        Ok(self.instant.pop_front())
    }
}

/// Sources side by side, always the earliest head next.
struct Merged {
    sources: Vec<Box<dyn Recorded + Send>>,
    heads: Vec<Option<Record>>,
}

impl Source for Merged {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        if self.heads.is_empty() {
            self.heads = self.sources.iter_mut().map(|source| source.next()).collect::<Result<_, _>>()?;
        }
        let heads = self.heads.iter().enumerate();
        let first = heads.filter_map(|(at, head)| Some((head.as_ref()?.timestamp, at))).min();
        let Some((_, at)) = first else {
            return Ok(None);
        };
        let next = self.sources[at].next()?;
        Ok(std::mem::replace(&mut self.heads[at], next))
    }
}

impl Recorded for Merged {
    fn refused(&self) -> Refused {
        let mut all = Refused::default();
        self.sources.iter().for_each(|source| all.append(&source.refused()));
        all
    }
}
