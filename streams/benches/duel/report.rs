//! Raw figures as they come, and at the end a table of medians.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::Write as _;
use std::path::PathBuf;

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
        let mut raw = File::create(folder.join("duel.csv")).unwrap();
        writeln!(raw, "contender,figure,round,value").unwrap();
        Self { folder, raw, figures: BTreeMap::new() }
    }

    /// One figure of one round.
    pub fn note(&mut self, contender: &'static str, figure: &str, round: u64, value: f64) {
        println!("{contender:24} {figure:32} round {round}: {value:.2}");
        writeln!(self.raw, "{contender},\"{figure}\",{round},{value:.3}").unwrap();
        self.figures.entry(figure.to_owned()).or_default().entry(contender).or_default().push(value);
    }

    /// Writes the tables: one for each figure, with medians, spread, and the ratio to ours.
    pub fn write(&self) {
        let mut text = String::new();
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
        std::fs::write(self.folder.join("duel.md"), text).unwrap();
    }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn show(value: f64) -> String {
    if value >= 1000.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}
