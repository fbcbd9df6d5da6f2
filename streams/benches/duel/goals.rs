//! The goals, and how far from each a run is.

use std::fmt::Write as _;

use crate::report::show;
use Bound::{AtLeast, AtMost};

/// What a figure, or its ratio to a peer's, should be.
enum Bound {
    AtLeast(f64),
    AtMost(f64),
}

impl Bound {
    fn holds(&self, value: f64) -> bool {
        match self {
            AtLeast(least) => value >= *least,
            AtMost(most) => value <= *most,
        }
    }

    fn said(&self) -> String {
        match self {
            AtLeast(least) => format!(">= {}", show(*least)),
            AtMost(most) => format!("<= {}", show(*most)),
        }
    }
}

/// One goal: of which contender's figure, in comparison with whose, and its bound.
struct Goal(&'static str, &'static str, &'static str, Option<&'static str>, Bound);

const DEFAULT: Option<&str> = Some("kafka-streams");
const BEST: Option<&str> = Some("kafka-streams-best");
const FREQUENT: Option<&str> = Some("kafka-streams-10ms");
/// The same reads and writes, and no state.
const COPY: Option<&str> = Some("librdkafka-changelog");

const GOALS: &[Goal] = &[
    Goal("times Kafka Streams at its defaults, 1 KiB", "slipstream", "records/s, 1024 B", DEFAULT, AtLeast(3.0)),
    Goal("times Kafka Streams at its defaults, 160 B", "slipstream", "records/s, 160 B", DEFAULT, AtLeast(3.0)),
    Goal("times Kafka Streams at its best settings, 1 KiB", "slipstream", "records/s, 1024 B", BEST, AtLeast(1.5)),
    Goal("times Kafka Streams at its best settings, 160 B", "slipstream", "records/s, 160 B", BEST, AtLeast(1.7)),
    Goal("of librdkafka with the same reads and writes, 1 KiB", "slipstream", "records/s, 1024 B", COPY, AtLeast(0.85)),
    Goal("of librdkafka with the same reads and writes, 160 B", "slipstream", "records/s, 160 B", COPY, AtLeast(0.75)),
    Goal(
        "of librdkafka in transactions, without state",
        "slipstream",
        "records/s, normalise",
        Some("librdkafka-transactions"),
        AtLeast(0.9),
    ),
    Goal("ms, p50 at 200/s", "slipstream", "p50 ms, 200/s", None, AtMost(6.0)),
    Goal("ms, p99 at 200/s", "slipstream", "p99 ms, 200/s", None, AtMost(15.0)),
    Goal("of the CPU of Kafka Streams at 10 ms commits, 200/s", "slipstream", "CPU %, 200/s", FREQUENT, AtMost(1.0)),
    Goal("of the peak memory of Kafka Streams, 1 KiB", "slipstream", "peak MiB, 1024 B", DEFAULT, AtMost(1.0 / 3.0)),
    Goal("of the peak memory of Kafka Streams, 160 B", "slipstream", "peak MiB, 160 B", DEFAULT, AtMost(1.0 / 3.0)),
    Goal("s from kill -9 to committed output, state kept on disk", "slipstream-disk", "restart s, state kept", None, AtMost(2.0)),
    Goal("s from kill -9 to committed output, state lost", "slipstream", "restart s, state lost", None, AtMost(4.0)),
    Goal("records/s on the dev broker, 1 KiB", "slipstream", "records/s, 1024 B on the dev broker", None, AtLeast(100_000.0)),
    Goal("records/s on the dev broker, 160 B", "slipstream", "records/s, 160 B on the dev broker", None, AtLeast(100_000.0)),
    Goal(
        "% more memory in the last third of 30 minutes at half load",
        "slipstream",
        "MiB at half load, % more than the third before, 30 min",
        None,
        AtMost(3.0),
    ),
];

/// The table of the goals. `median` has the median of a contender's figure, if it was measured.
pub fn table(median: impl Fn(&str, &str) -> Option<f64>) -> String {
    let mut text = String::from("| goal | wanted | this run | |\n|---|---|---|---|\n");
    for Goal(what, contender, figure, peer, bound) in GOALS {
        let ours = median(contender, figure);
        let value = match peer {
            Some(peer) => ours.zip(median(peer, figure)).map(|(ours, peer)| ours / peer),
            None => ours,
        };
        let said = match value {
            Some(value) if bound.holds(value) => format!("{} | met", show(value)),
            Some(value) => format!("{} | **missed**", show(value)),
            None => "not measured | ".to_owned(),
        };
        writeln!(text, "| {what} | {} | {said} |", bound.said()).unwrap();
    }
    text
}
