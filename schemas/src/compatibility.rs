//! May this schema replace that one? FULL_TRANSITIVE: each reads what the other wrote, for every released version.
//!
//!     released/1/*.avsc ─┐
//!     released/2/*.avsc ─┼─► check(old, new) in both directions ─► every fault, by record and field
//!     records::schemas() ┘
//!
//! Stricter than Avro where Avro would lose or bend a value: no promotion (int to long), no string for bytes,
//! no aliases; a rename is a removal and an addition. Keeps nothing. Does not look into default values.

use std::collections::BTreeSet;
use std::fmt;

use apache_avro::Schema;
use apache_avro::schema::{EnumSchema, RecordSchema, ResolvedSchema, UnionSchema};

use crate::records;
use crate::released::RELEASED;

/// One reason why two schemas may not stand at one subject.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incompatibility {
    /// Where: `FlightEvent.causes[].kind`.
    pub path: String,
    /// What is wrong there.
    pub problem: Problem,
}

impl fmt::Display for Incompatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)
    }
}

/// What is wrong at one place of a schema.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// The text is no Avro schema.
    #[error("not an Avro schema: {0}")]
    Unreadable(String),
    /// A released record is no longer among ours.
    #[error("the record was released in version {0} and is gone")]
    RecordGone(u32),
    /// A named type has another name.
    #[error("the type was named `{old}` and is now `{new}`")]
    Renamed {
        /// Released name.
        old: String,
        /// Name now.
        new: String,
    },
    /// Old readers could not fill the field.
    #[error("the field was removed, and released readers have no default for it")]
    RemovedWithoutDefault,
    /// New readers could not fill the field of old data.
    #[error("the field was added without a default")]
    AddedWithoutDefault,
    /// The type is another.
    #[error("the type was {old} and is now {new}")]
    Type {
        /// Released type.
        old: String,
        /// Type now.
        new: String,
    },
    /// Symbols were added that released readers could not replace.
    #[error("symbols were added ({0}) and the released enum has no default")]
    SymbolsAdded(String),
    /// Symbols were removed that old data may hold.
    #[error("symbols were removed ({0}) and the enum has no default")]
    SymbolsRemoved(String),
    /// A rule of this house: every field has a default.
    #[error("the field has no default; it could never be removed again")]
    NoDefault,
    /// A rule of this house: every enum begins with, and defaults to, `UNKNOWN`.
    #[error("the enum must begin with UNKNOWN and have it as its default")]
    NoUnknown,
}

/// Checks that `old` and `new` may stand at one subject, both given as schema JSON.
///
/// # Errors
/// Every incompatibility found, in schema order.
pub fn check(old: &str, new: &str) -> Result<(), Vec<Incompatibility>> {
    let (old, new) = (parse(old)?, parse(new)?);
    let (old_names, new_names) = (names(&old)?, names(&new)?);
    let mut pair = Pair { old_names, new_names, seen: BTreeSet::new(), found: Vec::new() };
    pair.compare(&old, &new, title(&new));
    pair.into_result()
}

/// Checks what makes a schema changeable at all: every field has a default, every enum defaults to `UNKNOWN`.
///
/// # Errors
/// Every place that breaks the rule.
pub fn check_rules(schema: &str) -> Result<(), Vec<Incompatibility>> {
    let schema = parse(schema)?;
    let mut found = Vec::new();
    rules(&schema, &title(&schema), &mut found);
    if found.is_empty() { Ok(()) } else { Err(found) }
}

/// Checks our records against [`check_rules`] and every released version; the count of comparisons made.
///
/// # Errors
/// Every incompatibility, its path preceded by the released version.
pub fn check_released() -> Result<usize, Vec<Incompatibility>> {
    let ours = records::schemas();
    let mut found = Vec::new();
    for (_, schema) in &ours {
        found.extend(check_rules(&schema.to_string()).err().into_iter().flatten());
    }
    for (version, name, old) in RELEASED {
        let Some((_, new)) = ours.iter().find(|(ours, _)| ours == name) else {
            found.push(Incompatibility { path: (*name).to_owned(), problem: Problem::RecordGone(*version) });
            continue;
        };
        let faults = check(old, &new.to_string()).err().into_iter().flatten();
        found.extend(faults.map(|fault| Incompatibility { path: format!("version {version}: {}", fault.path), ..fault }));
    }
    if found.is_empty() { Ok(RELEASED.len()) } else { Err(found) }
}

fn parse(text: &str) -> Result<Schema, Vec<Incompatibility>> {
    Schema::parse_str(text).map_err(unreadable)
}

fn names(schema: &Schema) -> Result<ResolvedSchema<'_>, Vec<Incompatibility>> {
    ResolvedSchema::new(schema).map_err(unreadable)
}

fn unreadable(error: apache_avro::Error) -> Vec<Incompatibility> {
    vec![Incompatibility { path: "schema".to_owned(), problem: Problem::Unreadable(error.to_string()) }]
}

fn title(schema: &Schema) -> String {
    schema.name().map_or_else(|| "schema".to_owned(), |name| name.name().to_owned())
}

fn rules(schema: &Schema, path: &str, found: &mut Vec<Incompatibility>) {
    match schema {
        Schema::Record(record) => {
            for field in &record.fields {
                let path = format!("{path}.{}", field.name);
                if field.default.is_none() {
                    found.push(Incompatibility { path: path.clone(), problem: Problem::NoDefault });
                }
                rules(&field.schema, &path, found);
            }
        }
        Schema::Enum(symbols) => {
            let first = symbols.symbols.first().map(String::as_str);
            if first != Some("UNKNOWN") || symbols.default.as_deref() != first {
                found.push(Incompatibility { path: path.to_owned(), problem: Problem::NoUnknown });
            }
        }
        Schema::Array(array) => rules(&array.items, &format!("{path}[]"), found),
        Schema::Map(map) => rules(&map.types, &format!("{path}{{}}"), found),
        Schema::Union(union) => union.variants().iter().for_each(|branch| rules(branch, path, found)),
        _ => {}
    }
}

/// Two schemas on their way through each other.
struct Pair<'s> {
    old_names: ResolvedSchema<'s>,
    new_names: ResolvedSchema<'s>,
    /// Named pairs already compared: ends recursion, and reports a shared type once.
    seen: BTreeSet<(String, String)>,
    found: Vec<Incompatibility>,
}

impl<'s> Pair<'s> {
    fn into_result(self) -> Result<(), Vec<Incompatibility>> {
        if self.found.is_empty() { Ok(()) } else { Err(self.found) }
    }

    fn fault(&mut self, path: String, problem: Problem) {
        self.found.push(Incompatibility { path, problem });
    }

    fn compare(&mut self, old: &'s Schema, new: &'s Schema, path: String) {
        let (old, new) = (resolve(old, &self.old_names), resolve(new, &self.new_names));
        if let (Some(was), Some(is)) = (old.name(), new.name()) {
            let names = (was.to_string(), is.to_string());
            if names.0 != names.1 {
                return self.fault(path, Problem::Renamed { old: names.0, new: names.1 });
            }
            if !self.seen.insert(names) {
                return;
            }
        }
        match (old, new) {
            (Schema::Record(old), Schema::Record(new)) => self.records(old, new, &path),
            (Schema::Enum(old), Schema::Enum(new)) => self.enums(old, new, path),
            (Schema::Array(old), Schema::Array(new)) => self.compare(&old.items, &new.items, format!("{path}[]")),
            (Schema::Map(old), Schema::Map(new)) => self.compare(&old.types, &new.types, format!("{path}{{}}")),
            (Schema::Union(old), Schema::Union(new)) => self.unions(old, new, path),
            (Schema::Fixed(old), Schema::Fixed(new)) if old.size == new.size => {}
            _ if old == new => {}
            _ => self.fault(path, Problem::Type { old: describe(old), new: describe(new) }),
        }
    }

    fn records(&mut self, old: &'s RecordSchema, new: &'s RecordSchema, path: &str) {
        for field in &old.fields {
            if !new.fields.iter().any(|other| other.name == field.name) && field.default.is_none() {
                self.fault(format!("{path}.{}", field.name), Problem::RemovedWithoutDefault);
            }
        }
        for field in &new.fields {
            let path = format!("{path}.{}", field.name);
            match old.fields.iter().find(|other| other.name == field.name) {
                Some(before) => self.compare(&before.schema, &field.schema, path),
                None if field.default.is_none() => self.fault(path, Problem::AddedWithoutDefault),
                None => {}
            }
        }
    }

    fn enums(&mut self, old: &EnumSchema, new: &EnumSchema, path: String) {
        let missing = |from: &EnumSchema, other: &EnumSchema| {
            let missing: Vec<&str> = from.symbols.iter().filter(|s| !other.symbols.contains(s)).map(String::as_str).collect();
            missing.join(", ")
        };
        let (added, removed) = (missing(new, old), missing(old, new));
        if !added.is_empty() && old.default.is_none() {
            self.fault(path.clone(), Problem::SymbolsAdded(added));
        }
        if !removed.is_empty() && new.default.is_none() {
            self.fault(path, Problem::SymbolsRemoved(removed));
        }
    }

    /// Branches pair up by type and name; a branch that only one side has could not be read by the other.
    fn unions(&mut self, old: &'s UnionSchema, new: &'s UnionSchema, path: String) {
        let label = |schema: &Schema| schema.name().map_or_else(|| describe(schema), ToString::to_string);
        let same = |a: &Schema, b: &Schema| label(a) == label(b);
        let whole = old.variants().len() == new.variants().len();
        if !whole || !old.variants().iter().all(|a| new.variants().iter().any(|b| same(a, b))) {
            let text = |union: &UnionSchema| union.variants().iter().map(label).collect::<Vec<_>>().join(" or ");
            return self.fault(path, Problem::Type { old: text(old), new: text(new) });
        }
        for before in old.variants() {
            if let Some(now) = new.variants().iter().find(|now| same(before, now)) {
                self.compare(before, now, path.clone());
            }
        }
    }
}

fn resolve<'s>(schema: &'s Schema, names: &ResolvedSchema<'s>) -> &'s Schema {
    match schema {
        Schema::Ref { name } => names.get_names().get(name).copied().unwrap_or(schema),
        _ => schema,
    }
}

fn describe(schema: &Schema) -> String {
    match schema {
        Schema::Record(record) => format!("record {}", record.name),
        Schema::Enum(symbols) => format!("enum {}", symbols.name),
        Schema::Fixed(fixed) => format!("fixed of {} bytes", fixed.size),
        Schema::Array(array) => format!("array of {}", describe(&array.items)),
        Schema::Map(map) => format!("map of {}", describe(&map.types)),
        Schema::Union(union) => union.variants().iter().map(describe).collect::<Vec<_>>().join(" or "),
        Schema::Ref { name } => name.to_string(),
        other => format!("{other:?}").to_lowercase(),
    }
}
