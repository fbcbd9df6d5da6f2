//! The next version of every schema, and a process that writes and reads it.
//!
//!     our schema ─► a field in front, a symbol in every enum ─► registered ─► NextVersion: our codec, with other bytes
//!
//! A body of the next version has other bytes in every place, so that a reader that takes them for its own finds rubbish.
//! What the new field says, nobody of our version can know; all else survives.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use serde_json::{Value as Json, json};
use slipstream_processors::edge::Edge;
use slipstream_schemas::codec;
use slipstream_schemas::records::{self, TYPES};
use slipstream_schemas::registry::Registry;
use slipstream_schemas::schema_ids::subject;
use slipstream_streams::codec::{Codec, Encoded, Poison, Promise, Refused};
use slipstream_streams::record::Ts;
use slipstream_streams::world::Declaration;

use crate::registry;

/// The field that only the next version has.
const ADDED: &str = "since_next_version";

/// The schema of the version after this one.
pub(crate) fn next(ours: &Json) -> Json {
    let mut next = ours.clone();
    add_symbols(&mut next);
    next["fields"].as_array_mut().unwrap().insert(0, json!({"name": ADDED, "type": ["null", "string"], "default": null}));
    next
}

/// Every enum gets a second symbol: what follows it has another number now.
fn add_symbols(schema: &mut Json) {
    if schema["type"] == "enum" {
        schema["symbols"].as_array_mut().unwrap().insert(1, json!("OF_THE_NEXT_VERSION"));
    }
    match schema {
        Json::Object(members) => members.iter_mut().filter(|(name, _)| *name != "default").for_each(|(_, v)| add_symbols(v)),
        Json::Array(items) => items.iter_mut().for_each(add_symbols),
        _ => {}
    }
}

/// One record in both versions.
struct Versions {
    ours: Schema,
    next: Schema,
}

/// A process of the next version: its codec.
pub(crate) struct NextVersion {
    edge: Edge,
    url: String,
    versions: BTreeMap<&'static str, Versions>,
    ids: Mutex<BTreeMap<String, u32>>,
    /// Whether it writes the next version; a process that was rolled back writes ours.
    pub(crate) writes_next: AtomicBool,
    /// Values written in the next version, by record.
    pub(crate) written: Mutex<BTreeMap<&'static str, u64>>,
    /// Values of our version read as of the next one, and values of the next one.
    pub(crate) read_old: AtomicU64,
    pub(crate) read_next: AtomicU64,
}

impl NextVersion {
    pub(crate) fn new(url: &str) -> Arc<Self> {
        let versions = records::schemas().into_iter().map(|(name, json)| {
            let parse = |json: &Json| Schema::parse(json).unwrap();
            (name, Versions { ours: parse(&json), next: parse(&next(&json)) })
        });
        Arc::new(Self {
            edge: Edge::new(codec::Codec::new(Arc::new(Registry::new(url))).unwrap()),
            url: url.to_owned(),
            versions: versions.collect(),
            ids: Mutex::default(),
            writes_next: AtomicBool::new(false),
            written: Mutex::default(),
            read_old: AtomicU64::new(0),
            read_next: AtomicU64::new(0),
        })
    }

    /// The id of a record's next version, registered at its subject; the registry holds our version there and must agree.
    fn id(&self, topic: &str, record: &str) -> u32 {
        let subject = subject(topic, record);
        let mut ids = self.ids.lock().unwrap();
        *ids.entry(subject.clone()).or_insert_with(|| {
            let (_, ours) = records::schemas().into_iter().find(|(name, _)| *name == record).unwrap();
            let (status, answer) = registry::post_schema(&self.url, &subject, &next(&ours));
            assert_eq!(status, 200, "{subject}: {answer}");
            u32::try_from(answer["id"].as_u64().unwrap()).unwrap()
        })
    }

    fn in_next(&self, record: &str, body: &[u8]) -> Value {
        let Versions { ours, next } = &self.versions[record];
        let value = GenericDatumReader::builder(ours).build().unwrap().read_value(&mut &*body).unwrap();
        value.resolve(next).unwrap()
    }

    /// As of the next version: its new field has its default, and nothing of the rest is lost.
    fn read_as_next(&self, record: &'static str, body: &[u8]) {
        let Value::Record(fields) = self.in_next(record, body) else { panic!("{record} is no record") };
        assert_eq!(fields[0], (ADDED.to_owned(), Value::Union(0, Box::new(Value::Null))), "{record}");
        let ours = &self.versions[record].ours;
        let again = Value::Record(fields).resolve(ours).unwrap();
        let again = GenericDatumWriter::builder(ours).build().unwrap().write_value_to_vec(again).unwrap();
        assert_eq!(again, body, "{record}");
    }
}

impl Codec for NextVersion {
    fn decode(&self, topic: &str, type_name: Option<&str>, value: &[u8]) -> Result<Encoded, Poison> {
        let decoded = self.edge.decode(topic, type_name, value)?;
        let record = TYPES[usize::from(decoded.rank)].schema;
        // Our own bytes come through untouched; what was resolved is of the next version.
        if value[5..] == *decoded.body {
            self.read_as_next(record, &decoded.body);
            self.read_old.fetch_add(1, Ordering::Relaxed);
        } else {
            self.read_next.fetch_add(1, Ordering::Relaxed);
        }
        Ok(decoded)
    }

    fn is_passing(&self, poison: &Poison) -> bool {
        self.edge.is_passing(poison)
    }

    fn encode(&self, topic: &str, rank: u16, body: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
        if !self.writes_next.load(Ordering::Relaxed) {
            return self.edge.encode(topic, rank, body, out);
        }
        let record = TYPES[usize::from(rank)].schema;
        let Value::Record(mut fields) = self.in_next(record, body) else { panic!("{record} is no record") };
        fields[0].1 = Value::Union(1, Box::new(Value::String("new".to_owned())));
        let writer = GenericDatumWriter::builder(&self.versions[record].next).build().unwrap();
        out.push(0);
        out.extend_from_slice(&self.id(topic, record).to_be_bytes());
        out.extend_from_slice(&writer.write_value_to_vec(Value::Record(fields)).unwrap());
        *self.written.lock().unwrap().entry(record).or_default() += 1;
        Ok(())
    }

    fn type_name(&self, rank: u16) -> &'static str {
        self.edge.type_name(rank)
    }

    fn refused(&self, refused: &Refused<'_>) -> Encoded {
        self.edge.refused(refused)
    }

    fn promise(&self, promise: &Promise) -> Encoded {
        self.edge.promise(promise)
    }

    fn read_promise(&self, body: &[u8]) -> Result<Promise, Poison> {
        self.edge.read_promise(body)
    }

    fn tick(&self, at: Ts) -> Encoded {
        self.edge.tick(at)
    }

    fn rank(&self, type_name: &str) -> Option<u16> {
        self.edge.rank(type_name)
    }

    fn declaration(&self, declaration: &Declaration) -> Encoded {
        self.edge.declaration(declaration)
    }

    fn read_declaration(&self, body: &[u8]) -> Result<Declaration, Poison> {
        self.edge.read_declaration(body)
    }
}
