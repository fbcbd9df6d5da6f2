//! `slipstream sources list|status|ask`: the providers of flight data that `[sources]` of the settings names, and behind them those of
//! weather that `[weather]` does.

use std::sync::Arc;

use clap::Subcommand;
use comfy_table::{Table, presets};
use slipstream_producers::live::briefing::Briefing;
use slipstream_producers::live::desk::Desk;
use slipstream_producers::live::firehose::Firehose;
use slipstream_producers::live::fleet::Failed;
use slipstream_producers::live::provider::LegQuery;
use slipstream_producers::live::stats::ProviderReport;

use crate::cluster;
use crate::failure::{Done, Failure};
use crate::say;
use crate::settings::Flags;

/// The part of `sources` that asks providers.
#[derive(Debug, Subcommand)]
pub(crate) enum Providers {
    /// The configured providers, without asking them anything
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// Makes one health check of each and shows what came of it
    Status {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// What each of them says of a leg, one JSON object a line
    Ask {
        /// Designator and local date of departure, the origin where the flight has several legs: LH400/2026-11-21[/FRA]
        leg: LegQuery,
    },
}

/// Runs the command.
///
/// # Errors
/// No provider is configured, one lacks its key, or (`status`, `ask`) none answers.
pub(crate) fn run(args: &Providers, flags: &Flags) -> Result<Done, Failure> {
    let none = |feed: &str| Failure::usage(format_args!("no providers: name some under {feed} in slipstream.toml"));
    let asked = Asked { desk: flags.desk()?, stream: flags.firehose()?, briefing: flags.briefing()? };
    if asked.desk.is_none() && asked.stream.is_none() && asked.briefing.is_none() {
        return Err(none("[[sources.providers]] or [[weather.providers]]"));
    }
    let runtime = cluster::tokio()?;
    match args {
        Providers::List { json } => {
            show(&asked.reports(), *json, &[])?;
            Ok(Done::Clean)
        }
        Providers::Status { json } => {
            let failed = runtime.block_on(asked.check_all());
            let reports = asked.reports();
            show(&reports, *json, &failed)?;
            match failed.len() {
                all if all == reports.len() => Err(Failure::dependency("no provider answers")),
                _ => Ok(Done::Clean),
            }
        }
        Providers::Ask { leg } => {
            let desk = asked.desk.ok_or_else(|| none("[[sources.providers]]"))?;
            runtime.block_on(ask(&desk, *leg))
        }
    }
}

/// Everybody there is.
struct Asked {
    desk: Option<Desk>,
    stream: Option<Firehose>,
    briefing: Option<Briefing>,
}

impl Asked {
    /// What is measured of each: those of flight data first, the stream behind those that are asked.
    fn reports(&self) -> Vec<ProviderReport> {
        let flights = self.desk.as_ref().map(|desk| desk.fleet().report());
        let stream = self.stream.as_ref().map(|stream| vec![stream.as_provider()]);
        let weather = self.briefing.as_ref().map(Briefing::report);
        [flights, stream, weather].into_iter().flatten().flatten().collect()
    }

    /// Makes a health check of everybody; who fails, and why.
    async fn check_all(&self) -> Vec<Failed> {
        let flights = async { if let Some(desk) = &self.desk { desk.fleet().check_all().await } else { Vec::new() } };
        let weather = async { if let Some(briefing) = &self.briefing { briefing.check_all().await } else { Vec::new() } };
        let (mut failed, of_stream, of_weather) = tokio::join!(flights, self.check_stream(), weather);
        failed.extend(of_stream);
        failed.extend(of_weather);
        failed
    }

    async fn check_stream(&self) -> Option<Failed> {
        let stream = self.stream.as_ref()?;
        let error = stream.check().await.err()?;
        Some(Failed { provider: stream.as_provider().provider, error })
    }
}

async fn ask(desk: &Desk, leg: LegQuery) -> Result<Done, Failure> {
    let said = desk.said(leg).await;
    let answered = said.iter().any(|(_, word)| word.is_ok());
    for (provider, word) in said {
        match word {
            Ok(served) => say!("{}", json(&served)?),
            Err(error) => {
                say!("{}", serde_json::json!({"source": provider, "error": error.kind(), "reason": error.to_string()}))
            }
        }
    }
    if answered { Ok(Done::Clean) } else { Err(Failure::dependency(format_args!("nobody knows {leg}"))) }
}

fn show(reports: &[ProviderReport], as_json: bool, failed: &[Failed]) -> Result<(), Failure> {
    if as_json {
        for report in reports {
            say!("{}", json(report)?);
        }
        return Ok(());
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(["PROVIDER", "BREAKER", "SUCCESS", "RESPONSE", "HEALTH"]);
    for report in reports {
        table.add_row(row(report, failed));
    }
    say!("{table}");
    Ok(())
}

fn row(report: &ProviderReport, failed: &[Failed]) -> [String; 5] {
    let fault = failed.iter().find(|failed| failed.provider == report.provider);
    let health = match (report.healthy, fault) {
        (_, Some(failed)) => failed.error.to_string(),
        (Some(true), _) => "answers".to_owned(),
        _ => "not asked".to_owned(),
    };
    let response = report.response_ms.map_or_else(|| "-".to_owned(), |ms| format!("{ms:.0} ms"));
    let success = if report.attempts == 0 { "-".to_owned() } else { format!("{:.0} %", report.success_rate * 100.0) };
    [report.provider.clone(), format!("{:?}", report.breaker), success, response, health]
}

fn json(value: &impl serde::Serialize) -> Result<String, Failure> {
    serde_json::to_string(value).map_err(Failure::bug)
}

/// Wall time for the desk: epoch ms.
pub(crate) fn clock() -> slipstream_producers::live::provider::Clock {
    Arc::new(|| jiff::Timestamp::now().as_millisecond())
}
