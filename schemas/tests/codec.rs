//! Framing, and values of other versions of a schema.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod support;

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use apache_avro::Schema;
use apache_avro::types::Value;
use serde_json::{Value as Json, json};
use slipstream_schemas::codec::{Codec, DecodeError};
use slipstream_schemas::records::{self, TYPES, Tick, rank_of};
use slipstream_schemas::schema_ids::{IdError, LocalIds, SchemaIds, subject};
use slipstream_schemas::topics;
use slipstream_schemas::wire::Wire;
use support::{any_value, written_by_apache};

fn codec() -> Codec {
    Codec::new(Arc::new(LocalIds::of_ours().unwrap())).unwrap()
}

fn ours(name: &str) -> Json {
    records::schemas().into_iter().find(|(ours, _)| *ours == name).unwrap().1
}

fn framed(id: u32, body: &[u8]) -> Vec<u8> {
    [&[0], id.to_be_bytes().as_slice(), body].concat()
}

fn tick() -> Vec<u8> {
    Tick { at: 42 }.to_bytes()
}

#[test]
fn what_is_encoded_is_decoded_without_a_copy() {
    let (codec, rank) = (codec(), rank_of("clock.tick").unwrap());
    let mut value = Vec::new();
    codec.encode("clock", rank, &tick(), &mut value).unwrap();
    assert_eq!(value, framed(codec.prepare("clock", "Tick").unwrap(), &[84]), "magic, id, and 42 as zigzag");
    for type_name in [None, Some("clock.tick")] {
        let decoded = codec.decode(type_name, &value).unwrap();
        assert_eq!((decoded.rank, decoded.body), (rank, Cow::Borrowed(&[84_u8][..])));
    }
    assert_eq!(codec.resolved(), 0);
}

/// The ids of a world without registry are part of its recordings: they must not move with the program's version.
#[test]
fn local_ids_follow_from_the_schema_alone() {
    let one = LocalIds::default();
    let schema = r#"{"type":"record","name":"Tick","namespace":"slipstream","fields":[{"name":"at","type":"long","default":0}]}"#;
    let id = one.id("a", schema).unwrap();
    assert_eq!(LocalIds::of_ours().unwrap().id("b", &schema.replace("\"default\":0", "\"default\":1")).unwrap(), id);
    assert_eq!(one.schema(id).unwrap(), schema);
    assert_eq!(one.schema(id + 1), Err(IdError::UnknownId(id + 1)));
    assert_eq!(subject("flight.events", "FlightEvent"), "flight.events-slipstream.FlightEvent");
}

#[test]
fn every_topic_and_record_of_the_catalogue_has_an_id() {
    let codec = codec();
    for topic in &topics::Catalogue::of_this_version().unwrap().topics {
        for record in &topic.schemas {
            assert!(codec.prepare(&topic.name, record).unwrap() > 0);
        }
    }
    assert!(matches!(codec.prepare("clock", "Nothing"), Err(IdError::NotRegistered(_))));
    assert!(codec.encode("clock", u16::MAX, &[], &mut Vec::new()).is_err());
}

#[test]
fn what_is_no_record_is_refused_with_its_reason() {
    let codec = codec();
    let good = framed(codec.prepare("clock", "Tick").unwrap(), &tick());
    let cases: [(&str, Option<&str>, Vec<u8>, &str); 8] = [
        ("nothing", None, vec![], "bad framing"),
        ("half a header", None, good[..4].to_vec(), "bad framing"),
        ("JSON", None, b"{\"at\":42}".to_vec(), "bad framing"),
        ("nobody's id", None, framed(1, &tick()), "unknown schema id"),
        ("no body", None, good[..5].to_vec(), "malformed body"),
        ("a byte too many", None, [good.as_slice(), &[0]].concat(), "malformed body"),
        ("another record's type", Some("flight.out"), good.clone(), "type and schema differ"),
        ("no type of ours", Some("payment.completed"), good.clone(), "unknown type"),
    ];
    for (case, type_name, value, expect) in cases {
        let error = codec.decode(type_name, &value).expect_err(case);
        assert_eq!(error.reason(), expect, "{case}: {error}");
        assert!(!error.is_transient(), "{case}");
    }
}

/// A codec and the id of another version of one of our records.
fn with_version(name: &str, change: impl FnOnce(&mut Json)) -> (Codec, u32, Schema) {
    let mut version = ours(name);
    change(&mut version);
    let ids = LocalIds::of_ours().unwrap();
    let id = ids.id("test", &version.to_string()).unwrap();
    (Codec::new(Arc::new(ids)).unwrap(), id, Schema::parse(&version).unwrap())
}

fn fields(schema: &mut Json) -> &mut Vec<Json> {
    schema["fields"].as_array_mut().unwrap()
}

fn decoded(codec: &Codec, name: &str, value: &[u8]) -> Json {
    let decoded = codec.decode(None, value).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(TYPES[usize::from(decoded.rank)].schema, name);
    let mut json = Vec::new();
    records::write_json(name, &decoded.body, &mut json).unwrap();
    serde_json::from_slice(&json).unwrap()
}

/// Every record of ours, with a field we do not know, one of ours missing, and in another order.
#[test]
fn any_record_of_another_version_is_resolved() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for (name, _) in records::schemas() {
        // Identifiers have no default that means anything; a version of ours never lacks them.
        let defines = |field: &Json| field["type"].to_string().contains("\"name\":");
        let may_be_lost = |field: &Json| field["type"].is_array() && !defines(field);
        let lost = ours(name)["fields"].as_array().unwrap().iter().position(may_be_lost);
        let (codec, id, writer) = with_version(name, |version| {
            let fields = fields(version);
            lost.map(|at| fields.remove(at));
            fields.sort_by_key(|field| !defines(field)); // types are defined before they are named
            fields.insert(0, json!({"name": "new_to_us", "type": {"type": "map", "values": ["null", "double"]}}));
        });
        let with_extra = any_value_with_map(&writer, &mut runner);
        let value = framed(id, &written_by_apache(&writer, with_extra.clone()));
        let json = decoded(&codec, name, &value);
        assert_eq!(codec.resolved(), 1, "{name}");
        let Value::Record(kept) = with_extra else { unreachable!() };
        for (field, _) in kept.iter().skip(1) {
            assert!(json.get(field).is_some(), "{name}.{field} is lost in {json}");
        }
        if let Some(at) = lost {
            let field = ours(name)["fields"][at]["name"].as_str().unwrap().to_owned();
            assert!(json[&field].is_null(), "{name}.{field} has no default in {json}");
        }
    }
}

fn any_value_with_map(writer: &Schema, runner: &mut proptest::test_runner::TestRunner) -> Value {
    use proptest::strategy::{Strategy, ValueTree};
    let Schema::Record(record) = writer else { unreachable!() };
    let extra = Value::Map([("a".to_owned(), Value::Union(1, Box::new(Value::Double(1.5))))].into());
    let mut values = vec![(record.fields[0].name.clone(), extra)];
    let mut rest = record.clone();
    rest.fields.remove(0);
    rest.lookup.clear();
    let Value::Record(others) = any_value(&Schema::Record(rest)).new_tree(runner).unwrap().current() else { unreachable!() };
    values.extend(others);
    Value::Record(values)
}

#[test]
fn an_unknown_symbol_becomes_unknown() {
    let (codec, id, writer) = with_version("Inventory", |version| {
        let cabin = fields(version).iter_mut().find(|field| field["name"] == "cabin").unwrap();
        cabin["type"]["symbols"] = json!(["UNKNOWN", "SUITE", "FIRST", "ECONOMY"]);
    });
    for (symbol, expect) in [("SUITE", "UNKNOWN"), ("FIRST", "FIRST"), ("ECONOMY", "ECONOMY")] {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let Value::Record(mut value) = proptest::strategy::ValueTree::current(
            &proptest::strategy::Strategy::new_tree(&any_value(&writer), &mut runner).unwrap(),
        ) else {
            unreachable!()
        };
        let at = ["UNKNOWN", "SUITE", "FIRST", "ECONOMY"].iter().position(|s| *s == symbol).unwrap();
        value.iter_mut().find(|(name, _)| name == "cabin").unwrap().1 = Value::Enum(at as u32, symbol.to_owned());
        let json = decoded(&codec, "Inventory", &framed(id, &written_by_apache(&writer, Value::Record(value))));
        assert_eq!(json["cabin"], expect);
    }
}

/// A default fills a field, but `""` is no airport: what a record cannot be without is not invented.
#[test]
fn a_fact_that_the_writer_lacks_is_not_invented() {
    let (codec, id, _) = with_version("WeatherReport", |version| {
        fields(version).retain(|field| field["name"] == "raw");
    });
    let error = codec.decode(None, &framed(id, &[0])).unwrap_err();
    assert_eq!(error.reason(), "unresolvable body");
    assert!(error.to_string().contains("is not a valid IATA airport code"), "{error}");
}

/// apache-avro takes the end of the input for null; a body that is cut must not pass as one with nulls.
#[test]
fn a_foreign_body_is_whole_or_refused() {
    let (codec, id, writer) = with_version("Tick", |version| {
        fields(version).push(json!({"name": "note", "type": ["null", "string"], "default": null}));
    });
    let note = Value::Union(1, Box::new(Value::String("abc".to_owned())));
    let body = written_by_apache(&writer, Value::Record(vec![("at".to_owned(), Value::Long(42)), ("note".to_owned(), note)]));
    assert_eq!(decoded(&codec, "Tick", &framed(id, &body)), json!({"at": 42}));
    for cut in 0..body.len() {
        assert!(codec.decode(None, &framed(id, &body[..cut])).is_err(), "cut at {cut}");
    }
    assert!(codec.decode(None, &framed(id, &[body.as_slice(), &[0]].concat())).is_err());
    assert!(codec.decode(None, &framed(id, &vec![0; (1 << 20) + 1])).is_err());
}

#[test]
fn only_records_of_ours_are_taken() {
    let ids = LocalIds::of_ours().unwrap();
    let strange = [
        r#""string""#,
        r#"{"type":"record","name":"Tick","namespace":"other","fields":[]}"#,
        r#"{"type":"record","name":"Payment","namespace":"slipstream","fields":[]}"#,
    ];
    let strange = strange.map(|schema| ids.id("test", schema).unwrap());
    let codec = Codec::new(Arc::new(ids)).unwrap();
    for id in strange {
        assert_eq!(codec.decode(None, &framed(id, &tick())).unwrap_err().reason(), "unusable schema");
    }
}

/// Counts what is asked of it, and is down for the first questions.
struct Flaky {
    ids: LocalIds,
    asked: AtomicU32,
    down_for: u32,
}

impl SchemaIds for Flaky {
    fn id(&self, subject: &str, schema: &str) -> Result<u32, IdError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        self.ids.id(subject, schema)
    }
    fn schema(&self, id: u32) -> Result<String, IdError> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        let down = || IdError::Unreachable { url: "http://nowhere".to_owned(), what: format!("id {id}"), why: "down".to_owned() };
        if asked < self.down_for { Err(down()) } else { self.ids.schema(id) }
    }
}

#[test]
fn a_registry_is_asked_once_and_its_absence_is_no_fault_of_the_record() {
    let flaky = Arc::new(Flaky { ids: LocalIds::of_ours().unwrap(), asked: AtomicU32::new(0), down_for: 2 });
    let id = flaky.ids.id("clock", &ours("Tick").to_string()).unwrap();
    let codec = Codec::new(Arc::clone(&flaky) as Arc<dyn SchemaIds>).unwrap();
    for _ in 0..2 {
        let error = codec.decode(None, &framed(id, &tick())).unwrap_err();
        assert!(error.is_transient() && matches!(error, DecodeError::Id(_)), "{error}");
    }
    for _ in 0..10 {
        codec.decode(None, &framed(id, &tick())).unwrap();
    }
    assert_eq!(flaky.asked.load(Ordering::Relaxed), 3, "two refusals and one answer");
    for _ in 0..10 {
        codec.encode("clock", rank_of("clock.tick").unwrap(), &tick(), &mut Vec::new()).unwrap();
    }
    assert_eq!(flaky.asked.load(Ordering::Relaxed), 4);
}
