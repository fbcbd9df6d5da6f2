//! `slipstream`: flight disruption as a Kafka stream-processing pipeline.
//!
//! Parses the command line, sets up logs, runs one command and turns its end into an exit status. Standard
//! output carries data only; progress, logs and summaries go to standard error.

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use tracing_subscriber::EnvFilter;

mod board;
mod callbacks;
mod catalogue;
mod cluster;
mod commands;
mod conflicts;
mod failure;
mod firehose;
mod http;
mod intake;
mod judge;
mod lines;
mod metrics;
mod out;
mod print;
mod projection;
mod push;
mod quarantine;
mod reference_run;
mod settings;
mod source_metrics;
mod story;
mod sync;
mod view;
mod watch;
mod weather;
mod webhook;

use failure::{Done, Failure};
use settings::Flags;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Flight disruption in real time: reconcile feeds, follow rotations, rebook passengers, apply the law. Exactly once.
///
/// First steps:  slipstream demo
#[derive(Debug, Parser)]
#[command(name = "slipstream", version, max_term_width = 110)]
struct Cli {
    #[command(flatten)]
    flags: Flags,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(commands::demo::Demo),
    Replay(commands::replay::Replay),
    Simulate(commands::simulate::Simulate),
    Feed(commands::feed::Feed),
    Run(commands::run::Run),
    Topics(commands::topics::Topics),
    Schemas(commands::schemas::Schemas),
    Broker(commands::broker::Broker),
    Dlq(commands::dlq::Dlq),
    Decode(commands::decode::Decode),
    Doctor(commands::doctor::Doctor),
    Tail(commands::tail::Tail),
    Export(commands::export::Export),
    Explain(commands::explain::Explain),
    Rights(commands::rights::Rights),
    Sources(commands::sources::Sources),
    Project(commands::project::Project),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    logs(cli.flags.log_json);
    // One TLS provider, chosen before any client can ask.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    match run(cli) {
        Ok(done) => done.code(),
        Err(failure) => {
            eprintln!("slipstream: {failure}");
            failure.code()
        }
    }
}

fn run(cli: Cli) -> Result<Done, Failure> {
    let flags = cli.flags.resolve()?;
    match &cli.command {
        Command::Demo(args) => commands::demo::run(args, &flags),
        Command::Doctor(args) => commands::doctor::run(args, &flags),
        Command::Replay(args) => commands::replay::run(args, &flags),
        Command::Feed(args) => commands::feed::run(args, &flags),
        Command::Run(args) => commands::run::run(args, &flags),
        Command::Simulate(args) => commands::simulate::run(args, &flags),
        Command::Schemas(args) => commands::schemas::run(args, &flags),
        Command::Topics(args) => commands::topics::run(args, &flags),
        Command::Broker(args) => commands::broker::run(args),
        Command::Decode(args) => commands::decode::run(args),
        Command::Dlq(args) => commands::dlq::run(args, &flags),
        Command::Tail(args) => commands::tail::run(args, &flags),
        Command::Export(args) => commands::export::run(args, &flags),
        Command::Explain(args) => commands::explain::run(args, &flags),
        Command::Rights(args) => commands::rights::run(args),
        Command::Sources(args) => commands::sources::run(args, &flags),
        Command::Project(args) => commands::project::run(args, &flags),
    }
}

/// Logs on standard error; `SLIPSTREAM_LOG` filters them, such as `slipstream=debug`.
fn logs(json: bool) {
    let filter = EnvFilter::try_from_env("SLIPSTREAM_LOG").unwrap_or_else(|_| EnvFilter::new("warn"));
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // Colours are for people: in a file they would stand between words.
    if json { builder.json().init() } else { builder.with_target(false).with_ansi(std::io::stderr().is_terminal()).init() }
}
