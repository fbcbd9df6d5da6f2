//! Values written under another version of a schema, resolved to ours by Avro's rules.
//!
//!     schema text ─► limits ─► Foreign ── resolve(body, ours) ──► value by name, defaults filled ─► body in our schema
//!
//! A writer's schema is input like any other: before it is used, its depth, its size when written out and the
//! least size of a value are bounded, so that neither a schema that contains itself nor an array of nothing
//! turns a few bytes into a stack or a heap. apache-avro takes the end of the input for null in places; here
//! a body that ends early is an error.

use std::io::{self, Read};

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::{FixedSchema, InnerDecimalSchema, ResolvedSchema, UuidSchema};
use apache_avro::writer::datum::GenericDatumWriter;

use crate::wire::TEXT_BYTES_MAX;

/// Longest schema text that is parsed.
const SCHEMA_BYTES_MAX: usize = 1 << 20;
/// Deepest nesting of types in a writer's schema.
const DEPTH_MAX: u32 = 16;
/// Most types in a writer's schema, each counted wherever it is used.
const TYPES_MAX: u32 = 4096;
/// Longest body that is resolved; a value in memory is up to a hundred times its bytes.
const BODY_BYTES_MAX: usize = 1 << 20;

/// Lowers what apache-avro would allocate on the word of a length: from 512 MiB to the longest text of ours.
///
/// The setting is one per process and only its first caller is heard.
pub(super) fn limit_allocations() {
    apache_avro::util::max_allocation_bytes(TEXT_BYTES_MAX);
}

/// A writer's schema within the limits.
#[derive(Debug)]
pub(super) struct Foreign {
    schema: Schema,
}

impl Foreign {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > SCHEMA_BYTES_MAX {
            return Err(format!("its text has {} bytes, more than {SCHEMA_BYTES_MAX}", text.len()));
        }
        let schema = Schema::parse_str(text).map_err(|e| e.to_string())?;
        let names = ResolvedSchema::new(&schema).map_err(|e| e.to_string())?;
        Measure { names: &names, types: 0 }.least_bytes(&schema, 0)?;
        drop(names);
        Ok(Self { schema })
    }

    /// Full name of the record; none for another type.
    pub(super) fn record(&self) -> Option<String> {
        match &self.schema {
            Schema::Record(record) => Some(record.name.to_string()),
            _ => None,
        }
    }

    pub(super) fn canonical(&self) -> String {
        self.schema.canonical_form()
    }

    /// The body in `ours`.
    pub(super) fn resolve(&self, body: &[u8], ours: &Schema) -> Result<Vec<u8>, String> {
        if body.len() > BODY_BYTES_MAX {
            return Err(format!("{} bytes, more than the {BODY_BYTES_MAX} that are resolved", body.len()));
        }
        let text = |e: apache_avro::Error| e.to_string().chars().take(300).collect::<String>();
        let mut input = Whole { rest: body, ended_early: false };
        let reader = GenericDatumReader::builder(&self.schema).build().map_err(text)?;
        let value = reader.read_value(&mut input).map_err(text)?;
        if input.ended_early {
            return Err("the body ends inside a value".to_owned());
        }
        if !input.rest.is_empty() {
            return Err(format!("{} bytes after the end of the record", input.rest.len()));
        }
        let value = value.resolve(ours).map_err(text)?;
        let writer = GenericDatumWriter::builder(ours).build().map_err(text)?;
        writer.write_value_to_vec(value).map_err(text)
    }
}

/// A body that remembers whether more was asked of it than it has.
struct Whole<'b> {
    rest: &'b [u8],
    ended_early: bool,
}

impl Read for Whole<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.ended_early |= out.len() > self.rest.len();
        self.rest.read(out)
    }
}

/// A walk through every use of every type.
struct Measure<'n, 's> {
    names: &'n ResolvedSchema<'s>,
    types: u32,
}

impl Measure<'_, '_> {
    /// Fewest bytes that a value takes.
    fn least_bytes(&mut self, schema: &Schema, depth: u32) -> Result<usize, String> {
        self.types += 1;
        if depth > DEPTH_MAX || self.types > TYPES_MAX {
            return Err(format!("it is recursive, deeper than {DEPTH_MAX} or larger than {TYPES_MAX} types"));
        }
        match schema {
            Schema::Null => Ok(0),
            Schema::Record(record) => {
                record.fields.iter().try_fold(0, |sum, field| Ok(sum + self.least_bytes(&field.schema, depth + 1)?))
            }
            Schema::Union(union) => {
                for branch in union.variants() {
                    self.least_bytes(branch, depth + 1)?;
                }
                Ok(1)
            }
            Schema::Array(array) => match self.least_bytes(&array.items, depth + 1)? {
                0 => Err("it has an array of items without bytes".to_owned()),
                _ => Ok(1),
            },
            Schema::Map(map) => self.least_bytes(&map.types, depth + 1).map(|_| 1),
            Schema::Ref { name } => match self.names.get_names().get(name).copied() {
                Some(named) => self.least_bytes(named, depth + 1),
                None => Err(format!("it names `{name}` and does not define it")),
            },
            Schema::Fixed(fixed) | Schema::Duration(fixed) | Schema::Uuid(UuidSchema::Fixed(fixed)) => fixed_bytes(fixed),
            Schema::Decimal(decimal) => match &decimal.inner {
                InnerDecimalSchema::Fixed(fixed) => fixed_bytes(fixed),
                InnerDecimalSchema::Bytes => Ok(1),
            },
            _ => Ok(1),
        }
    }
}

fn fixed_bytes(fixed: &FixedSchema) -> Result<usize, String> {
    if fixed.size <= TEXT_BYTES_MAX { Ok(fixed.size) } else { Err(format!("it has a fixed type of {} bytes", fixed.size)) }
}
