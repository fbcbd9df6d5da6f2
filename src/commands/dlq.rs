//! `slipstream dlq`: dead letters by stage, class and reason, one with its cause, and handing refused records in again.
//!
//! Text that is sealed in a letter is shown in the clear to whoever names the folder of its key, and only then.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use slipstream_processors::edge::Edge;
use slipstream_processors::pipeline;
use slipstream_schemas::records::DeadLetter;
use slipstream_schemas::topics;
use slipstream_schemas::wire::Wire;
use slipstream_streams::buffer::Order;
use slipstream_streams::errors::ErrorClass;
use slipstream_streams::record::{Record, rfc3339};
use slipstream_streams::retry::{self, HANDED_IN_MAX, HandIn};

use crate::catalogue;
use crate::cluster::reader::{Reader, Start};
use crate::cluster::{Cluster, world};
use crate::failure::{Done, Failure};
use crate::quarantine;
use crate::say;
use crate::settings::Flags;

/// Looks into the dead-letter queue.
///
/// Example: slipstream dlq list
#[derive(Debug, Args)]
pub(crate) struct Dlq {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Dead letters by stage, class and reason
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// One dead letter with its cause
    Show {
        /// Its event id, as `list` shows
        id: String,
        /// Folder of quarantine keys: shows text that is sealed in the letter, while its key lives
        #[arg(long, value_name = "DIR")]
        quarantine: Option<PathBuf>,
    },
    /// Hands refused records to their stages again, each once: id, key and timestamp stay
    Replay(Selected),
}

/// A dead letter as a record, and what it says.
type Letter = (Record, DeadLetter);

/// Which dead letters.
#[derive(Debug, Args)]
struct Selected {
    /// Event ids of dead letters
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    /// Every one of this stage
    #[arg(long)]
    stage: Option<String>,
    /// Every one with this reason
    #[arg(long)]
    reason: Option<String>,
    /// Every one of this class of errors: network, validation, timeout, auth, resource, processing, database or unknown
    #[arg(long)]
    class: Option<ErrorClass>,
    /// Every one there is
    #[arg(long, conflicts_with_all = ["ids", "stage", "reason", "class"])]
    all: bool,
}

impl Selected {
    fn holds(&self, record: &Record, letter: &DeadLetter) -> bool {
        let named = self.ids.is_empty() || self.ids.contains(&record.event.id.to_string());
        let fits = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|wanted| wanted == found);
        let of_class = self.class.is_none_or(|class| class == class_of(letter));
        named && of_class && fits(&self.stage, &letter.stage) && fits(&self.reason, &letter.reason)
    }

    fn is_empty(&self) -> bool {
        self.ids.is_empty() && self.stage.is_none() && self.reason.is_none() && self.class.is_none() && !self.all
    }
}

/// The class of a letter; letters of earlier versions have none.
fn class_of(letter: &DeadLetter) -> ErrorClass {
    letter.error_class.parse().unwrap_or(ErrorClass::Unknown)
}

/// Runs the command.
///
/// # Errors
/// The cluster does not answer, or there is no such dead letter.
pub(crate) fn run(args: &Dlq, flags: &Flags) -> Result<Done, Failure> {
    let cluster = Cluster::connect(flags)?;
    let letters = read(&cluster)?;
    match &args.action {
        Action::List { json } => list(&letters, *json),
        Action::Show { id, quarantine } => show(&letters, id, quarantine.as_deref())?,
        Action::Replay(selected) => return replay(&cluster, &letters, selected),
    }
    Ok(Done::Clean)
}

fn read(cluster: &Cluster) -> Result<Vec<Letter>, Failure> {
    let mut letters = Vec::new();
    Reader::open(cluster, &[topics::DEAD_LETTER_QUEUE], Start::Beginning)?.drain(|read| {
        match read {
            Ok(record) => match record.body.as_deref().map(DeadLetter::from_bytes) {
                Some(Ok(letter)) => letters.push((record, letter)),
                Some(Err(error)) => eprintln!("{}[{}]@{}: {error}", record.topic, record.partition, record.offset),
                None => {}
            },
            Err((place, poison)) => eprintln!("{}[{}]@{}: {poison}", place.topic, place.partition, place.offset),
        }
        Ok(())
    })?;
    Ok(letters)
}

fn list(letters: &[Letter], json: bool) {
    let mut groups: BTreeMap<(&str, ErrorClass, &str), Vec<&Letter>> = BTreeMap::new();
    for letter in letters {
        groups.entry((&letter.1.stage, class_of(&letter.1), &letter.1.reason)).or_default().push(letter);
    }
    if json {
        for ((stage, class, reason), group) in groups {
            let newest = group.iter().map(|(record, _)| record.timestamp).max();
            let example = group.first().map(|(record, _)| record.event.id.to_string());
            say!(
                "{}",
                serde_json::json!({
                    "stage": stage, "class": class.name(), "severity": class.severity().name(), "reason": reason,
                    "count": group.len(), "newest": newest, "example": example,
                })
            );
        }
        return;
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(["STAGE", "CLASS", "REASON", "COUNT", "NEWEST", "EXAMPLE"]);
    for ((stage, class, reason), group) in groups {
        let newest = group.iter().map(|(record, _)| record.timestamp).max().map(rfc3339).unwrap_or_default();
        let example = group.first().map(|(record, _)| record.event.id.to_string()).unwrap_or_default();
        table.add_row([stage.to_owned(), class.to_string(), reason.to_owned(), group.len().to_string(), newest, example]);
    }
    say!("{table}");
}

fn show(letters: &[Letter], id: &str, keys: Option<&Path>) -> Result<(), Failure> {
    let found = letters.iter().find(|(record, _)| record.event.id.to_string() == id);
    let (record, letter) = found
        .ok_or_else(|| Failure::usage(format_args!("no dead letter has the id `{id}`; `slipstream dlq list` shows some")))?;
    let text = keys.map(|keys| quarantine::opened(keys, letter)).transpose()?;
    say!("refused by  {} at {}", letter.stage, rfc3339(record.timestamp));
    say!("reason      {}: {}", letter.reason, letter.error);
    let class = class_of(letter);
    say!("class       {class}, severity {}, recovery: {}", class.severity().name(), class.recovery().name());
    say!("record      {} of key {}", letter.record_type.as_deref().unwrap_or("unknown type"), record.key);
    match letter.input_line() {
        Some((file, line)) => say!("from        line {line} of {file}"),
        None => say!("from        {}[{}]@{}", letter.topic, letter.partition, letter.offset),
    }
    say!("caused by   {}", record.event.causation.map(|c| c.to_string()).unwrap_or_default());
    say!("handed in   {} times again", letter.redeliveries);
    say!("value       {}", letter.value.as_deref().unwrap_or("none (base64)"));
    match text {
        Some(text) => text.lines().for_each(|line| say!("text        {}", harmless(line))),
        None if letter.value.as_deref().is_some_and(quarantine::is_sealed) => {
            say!("            sealed: somebody may be named in it; --quarantine DIR opens it while its key lives");
        }
        None => {}
    }
    Ok(())
}

/// A line that a terminal takes for nothing but text.
fn harmless(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { c.escape_default().to_string() } else { c.to_string() }).collect()
}

/// Hands the selected letters' records in. A letter that was replayed before is skipped: a record refused again has a newer letter.
fn replay(cluster: &Cluster, letters: &[Letter], selected: &Selected) -> Result<Done, Failure> {
    if selected.is_empty() {
        return Err(Failure::usage("which? give ids as `slipstream dlq list` shows them, --stage, --reason, --class, or --all"));
    }
    let unknown = |id: &&String| letters.iter().all(|(record, _)| record.event.id.to_string() != **id);
    if let Some(id) = selected.ids.iter().find(unknown) {
        return Err(Failure::usage(format_args!("no dead letter has the id `{id}`; `slipstream dlq list` shows some")));
    }
    let edge = Edge::local().map_err(Failure::bug)?;
    let (mut list, mut refused) = (Vec::new(), 0);
    for (record, letter) in letters.iter().filter(|(record, letter)| selected.holds(record, letter)) {
        match edge.redelivery(record, letter) {
            Ok(redelivery) => list.push(HandIn { stage: letter.stage.clone(), redelivery }),
            Err(why) => {
                refused += 1;
                eprintln!("{} of {}: {why}", record.event.id, letter.stage);
            }
        }
    }
    let topology = pipeline::topology(catalogue::partitions(&catalogue::load()?));
    let config = world::config(cluster, Order::Arrival, None);
    let (mut handed, mut skipped) = (0, 0);
    for some in list.chunks(HANDED_IN_MAX) {
        let new = retry::hand_in(&config, &topology, &cluster.codec(), some).map_err(world::failure)?;
        let count = new.iter().filter(|new| **new).count();
        (handed, skipped) = (handed + count, skipped + new.len() - count);
    }
    eprintln!("{handed} handed in again, {skipped} had been already, {refused} cannot be");
    Ok(Done::with_refused(refused))
}
