//! `slipstream tail`: decoded records of one topic, one a line, until Ctrl-C.

use std::io::Write;
use std::time::Duration;

use clap::Args;

use crate::cluster::Cluster;
use crate::cluster::reader::{Reader, Start};
use crate::commands::topic_name;
use crate::failure::{Done, Failure};
use crate::out;
use crate::settings::Flags;

/// Shows decoded records of a topic as they come.
///
/// Example: slipstream tail disruption.events --from-start --key AA1234/2008-01-31/JFK-LAX
#[derive(Debug, Args)]
pub(crate) struct Tail {
    /// Topic, without a world's prefix
    topic: String,
    /// Begin with the earliest record kept
    #[arg(long)]
    from_start: bool,
    /// Only this key
    #[arg(long)]
    key: Option<String>,
    /// Only this record type, such as flight.cancelled
    #[arg(long = "type", value_name = "TYPE")]
    record_type: Option<String>,
    /// Whole records as JSON lines
    #[arg(long)]
    json: bool,
    /// Stop at the end of what is there now
    #[arg(long)]
    until_end: bool,
}

/// Runs the command.
///
/// # Errors
/// No such topic, or the cluster does not answer.
pub(crate) fn run(args: &Tail, flags: &Flags) -> Result<Done, Failure> {
    let topic = topic_name(&args.topic)?;
    let cluster = Cluster::connect(flags)?;
    let start = if args.from_start { Start::Beginning } else { Start::End };
    let mut reader = Reader::open(&cluster, &[topic], start)?;
    let mut refused = 0;
    let mut line = Vec::new();
    loop {
        match reader.next(Duration::from_millis(100))? {
            None if args.until_end && reader.at_end()? => return Ok(Done::with_refused(refused)),
            None => {}
            Some(Err((place, poison))) => {
                refused += 1;
                eprintln!("{}[{}]@{}: {poison}", place.topic, place.partition, place.offset);
            }
            Some(Ok(record)) => {
                let name = cluster.codec().type_name(record.rank);
                let wanted = args.key.as_ref().is_none_or(|key| **key == *record.key)
                    && args.record_type.as_ref().is_none_or(|wanted| wanted == name);
                if wanted {
                    out::line(&record, true, &mut line).map_err(Failure::bug)?;
                    let text = if args.json { std::mem::take(&mut line) } else { plain(&record, name, &line) };
                    if print(&text).is_err() {
                        return Ok(Done::with_refused(refused)); // the reader of our output has gone
                    }
                }
            }
        }
    }
}

/// `2008-01-31T14:05:00.000Z  flight.out  AA1234/2008-01-31/JFK-LAX  {value}`
fn plain(record: &slipstream_streams::record::Record, name: &str, json: &[u8]) -> Vec<u8> {
    let time = slipstream_streams::record::rfc3339(record.timestamp);
    let mut text = format!("{time}  {name:<24}  {}  ", record.key).into_bytes();
    let marker: &[u8] = b"\"value\":";
    let value = json.windows(marker.len()).position(|w| w == marker).map_or(0, |at| at + marker.len());
    text.extend_from_slice(&json[value..json.len().saturating_sub(2)]);
    text.push(b'\n');
    text
}

fn print(text: &[u8]) -> std::io::Result<()> {
    let mut stdout = std::io::stdout().lock();
    stdout.write_all(text)?;
    stdout.flush()
}
