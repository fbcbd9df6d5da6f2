//! `slipstream run`: the pipeline as a service on the configured cluster.
//!
//!     settings ─► instance name (locked) ─► shards ─► health, metrics, board ─► SIGTERM: drain, commit, leave

use std::sync::Arc;
use std::time::Duration;

use clap::{Args, ValueEnum};
use slipstream_streams::buffer;
use slipstream_streams::instance::{Instance, InstanceError};
use slipstream_streams::plan::Limits;
use slipstream_streams::runtime::{self, Config, Handle};
use slipstream_streams::topology::Topology;
use tokio::runtime::Runtime;

use crate::callbacks::{self, Callbacks};
use crate::catalogue;
use crate::cluster::{self, Cluster, world};
use crate::failure::{Done, Failure};
use crate::firehose::Stream;
use crate::http::{self, Face};
use crate::intake::Intake;
use crate::push::Listening;
use crate::quarantine;
use crate::settings::Flags;
use crate::sync::Sync;
use crate::watch;
use crate::weather::Weather;

/// How often health and metrics are taken from the shards.
const REPORT_EVERY: Duration = Duration::from_millis(500);

/// Runs the pipeline on the configured cluster until SIGTERM.
///
/// Example: slipstream run --bootstrap localhost:9092 --registry http://localhost:8081
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// arrival: for latency, the default of the live world; event-time: for equal bytes, the default of a recorded one
    #[arg(long, value_enum)]
    order: Option<Order>,
    /// Only this unit of the pipeline: flights or people
    #[arg(long, value_name = "UNIT")]
    stages: Option<String>,
    /// Stop when a stage refuses more than so many of its last thousand events; without it, it goes on
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(..1000))]
    dead_letters_max: Option<u64>,
    #[command(flatten)]
    quarantine: quarantine::Flag,
}

/// In which order records are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Order {
    /// As they come
    Arrival,
    /// In reference order, up to the progress line
    EventTime,
}

/// Runs the command.
///
/// # Errors
/// A topic does not fit, the cluster does not answer, or a shard gives up.
pub(crate) fn run(args: &Run, flags: &Flags) -> Result<Done, Failure> {
    let _keys = args.quarantine.keep()?;
    let cluster = Cluster::connect(flags)?;
    let topology = catalogue::topology(flags)?;
    let units = match &args.stages {
        None => world::units(&topology),
        Some(wanted) => vec![unit(&topology, wanted)?],
    };
    let instance = flags.state.as_deref().map(Instance::take).transpose().map_err(unusable)?;
    let order = match args.order {
        Some(Order::Arrival) => buffer::Order::Arrival,
        Some(Order::EventTime) => buffer::Order::EventTime,
        None if flags.world.is_some() => buffer::Order::EventTime,
        None => buffer::Order::Arrival,
    };
    let config = world::config(&cluster, order, instance.as_ref().map(|i| i.name().to_owned()));
    let limits = Limits { dead_letters_max: args.dead_letters_max, ..config.limits };
    let config = Config { state: flags.state.clone(), limits, ..config };
    let runtime = cluster::tokio()?;
    let face = face(flags, &cluster, &config, &topology, &runtime)?;
    let callbacks = told(flags, &cluster, &face, &runtime)?;
    let weather = observed(flags, &cluster, &face, &runtime)?;
    let stream = streamed(flags, &cluster, &face, &runtime)?;
    let push = pushed(flags, &cluster, &face, &runtime)?;
    watch_providers(&face, &runtime);
    let address = runtime.block_on(http::serve(flags.listen, Arc::clone(&face)))?;
    let clock = flags.world.is_none().then(|| world::live(&config, &topology, &cluster.codec())).transpose()?;
    // Before the shards begin: who is asked to stop while they join commits and leaves like any other.
    let stopped = {
        let _inside = runtime.enter();
        cluster::stopped()
    };
    let handle = runtime::start(&config, &topology, &cluster.codec(), &units).map_err(world::failure)?;
    eprintln!("running {} as {}; http://{address}", units.join(" and "), config.instance.as_deref().unwrap_or("a new member"));
    let board = watch::board(cluster, Arc::clone(&face))?;
    runtime.block_on(serve(&handle, &face, stopped));
    board.stop();
    drop(callbacks);
    drop(weather);
    drop(stream);
    drop(push);
    drop(clock);
    world::end(handle)?;
    Ok(Done::Clean)
}

/// What the HTTP server shows and takes. Nothing from outside comes into a recorded world: it would bring wall time along.
fn face(flags: &Flags, cluster: &Cluster, config: &Config, topology: &Topology, runtime: &Runtime) -> Result<Arc<Face>, Failure> {
    let live = flags.world.is_none();
    let intake = live.then(|| Intake::open(config, topology, &cluster.codec()).map(Arc::new)).transpose()?;
    let webhooks = live.then(|| flags.webhooks()).transpose()?;
    let (desk, api_token) = (flags.desk()?, flags.api_token());
    let shared = {
        let _inside = runtime.enter();
        flags.shared()?
    };
    let syncing = desk.clone().zip(intake.clone());
    let sync = syncing.map(|(desk, intake)| Sync::open(flags, cluster, desk, intake, runtime)).transpose()?;
    Ok(Arc::new(Face { desk, shared, intake, sync, webhooks, api_token, ..Face::default() }))
}

/// Health checks and probes of the providers, and what other processes have found of them.
fn watch_providers(face: &Arc<Face>, runtime: &Runtime) {
    if let Some(desk) = face.desk.clone() {
        runtime.spawn(async move { desk.fleet().keep_watch().await });
    }
    let face = Arc::clone(face);
    runtime.spawn(async move {
        if let (Some(desk), Some(shared)) = (&face.desk, &face.shared) {
            shared.keep(desk.fleet()).await;
        }
    });
}

/// Who has registered for events is told of them, in the live world.
fn told(flags: &Flags, cluster: &Cluster, face: &Face, runtime: &Runtime) -> Result<Option<Callbacks>, Failure> {
    let Some((courier, intake)) = flags.courier()?.zip(face.intake.clone()) else { return Ok(None) };
    callbacks::keep(cluster, courier, intake, runtime.handle().clone()).map(Some)
}

/// The weather at the airports of the legs that are known, in the live world.
fn observed(flags: &Flags, cluster: &Cluster, face: &Face, runtime: &Runtime) -> Result<Option<Weather>, Failure> {
    let Some(intake) = face.intake.clone() else { return Ok(None) };
    let known = face.sync.as_ref().map(|sync| Arc::clone(sync.syncer.truth()));
    let weather = Weather::open(flags, cluster, intake, known, runtime)?;
    if let Some(weather) = &weather {
        if let Some(shared) = face.shared.clone() {
            let rounds = weather.rounds.clone();
            runtime.spawn(async move { rounds.share(shared).await });
        }
        // Nobody has set it before: this is called once.
        let _ = face.weather.set(weather.rounds.clone());
    }
    Ok(weather)
}

/// What a stream of flight data sends by itself, in the live world.
fn streamed(flags: &Flags, cluster: &Cluster, face: &Face, runtime: &Runtime) -> Result<Option<Stream>, Failure> {
    let Some(intake) = face.intake.clone() else { return Ok(None) };
    let stream = Stream::open(flags, cluster, intake, runtime)?;
    if let Some(stream) = &stream {
        // Nobody has set it before: this is called once.
        let _ = face.firehose.set(stream.firehose.clone());
    }
    Ok(stream)
}

/// What an airline tells of its legs by itself, in the live world.
fn pushed(flags: &Flags, cluster: &Cluster, face: &Face, runtime: &Runtime) -> Result<Option<Listening>, Failure> {
    let syncer = face.sync.as_ref().map(|sync| sync.syncer.clone());
    let Some(way) = face.intake.clone().zip(syncer) else { return Ok(None) };
    let listening = Listening::open(flags, cluster, way, runtime)?;
    if let Some(listening) = &listening {
        // Nobody has set it before: this is called once.
        let _ = face.push.set(listening.push.clone());
    }
    Ok(listening)
}

fn unusable(error: InstanceError) -> Failure {
    match error {
        InstanceError::Disk(..) => Failure::dependency(error),
        InstanceError::Taken(_) => Failure::usage(error),
    }
}

fn unit(topology: &Topology, wanted: &str) -> Result<&'static str, Failure> {
    let units = world::units(topology);
    units
        .iter()
        .copied()
        .find(|unit| *unit == wanted)
        .ok_or_else(|| Failure::usage(format_args!("--stages: `{wanted}` is no whole unit; units are {}", units.join(", "))))
}

/// Reports until the process is asked to stop, or no shard runs any more.
async fn serve(handle: &Handle, face: &Face, stopped: impl Future<Output = ()>) {
    let mut every = tokio::time::interval(REPORT_EVERY);
    tokio::pin!(stopped);
    loop {
        tokio::select! {
            () = &mut stopped => return,
            _ = every.tick() => face.report(&handle.status()),
        }
        if handle.is_finished() {
            return;
        }
    }
}
