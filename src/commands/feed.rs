//! `slipstream feed`: only publishes the recordings' source records; `slipstream run` elsewhere does the work.

use std::sync::atomic::AtomicBool;

use clap::Args;
use slipstream_producers::inputs;
use slipstream_producers::pace::Speed;

use crate::cluster::world::Recorded;
use crate::commands::replay::Recordings;
use crate::failure::{Done, Failure};
use crate::settings::Flags;

/// Publishes recordings into a recorded world; `slipstream run --world NAME` elsewhere processes them.
///
/// Example: slipstream feed bts:data/bts-2008-01-31.csv.gz --world jan31 --bootstrap localhost:9092
#[derive(Debug, Args)]
pub(crate) struct Feed {
    #[command(flatten)]
    recordings: Recordings,
    /// Event time per wall time: 60x, or max
    #[arg(long, default_value = "max")]
    speed: Speed,
    /// Seed of what --shuffle and --duplicate draw
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Runs the command.
///
/// # Errors
/// No world is named, an input cannot be used, or the cluster does not answer.
pub(crate) fn run(args: &Feed, flags: &Flags) -> Result<Done, Failure> {
    if flags.world.is_none() {
        return Err(Failure::usage("recordings do not go into the live world: give --world NAME"));
    }
    let inputs = args.recordings.inputs()?;
    let held = args.recordings.quarantine()?;
    let quarantine = held.as_ref().map(|held| &held.quarantine);
    let mut feed = inputs::open_with(&inputs, args.recordings.playback(args.seed), quarantine).map_err(Failure::usage)?;
    let world = Recorded::open(flags)?;
    let published = world.feed("recording", &mut feed, args.speed, &AtomicBool::new(false))?;
    let refused = feed.refused();
    if !refused.is_empty() {
        eprintln!("{refused}");
    }
    eprintln!("{published} records published");
    Ok(Done::with_refused(refused.count))
}
