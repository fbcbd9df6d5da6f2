//! `slipstream explain`: the chain of events, the rule and the alternatives behind one decision.
//!
//!     subject (leg key, PNR, event id) ─► its events ─► their causes, backwards ─► audit records ─► text
//!
//! Reads the topics of a world to their end, or the `--out` directory of a replay; changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;
use slipstream_schemas::topics;

use crate::cluster::Cluster;
use crate::cluster::reader::{Reader, Start};
use crate::failure::{Done, Failure};
use crate::out;
use crate::say;
use crate::settings::Flags;
use crate::story;

/// Topics that hold links of a chain.
const CHAIN: &[&str] = &[
    topics::FLIGHT_OBSERVATIONS,
    topics::FLIGHT_EVENTS,
    topics::FLIGHT_STATE,
    topics::FLIGHT_EVENTS_BY_AIRCRAFT,
    topics::ROTATION_SIGNALS,
    topics::DISRUPTION_EVENTS,
    topics::DISRUPTION_BY_LEG,
    topics::DISRUPTION_BY_PNR,
    topics::DISRUPTION_BY_ORGANISATION,
    topics::BOOKING_EVENTS,
    topics::REACCOMMODATION,
    topics::PASSENGER_EVENTS,
    topics::LIABILITY_BY_LEG,
    topics::LIABILITY_LEGS,
    topics::LIABILITY_BY_SCOPE,
    topics::LIABILITY_TOTALS,
    topics::NOTIFICATIONS,
    topics::DECISION_AUDIT,
];
/// Causes followed back from one event at most.
const DEPTH_MAX: usize = 32;
/// Topics that repeat for the next stage what another topic says already: links, but not shown as text.
const REPEATED: &[&str] = &[
    topics::FLIGHT_EVENTS_BY_AIRCRAFT,
    topics::DISRUPTION_BY_LEG,
    topics::DISRUPTION_BY_ORGANISATION,
    topics::LIABILITY_BY_LEG,
    topics::LIABILITY_BY_SCOPE,
];

/// Why: the chain of events, the rule and the alternatives behind one decision.
///
/// Example: slipstream explain AA1234/2008-01-31/JFK-LAX
#[derive(Debug, Args)]
pub(crate) struct Explain {
    /// A leg (AA1234/2008-01-31/JFK-LAX), a PNR, an event id; a carrier or `network` for what is at stake there
    subject: String,
    /// Read the files of a replay's --out directory instead of a cluster
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// The events as JSON lines
    #[arg(long)]
    json: bool,
}

/// One event as it stands in an output line.
struct Link {
    topic: &'static str,
    line: Value,
}

impl Link {
    fn text(&self, field: &str) -> &str {
        self.line[field].as_str().unwrap_or("")
    }

    fn cause(&self) -> Option<&str> {
        self.line["headers"]["ce_causationid"].as_str()
    }
}

/// Runs the command.
///
/// # Errors
/// Nothing is known of the subject, or the records cannot be read.
pub(crate) fn run(args: &Explain, flags: &Flags) -> Result<Done, Failure> {
    let links = match &args.from {
        Some(directory) => from_files(directory)?,
        None => from_cluster(&Cluster::connect(flags)?)?,
    };
    let last_states = last_states(&links);
    let by_id: BTreeMap<&str, usize> = links.iter().enumerate().map(|(i, link)| (link.text("id"), i)).collect();
    let mut shown = BTreeSet::new();
    for (index, link) in links.iter().enumerate() {
        if speaks_of(link, &args.subject) && (link.topic != topics::FLIGHT_STATE || last_states.contains(&index)) {
            follow(index, &links, &by_id, &mut shown);
        }
    }
    if shown.is_empty() {
        return Err(Failure::usage(format_args!("nothing is known of `{}`: give a leg key, a PNR or an event id", args.subject)));
    }
    let mut chain: Vec<&Link> = shown.into_iter().map(|index| &links[index]).collect();
    chain.sort_by_key(|link| (link.line["timestamp"].as_i64(), CHAIN.iter().position(|t| *t == link.topic)));
    for link in chain {
        if args.json {
            say!("{}", link.line);
        } else if !REPEATED.contains(&link.topic) {
            say!("{}", sentence(link));
        }
    }
    Ok(Done::Clean)
}

/// The last state of each leg says what all before it said, too.
fn last_states(links: &[Link]) -> BTreeSet<usize> {
    let states = links.iter().enumerate().filter(|(_, link)| link.topic == topics::FLIGHT_STATE && !link.line["value"].is_null());
    states.map(|(index, link)| (link.text("key"), index)).collect::<BTreeMap<_, _>>().into_values().collect()
}

fn speaks_of(link: &Link, subject: &str) -> bool {
    link.text("key") == subject || link.text("id") == subject || link.line["value"]["subject"] == subject
}

/// Marks a link and its causes.
fn follow(start: usize, links: &[Link], by_id: &BTreeMap<&str, usize>, shown: &mut BTreeSet<usize>) {
    let mut at = Some(start);
    for _ in 0..DEPTH_MAX {
        let Some(index) = at.filter(|index| shown.insert(*index)) else { return };
        at = links[index].cause().and_then(|cause| by_id.get(cause)).copied();
    }
}

/// `2008-01-31 14:05  flight.out  key` and what it says, indented.
fn sentence(link: &Link) -> String {
    let time = link.line["timestamp"].as_i64().map(slipstream_streams::record::rfc3339).unwrap_or_default();
    let time = time.get(..16).unwrap_or_default().replace('T', " ");
    let head = format!("{time}  {:<26} {}", link.text("type"), link.text("key"));
    let told = story::tell(link.text("type"), &link.line["value"]);
    std::iter::once(head).chain(told.into_iter().map(|line| format!("    {line}"))).collect::<Vec<_>>().join("\n")
}

fn from_files(directory: &std::path::Path) -> Result<Vec<Link>, Failure> {
    let mut links = Vec::new();
    for topic in CHAIN {
        let path = directory.join(format!("{topic}.jsonl"));
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for (number, line) in text.lines().enumerate() {
            let line =
                serde_json::from_str(line).map_err(|e| Failure::usage(format_args!("{}:{}: {e}", path.display(), number + 1)))?;
            links.push(Link { topic, line });
        }
    }
    if links.is_empty() {
        return Err(Failure::usage(format_args!("{}: no output of a replay", directory.display())));
    }
    Ok(links)
}

fn from_cluster(cluster: &Cluster) -> Result<Vec<Link>, Failure> {
    let mut links = Vec::new();
    let mut line = Vec::new();
    Reader::open(cluster, CHAIN, Start::Beginning)?.drain(|read| {
        let Ok(record) = read else { return Ok(()) }; // a record that nobody can read explains nothing
        out::line(&record, true, &mut line).map_err(Failure::bug)?;
        let value = serde_json::from_slice(&line).map_err(Failure::bug)?;
        links.push(Link { topic: record.topic, line: value });
        Ok(())
    })?;
    Ok(links)
}
