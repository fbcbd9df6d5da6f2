//! Where an airport lies, and whose licence a carrier holds, on a date.
//!
//! ```text
//! reference airports ─► country ─► territory.csv by date ─┐
//! airports.csv (own territory, or another code's place) ──┴─► Place          carriers.csv by date ─► licence
//! ```
//!
//! Kept for the life of the process, one entry for each of the 26³ codes there can be. A country that no row names, or
//! that no row names on the date, is outside. A carrier that no row names has an unknown licence.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

use slipstream_schemas::ids::{Airport, Date};
use slipstream_schemas::reference;

use super::case::Licence;

/// Where a place lies, as the two regimes see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Territory {
    /// Member State of the European Union.
    Union,
    /// French overseas department, or the French side of Saint-Martin: of the Union, apart in Article 10.
    Department,
    /// Norway, Iceland, Liechtenstein (EEA Agreement).
    Economic,
    /// Switzerland, by agreement.
    Swiss,
    /// United Kingdom of Great Britain and Northern Ireland.
    Kingdom,
    /// Jersey, Guernsey, Isle of Man.
    Crown,
    /// Anywhere else.
    Outside,
}

impl Territory {
    /// Counts as within the Community for Regulation 261/2004.
    pub(super) fn community(self) -> bool {
        self.union() || matches!(self, Self::Economic | Self::Swiss)
    }

    /// Lies in a Member State.
    pub(super) fn union(self) -> bool {
        matches!(self, Self::Union | Self::Department)
    }

    fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "EU" => Self::Union,
            "DOM" => Self::Department,
            "EEA" => Self::Economic,
            "CH" => Self::Swiss,
            "UK" => Self::Kingdom,
            "CROWN" => Self::Crown,
            "OUTSIDE" => Self::Outside,
            _ => return None,
        })
    }
}

/// What a table says of a name during a period.
#[derive(Debug, Clone, Copy)]
struct Row<T> {
    name: &'static str,
    what: T,
    from: Option<Date>,
    until: Option<Date>,
}

impl<T> Row<T> {
    fn holds(&self, on: Option<Date>) -> bool {
        let Some(on) = on else {
            return self.until.is_none();
        };
        self.from.is_none_or(|from| from <= on) && self.until.is_none_or(|until| on <= until)
    }
}

/// Rows by a code of two capitals or digits, found without a search: a decision asks for a dozen of them.
#[derive(Debug)]
struct Table<T> {
    /// The rows of a code stand together.
    rows: Vec<Row<T>>,
    /// Where, at the number of the code.
    spans: Vec<Range<usize>>,
}

/// Signs that a code of two can have at each place.
const SIGNS: usize = 36;

/// The number of a code of two capitals or digits.
fn pair(code: &str) -> Option<usize> {
    let sign = |byte: u8| match byte {
        b'A'..=b'Z' => Some(usize::from(byte - b'A')),
        b'0'..=b'9' => Some(LETTERS + usize::from(byte - b'0')),
        _ => None,
    };
    let &[first, second] = code.as_bytes() else {
        return None;
    };
    Some(sign(first)? * SIGNS + sign(second)?)
}

impl<T> Table<T> {
    fn of(mut rows: Vec<Row<T>>) -> Self {
        rows.sort_by_key(|row| row.name);
        let mut spans = vec![0..0; SIGNS * SIGNS];
        for (place, row) in rows.iter().enumerate() {
            if let Some(number) = pair(row.name) {
                let span = &mut spans[number];
                *span = if span.end == 0 { place..place + 1 } else { span.start..place + 1 };
            }
        }
        Self { rows, spans }
    }

    /// The rows of a code; none where no row has it.
    fn get(&self, code: &str) -> &[Row<T>] {
        pair(code).map_or(&[], |number| &self.rows[self.spans[number].clone()])
    }
}

/// Rows of `name,what,from,until,…`; a row that does not parse is left out, and a test counts them.
fn table<T>(text: &'static str, what: impl Fn(&'static str) -> Option<T>) -> Table<T> {
    let date = |cell: &str| if cell.is_empty() { Some(None) } else { cell.parse().ok().map(Some) };
    let row = |line: &'static str| {
        let mut cells = line.splitn(5, ',');
        let (name, what) = (cells.next()?, what(cells.next()?)?);
        Some(Row { name, what, from: date(cells.next()?)?, until: date(cells.next()?)? })
    };
    Table::of(text.lines().skip(1).filter_map(row).collect())
}

static COUNTRIES: LazyLock<Table<Territory>> =
    LazyLock::new(|| table(include_str!("../../data/rights/territory.csv"), Territory::parse));
static CARRIERS: LazyLock<Table<[u8; 2]>> =
    LazyLock::new(|| table(include_str!("../../data/rights/carriers.csv"), |cell| cell.as_bytes().try_into().ok()));

/// First days of the periods of the territory table: between two of them no country changes sides.
static TURNS: LazyLock<Vec<Date>> = LazyLock::new(|| first_days(&COUNTRIES.rows).collect::<BTreeSet<_>>().into_iter().collect());

/// Days on which the period of a row begins, and those after it ended.
fn first_days<T>(rows: &[Row<T>]) -> impl Iterator<Item = Date> {
    let after = |until: Date| until.civil().tomorrow().ok().map(Date::from);
    rows.iter().flat_map(move |row| [row.from, row.until.and_then(after)]).flatten()
}

/// The days on which some country changes sides, in order.
pub(super) fn turns() -> &'static [Date] {
    &TURNS
}

/// The territory of a country on a date; without a date, today's.
pub(super) fn of_country(country: &str, on: Option<Date>) -> Territory {
    COUNTRIES.get(country).iter().find(|row| row.holds(on)).map_or(Territory::Outside, |row| row.what)
}

/// An airport of the reference table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// Degrees north, WGS 84.
    pub(super) latitude: f64,
    /// Degrees east, WGS 84.
    pub(super) longitude: f64,
    /// ISO 3166-1 alpha-2 code of its country.
    pub(super) country: &'static str,
    own: Option<Territory>,
    spans: &'static [Row<Territory>],
}

impl Place {
    /// Its territory on a date.
    pub(super) fn territory(&self, on: Option<Date>) -> Territory {
        self.own.unwrap_or_else(|| self.spans.iter().find(|row| row.holds(on)).map_or(Territory::Outside, |row| row.what))
    }
}

/// Letters of the alphabet: a code is a number to this base.
const LETTERS: usize = 26;

/// Every airport at the number of its code.
static PLACES: LazyLock<Vec<Option<Place>>> = LazyLock::new(|| {
    let own: Vec<(&str, Territory, &str)> =
        include_str!("../../data/rights/airports.csv").lines().skip(1).filter_map(own_row).collect();
    (0..LETTERS.pow(3)).map(|number| place_of(code(number)?, &own)).collect()
});

fn own_row(line: &'static str) -> Option<(&'static str, Territory, &'static str)> {
    let mut cells = line.splitn(4, ',');
    Some((cells.next()?, Territory::parse(cells.next()?)?, cells.next()?))
}

fn place_of(code: Airport, own: &[(&str, Territory, &'static str)]) -> Option<Place> {
    let own = own.iter().find(|(airport, ..)| *airport == code.as_str());
    let known = own.and_then(|(.., other)| other.parse().ok()).unwrap_or(code);
    let facts = reference::airport(known)?;
    Some(Place {
        latitude: facts.latitude,
        longitude: facts.longitude,
        country: facts.country,
        own: own.map(|(_, territory, _)| *territory),
        spans: COUNTRIES.get(facts.country),
    })
}

fn code(number: usize) -> Option<Airport> {
    let letter = |n: usize| char::from(b'A' + (n % LETTERS) as u8);
    let text: String = [letter(number / LETTERS / LETTERS), letter(number / LETTERS), letter(number)].iter().collect();
    text.parse().ok()
}

/// The number of a code: 0 for `AAA`.
pub(super) fn number(airport: Airport) -> usize {
    airport.as_str().bytes().fold(0, |number, letter| number * LETTERS + usize::from(letter - b'A'))
}

/// The airport's place; none where the reference table has none.
pub(super) fn place(airport: Airport) -> Option<&'static Place> {
    PLACES.get(number(airport))?.as_ref()
}

/// Whether any airport of the reference table lies in a country of that code.
pub(super) fn is_country(code: [u8; 2]) -> bool {
    static CODES: LazyLock<Vec<&str>> = LazyLock::new(|| {
        let mut codes: Vec<&str> = PLACES.iter().flatten().map(|place| place.country).collect();
        codes.extend(["AX", "LI", "AD", "MC", "SM", "VA"]); // licences could be granted where no airport of the table lies
        codes.sort_unstable();
        codes.dedup();
        codes
    });
    std::str::from_utf8(&code).is_ok_and(|code| CODES.binary_search(&code).is_ok())
}

/// Every airport of the reference table, in order of codes.
pub(super) fn airports() -> impl Iterator<Item = (Airport, &'static Place)> {
    PLACES.iter().enumerate().filter_map(|(number, place)| Some((code(number)?, place.as_ref()?)))
}

/// The days on which a carrier's licence changes in the table of carriers.
pub(super) fn turns_of(carrier: &str) -> impl Iterator<Item = Date> {
    first_days(CARRIERS.get(carrier))
}

/// The state that licensed a carrier on a date, as the table of carriers has it.
pub(super) fn licence_of(carrier: &str, on: Option<Date>) -> Option<[u8; 2]> {
    CARRIERS.get(carrier).iter().find(|row| row.holds(on)).map(|row| row.what)
}

/// Whose licence a carrier flies on, question by question; none: not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Licensed {
    /// Granted in the Community as Regulation 261/2004 reads it.
    pub(super) community: Option<bool>,
    /// Granted by a Member State of the Union.
    pub(super) union: Option<bool>,
    /// Granted in the United Kingdom.
    pub(super) kingdom: Option<bool>,
}

impl Licensed {
    /// What the line says first, then what the table says of the carrier.
    pub(super) fn of(line: Licence, carrier: Option<&str>, on: Option<Date>) -> Self {
        if let Some(country) = line.country {
            return Self::by_country(country, on);
        }
        let said = Self::by_flags(line, on);
        let table = carrier.and_then(|carrier| licence_of(carrier, on)).map(|country| Self::by_country(country, on));
        let table = table.filter(|table| said.agrees(table)).unwrap_or_default();
        Self {
            community: said.community.or(table.community),
            union: said.union.or(table.union),
            kingdom: said.kingdom.or(table.kingdom),
        }
    }

    /// By the licensing state.
    pub(super) fn by_country(country: [u8; 2], on: Option<Date>) -> Self {
        let territory = of_country(std::str::from_utf8(&country).unwrap_or_default(), on);
        Self {
            community: Some(territory.community()),
            union: Some(territory.union()),
            kingdom: Some(territory == Territory::Kingdom),
        }
    }

    /// Until the end of 2020 a licence of the United Kingdom was one of the Community.
    fn by_flags(line: Licence, on: Option<Date>) -> Self {
        if line.is_kingdom == Some(true) && of_country("GB", on) == Territory::Union {
            return Self { community: Some(true), union: Some(true), kingdom: Some(false) };
        }
        let not = |flag: Option<bool>| (flag == Some(true)).then_some(false);
        let community = line.is_community.or(not(line.is_kingdom));
        let union = if community == Some(false) { Some(false) } else { None };
        Self { community, union, kingdom: line.is_kingdom.or(not(line.is_community)) }
    }

    /// Whether a licence of a state is one that the line allows for.
    pub(super) fn may_be(line: Licence, country: [u8; 2], on: Option<Date>) -> bool {
        Self::by_flags(line, on).agrees(&Self::by_country(country, on))
    }

    fn agrees(&self, table: &Self) -> bool {
        let same = |a: Option<bool>, b: Option<bool>| a.is_none() || b.is_none() || a == b;
        same(self.community, table.community) && same(self.kingdom, table.kingdom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(code: &str, on: &str) -> Territory {
        place(code.parse().unwrap()).unwrap().territory(on.parse().ok())
    }

    #[test]
    fn every_row_of_every_table_is_read() {
        let lines = |text: &str| text.lines().count() - 1;
        assert_eq!(COUNTRIES.rows.len(), lines(include_str!("../../data/rights/territory.csv")));
        assert_eq!(CARRIERS.rows.len(), lines(include_str!("../../data/rights/carriers.csv")));
        let own = include_str!("../../data/rights/airports.csv");
        assert_eq!(own.lines().skip(1).filter_map(own_row).count(), lines(own));
        assert!(PLACES.iter().flatten().count() > 7_000);
        assert!(COUNTRIES.rows.iter().all(|row| !COUNTRIES.get(row.name).is_empty()), "a country that nobody finds");
        assert!(CARRIERS.rows.iter().all(|row| !CARRIERS.get(row.name).is_empty()), "a carrier that nobody finds");
        assert!(["", "L", "lh", "LH ", "É"].iter().all(|code| CARRIERS.get(code).is_empty()), "a code that is none");
        assert!(CARRIERS.rows.iter().all(|row| is_country(row.what)), "a licence of no country");
    }

    #[test]
    fn a_place_lies_where_it_lay_on_the_day() {
        assert_eq!(at("LHR", "2020-12-31"), Territory::Union);
        assert_eq!(at("LHR", "2021-01-01"), Territory::Kingdom);
        assert_eq!(at("ZAG", "2013-06-30"), Territory::Outside);
        assert_eq!(at("ZAG", "2013-07-01"), Territory::Union);
        assert_eq!(at("SBH", "2011-12-31"), Territory::Department);
        assert_eq!(at("SBH", "2012-01-01"), Territory::Outside);
        assert_eq!(at("DZA", "2013-12-31"), Territory::Outside);
        assert_eq!(at("DZA", "2014-01-01"), Territory::Department);
        assert_eq!(at("JER", "2026-01-01"), Territory::Crown);
        assert_eq!(at("EAP", "2026-01-01"), at("BSL", "2026-01-01"));
        for outside in ["LYR", "ECN", "GIB", "FAE", "GOH", "SXM", "AUA", "PPT", "AKT", "BEG"] {
            assert_eq!(at(outside, "2026-01-01"), Territory::Outside, "{outside}");
        }
    }
}
