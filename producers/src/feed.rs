//! Everything that the inputs hold, as one stream in the order of the reference schedule.
//!
//!     recorded source, … ──► merged by instant ──► disturbed (tests) ──► one instant at a time, sorted
//!              └── what it refuses ──► letters of that instant ──────────────┘
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
use crate::inputs::Kind;
use crate::letters;
use crate::refusals::Refused;

/// An input that was read whole: its records in order, and what it holds besides.
pub(crate) struct ReadWhole {
    kind: Kind,
    records: IntoIter<Record>,
    refused: Refused,
}

impl ReadWhole {
    pub(crate) fn new(kind: Kind, records: Vec<Record>, refused: Refused) -> Self {
        Self { kind, records: records.into_iter(), refused }
    }
}

impl Source for ReadWhole {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        Ok(self.records.next())
    }
}

impl Recorded for ReadWhole {
    fn refused(&mut self, to: &mut dyn FnMut(Kind, &mut Refused)) {
        to(self.kind, &mut self.refused);
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
    /// The last instant that was reached; 0 where no record has come.
    reached: Ts,
    refused: Refused,
    instant: VecDeque<Record>,
}

impl Feed {
    pub(crate) fn new(sources: Vec<Box<dyn Recorded + Send>>, disturbance: Disturbance) -> Self {
        let merged = Merged { sources, heads: Vec::new() };
        let source: Box<dyn Recorded + Send> =
            if disturbance.is_none() { Box::new(merged) } else { Box::new(Disturbed::new(merged, disturbance)) };
        let refused = Refused::default();
        Self { source, ahead: None, started: false, reached: 0, refused, instant: VecDeque::new() }
    }

    /// What has been refused so far; complete once the stream has ended.
    #[must_use]
    pub fn refused(&self) -> &Refused {
        &self.refused
    }

    fn fill(&mut self) -> Result<(), SourceError> {
        if !self.started {
            self.started = true;
            self.ahead = self.source.next()?;
        }
        let now = self.ahead.as_ref().map(|record| record.timestamp);
        self.reached = now.unwrap_or(self.reached);
        let mut records = Vec::new();
        while let Some(record) = self.ahead.take_if(|record| Some(record.timestamp) == now) {
            records.push(record);
            self.ahead = self.source.next()?;
        }
        self.bury(&mut records);
        records.sort_by(|a, b| a.order().cmp(&b.order()));
        self.instant = records.into();
        Ok(())
    }

    /// What has been refused up to here becomes letters of the instant reached.
    fn bury(&mut self, records: &mut Vec<Record>) {
        let (at, refused) = (self.reached, &mut self.refused);
        self.source.refused(&mut |kind, new| {
            if !new.is_empty() {
                let (waiting, beyond) = refused.take_from(new);
                records.extend(letters::of_each(kind, &waiting, at));
                records.extend((beyond > 0).then(|| letters::of_rest(kind, beyond, at)));
            }
        });
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
    fn refused(&mut self, to: &mut dyn FnMut(Kind, &mut Refused)) {
        self.sources.iter_mut().for_each(|source| source.refused(to));
    }
}
