//! `slipstream export`: a topic as a file for analysis, in the order of `--out`.

use std::io::{BufWriter, Write};

use clap::{Args, ValueEnum};
use serde_json::Value;
use slipstream_streams::record::Record;

use crate::cluster::Cluster;
use crate::cluster::reader::{Reader, Start};
use crate::commands::topic_name;
use crate::failure::{Done, Failure};
use crate::out;
use crate::settings::Flags;

/// Most records held for sorting; a larger topic is refused with advice rather than swapped to death.
const RECORDS_MAX: usize = 20_000_000;

/// File format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON object a line
    Jsonl,
    /// Comma-separated: the envelope and the value's top-level fields
    Csv,
}

/// Writes what a topic holds now to standard output.
///
/// Example: slipstream export rotation.signals --format csv > rotation.csv
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Topic, without a world's prefix
    topic: String,
    /// File format
    #[arg(long, value_enum)]
    format: Format,
}

/// Runs the command.
///
/// # Errors
/// No such topic, or the cluster does not answer.
pub(crate) fn run(args: &Export, flags: &Flags) -> Result<Done, Failure> {
    let topic = topic_name(&args.topic)?;
    let cluster = Cluster::connect(flags)?;
    let mut records = Vec::new();
    let mut refused = 0;
    Reader::open(&cluster, &[topic], Start::Beginning)?.drain(|read| {
        match read {
            Ok(record) if records.len() < RECORDS_MAX => records.push(record),
            Ok(_) => {
                return Err(Failure::usage(format_args!("{topic} holds more than {RECORDS_MAX} records; use `tail --json`")));
            }
            Err((place, poison)) => {
                refused += 1;
                eprintln!("{}[{}]@{}: {poison}", place.topic, place.partition, place.offset);
            }
        }
        Ok(())
    })?;
    records.sort_by(|a, b| a.order().cmp(&b.order()));
    let mut stdout = BufWriter::new(std::io::stdout().lock());
    match args.format {
        Format::Jsonl => jsonl(&records, &mut stdout),
        Format::Csv => csv(&records, &mut stdout),
    }
    .and_then(|()| stdout.flush())
    .map_err(|e| Failure::dependency(format_args!("standard output: {e}")))?;
    Ok(Done::with_refused(refused))
}

fn jsonl(records: &[Record], to: &mut impl Write) -> std::io::Result<()> {
    let mut line = Vec::new();
    for record in records {
        out::line(record, true, &mut line)?;
        to.write_all(&line)?;
    }
    Ok(())
}

/// Columns: key, timestamp, type, id, then the value's fields in schema order, over all record types of the topic.
fn csv(records: &[Record], to: &mut impl Write) -> std::io::Result<()> {
    let mut line = Vec::new();
    let mut rows = Vec::new();
    let mut columns: Vec<String> = Vec::new();
    for record in records {
        out::line(record, true, &mut line)?;
        let row: Value = serde_json::from_slice(&line)?;
        for name in row["value"].as_object().into_iter().flat_map(|fields| fields.keys()) {
            if !columns.contains(name) {
                columns.push(name.clone());
            }
        }
        rows.push(row);
    }
    let head = ["key", "timestamp", "type", "id"];
    let names: Vec<_> = head.iter().map(|name| (*name).to_owned()).chain(columns.iter().cloned()).collect();
    writeln!(to, "{}", names.join(","))?;
    for row in rows {
        let cells = head.iter().map(|name| cell(&row[*name])).chain(columns.iter().map(|name| cell(&row["value"][name])));
        writeln!(to, "{}", cells.collect::<Vec<_>>().join(","))?;
    }
    Ok(())
}

/// RFC 4180: quoted where needed, null as nothing.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => return String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn cells_are_rfc_4180() {
        let cases =
            [(json!(null), ""), (json!("a"), "a"), (json!("a,b"), "\"a,b\""), (json!("a\"b"), "\"a\"\"b\""), (json!(7), "7")];
        for (value, text) in cases {
            assert_eq!(cell(&value), text);
        }
    }
}
