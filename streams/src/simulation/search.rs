//! Search for a seed that breaks something, and what is left of it when everything unneeded is taken away.
//!
//!     cases ─► the first that fails ─► shrink: fewer records, instances, kinds of faults, shorter ─► a line to replay it
//!
//! A case is written as the environment variables that replay it. Knows no scenario: the caller runs cases.

use std::fmt::{Display, Formatter};

use super::faults::{Fault, Faults};

/// One run of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Case {
    /// What the dice are thrown from.
    pub seed: u64,
    /// How many of the scenario's records are played.
    pub records: usize,
    /// Members of each group.
    pub instances: usize,
    /// What goes wrong.
    pub faults: Faults,
}

impl Case {
    /// The case with what the environment says in place of its own: `RECORDS`, `INSTANCES`, `UNTIL`, and `FAULTS`,
    /// the kinds that may strike, such as `Crash+Still`, or nothing.
    ///
    /// # Errors
    /// A variable that says something else.
    pub fn with(mut self, variable: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let number = |name: &str, own: u64| match variable(name) {
            Some(text) => text.parse().map_err(|_| format!("{name}={text}: not a number")),
            None => Ok(own),
        };
        let size = |name: &str, own: usize| number(name, own as u64).map(|n| usize::try_from(n).unwrap_or(usize::MAX));
        self.records = size("RECORDS", self.records)?;
        self.instances = size("INSTANCES", self.instances)?.max(1);
        self.faults.until = number("UNTIL", self.faults.until)?;
        if let Some(text) = variable("FAULTS") {
            let named: Vec<&str> = text.split('+').filter(|name| !name.is_empty()).collect();
            let is_known = |name: &str| Fault::ALL.iter().any(|fault| format!("{fault:?}") == name);
            if let Some(unknown) = named.iter().find(|name| !is_known(name)) {
                return Err(format!("FAULTS={text}: `{unknown}` is none of {:?}", Fault::ALL));
            }
            let unnamed = Fault::ALL.into_iter().filter(|fault| !named.contains(&format!("{fault:?}").as_str()));
            self.faults = unnamed.fold(self.faults, |faults, fault| faults.with(fault, 0));
        }
        Ok(self)
    }

    /// Cases that are a little less, the boldest first.
    fn smaller(self) -> Vec<Self> {
        let mut cases = Vec::new();
        for share in [2, 4, 8] {
            let records = self.records - self.records / share;
            cases.push(Self { records, ..self });
        }
        cases.push(Self { instances: self.instances - self.instances / 2, ..self });
        cases.extend(self.faults.kinds().map(|kind| Self { faults: self.faults.with(kind, 0), ..self }));
        for share in [2, 4] {
            cases.push(Self { faults: self.faults.until(self.faults.until - self.faults.until / share), ..self });
        }
        cases.retain(|case| *case != self);
        cases
    }
}

impl Display for Case {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        let kinds: Vec<String> = self.faults.kinds().map(|kind| format!("{kind:?}")).collect();
        let Self { seed, records, instances, faults } = self;
        write!(f, "SEED={seed} RECORDS={records} INSTANCES={instances} UNTIL={} FAULTS={}", faults.until, kinds.join("+"))
    }
}

/// The least case found that still fails, after at most `runs_max` runs.
pub fn shrink(case: Case, runs_max: usize, fails: &mut dyn FnMut(&Case) -> bool) -> Case {
    let (mut least, mut runs) = (case, 0);
    loop {
        let smaller = least.smaller().into_iter().find(|case| {
            runs += 1;
            runs <= runs_max && fails(case)
        });
        match smaller {
            Some(case) => least = case,
            None => return least,
        }
    }
}
