//! Runs a source through the pipeline on the reference schedule, without a cluster.
//!
//!     source ─► (pacing) ─► Reference ─► OutDir, summary.json, timing.json
//!                               └─ journal under --data, so that the same command resumes after kill -9

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::json;
use slipstream_producers::pace::{Pace, Speed};
use slipstream_schemas::topics::DEAD_LETTER_QUEUE;
use slipstream_streams::codec::Codec;
use slipstream_streams::journal::{Journal, JournalError};
use slipstream_streams::record::{Record, Ts};
use slipstream_streams::reference::{Reference, RunError, Sink, Source, SourceError};
use slipstream_streams::topology::Topology;

use crate::failure::Failure;
use crate::out::{Counts, OutDir, Selection};

/// Where results go and how fast.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    /// Output directory; without it only the summary is counted.
    pub(crate) out: Option<std::path::PathBuf>,
    /// Journal directory.
    pub(crate) data: Option<std::path::PathBuf>,
    /// Topics to write.
    pub(crate) selection: Selection,
    /// Event time per wall time.
    pub(crate) speed: Speed,
    /// Names this run's inputs and settings in the journal.
    pub(crate) identity: String,
}

/// What a run came to.
#[derive(Debug)]
pub(crate) struct Summary {
    /// Records by topic and type.
    pub(crate) counts: Counts,
    /// Dead letters, of stages and of the source.
    pub(crate) refused: u64,
    /// Wall time.
    pub(crate) elapsed: Duration,
}

/// Runs until the source has ended and no timer is left.
///
/// # Errors
/// The source, the journal or the output fails, or the graph cannot run.
pub(crate) fn run(source: &mut dyn Source, topology: Topology, codec: &Arc<dyn Codec>, plan: &Plan) -> Result<Summary, Failure> {
    let started = Instant::now();
    let mut out = OutDir::create(plan.out.as_deref(), &plan.selection).map_err(|e| output(plan, e))?;
    let topics = slipstream_schemas::topics::ALL.to_vec();
    let topology = if plan.selection.topics.is_empty() { topology } else { topology.upstream_of(&wanted(&plan.selection)) };
    let mut reference = Reference::new(topology, codec).map_err(failure)?;
    if let Some(directory) = &plan.data {
        let journal = Journal::open(directory, &plan.identity, topics).map_err(RunError::from).map_err(failure)?;
        reference.resume(journal, &mut out).map_err(failure)?;
    }
    let mut source = Counted { source, letters: 0 };
    match plan.speed {
        Speed::Max => reference.run(&mut source, &mut out),
        Speed::Times(_) => reference.run(&mut source, &mut Paced { sink: &mut out, speed: plan.speed, start: None }),
    }
    .map_err(failure)?;
    let counts = out.finish().map_err(|e| output(plan, e))?;
    let refused: u64 = reference.counts().flat_map(|(_, c)| c.refused.values()).sum();
    let summary = Summary { counts, refused: refused + source.letters, elapsed: started.elapsed() };
    write_summary(plan, &summary)?;
    Ok(summary)
}

/// The topics asked for decide which stages must run.
fn wanted(selection: &Selection) -> Vec<&str> {
    selection.topics.iter().map(String::as_str).collect()
}

/// Writes `summary.json`, the same for every way of running, and `timing.json`.
///
/// # Errors
/// The directory cannot be written.
pub(crate) fn write_summary(plan: &Plan, summary: &Summary) -> Result<(), Failure> {
    let Some(directory) = &plan.out else { return Ok(()) };
    let write = |name: &str, value: &serde_json::Value| {
        let text = serde_json::to_vec_pretty(value).map_err(std::io::Error::from);
        text.and_then(|text| std::fs::write(directory.join(name), text)).map_err(|e| output(plan, e))
    };
    write("summary.json", &json!({"topics": summary.counts}))?;
    let records: u64 = summary.counts.values().flat_map(|types| types.values()).sum();
    let seconds = summary.elapsed.as_secs_f64();
    let rate = (records as f64 / seconds.max(1e-9)).round();
    write("timing.json", &json!({"seconds": seconds, "records": records, "records_per_second": rate}))
}

fn output(plan: &Plan, error: std::io::Error) -> Failure {
    let place = plan.out.as_deref().unwrap_or(Path::new("-")).display().to_string();
    Failure::dependency(format_args!("--out {place}: {error}"))
}

fn failure(error: RunError) -> Failure {
    match error {
        RunError::Topology(e) => Failure::bug(e),
        RunError::Source(e) => Failure::dependency(e),
        RunError::Journal(e @ (JournalError::Foreign(_) | JournalError::Other { .. })) => {
            Failure::usage(format_args!("--data {e}"))
        }
        RunError::Journal(e @ JournalError::Io { .. }) => Failure::dependency(format_args!("--data {e}")),
        RunError::Sink(e) => Failure::dependency(format_args!("--out: {e}")),
    }
}

/// A source, and how many of its records are dead letters.
struct Counted<'a> {
    source: &'a mut dyn Source,
    letters: u64,
}

impl Source for Counted<'_> {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        let record = self.source.next()?;
        self.letters += u64::from(record.as_ref().is_some_and(|record| record.topic == DEAD_LETTER_QUEUE));
        Ok(record)
    }
}

/// Holds each instant back until its time has come.
struct Paced<'a> {
    sink: &'a mut dyn Sink,
    speed: Speed,
    start: Option<(Pace, Instant)>,
}

impl Sink for Paced<'_> {
    fn instant(&mut self, at: Ts, records: Vec<Arc<Record>>) -> std::io::Result<()> {
        let (pace, began) = *self.start.get_or_insert_with(|| (Pace::new(self.speed, at), Instant::now()));
        std::thread::sleep(pace.due(at).saturating_sub(began.elapsed()));
        self.sink.instant(at, records)
    }
}
