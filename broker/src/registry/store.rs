//! Subjects, versions, ids, levels: the registry without HTTP.

use std::{collections::BTreeMap, fs, io, path::PathBuf};

use apache_avro::Schema;
use serde::{Deserialize, Serialize};

use super::{
    Refusal,
    compatibility::{self, Level},
};

/// Schemas that one registry holds.
const SCHEMAS_MAX: usize = 100_000;
/// How deep references may lead.
const REFERENCE_DEPTH_MAX: usize = 32;

/// A schema by the place where it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Reference {
    /// The name that it has in the schema that refers to it.
    pub(crate) name: String,
    /// Subject.
    pub(crate) subject: String,
    /// Version there.
    pub(crate) version: u32,
}

/// A schema as a client brings it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Offered {
    /// The schema's JSON text.
    pub(crate) schema: String,
    /// `AVRO`, also when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) schema_type: Option<String>,
    /// Schemas that it names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) references: Vec<Reference>,
}

/// A version of a subject, as clients are told it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Found {
    pub(crate) subject: String,
    pub(crate) id: u32,
    pub(crate) version: u32,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) references: Vec<Reference>,
    pub(crate) schema: String,
}

/// A version asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The newest.
    Latest,
    /// This one.
    Number(u32),
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Version {
    number: u32,
    id: u32,
    deleted: bool,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct Subject {
    versions: Vec<Version>,
    next: u32,
    level: Option<Level>,
}

impl Subject {
    fn live(&self) -> impl DoubleEndedIterator<Item = &Version> {
        self.versions.iter().filter(|version| !version.deleted)
    }

    fn is_live(&self) -> bool {
        self.live().next().is_some()
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct State {
    level: Level,
    /// The schema of id `n` is at `n - 1`.
    schemas: Vec<Offered>,
    subjects: BTreeMap<String, Subject>,
}

/// Why a kept registry cannot be opened.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OpenError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Registry {
    state: State,
    file: Option<PathBuf>,
}

impl Registry {
    /// An empty registry, or the one kept in `file`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub(crate) fn open(file: Option<PathBuf>) -> Result<Self, OpenError> {
        let kept = file.as_deref().filter(|file| file.exists()).map(fs::read).transpose()?;
        let empty = || State { level: Level::Backward, schemas: Vec::new(), subjects: BTreeMap::new() };
        let state = kept.map_or_else(|| Ok(empty()), |json| serde_json::from_slice(&json))?;
        Ok(Self { state, file })
    }

    fn keep(&self) -> Result<(), Refusal> {
        let Some(file) = &self.file else { return Ok(()) };
        let json = serde_json::to_vec(&self.state).map_err(|error| Refusal::new(50_001, error.to_string()))?;
        let new = file.with_extension("new");
        let written = fs::write(&new, json).and_then(|()| fs::rename(&new, file));
        written.map_err(|error| Refusal::new(50_001, format!("{}: {error}", file.display())))
    }

    /// Names of subjects that have a version; `deleted`: also of those that have deleted ones only.
    pub(crate) fn subjects(&self, prefix: &str, deleted: bool) -> Vec<&str> {
        let wanted = |(name, subject): &(&String, &Subject)| name.starts_with(prefix) && (deleted || subject.is_live());
        let holds = |(_, subject): &(&String, &Subject)| !subject.versions.is_empty();
        self.state.subjects.iter().filter(wanted).filter(holds).map(|(name, _)| name.as_str()).collect()
    }

    fn subject(&self, name: &str) -> Result<&Subject, Refusal> {
        let subject = self.state.subjects.get(name).filter(|subject| subject.is_live());
        subject.ok_or_else(|| Refusal::new(40_401, format!("Subject '{name}' not found.")))
    }

    /// Version numbers of a subject.
    pub(crate) fn versions(&self, name: &str) -> Result<Vec<u32>, Refusal> {
        Ok(self.subject(name)?.live().map(|version| version.number).collect())
    }

    /// One version of a subject.
    pub(crate) fn version(&self, name: &str, wanted: Wanted) -> Result<Found, Refusal> {
        let subject = self.subject(name)?;
        let version = match wanted {
            Wanted::Latest => subject.live().next_back(),
            Wanted::Number(number) => subject.live().find(|version| version.number == number),
        };
        let version = version.ok_or_else(|| Refusal::new(40_402, "Version not found."))?;
        self.found(name, version)
    }

    fn found(&self, subject: &str, version: &Version) -> Result<Found, Refusal> {
        let Offered { schema, references, .. } = self.schema(version.id)?.clone();
        Ok(Found { subject: subject.to_owned(), id: version.id, version: version.number, references, schema })
    }

    /// The schema of an id; ids outlive the versions that they stood at.
    pub(crate) fn schema(&self, id: u32) -> Result<&Offered, Refusal> {
        let index = usize::try_from(id).ok().and_then(|id| id.checked_sub(1));
        index
            .and_then(|index| self.state.schemas.get(index))
            .ok_or_else(|| Refusal::new(40_403, format!("Schema {id} not found")))
    }

    /// Where an id stands: (subject, version).
    pub(crate) fn places(&self, id: u32) -> Result<Vec<(String, u32)>, Refusal> {
        self.schema(id)?;
        let at = |(name, subject): (&'_ String, &'_ Subject)| -> Vec<(String, u32)> {
            subject.live().filter(|version| version.id == id).map(|version| (name.clone(), version.number)).collect()
        };
        Ok(self.state.subjects.iter().flat_map(at).collect())
    }

    /// Ids of schemas that refer to a version.
    pub(crate) fn referrers(&self, subject: &str, version: u32) -> Vec<u32> {
        let refers = |offered: &Offered| offered.references.iter().any(|r| r.subject == subject && r.version == version);
        (1..).zip(&self.state.schemas).filter(|(_, offered)| refers(offered)).map(|(id, _)| id).collect()
    }

    /// Looks a schema up at a subject.
    pub(crate) fn look_up(&self, name: &str, offered: &Offered) -> Result<Found, Refusal> {
        let subject = self.subject(name)?;
        let offered = normal(offered)?;
        let same = |version: &&Version| self.schema(version.id).is_ok_and(|schema| *schema == offered);
        let version = subject.live().rev().find(same).ok_or_else(|| Refusal::new(40_403, "Schema not found"))?;
        self.found(name, version)
    }

    /// Registers a schema at a subject, unless it stands there already; returns its id.
    pub(crate) fn register(&mut self, name: &str, offered: &Offered) -> Result<u32, Refusal> {
        if let Ok(found) = self.look_up(name, offered) {
            return Ok(found.id);
        }
        let offered = normal(offered)?;
        let faults = self.faults(name, &offered, None)?;
        if let Some(first) = faults.first() {
            return Err(Refusal::new(40_901, format!("Schema being registered is incompatible at subject '{name}': {first}")));
        }
        let id = self.id_of(offered)?;
        let subject = self.state.subjects.entry(name.to_owned()).or_default();
        subject.next += 1;
        subject.versions.push(Version { number: subject.next, id, deleted: false });
        self.keep()?;
        Ok(id)
    }

    fn id_of(&mut self, offered: Offered) -> Result<u32, Refusal> {
        let known = self.state.schemas.iter().position(|schema| *schema == offered);
        let index = known.unwrap_or(self.state.schemas.len());
        if index >= SCHEMAS_MAX {
            return Err(Refusal::new(50_001, format!("no more than {SCHEMAS_MAX} schemas are kept")));
        }
        if known.is_none() {
            self.state.schemas.push(offered);
        }
        u32::try_from(index + 1).map_err(|_| Refusal::new(50_001, "no id left"))
    }

    /// What speaks against a schema at a subject: against one version, or by the subject's level.
    pub(crate) fn faults(&self, name: &str, offered: &Offered, against: Option<Wanted>) -> Result<Vec<String>, Refusal> {
        let new = self.parse(offered)?;
        let old: Vec<u32> = match against {
            Some(wanted) => vec![self.version(name, wanted)?.id],
            None => self.state.subjects.get(name).into_iter().flat_map(Subject::live).map(|version| version.id).collect(),
        };
        let old = old.into_iter().map(|id| self.parse(self.schema(id)?)).collect::<Result<Vec<_>, _>>()?;
        let level = self.level(Some(name)).unwrap_or(self.state.level);
        Ok(compatibility::faults(&new, &old, level))
    }

    fn parse(&self, offered: &Offered) -> Result<Schema, Refusal> {
        let mut named = Vec::new();
        self.collect(&offered.references, 0, &mut named)?;
        let invalid = |error: apache_avro::Error| Refusal::new(42_201, format!("Invalid schema: {error}"));
        Ok(Schema::parse_str_with_list(&offered.schema, named).map_err(invalid)?.0)
    }

    fn collect(&self, references: &[Reference], depth: usize, named: &mut Vec<String>) -> Result<(), Refusal> {
        if depth > REFERENCE_DEPTH_MAX {
            return Err(Refusal::new(42_201, "Invalid schema: references lead too deep"));
        }
        for reference in references {
            let missing = |_| {
                let Reference { subject, version, .. } = reference;
                Refusal::new(42_201, format!("Invalid schema: no version {version} of '{subject}' to refer to"))
            };
            let found = self.version(&reference.subject, Wanted::Number(reference.version)).map_err(missing)?;
            if !named.contains(&found.schema) {
                self.collect(&found.references, depth + 1, named)?;
                named.push(found.schema);
            }
        }
        Ok(())
    }

    /// Deletes a version: first it is only hidden, then, `permanent`, gone.
    pub(crate) fn delete_version(&mut self, name: &str, wanted: Wanted, permanent: bool) -> Result<u32, Refusal> {
        let number = match wanted {
            Wanted::Number(number) => number,
            Wanted::Latest => self.version(name, wanted)?.version,
        };
        self.check_unreferenced(name, number)?;
        let unknown = || Refusal::new(40_401, format!("Subject '{name}' not found."));
        let subject = self.state.subjects.get_mut(name).ok_or_else(unknown)?;
        let version = subject.versions.iter_mut().find(|version| version.number == number);
        let version = version.ok_or_else(|| Refusal::new(40_402, format!("Version {number} not found.")))?;
        match (version.deleted, permanent) {
            (false, false) => version.deleted = true,
            (true, true) => subject.versions.retain(|version| version.number != number),
            (true, false) => return Err(Refusal::new(40_406, format!("Version {number} was soft deleted."))),
            (false, true) => return Err(Refusal::new(40_407, format!("Version {number} was not deleted first."))),
        }
        self.keep()?;
        Ok(number)
    }

    fn check_unreferenced(&self, name: &str, version: u32) -> Result<(), Refusal> {
        if self.referrers(name, version).is_empty() {
            return Ok(());
        }
        Err(Refusal::new(42_206, format!("One or more references exist to version {version} of '{name}'.")))
    }

    /// Deletes every version of a subject: first hidden, then, `permanent`, gone.
    pub(crate) fn delete_subject(&mut self, name: &str, permanent: bool) -> Result<Vec<u32>, Refusal> {
        let unknown = || Refusal::new(40_401, format!("Subject '{name}' not found."));
        let subject = self.state.subjects.get(name).filter(|s| !s.versions.is_empty()).ok_or_else(unknown)?;
        let (numbers, live): (Vec<u32>, bool) = (subject.versions.iter().map(|v| v.number).collect(), subject.is_live());
        match (live, permanent) {
            (true, true) => return Err(Refusal::new(40_405, format!("Subject '{name}' was not deleted first."))),
            (false, false) => return Err(Refusal::new(40_404, format!("Subject '{name}' was soft deleted."))),
            _ => {}
        }
        let shown: Vec<u32> = if permanent { numbers } else { self.versions(name)? };
        shown.iter().try_for_each(|version| self.check_unreferenced(name, *version))?;
        if permanent {
            self.state.subjects.remove(name);
        } else if let Some(subject) = self.state.subjects.get_mut(name) {
            subject.versions.iter_mut().for_each(|version| version.deleted = true);
        }
        self.keep()?;
        Ok(shown)
    }

    /// The compatibility level of everything, or of one subject if it has its own.
    pub(crate) fn level(&self, subject: Option<&str>) -> Option<Level> {
        match subject {
            None => Some(self.state.level),
            Some(name) => self.state.subjects.get(name).and_then(|subject| subject.level),
        }
    }

    /// Sets a level; `None` puts back the default. Returns the level that held before.
    pub(crate) fn set_level(&mut self, subject: Option<&str>, level: Option<Level>) -> Result<Option<Level>, Refusal> {
        let before = self.level(subject);
        match subject {
            None => self.state.level = level.unwrap_or(Level::Backward),
            Some(name) => self.state.subjects.entry(name.to_owned()).or_default().level = level,
        }
        self.keep()?;
        Ok(before)
    }
}

/// The schema in one spelling: blanks do not make it another schema.
fn normal(offered: &Offered) -> Result<Offered, Refusal> {
    let kind = offered.schema_type.as_deref().unwrap_or("AVRO");
    if kind != "AVRO" {
        return Err(Refusal::new(42_201, format!("Invalid schema: type {kind}; this registry knows AVRO only")));
    }
    let value: serde_json::Value =
        serde_json::from_str(&offered.schema).map_err(|error| Refusal::new(42_201, format!("Invalid schema: {error}")))?;
    Ok(Offered { schema: value.to_string(), schema_type: None, references: offered.references.clone() })
}
