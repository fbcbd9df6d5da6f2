//! `slipstream demo`: a real day of US air traffic, then a bad day at a European hub, through the whole pipeline.
//!
//!     embedded broker and registry ─► topics, schemas ─► feed + every unit, through rdkafka ─► live view, console
//!                                                                └─► files, so that `explain` works afterwards

use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clap::Args;
use slipstream_broker::{DevBroker, Options};
use slipstream_producers::inputs::{self, Input, Playback};
use slipstream_producers::pace::Speed;
use slipstream_producers::simulator::{Scenario, Simulator};
use slipstream_streams::record::Record;
use slipstream_streams::reference::{Source, SourceError};
use slipstream_streams::runtime::Handle;
use tokio::runtime::Runtime;

use crate::board::Board;
use crate::cluster::world::{self, Recorded};
use crate::cluster::{self, Cluster};
use crate::failure::{Done, Failure};
use crate::http::{self, Face};
use crate::out::{OutDir, Selection};
use crate::settings::Flags;
use crate::view::View;
use crate::watch;

/// The recorded day, so that the demo runs from any directory.
const DAY: &[u8] = include_bytes!("../../data/bts-2008-01-31.csv.gz");
/// Its name.
const DAY_NAME: &str = "bts-2008-01-31.csv.gz";
/// How often the view is drawn.
const DRAW_EVERY: Duration = Duration::from_millis(250);

/// Shows the whole pipeline at work on an embedded broker: a real day, then a bad day at a European hub.
///
/// Example: slipstream demo
#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// European scenario that follows the real day
    #[arg(long, default_value = "weather-at-hub")]
    scenario: String,
    /// Seed of the scenario
    #[arg(long, default_value_t = 7)]
    seed: u64,
    /// Where the results are kept for `explain`
    #[arg(long, value_name = "DIR", default_value = "slipstream-demo")]
    out: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// A port cannot be had, or the results cannot be written.
pub(crate) fn run(args: &Demo, flags: &Flags) -> Result<Done, Failure> {
    let scratch = tempfile::tempdir().map_err(Failure::dependency)?;
    let mut source = source(args, scratch.path())?;
    let runtime = cluster::tokio()?;
    let broker = runtime
        .block_on(DevBroker::start(Options { data: None, port: None, registry_port: None }))
        .map_err(Failure::dependency)?;
    let flags = flags.clone().on_dev_broker(broker.bootstrap(), broker.registry_url());
    let face = Arc::new(Face::default());
    let address = runtime.block_on(http::serve(flags.listen, Arc::clone(&face)))?;
    eprintln!("dev broker {}   registry {}   console http://{address}", broker.bootstrap(), broker.registry_url());

    let began = Instant::now();
    let world = Recorded::open(&flags)?;
    let handle = world.start()?;
    let board = watch::board(Cluster::connect(&flags)?, Arc::clone(&face))?;
    play(&world, &handle, &mut source, &face)?;
    world::end(handle)?;
    board.stop();

    let selection = Selection::default();
    let mut out = OutDir::create(Some(&args.out), &selection).map_err(|e| Failure::dependency(format_args!("--out: {e}")))?;
    world.collect(&mut out, &selection)?;
    if let Ok(board) = face.board.lock() {
        View::new("Slipstream demo: the day is over").end(&board);
        eprint!("{}", farewell(args, &board, began.elapsed()));
    }
    stay(&runtime, &address.to_string());
    runtime.block_on(broker.shutdown());
    Ok(Done::Clean)
}

fn source(args: &Demo, scratch: &Path) -> Result<Chained, Failure> {
    let path = scratch.join(DAY_NAME);
    std::fs::write(&path, DAY).map_err(Failure::dependency)?;
    let input: Input = format!("bts:{}", path.display()).parse().map_err(Failure::bug)?;
    let day = inputs::open(&[input], Playback::default()).map_err(Failure::bug)?;
    let scenario = Scenario::load(&args.scenario).map_err(Failure::usage)?;
    let europe = Simulator::new(&scenario, args.seed).map_err(Failure::usage)?;
    Ok(Chained { parts: vec![Box::new(day), Box::new(europe)] })
}

/// Feeds the world while the view follows the board.
fn play(world: &Recorded, handle: &Handle, source: &mut Chained, face: &Face) -> Result<(), Failure> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| follow(handle, face, &over));
        let fed = world.feed("demo", source, Speed::Max, &AtomicBool::new(false));
        if fed.is_ok() {
            world::until_complete(handle);
        }
        over.store(true, Ordering::Relaxed);
        fed.map(|_| ())
    })
}

fn follow(handle: &Handle, face: &Face, over: &AtomicBool) {
    let mut view = View::new("Slipstream demo");
    while !over.load(Ordering::Relaxed) {
        face.report(&handle.status());
        if let Ok(board) = face.board.lock() {
            view.draw(&board);
        }
        std::thread::sleep(DRAW_EVERY);
    }
}

/// What happened, and three commands worth typing next.
fn farewell(args: &Demo, board: &Board, elapsed: Duration) -> String {
    let program = std::env::args().next().unwrap_or_else(|| "slipstream".to_owned());
    let out = args.out.display();
    let (f, p) = (&board.flights, &board.people);
    let mut text = format!(
        "\n{} flights in {:.0} s: {} flown, {} left late, {} cancelled, {} diverted. {} passengers affected, {} rebooked, {} told.\n",
        f.scheduled,
        elapsed.as_secs_f64(),
        f.flown,
        f.late,
        f.cancelled,
        f.diverted,
        p.affected,
        p.rebooked,
        p.told
    );
    text.push_str(&format!("Everything the topics hold is in {out}/, a file a topic. Worth typing next:\n\n"));
    if let Some(chain) = board.worst_chains().first() {
        text.push_str(&format!(
            "  {program} explain {} --from {out}\n      why the last leg of the day's longest chain was late\n",
            chain.leg
        ));
    }
    if let Some(line) = board.feed.iter().rev().find(|line| line.subject.len() == 6) {
        text.push_str(&format!(
            "  {program} explain {} --from {out}\n      what one booking went through, and the law's answer\n",
            line.subject
        ));
    }
    text.push_str(&format!("  {program} simulate network-wide --seed 1 --out {out}-network\n      a worse day\n"));
    text
}

/// At a terminal the console stays until Ctrl-C; a script goes on.
fn stay(runtime: &Runtime, address: &str) {
    if std::io::stderr().is_terminal() && std::io::stdin().is_terminal() {
        eprintln!("\nThe console stays at http://{address} until Ctrl-C.");
        runtime.block_on(async { cluster::stopped().await });
    }
}

/// Sources one after the other; each begins after the one before has ended.
struct Chained {
    parts: Vec<Box<dyn Source>>,
}

impl Source for Chained {
    fn next(&mut self) -> Result<Option<Record>, SourceError> {
        while let Some(first) = self.parts.first_mut() {
            if let Some(record) = first.next()? {
                return Ok(Some(record));
            }
            self.parts.remove(0);
        }
        Ok(None)
    }
}
