//! `slipstream replay`: recordings through the whole pipeline in event time, until everything is drained.

use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use jiff::SignedDuration;
use slipstream_processors::edge::Edge;
use slipstream_processors::pipeline;
use slipstream_producers::disturb::{Disturbance, Share};
use slipstream_producers::event_model::{Model, Tails};
use slipstream_producers::inputs::{self, Input, Playback};
use slipstream_producers::pace::Speed;
use slipstream_streams::codec::Codec;
use slipstream_streams::reference::Source;

use crate::catalogue;
use crate::failure::{Done, Failure};
use crate::out::Selection;
use crate::reference_run::{self, Plan, Summary};
use crate::settings::Flags;

/// Plays recordings through the pipeline in event time, until everything is drained.
///
/// Example: slipstream replay bts:data/bts-2008-01-31.csv.gz --speed max --out out/
#[derive(Debug, Args)]
pub struct Replay {
    #[command(flatten)]
    recordings: Recordings,
    #[command(flatten)]
    play: Play,
}

/// Which recordings, and what of them was known when.
#[derive(Debug, Clone, Args)]
pub struct Recordings {
    /// Recordings, KIND:PATH, a glob allowed: bts:… recording:…
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<String>,
    /// A tail is known only once its leg before is in
    #[arg(long, conflicts_with = "no_tails")]
    strict_tails: bool,
    /// Tails are never known
    #[arg(long)]
    no_tails: bool,
    /// Cancellations are known this long before the scheduled departure (marked as assumed)
    #[arg(long, value_name = "2h")]
    cancel_lead: Option<SignedDuration>,
    /// Each record becomes known up to this much later
    #[arg(long, value_name = "5m")]
    shuffle: Option<SignedDuration>,
    /// This share of the records comes twice
    #[arg(long, value_name = "1%")]
    duplicate: Option<Share>,
}

/// How a run is played, and where its results go.
#[derive(Debug, Clone, Args)]
pub struct Play {
    /// Event time per wall time: 60x, or max
    #[arg(long, default_value = "max")]
    pub speed: Speed,
    /// Directory for one file a topic, summary.json and timing.json
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Directory of the journal: the same command resumes after a crash
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Only these topics, and only the stages that they need
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    topics: Vec<String>,
    /// Also topics and fields that depend on how the run went
    #[arg(long)]
    physical: bool,
    /// Seed of everything that is drawn
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}

impl Recordings {
    /// The inputs, parsed and found.
    ///
    /// # Errors
    /// No such kind or file.
    pub fn inputs(&self) -> Result<Vec<Input>, Failure> {
        self.inputs.iter().map(|text| text.parse().map_err(Failure::usage)).collect()
    }

    /// What was known when.
    pub fn playback(&self, seed: u64) -> Playback {
        let tails = match (self.strict_tails, self.no_tails) {
            (true, _) => Tails::Strict,
            (_, true) => Tails::Never,
            (false, false) => Tails::Planned,
        };
        let ms = |d: Option<SignedDuration>| d.map_or(0, |d| i64::try_from(d.as_millis()).unwrap_or(i64::MAX));
        Playback {
            model: Model { tails, cancel_lead: ms(self.cancel_lead) },
            disturbance: Disturbance { shuffle: ms(self.shuffle), duplicate: self.duplicate.unwrap_or_default(), seed },
        }
    }
}

impl Play {
    /// The plan of a run that is described by `identity`.
    ///
    /// # Errors
    /// `--topics` names one that does not exist.
    pub fn plan(&self, identity: String) -> Result<Plan, Failure> {
        let selection = Selection { topics: self.topics.clone(), physical: self.physical };
        if let Some(topic) = selection.unknown() {
            return Err(Failure::usage(format_args!("--topics: there is no topic `{topic}`")));
        }
        let identity = format!("{identity} topics={:?}", self.topics);
        Ok(Plan { out: self.out.clone(), data: self.data.clone(), selection, speed: self.speed, identity })
    }
}

/// Runs the command.
///
/// # Errors
/// An input, the journal or the output cannot be used.
pub fn run(args: &Replay, flags: &Flags) -> Result<Done, Failure> {
    let inputs = args.recordings.inputs()?;
    let playback = args.recordings.playback(args.play.seed);
    let mut feed = inputs::open(&inputs, playback).map_err(Failure::usage)?;
    let summary = play(&mut feed, &args.play, flags, format!("replay {inputs:?} {playback:?}"))?;
    let refused = feed.refused();
    if !refused.is_empty() {
        eprintln!("{refused}");
    }
    Ok(Done::with_refused(refused.count + summary.refused))
}

/// Plays a source through the pipeline and says what it came to.
///
/// # Errors
/// The source, the journal or the output fails.
pub fn play(source: &mut dyn Source, play: &Play, _flags: &Flags, identity: String) -> Result<Summary, Failure> {
    let plan = play.plan(identity)?;
    let codec: Arc<dyn Codec> = Arc::new(Edge::local().map_err(Failure::bug)?);
    let topology = pipeline::topology(catalogue::partitions(&catalogue::load()?));
    let summary = reference_run::run(source, topology, &codec, &plan)?;
    let records: u64 = summary.counts.values().flat_map(|types| types.values()).sum();
    let seconds = summary.elapsed.as_secs_f64();
    eprintln!("{records} records in {seconds:.1} s; {} dead letters", summary.refused);
    Ok(summary)
}
