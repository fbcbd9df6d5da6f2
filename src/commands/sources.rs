//! `slipstream sources`: what each source of flight observations is worth.
//!
//!     learn   closed days ─► trust table, a file that reconcile reads from its effective instant on
//!     judge   recorded days as several sources would have told them ─► how often each mode was right
//!
//! Both are pure functions of their inputs and seeds. What asks the providers themselves: [`super::providers`].

use std::path::PathBuf;

use clap::{Args, Subcommand};
use slipstream_processors::truth::field::Field;
use slipstream_processors::truth::learn::{Learner, SCORED};
use slipstream_processors::truth::rules::Rules;
use slipstream_processors::truth::sources::Sources as Priorities;
use slipstream_processors::truth::trust::TrustTable;
use slipstream_producers::inputs::{self, Input, Playback};
use slipstream_producers::witnesses::{Mix, Testimony, testify};
use slipstream_schemas::ids::Date;
use slipstream_schemas::records::{FlightObservation, ResolutionMode};
use slipstream_schemas::topics;
use slipstream_schemas::wire::Wire;
use slipstream_streams::record::Record;
use slipstream_streams::reference::Source;

use super::providers::{self, Providers};
use crate::failure::{Done, Failure};
use crate::judge::{self, Scores};
use crate::lines::bounded;
use crate::say;
use crate::settings::Flags;

/// Most bytes of a file of sources.
const MIX_BYTES_MAX: u64 = 1 << 20;

/// What each source of flight observations is worth.
///
/// Example: slipstream sources learn recording:january.jsonl --version 2008-01-22 --out trust.csv
#[derive(Debug, Args)]
pub(crate) struct Sources {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Makes a trust table from closed days
    Learn(Learn),
    /// Measures the modes of resolution on sources made from recorded days
    Judge(Judge),
    #[command(flatten)]
    Providers(Providers),
}

#[derive(Debug, Args)]
struct Learn {
    /// Recordings, KIND:PATH, a glob allowed: recording:… bts:…
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<String>,
    /// Name of the table in every decision made with it
    #[arg(long, value_name = "NAME")]
    version: String,
    /// The instant from which it is read; right after its evidence if that ends later
    #[arg(long, value_name = "TIME")]
    effective: Option<jiff::Timestamp>,
    /// File to write; without it, standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Judge {
    /// Recorded days, bts:PATH, a glob allowed
    #[arg(required = true, value_name = "INPUT")]
    inputs: Vec<String>,
    /// Files of sources
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    mix: Vec<PathBuf>,
    /// Days to learn on, FIRST,LAST
    #[arg(long, value_name = "DAY,DAY", default_value = "2008-01-01,2008-01-21", value_parser = days)]
    learn: Days,
    /// Days to judge on
    #[arg(long, value_name = "DAY,DAY", default_value = "2008-01-22,2008-01-31", value_parser = days)]
    judge: Days,
    /// Every how many flight numbers one is taken
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..))]
    one_in: i64,
}

#[derive(Debug, Clone, Copy)]
struct Days(Date, Date);

fn days(text: &str) -> Result<Days, String> {
    let (first, last) = text.split_once(',').ok_or("want FIRST,LAST")?;
    let date = |text: &str| text.parse::<Date>().map_err(|e| e.to_string());
    Ok(Days(date(first)?, date(last)?))
}

/// Runs the command.
///
/// # Errors
/// An input or a mix cannot be read, the output cannot be written, or a provider is missing or silent.
pub(crate) fn run(args: &Sources, flags: &Flags) -> Result<Done, Failure> {
    match &args.action {
        Action::Learn(args) => learn(args),
        Action::Judge(args) => judge(args),
        Action::Providers(args) => providers::run(args, flags),
    }
}

fn parsed(inputs: &[String]) -> Result<Vec<Input>, Failure> {
    inputs.iter().map(|text| text.parse().map_err(Failure::usage)).collect()
}

fn learn(args: &Learn) -> Result<Done, Failure> {
    let mut feed = inputs::open(&parsed(&args.inputs)?, Playback::default()).map_err(Failure::usage)?;
    let mut learner = Learner::new(Priorities::standard());
    while let Some(record) = feed.next().map_err(Failure::dependency)? {
        hear(&mut learner, &record)?;
    }
    let effective = args.effective.map_or(i64::MIN, jiff::Timestamp::as_millisecond);
    let table = learner.table(&args.version, effective);
    let text = table.to_csv();
    match &args.out {
        Some(path) => {
            std::fs::write(path, text).map_err(|e| Failure::dependency(format_args!("--out {}: {e}", path.display())))?
        }
        None => say!("{}", text.trim_end()),
    }
    let refused = feed.refused();
    eprintln!("{} scores; {} lines refused", table.scores.len(), refused.count);
    Ok(Done::with_refused(refused.count))
}

fn hear(learner: &mut Learner, record: &Record) -> Result<(), Failure> {
    if let Some(body) = record.body.as_deref().filter(|_| record.topic == topics::FLIGHT_OBSERVATIONS) {
        let said = FlightObservation::from_bytes(body).map_err(Failure::bug)?;
        learner.hear(&said, record.timestamp);
    }
    Ok(())
}

fn judge(args: &Judge) -> Result<Done, Failure> {
    let inputs = parsed(&args.inputs)?;
    say!("mix,who,{},mean", SCORED.map(Field::name).join(","));
    for path in &args.mix {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = bounded(path, MIX_BYTES_MAX).map_err(|e| Failure::usage(format_args!("--mix {}: {e}", path.display())))?;
        let mix = Mix::parse(&text).map_err(|e| Failure::usage(format_args!("--mix {}: {e}", path.display())))?;
        let told = |seed, days: Days| testify(&inputs, &mix, seed, args.one_in, (days.0, days.1)).map_err(Failure::usage);
        let trust = trusted(&name, &told(mix.learn_seed, args.learn)?)?;
        print(&name, &modes(trust, &told(mix.judge_seed, args.judge)?)?);
    }
    Ok(Done::Clean)
}

fn trusted(version: &str, testimony: &Testimony) -> Result<TrustTable, Failure> {
    let mut learner = Learner::new(Priorities::standard());
    testimony.records.iter().try_for_each(|record| hear(&mut learner, record))?;
    Ok(learner.table(version, i64::MIN))
}

/// The three modes that need no reviewer, and every source.
fn modes(trust: TrustTable, testimony: &Testimony) -> Result<Scores, Failure> {
    let mut scores = Scores::new();
    for mode in [ResolutionMode::Priority, ResolutionMode::Automatic, ResolutionMode::Learned] {
        let rules = Rules::default().with_mode(mode).with_trust([trust.clone()]);
        scores.extend(judge::judge(&format!("= {mode}"), rules, testimony, trust.effective)?);
    }
    Ok(scores)
}

fn print(mix: &str, scores: &Scores) {
    for (who, fields) in scores {
        let shares =
            SCORED.map(|field| fields.get(&field).map(|score| format!("{:.2}", judge::percent(*score))).unwrap_or_default());
        say!("{mix},{who},{},{:.2}", shares.join(","), judge::mean(fields));
    }
}
