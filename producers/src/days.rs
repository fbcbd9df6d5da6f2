//! Joins the tables of one kind into whole local days, in order of date.
//!
//!     table, table, … ──► day of the earliest head date: its rows from every table ──► Day
//!
//! A schedule is published for a whole day, so a day is what the event model works on. Files may be given in
//! any order and a day may be spread over several; only within one file must the dates rise.

use std::collections::BTreeMap;

use slipstream_schemas::ids::Date;
use slipstream_streams::record::Ts;
use slipstream_streams::reference::SourceError;

use crate::facts::{Identity, LegFacts};
use crate::refusals::{Fault, Refusal, Refused};
use crate::table::{Row, Table, TableError};

/// Most legs of one local day: ten times the busiest day of the whole world.
pub(crate) const LEGS_OF_A_DAY_MAX: usize = 1_500_000;

/// All legs of one local date.
#[derive(Debug)]
pub(crate) struct Day {
    pub(crate) date: Date,
    pub(crate) legs: Vec<LegFacts>,
}

impl Day {
    /// The earliest scheduled departure; none when no leg could be placed in time.
    pub(crate) fn first_departure(&self) -> Option<Ts> {
        self.legs.iter().filter_map(|leg| leg.scheduled_departure).min()
    }
}

/// Tables of one kind, a day at a time.
pub(crate) struct Days {
    tables: Vec<Table>,
    refused: Refused,
}

impl Days {
    pub(crate) fn new(tables: Vec<Table>, refused: Refused) -> Self {
        Self { tables, refused }
    }

    /// What has been refused and not been taken yet.
    pub(crate) fn refused(&mut self) -> &mut Refused {
        &mut self.refused
    }

    /// The date that comes next.
    pub(crate) fn next_date(&self) -> Option<Date> {
        self.tables.iter().filter_map(Table::head).map(|row| row.facts.date).min()
    }

    /// The next day, whole.
    ///
    /// # Errors
    /// A file is damaged, or the day has more than [`LEGS_OF_A_DAY_MAX`] legs.
    pub(crate) fn next(&mut self) -> Result<Option<Day>, SourceError> {
        let Some(date) = self.next_date() else {
            return Ok(None);
        };
        let mut day = Day { date, legs: Vec::new() };
        let mut seen: BTreeMap<Identity, Vec<usize>> = BTreeMap::new();
        for table in &mut self.tables {
            while table.head().is_some_and(|row| row.facts.date == date) {
                let row = table.take(&mut self.refused).map_err(failed)?;
                let Some(row) = row else { break };
                if let Err(refusal) = admit(row, &mut day.legs, &mut seen) {
                    self.refused.add(refusal);
                }
                if day.legs.len() > LEGS_OF_A_DAY_MAX {
                    return Err(SourceError(format!("{date}: more than {LEGS_OF_A_DAY_MAX} legs")));
                }
            }
        }
        Ok(Some(day))
    }
}

/// Adds a leg; the second of the same identity gets the next ordinal, the very same row again is refused.
fn admit(row: Row, legs: &mut Vec<LegFacts>, seen: &mut BTreeMap<Identity, Vec<usize>>) -> Result<(), Refusal> {
    let twins = seen.entry(row.facts.identity).or_default();
    let mut facts = row.facts;
    for ordinal in 0..=u16::try_from(twins.len()).unwrap_or(u16::MAX) {
        facts.ordinal = ordinal;
        if twins.iter().any(|twin| legs[*twin] == facts) {
            let fault = Fault::new("line", format_args!("the leg {} stands in the input already", facts.source_leg()));
            return Err(Refusal::of(&row.file, row.line, fault, facts.source_leg().as_bytes()));
        }
    }
    twins.push(legs.len());
    legs.push(facts);
    Ok(())
}

fn failed(error: TableError) -> SourceError {
    SourceError(error.to_string())
}
