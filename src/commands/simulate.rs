//! `slipstream simulate`: the European network generator with one of its scenarios, through the whole pipeline.

use std::path::PathBuf;

use clap::Args;
use slipstream_producers::recording::{Recorder, Writer};
use slipstream_producers::simulator::{Scenario, Simulator};
use slipstream_streams::reference::Source;

use crate::commands::replay::{self, Play};
use crate::failure::{Done, Failure};
use crate::settings::Flags;

/// Generates a European day from a scenario and a seed, and plays it through the pipeline.
///
/// Example: slipstream simulate weather-at-hub --seed 7 --out out/
#[derive(Debug, Args)]
pub(crate) struct Simulate {
    /// A scenario's name or the path of a scenario file
    scenario: String,
    #[command(flatten)]
    play: Play,
    /// Write what was generated as a recording
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
/// No such scenario, or the output cannot be written.
pub(crate) fn run(args: &Simulate, flags: &Flags) -> Result<Done, Failure> {
    let scenario = Scenario::load(&args.scenario).map_err(Failure::usage)?;
    let simulator = Simulator::new(&scenario, args.play.seed).map_err(Failure::usage)?;
    let day = simulator.summary();
    eprintln!(
        "{}: {} legs, {} cancelled, {} diverted; {} bookings of {} passengers",
        day.scenario, day.legs, day.cancelled, day.diverted, day.bookings, day.passengers
    );
    let identity = format!("simulate {} {scenario:?} seed={}", args.scenario, args.play.seed);
    let mut source: Box<dyn Source> = match &args.record {
        None => Box::new(simulator),
        Some(path) => {
            let refused = |e| Failure::dependency(format_args!("--record {}: {e}", path.display()));
            Box::new(Recorder::new(simulator, Writer::create(path).map_err(refused)?))
        }
    };
    let summary = replay::play(&mut *source, &args.play, flags, identity)?;
    Ok(Done::with_refused(summary.refused))
}
