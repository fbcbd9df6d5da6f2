//! What may follow what: a change is allowed, or refused by record and field.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use apache_avro::Schema;
use apache_avro::schema_compatibility::{Compatibility, SchemaCompatibility};
use proptest::prelude::*;
use serde_json::{Value, json};
use slipstream_schemas::{compatibility, records};

const OLD: &str = r#"{"type":"record","name":"Flight","namespace":"slipstream","fields":[
    {"name":"number","type":"int","default":0},
    {"name":"carrier","type":"string"},
    {"name":"tail","type":["null","string"],"default":null},
    {"name":"kind","type":{"type":"enum","name":"Kind","symbols":["UNKNOWN","OUT","IN"],"default":"UNKNOWN"},"default":"UNKNOWN"},
    {"name":"phase","type":{"type":"enum","name":"Phase","symbols":["A","B"]},"default":"A"},
    {"name":"legs","type":{"type":"array","items":{"type":"record","name":"Leg","fields":[
        {"name":"origin","type":"string","default":""}]}},"default":[]}]}"#;

/// Replaces one piece of the old schema, which must be there.
fn changed(from: &str, to: &str) -> String {
    assert_eq!(OLD.matches(from).count(), 1, "`{from}`");
    OLD.replace(from, to)
}

fn faults(old: &str, new: &str) -> String {
    let faults = compatibility::check(old, new).err().unwrap_or_default();
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[test]
fn each_change_is_allowed_or_refused_by_name() {
    let number = r#"{"name":"number""#;
    let symbols = r#"["UNKNOWN","OUT","IN"]"#;
    let cases = [
        ("nothing", changed("\"int\"", "\"int\""), ""),
        ("a doc", changed(r#""default":null"#, r#""default":null,"doc":"Registration.""#), ""),
        ("another default", changed(r#""default":0"#, r#""default":1"#), ""),
        ("field removed that had a default", changed(r#"{"name":"number","type":"int","default":0},"#, ""), ""),
        (
            "field removed that had none",
            changed(r#"{"name":"carrier","type":"string"},"#, ""),
            "Flight.carrier: the field was removed, and released readers have no default for it",
        ),
        ("field added with default", changed(number, r#"{"name":"gate","type":"string","default":""},{"name":"number""#), ""),
        (
            "field added without",
            changed(number, r#"{"name":"gate","type":"string"},{"name":"number""#),
            "Flight.gate: the field was added without a default",
        ),
        (
            "field renamed, old one without default",
            changed("\"carrier\"", "\"airline\""),
            "Flight.carrier: the field was removed, and released readers have no default for it; \
             Flight.airline: the field was added without a default",
        ),
        ("int to long", changed("\"int\"", "\"long\""), "Flight.number: the type was int and is now long"),
        (
            "int to string",
            changed("\"type\":\"int\",\"default\":0", "\"type\":\"string\",\"default\":\"\""),
            "Flight.number: the type was int and is now string",
        ),
        (
            "no longer nullable",
            changed("[\"null\",\"string\"],\"default\":null", "\"string\",\"default\":\"\""),
            "Flight.tail: the type was null or string and is now string",
        ),
        (
            "another branch",
            changed("[\"null\",\"string\"]", "[\"null\",\"string\",\"int\"]"),
            "Flight.tail: the type was null or string and is now null or string or int",
        ),
        ("symbol added, default there", changed(symbols, r#"["UNKNOWN","OUT","OFF","IN"]"#), ""),
        ("symbol removed, default there", changed(symbols, r#"["UNKNOWN","OUT"]"#), ""),
        (
            "enum default removed with a symbol",
            changed(r#"["UNKNOWN","OUT","IN"],"default":"UNKNOWN""#, r#"["UNKNOWN","OUT"]"#),
            "Flight.kind: symbols were removed (IN) and the enum has no default",
        ),
        (
            "symbol added to an enum without default",
            changed(r#"["A","B"]"#, r#"["A","B","C"]"#),
            "Flight.phase: symbols were added (C) and the released enum has no default",
        ),
        ("symbols in another order", changed(r#"["A","B"]"#, r#"["B","A"]"#), ""),
        (
            "enum renamed",
            changed("\"Kind\"", "\"Sort\""),
            "Flight.kind: the type was named `slipstream.Kind` and is now `slipstream.Sort`",
        ),
        (
            "record renamed",
            changed("\"name\":\"Flight\"", "\"name\":\"Trip\""),
            "Trip: the type was named `slipstream.Flight` and is now `slipstream.Trip`",
        ),
        (
            "deep inside",
            changed(r#"{"name":"origin","type":"string","default":""}"#, r#"{"name":"origin","type":"bytes","default":""}"#),
            "Flight.legs[].origin: the type was string and is now bytes",
        ),
        ("not a schema", "{".to_owned(), "schema: not an Avro schema: Failed to parse schema from JSON"),
    ];
    for (case, new, expect) in cases {
        assert_eq!(faults(OLD, &new), expect, "{case}");
    }
}

#[test]
fn the_rules_of_the_house_are_named_too() {
    let found = compatibility::check_rules(OLD).unwrap_err();
    let text: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        text,
        [
            "Flight.carrier: the field has no default; it could never be removed again",
            "Flight.phase: the enum must begin with UNKNOWN and have it as its default",
        ]
    );
}

/// A change of one of our own schemas that may happen any day.
fn mutate(schema: &mut Value, kind: usize, at: usize) {
    let fields = schema["fields"].as_array_mut().unwrap();
    let at = at % fields.len().max(1);
    if fields.is_empty() {
        return;
    }
    match kind {
        0 => drop(fields.remove(at)),
        1 => drop(fields[at].as_object_mut().unwrap().remove("default")),
        2 => fields[at]["type"] = json!("bytes"),
        3 => fields[at]["name"] = json!("renamed"),
        4 => fields.insert(at, json!({"name": "added", "type": "long", "default": 0})),
        5 => fields.insert(at, json!({"name": "added", "type": "long"})),
        _ => fields[at]["type"] = json!(["null", "long"]),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever we allow, apache-avro holds for readable in both directions; what it cannot read, we refuse.
    #[test]
    fn what_we_allow_avro_can_read(record in any::<prop::sample::Index>(), changes in prop::collection::vec((0..7_usize, any::<usize>()), 1..4)) {
        let ours = records::schemas();
        let old = &ours[record.index(ours.len())].1;
        let mut new = old.clone();
        for (kind, at) in changes {
            mutate(&mut new, kind, at);
        }
        let Ok(parsed) = Schema::parse(&new) else {
            return Ok(()); // a default that is not of the new type, or one name twice
        };
        let both = SchemaCompatibility::mutual_read(&Schema::parse(old).unwrap(), &parsed);
        let allowed = compatibility::check(&old.to_string(), &new.to_string()).is_ok();
        prop_assert!(!allowed || both == Ok(Compatibility::Full), "{both:?}: {new}");
        if both.is_err() {
            prop_assert!(!allowed);
        }
    }
}

#[test]
fn our_schemas_are_compatible_with_every_release() {
    let compared = compatibility::check_released().expect("see tests/generated");
    assert!(compared >= 18, "only {compared} released schemas were compared");
}
