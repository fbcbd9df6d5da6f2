//! `slipstream dlq`: dead letters by reason and stage, and one with its cause.

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use slipstream_schemas::records::DeadLetter;
use slipstream_schemas::topics;
use slipstream_schemas::wire::Wire;
use slipstream_streams::record::{Record, rfc3339};

use crate::cluster::Cluster;
use crate::cluster::reader::{Reader, Start};
use crate::failure::{Done, Failure};
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
    /// Dead letters by stage and reason
    List {
        /// One JSON object a line
        #[arg(long)]
        json: bool,
    },
    /// One dead letter with its cause
    Show {
        /// Its event id, as `list` shows
        id: String,
    },
}

/// Runs the command.
///
/// # Errors
/// The cluster does not answer, or there is no such dead letter.
pub(crate) fn run(args: &Dlq, flags: &Flags) -> Result<Done, Failure> {
    let letters = read(&Cluster::connect(flags)?)?;
    match &args.action {
        Action::List { json } => list(&letters, *json),
        Action::Show { id } => show(&letters, id)?,
    }
    Ok(Done::Clean)
}

fn read(cluster: &Cluster) -> Result<Vec<(Record, DeadLetter)>, Failure> {
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

fn list(letters: &[(Record, DeadLetter)], json: bool) {
    let mut groups: BTreeMap<(&str, &str), Vec<&(Record, DeadLetter)>> = BTreeMap::new();
    for letter in letters {
        groups.entry((&letter.1.stage, &letter.1.reason)).or_default().push(letter);
    }
    if json {
        for ((stage, reason), group) in groups {
            let newest = group.iter().map(|(record, _)| record.timestamp).max();
            let example = group.first().map(|(record, _)| record.event.id.to_string());
            say!(
                "{}",
                serde_json::json!({"stage": stage, "reason": reason, "count": group.len(), "newest": newest, "example": example})
            );
        }
        return;
    }
    let mut table = comfy_table::Table::new();
    table.load_style(comfy_table::presets::NOTHING).set_header(["STAGE", "REASON", "COUNT", "NEWEST", "EXAMPLE"]);
    for ((stage, reason), group) in groups {
        let newest = group.iter().map(|(record, _)| record.timestamp).max().map(rfc3339).unwrap_or_default();
        let example = group.first().map(|(record, _)| record.event.id.to_string()).unwrap_or_default();
        table.add_row([stage.to_owned(), reason.to_owned(), group.len().to_string(), newest, example]);
    }
    say!("{table}");
}

fn show(letters: &[(Record, DeadLetter)], id: &str) -> Result<(), Failure> {
    let found = letters.iter().find(|(record, _)| record.event.id.to_string() == id);
    let (record, letter) = found
        .ok_or_else(|| Failure::usage(format_args!("no dead letter has the id `{id}`; `slipstream dlq list` shows some")))?;
    say!("refused by  {} at {}", letter.stage, rfc3339(record.timestamp));
    say!("reason      {}: {}", letter.reason, letter.error);
    say!("record      {} of key {}", letter.record_type.as_deref().unwrap_or("unknown type"), record.key);
    say!("from        {}[{}]@{}", letter.topic, letter.partition, letter.offset);
    say!("caused by   {}", record.event.causation.map(|c| c.to_string()).unwrap_or_default());
    say!("value       {}", letter.value.as_deref().unwrap_or("none (base64)"));
    Ok(())
}
