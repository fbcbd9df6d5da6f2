//! Raw figures as they come, and what is made of them: the goals, and a table of medians for each figure.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use crate::goals;

/// What the report says before its tables.
const HEAD: &str = include_str!("head.md");

/// The figures of one run of the bench, by figure and contender. A part that is run again replaces its own and leaves the others.
pub struct Report {
    folder: PathBuf,
    figures: BTreeMap<String, BTreeMap<String, Vec<f64>>>,
}

impl Report {
    /// A report into a folder, with what the folder has of the figures that this run does not measure.
    pub fn open(folder: &str, is_whole: bool) -> Self {
        let folder = PathBuf::from(folder);
        std::fs::create_dir_all(folder.join("benchmarks")).unwrap();
        let mut report = Self { folder, figures: BTreeMap::new() };
        let before = if is_whole { String::new() } else { std::fs::read_to_string(report.raw()).unwrap_or_default() };
        for line in before.lines().skip(1) {
            let [value, _round, names] = line.rsplitn(3, ',').collect::<Vec<_>>()[..] else { panic!("{line}") };
            let (contender, figure) = names.split_once(',').unwrap();
            report.values(contender, figure.trim_matches('"')).push(value.parse().unwrap());
        }
        report
    }

    /// One figure of one round; the report has it at once.
    pub fn note(&mut self, contender: &str, figure: &str, round: u64, value: f64) {
        println!("{contender:24} {figure:32} round {round}: {value:.2}");
        let values = self.values(contender, figure);
        values.truncate(usize::try_from(round).unwrap());
        values.push(value);
        self.write_raw(); // whole at any time: a run of hours may be broken off
        self.write();
    }

    fn values(&mut self, contender: &str, figure: &str) -> &mut Vec<f64> {
        self.figures.entry(figure.to_owned()).or_default().entry(contender.to_owned()).or_default()
    }

    fn raw(&self) -> PathBuf {
        self.folder.join("benchmarks/duel.csv")
    }

    fn write_raw(&self) {
        let mut raw = "contender,figure,round,value\n".to_owned();
        for (figure, rows) in &self.figures {
            for (contender, values) in rows {
                for (round, value) in values.iter().enumerate() {
                    writeln!(raw, "{contender},\"{figure}\",{round},{value:.3}").unwrap();
                }
            }
        }
        std::fs::write(self.raw(), raw).unwrap();
    }

    /// Writes the tables: the goals, then one for each figure, with medians, spread, and the ratio to ours.
    fn write(&self) {
        let of = |contender: &str, figure: &str| self.figures.get(figure)?.get(contender).map(|values| median(values));
        let mut text = format!("{HEAD}\n## The goals, in this run\n\n{}\n\n{}\n## All figures\n", machine(), goals::table(of));
        for (figure, rows) in &self.figures {
            writeln!(
                text,
                "\n### {figure}\n\n| contender | median | least | most | rounds | slipstream / it |\n|---|---|---|---|---|---|"
            )
            .unwrap();
            let ours = rows.get("slipstream").map(|values| median(values));
            for (contender, values) in rows {
                let ratio = ours.map_or_else(String::new, |ours| format!("{:.2}", ours / median(values)));
                let least = values.iter().copied().fold(f64::INFINITY, f64::min);
                let most = values.iter().copied().fold(0.0, f64::max);
                let (middle, least, most, rounds) = (show(median(values)), show(least), show(most), values.len());
                writeln!(text, "| {contender} | {middle} | {least} | {most} | {rounds} | {ratio} |").unwrap();
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
    format!("{}, two cores; load average {load} at its end. Ratios are of medians.", model.trim_start_matches(['\t', ' ', ':']))
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// A figure with as many digits as it deserves.
pub fn show(value: f64) -> String {
    if value >= 1000.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
