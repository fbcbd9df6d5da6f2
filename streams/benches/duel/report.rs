//! Raw figures as they come, and at the end a table of medians.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

/// What the report says before its tables.
const HEAD: &str = "# Benchmarks

Written by `make bench` (streams/benches/duel); every figure of every round is in benchmarks/duel.csv.

Each contender reads the same backlog of one Apache Kafka 4.3.1 node, 6 partitions, no compression, 50,000 keys drawn at
random. `slipstream` is streams/examples/aggregate.rs as it stands, nothing tuned, with its stores in memory; `-disk` is the same
with its stores on disk; `kafka-streams` does the same with exactly-once processing (its second protocol) and a RocksDB store with
changelog, at its defaults, `-best` with 256 KiB producer batches, `-10ms` with commits every 10 ms; `librdkafka` copies records and
keeps nothing: idempotent, in transactions of 100 ms, and in transactions with one changelog write per record, which are the reads
and writes of the aggregate. The contender has core 1, broker and umpire have core 0. The clock starts when a quarter of the backlog
is committed.

`normalise` turns round one field of each record and keeps nothing. `hopping` counts records of 300 places in three overlapping
windows each and writes three counts. `fanout` joins each record with ten rows kept of its key (2,000 keys) and writes ten records;
librdkafka writes as many. These are at 160 bytes, and so are the latencies at a share of the contender's own maximum, where the
umpire writes at that rate and reads one partition of the output, on the broker's core: at 75 % that core is the limit.

Latency is from the intended time of sending to the read of the committed output, at 200 records a second unless it says otherwise.
Restart is kill -9 with 1,000,000 keys of 160 bytes, until the first new output is committed; `state lost` is the restore of all
keys from the changelog. Compare columns within one run; absolute figures need an otherwise idle machine.

The broker's Java machine is set as Kafka's documentation has it: 6 GiB of heap, G1. The tail at 200/s is its own: every request leaves garbage behind,
and a collection stops the one core that the broker has for 60 to 90 ms. With our two hundred transactions a second that is every five seconds, which
meets more than one record in a hundred; with the hundred of a commit every 10 ms every ten, which meets less than one: hence the 99th
percentiles (jstat, and the time that each commit took: ADR 6). A broker that was started a minute ago is slower still, because it compiles itself:
the latencies come after the throughputs.
";

/// The figures of one run of the bench.
pub struct Report {
    folder: PathBuf,
    raw: File,
    figures: BTreeMap<String, BTreeMap<&'static str, Vec<f64>>>,
}

impl Report {
    /// A report into a folder; the raw file is begun anew.
    pub fn open(folder: &str) -> Self {
        let folder = PathBuf::from(folder);
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::create_dir_all(folder.join("benchmarks")).unwrap();
        let mut raw = File::create(folder.join("benchmarks/duel.csv")).unwrap();
        writeln!(raw, "contender,figure,round,value").unwrap();
        Self { folder, raw, figures: BTreeMap::new() }
    }

    /// One figure of one round; the report has it at once.
    pub fn note(&mut self, contender: &'static str, figure: &str, round: u64, value: f64) {
        println!("{contender:24} {figure:32} round {round}: {value:.2}");
        writeln!(self.raw, "{contender},\"{figure}\",{round},{value:.3}").unwrap();
        self.figures.entry(figure.to_owned()).or_default().entry(contender).or_default().push(value);
        self.write(); // whole at any time: a run of hours may be broken off
    }

    /// Writes the tables: one for each figure, with medians, spread, and the ratio to ours.
    fn write(&self) {
        let mut text = format!("{HEAD}\n{}\n", machine());
        for (figure, rows) in &self.figures {
            writeln!(text, "\n### {figure}\n\n| contender | median | least | most | slipstream / it |\n|---|---|---|---|---|")
                .unwrap();
            let ours = rows.get("slipstream").map(|values| median(values));
            for (contender, values) in rows {
                let ratio = ours.map_or_else(String::new, |ours| format!("{:.2}", ours / median(values)));
                let least = values.iter().copied().fold(f64::INFINITY, f64::min);
                let most = values.iter().copied().fold(0.0, f64::max);
                writeln!(text, "| {contender} | {} | {} | {} | {ratio} |", show(median(values)), show(least), show(most))
                    .unwrap();
            }
        }
        std::fs::write(self.folder.join("BENCHMARKS.md"), text).unwrap();
    }
}

/// What the figures depend on beside the programs.
fn machine() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cpus = read("/proc/cpuinfo");
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or_default();
    let load = read("/proc/loadavg");
    let load = load.split(' ').next().unwrap_or_default();
    format!("This run: {}; load average {load} at its end.", model.trim_start_matches(['\t', ' ', ':']))
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn show(value: f64) -> String {
    if value >= 1000.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
