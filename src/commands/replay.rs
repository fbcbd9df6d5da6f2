//! `slipstream replay`: recordings through the whole pipeline in event time, until everything is drained.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use clap::Args;
use jiff::SignedDuration;
use slipstream_processors::edge::Edge;
use slipstream_producers::disturb::{Disturbance, Share};
use slipstream_producers::event_model::{Model, Tails};
use slipstream_producers::inputs::{self, Input, Playback};
use slipstream_producers::pace::Speed;
use slipstream_schemas::topics;
use slipstream_streams::codec::Codec;
use slipstream_streams::reference::Source;

use crate::catalogue;
use crate::cluster::world::{self, Recorded};
use crate::failure::{Done, Failure};
use crate::out::{OutDir, Selection};
use crate::quarantine::{self, Held};
use crate::reference_run::{self, Plan, Summary};
use crate::settings::Flags;

/// Plays recordings through the pipeline in event time, until everything is drained.
///
/// Example: slipstream replay bts:data/bts-2008-01-31.csv.gz --speed max --out out/
#[derive(Debug, Args)]
pub(crate) struct Replay {
    #[command(flatten)]
    recordings: Recordings,
    #[command(flatten)]
    play: Play,
}

/// Which recordings, and what of them was known when.
#[derive(Debug, Clone, Args)]
pub(crate) struct Recordings {
    /// Recordings, KIND:PATH, a glob allowed: bts:… recording:… ssim:… mvt:… ldm:… pnl:… aidx:… nas:…
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
    #[command(flatten)]
    quarantine: quarantine::Flag,
}

/// How a run is played, and where its results go.
#[derive(Debug, Clone, Args)]
pub(crate) struct Play {
    /// Event time per wall time: 60x, or max
    #[arg(long, default_value = "max")]
    pub(crate) speed: Speed,
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
    pub(crate) seed: u64,
}

impl Recordings {
    /// The inputs, parsed and found.
    ///
    /// # Errors
    /// No such kind or file.
    pub(crate) fn inputs(&self) -> Result<Vec<Input>, Failure> {
        self.inputs.iter().map(|text| text.parse().map_err(Failure::usage)).collect()
    }

    /// Where refused text is kept that may name somebody; none where nowhere.
    ///
    /// # Errors
    /// The folder of keys cannot be used.
    pub(crate) fn quarantine(&self) -> Result<Option<Held>, Failure> {
        self.quarantine.open()
    }

    /// What was known when.
    pub(crate) fn playback(&self, seed: u64) -> Playback {
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
    pub(crate) fn plan(&self, identity: String) -> Result<Plan, Failure> {
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
pub(crate) fn run(args: &Replay, flags: &Flags) -> Result<Done, Failure> {
    let inputs = args.recordings.inputs()?;
    let playback = args.recordings.playback(args.play.seed);
    let held = args.recordings.quarantine()?;
    let quarantine = held.as_ref().map(|held| &held.quarantine);
    let mut feed = inputs::open_with(&inputs, playback, quarantine).map_err(Failure::usage)?;
    let identity = format!("replay {inputs:?} {playback:?}{}", args.recordings.quarantine.named());
    let summary = play(&mut feed, &args.play, flags, identity)?;
    let refused = feed.refused();
    if !refused.is_empty() {
        eprintln!("{refused}");
    }
    Ok(Done::with_refused(summary.refused.max(refused.count)))
}

/// Plays a source through the pipeline and says what it came to: on the configured cluster, or without one.
///
/// # Errors
/// The source, the cluster, the journal or the output fails.
pub(crate) fn play(source: &mut dyn Source, play: &Play, flags: &Flags, identity: String) -> Result<Summary, Failure> {
    let plan = play.plan(identity + &flags.rules_named())?;
    let summary = if flags.bootstrap.is_some() { on_cluster(source, &plan, flags)? } else { alone(source, &plan, flags)? };
    let records: u64 = summary.counts.values().flat_map(|types| types.values()).sum();
    let seconds = summary.elapsed.as_secs_f64();
    eprintln!("{records} records in {seconds:.1} s; {} dead letters", summary.refused);
    Ok(summary)
}

fn alone(source: &mut dyn Source, plan: &Plan, flags: &Flags) -> Result<Summary, Failure> {
    let codec: Arc<dyn Codec> = Arc::new(Edge::local().map_err(Failure::bug)?);
    reference_run::run(source, catalogue::topology(flags)?, &codec, plan)
}

/// Through rdkafka in event-time order, in a recorded world: all units in this process, beside any `run` elsewhere.
fn on_cluster(source: &mut dyn Source, plan: &Plan, flags: &Flags) -> Result<Summary, Failure> {
    if plan.data.is_some() {
        return Err(Failure::usage("--data journals a replay without a cluster; on a cluster the topics are the journal"));
    }
    let started = Instant::now();
    let mut flags = flags.clone();
    flags.world.get_or_insert_with(|| world::DEFAULT_WORLD.to_owned());
    let mut out =
        OutDir::create(plan.out.as_deref(), &plan.selection).map_err(|e| Failure::dependency(format_args!("--out: {e}")))?;
    let world = Recorded::open(&flags)?;
    let handle = world.start()?;
    world.feed("recording", source, plan.speed, &AtomicBool::new(false))?;
    world::until_complete(&handle);
    world::end(handle)?;
    let counts = world.collect(&mut out, &plan.selection)?;
    let refused = counts.get(topics::DEAD_LETTER_QUEUE).map_or(0, |types| types.values().sum());
    let summary = Summary { counts, refused, elapsed: started.elapsed() };
    reference_run::write_summary(plan, &summary)?;
    Ok(summary)
}
