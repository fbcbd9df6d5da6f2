//! The trust table: how often each source was right, learned from closed days and read by `reconcile`.
//!
//! ```csv
//! # trust 2008-01-22, effective 2008-01-22T06:00:00Z, evidence until 2008-01-21T23:59:00Z
//! source,field,lead_min,scored,right
//! ```
//!
//! A table takes effect later than all its evidence, so no decision of a replay knows what was not known then. Leads
//! are counted from the scheduled departure. Below [`SCORED_MIN`] values a source's score on a field and lead is
//! taken over all leads of the field; below that again there is none, and priority decides.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::field::Field;

/// Leads at which sources are scored, minutes before the scheduled departure.
pub const LEADS_MIN: [i64; 4] = [1440, 360, 120, 30];
/// Fewer scored values than this say nothing.
pub const SCORED_MIN: u64 = 200;
const MINUTE: i64 = 60_000;

/// How often a source was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Score {
    /// Values with an independent truth.
    pub scored: u64,
    /// Of them right.
    pub right: u64,
}

impl Score {
    /// One more value.
    pub fn add(&mut self, right: bool) {
        self.scored += 1;
        self.right += u64::from(right);
    }

    /// Share of right values, in millionths, which compare the same everywhere.
    #[must_use]
    pub fn share(self) -> u64 {
        self.right * 1_000_000 / self.scored.max(1)
    }
}

/// One version of the table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TrustTable {
    /// Its name in every decision made with it.
    pub version: String,
    /// Read from this instant on, epoch ms.
    pub effective: i64,
    /// The last instant that any of its evidence depends on, epoch ms.
    pub evidence_until: i64,
    /// By source, field and lead, minutes.
    pub scores: BTreeMap<(String, Field, i64), Score>,
}

/// Why a text is no trust table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct InvalidTable {
    /// From 1.
    pub line: usize,
    /// What is wrong, with the column.
    pub what: String,
}

impl TrustTable {
    /// The share of right values of a source, millionths, and what it was taken from; none where too little is known.
    #[must_use]
    pub fn share(&self, source: &str, field: Field, lead_min: i64) -> Option<(u64, Score, Option<i64>)> {
        let exact = self.scores.get(&(source.to_owned(), field, lead_min)).copied().filter(|score| score.scored >= SCORED_MIN);
        if let Some(score) = exact {
            return Some((score.share(), score, Some(lead_min)));
        }
        let of_field = LEADS_MIN.iter().filter_map(|lead| self.scores.get(&(source.to_owned(), field, *lead)));
        let all = of_field.fold(Score::default(), |a, b| Score { scored: a.scored + b.scored, right: a.right + b.right });
        (all.scored >= SCORED_MIN).then(|| (all.share(), all, None))
    }

    /// Reads what [`TrustTable::to_csv`] writes.
    ///
    /// # Errors
    /// The line and column that are wrong, or a table that takes effect before its evidence ends.
    pub fn parse(text: &str) -> Result<Self, InvalidTable> {
        let fault = |line: usize, what: String| InvalidTable { line: line + 1, what };
        let mut lines = text.lines().enumerate();
        let (_, head) = lines.next().ok_or_else(|| fault(0, "empty".to_owned()))?;
        let mut table =
            heading(head).ok_or_else(|| fault(0, "want `# trust NAME, effective TIME, evidence until TIME`".to_owned()))?;
        if table.effective <= table.evidence_until {
            return Err(fault(0, "effective: not later than the evidence".to_owned()));
        }
        if lines.next().map(|(_, columns)| columns) != Some(COLUMNS) {
            return Err(fault(1, format!("want the columns {COLUMNS}")));
        }
        for (place, line) in lines {
            let (key, score) = row(line).map_err(|what| fault(place, what))?;
            if table.scores.insert(key, score).is_some() {
                return Err(fault(place, "source, field, lead_min: stand twice".to_owned()));
            }
        }
        Ok(table)
    }

    /// The table as a file.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let time = slipstream_streams::record::rfc3339;
        let (effective, until) = (time(self.effective), time(self.evidence_until));
        let mut text = format!("# trust {}, effective {effective}, evidence until {until}\n{COLUMNS}\n", self.version);
        for ((source, field, lead), score) in &self.scores {
            let _ = writeln!(text, "{source},{field},{lead},{},{}", score.scored, score.right); // writing to a String cannot fail
        }
        text
    }
}

const COLUMNS: &str = "source,field,lead_min,scored,right";

fn heading(line: &str) -> Option<TrustTable> {
    let (version, rest) = line.strip_prefix("# trust ")?.split_once(", effective ")?;
    let (effective, until) = rest.split_once(", evidence until ")?;
    let instant = |text: &str| text.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond);
    Some(TrustTable {
        version: version.to_owned(),
        effective: instant(effective)?,
        evidence_until: instant(until)?,
        scores: BTreeMap::new(),
    })
}

fn row(line: &str) -> Result<((String, Field, i64), Score), String> {
    let cells: Vec<&str> = line.split(',').collect();
    let [source, field, lead, scored, right] = cells[..] else {
        return Err(format!("want the columns {COLUMNS}"));
    };
    let number = |name: &str, text: &str| text.parse::<u64>().map_err(|_| format!("{name}: `{text}` is no count"));
    let score = Score { scored: number("scored", scored)?, right: number("right", right)? };
    if source.is_empty() || score.right > score.scored {
        return Err("source: empty, or right: more than scored".to_owned());
    }
    let lead = lead
        .parse()
        .ok()
        .filter(|lead| LEADS_MIN.contains(lead))
        .ok_or_else(|| format!("lead_min: `{lead}` is none of {LEADS_MIN:?}"))?;
    Ok(((source.to_owned(), field.parse().map_err(|e| format!("field: {e}"))?, lead), score))
}

/// The lead whose scores judge a value that is chosen `left` ms before the departure: it will stand there next.
#[must_use]
pub fn lead_of(left: i64) -> i64 {
    LEADS_MIN.into_iter().find(|lead| lead * MINUTE <= left).unwrap_or(LEADS_MIN[LEADS_MIN.len() - 1])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lead_is_the_next_one_to_come() {
        let leads = [2000, 1440, 1439, 360, 121, 119, 30, 0, -50].map(|minutes| lead_of(minutes * MINUTE));
        assert_eq!(leads, [1440, 1440, 360, 360, 120, 30, 30, 30, 30]);
    }

    #[test]
    fn a_table_is_what_its_file_says_and_faults_name_their_line() {
        let text = "# trust t1, effective 2008-01-22T00:00:01.000Z, evidence until 2008-01-22T00:00:00.000Z\nsource,field,lead_min,scored,right\n\
                    FLIGHTAWARE,departure_gate,30,100,99\nFLIGHTAWARE,departure_gate,120,300,270\nMVT,departure_gate,30,10,10\n";
        let table = TrustTable::parse(text).unwrap();
        assert_eq!(table.to_csv(), text);
        let share = |source, lead| table.share(source, Field::DepartureGate, lead).map(|(share, _, lead)| (share, lead));
        assert_eq!(share("FLIGHTAWARE", 120), Some((900_000, Some(120))));
        assert_eq!(share("FLIGHTAWARE", 30), Some((922_500, None)), "backs off to the field");
        assert_eq!(share("MVT", 30), None, "and then to nothing");
        for (bad, line) in [
            (text.replace("22T00:00:01", "21T00:00:01"), 1),
            (text.replace("lead_min", "lead"), 2),
            (text.replace("120,300,270", "121,300,270"), 4),
            (text.replace("120,300,270", "30,300,270"), 4),
            (text.replace("10,10\n", "10,11\n"), 5),
            (text.replace("MVT,departure_gate", "MVT,colour"), 5),
        ] {
            assert_eq!(TrustTable::parse(&bad).unwrap_err().line, line, "{bad}");
        }
    }
}
