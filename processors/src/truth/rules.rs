//! The modes of resolution, and the verdict on one field (S0-08, S0-09, S0-10).
//!
//! A rule works on each source's latest value, as long as it is at most [`FRESH_MS`] older than the newest; facts of
//! progress do not grow old. What is withheld, and until when, is the caller's affair: a verdict says only that a
//! reviewer is wanted.

use std::collections::BTreeMap;
use std::sync::Arc;

use slipstream_schemas::ids::Carrier;
use slipstream_schemas::records::ResolutionMode as Mode;

use super::field::{Field, Value};
use super::sources::{Class, Sources};
use super::trust::{TrustTable, lead_of};
use crate::journey::MINUTE;

/// A value this much older than the newest one no longer counts, ms.
pub const FRESH_MS: i64 = 30 * MINUTE;
/// Estimates further apart than this differ significantly, ms.
pub const SIGNIFICANT_DELAY_MS: i64 = 30 * MINUTE;
/// Gates and terminals that differ this shortly before departure differ significantly, ms.
pub const SIGNIFICANT_PLACE_MS: i64 = 60 * MINUTE;

/// What one source said last of one field.
#[derive(Debug, Clone, Copy)]
pub struct Claimed<'a> {
    /// The source.
    pub source: &'a str,
    /// What it says.
    pub value: &'a Value,
    /// When it said so last, epoch ms.
    pub heard_at: i64,
}

/// The leg that is spoken of.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Who operates it.
    pub operator: Carrier,
    /// Scheduled off-block, epoch ms.
    pub departure: i64,
    /// The instant of the decision, epoch ms.
    pub now: i64,
}

/// What comes of the candidates.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The value, or none if a reviewer is wanted.
    pub value: Option<Value>,
    /// Place of the candidate that was believed, or would be by priority.
    pub winner: usize,
    /// How it was chosen.
    pub mode: Mode,
    /// Why.
    pub rule: String,
    /// The candidates that count differ.
    pub differ: bool,
    /// Places of the candidates that count: those that are not outdated.
    pub counted: Vec<usize>,
}

/// Modes, priorities and trust tables in force.
#[derive(Debug, Clone)]
pub struct Rules {
    modes: BTreeMap<Field, Mode>,
    sources: Sources,
    /// In order of their effective instants.
    trust: Vec<TrustTable>,
}

/// Why a table of modes cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}")]
pub struct InvalidModes {
    /// From 1.
    pub line: usize,
    /// What is wrong, with the column.
    pub what: String,
}

impl Default for Rules {
    /// Those of this version, `data/modes.csv` and `data/sources.csv`, with nothing learned.
    fn default() -> Self {
        let modes = Self::modes(include_str!("../../data/modes.csv")).unwrap_or_default();
        Self { modes, sources: Sources::standard(), trust: Vec::new() }
    }
}

impl Rules {
    /// Reads `field,mode` rows.
    ///
    /// # Errors
    /// The line and column that are wrong.
    pub fn modes(text: &str) -> Result<BTreeMap<Field, Mode>, InvalidModes> {
        let rows = text.lines().enumerate().filter(|(_, line)| !line.starts_with('#')).skip(1);
        let row = |(place, line): (usize, &str)| {
            let fault = |what: String| InvalidModes { line: place + 1, what };
            let (field, mode) = line.split_once(',').ok_or_else(|| fault("want field,mode".to_owned()))?;
            let field = field.parse().map_err(|e| fault(format!("field: {e}")))?;
            match mode.parse() {
                Ok(Mode::Unknown) | Err(_) => {
                    Err(fault(format!("mode: `{mode}` is none of PRIORITY, AUTOMATIC, MANUAL, LEARNED")))
                }
                Ok(mode) => Ok((field, mode)),
            }
        };
        rows.map(row).collect()
    }

    /// These rules with `mode` for every field that is no fact of progress.
    #[must_use]
    pub fn with_mode(mut self, mode: Mode) -> Self {
        self.modes = Field::ALL.iter().filter(|field| !field.is_fact()).map(|field| (*field, mode)).collect();
        self
    }

    /// These rules with other modes.
    #[must_use]
    pub fn with_modes(self, modes: BTreeMap<Field, Mode>) -> Self {
        Self { modes, ..self }
    }

    /// These rules with trust tables, each read from its effective instant on.
    #[must_use]
    pub fn with_trust(mut self, tables: impl IntoIterator<Item = TrustTable>) -> Self {
        self.trust.extend(tables);
        self.trust.sort_by(|a, b| (a.effective, &a.version).cmp(&(b.effective, &b.version)));
        self
    }

    /// Priorities and classes of the sources.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Shared by the tasks of a process.
    #[must_use]
    pub fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }

    /// The mode of a field; facts of progress have no other than PRIORITY.
    #[must_use]
    pub fn mode(&self, field: Field) -> Mode {
        if field.is_fact() { Mode::Priority } else { self.modes.get(&field).copied().unwrap_or(Mode::Automatic) }
    }

    /// The verdict on a field by the mode that is set for it; none without candidates.
    #[must_use]
    pub fn resolve(&self, field: Field, claimed: &[Claimed<'_>], setting: Setting) -> Option<Verdict> {
        self.resolve_by(self.mode(field), field, claimed, setting)
    }

    /// The verdict by a given mode (S0-04); none without candidates.
    #[must_use]
    pub fn resolve_by(&self, mode: Mode, field: Field, claimed: &[Claimed<'_>], setting: Setting) -> Option<Verdict> {
        let newest = claimed.iter().map(|claim| claim.heard_at).max()?;
        let counts = |claim: &Claimed<'_>| field.is_fact() || claim.heard_at >= newest.saturating_sub(FRESH_MS);
        let fresh: Vec<usize> = (0..claimed.len()).filter(|place| counts(&claimed[*place])).collect();
        let bench = Bench { rules: self, field, claimed, fresh, setting };
        Some(bench.judge(mode))
    }

    /// The table in force at an instant.
    fn trust_at(&self, now: i64) -> Option<&TrustTable> {
        self.trust.iter().rev().find(|table| table.effective <= now)
    }
}

/// One field's candidates before their judge.
struct Bench<'a> {
    rules: &'a Rules,
    field: Field,
    claimed: &'a [Claimed<'a>],
    fresh: Vec<usize>,
    setting: Setting,
}

impl Bench<'_> {
    fn judge(&self, mode: Mode) -> Verdict {
        let first = self.first();
        let claim = &self.claimed[first];
        if self.fresh.iter().all(|place| self.claimed[*place].value == claim.value) {
            return self.taken(first, mode, "the sources agree".to_owned());
        }
        if self.class(first) == Class::Manual && mode != Mode::Priority {
            return self.taken(first, mode, "entered by staff".to_owned());
        }
        match mode {
            Mode::Automatic => self.automatic(first),
            Mode::Manual => self.review(first, "a reviewer decides on this field".to_owned()),
            Mode::Learned => self.learned(first),
            Mode::Priority | Mode::Unknown => self.by_priority(first),
        }
    }

    fn taken(&self, winner: usize, mode: Mode, rule: String) -> Verdict {
        let value = self.claimed[winner].value;
        let differ = self.fresh.iter().any(|place| self.claimed[*place].value != value);
        Verdict { value: Some(value.clone()), winner, mode, rule, differ, counted: self.fresh.clone() }
    }

    fn review(&self, first: usize, rule: String) -> Verdict {
        Verdict { value: None, winner: first, mode: Mode::Manual, rule, differ: true, counted: self.fresh.clone() }
    }

    fn priority(&self, place: usize) -> i32 {
        self.rules.sources.priority(self.claimed[place].source, self.setting.operator)
    }

    fn class(&self, place: usize) -> Class {
        self.rules.sources.class(self.claimed[place].source, self.setting.operator)
    }

    /// What sorts candidates of equal rank: the newer word, then the name.
    fn recency(&self, place: usize) -> (i64, std::cmp::Reverse<&str>) {
        (self.claimed[place].heard_at, std::cmp::Reverse(self.claimed[place].source))
    }

    /// First by priority.
    fn first(&self) -> usize {
        let best = self.fresh.iter().copied().max_by_key(|place| (self.priority(*place), self.recency(*place)));
        best.unwrap_or_default() // never empty: the newest claim is fresh
    }

    fn by_priority(&self, first: usize) -> Verdict {
        let next =
            self.fresh.iter().filter(|place| **place != first).map(|place| self.priority(*place)).max().unwrap_or_default();
        let rule = format!("priority {} before {next}", self.priority(first));
        self.taken(first, Mode::Priority, rule)
    }

    fn automatic(&self, first: usize) -> Verdict {
        match self.field {
            field if field.is_estimate() => self.latest_estimate(first),
            field if field.is_place() => self.newest_place(first),
            Field::Passengers => self.head_count(first),
            _ => self.by_priority(first),
        }
    }

    /// The greatest delay.
    fn latest_estimate(&self, first: usize) -> Verdict {
        let number = |place: usize| self.claimed[place].value.number.unwrap_or_default();
        let latest = self.fresh.iter().copied().max_by_key(|place| (number(*place), self.priority(*place))).unwrap_or(first);
        let earliest = self.fresh.iter().map(|place| number(*place)).min().unwrap_or_default();
        let apart = number(latest) - earliest;
        if apart > SIGNIFICANT_DELAY_MS {
            return self.review(first, format!("delays {} min apart", apart / MINUTE));
        }
        self.taken(latest, Mode::Automatic, "the greatest delay".to_owned())
    }

    fn newest_place(&self, first: usize) -> Verdict {
        let left = self.setting.departure - self.setting.now;
        if left < SIGNIFICANT_PLACE_MS {
            return self.review(first, format!("differ {} min before departure", left / MINUTE));
        }
        let newest = self.fresh.iter().copied();
        let newest = newest.max_by_key(|place| (self.claimed[*place].heard_at, self.priority(*place), self.recency(*place)));
        self.taken(newest.unwrap_or(first), Mode::Automatic, "the newest word".to_owned())
    }

    /// The count that most sources name, else the mean, rounded half up.
    fn head_count(&self, first: usize) -> Verdict {
        let mut named: BTreeMap<i64, usize> = BTreeMap::new();
        let counts: Vec<i64> = self.fresh.iter().filter_map(|place| self.claimed[*place].value.number).collect();
        for count in &counts {
            *named.entry(*count).or_default() += 1;
        }
        let most = named.values().copied().max().unwrap_or_default();
        let mut modes = named.iter().filter(|(_, times)| **times == most);
        let (value, rule) = match (modes.next(), modes.next()) {
            (Some((count, _)), None) => (*count, format!("named by {most} of {}", counts.len())),
            _ => {
                let (sum, of) = (counts.iter().sum::<i64>(), counts.len().max(1) as i64);
                ((2 * sum + of).div_euclid(2 * of), format!("the mean of {of}"))
            }
        };
        Verdict { value: Some(Value::instant(value)), rule, ..self.taken(first, Mode::Automatic, String::new()) }
    }

    /// The source that was right most often. One that stands first by priority and of which too little is known keeps its place.
    fn learned(&self, first: usize) -> Verdict {
        let Some(table) = self.rules.trust_at(self.setting.now) else {
            return self.by_priority(first);
        };
        let lead = lead_of(self.setting.departure - self.setting.now);
        let scored = self.fresh.iter().filter_map(|place| {
            let (share, score, exact) = table.share(self.claimed[*place].source, self.field, lead)?;
            Some(((share, self.priority(*place), self.recency(*place)), (*place, score, exact)))
        });
        let is_known = table.share(self.claimed[first].source, self.field, lead).is_some();
        let Some((_, (winner, score, exact))) = scored.max_by(|a, b| a.0.cmp(&b.0)).filter(|_| is_known) else {
            return self.by_priority(first);
        };
        let lead = exact.map_or_else(|| "over all leads".to_owned(), |lead| format!("{lead} min before departure"));
        let rule = format!("trust {}: right {} of {} times {lead}", table.version, score.right, score.scored);
        self.taken(winner, Mode::Learned, rule)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_has_a_mode_and_faults_name_their_line() {
        let modes = Rules::modes(include_str!("../../data/modes.csv")).unwrap();
        assert_eq!(modes.len(), Field::ALL.len());
        assert!(modes.iter().all(|(field, mode)| Rules::default().mode(*field) == *mode));
        for (bad, line) in [("field,mode\ntail", 2), ("field,mode\ntail,MANUAL\ncolour,MANUAL", 3), ("field,mode\ntail,BEST", 2)]
        {
            assert_eq!(Rules::modes(bad).unwrap_err().line, line, "{bad}");
        }
    }
}
