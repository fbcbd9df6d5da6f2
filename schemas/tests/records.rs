//! Every record, with arbitrary values: our encoder and decoder against apache-avro's, byte for byte.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may stop at the first surprise")]

mod support;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use slipstream_schemas::records::{self, TYPES};
use support::{any_value, written_by_apache};

/// Values tried for each record.
const CASES: u32 = 96;

fn for_every_record(check: impl Fn(&'static str, &Schema, Vec<u8>) -> Result<(), TestCaseError>) {
    for (name, json) in records::schemas() {
        let schema = Schema::parse(&json).unwrap();
        let mut runner = TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&any_value(&schema), |value| check(name, &schema, written_by_apache(&schema, value)));
        outcome.unwrap_or_else(|fault| panic!("{name}: {fault}"));
    }
}

/// The value that apache-avro reads.
fn read_by_apache(schema: &Schema, mut bytes: &[u8]) -> Value {
    let value = GenericDatumReader::builder(schema).build().unwrap().read_value(&mut bytes).unwrap();
    assert!(bytes.is_empty(), "{} bytes left over", bytes.len());
    value
}

/// apache-avro's bytes ─► our struct ─► JSON ─► our struct ─► our bytes: the same, so neither side differs anywhere.
#[test]
fn our_bytes_are_apache_avros_bytes() {
    for_every_record(|name, schema, bytes| {
        let mut json = Vec::new();
        records::write_json(name, &bytes, &mut json).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let (_, ours) =
            records::from_json(name, std::str::from_utf8(&json).unwrap()).map_err(|e| TestCaseError::fail(e.to_string()))?;
        prop_assert_eq!(&ours, &bytes);
        prop_assert_eq!(read_by_apache(schema, &ours), read_by_apache(schema, &bytes));
        Ok(())
    });
}

#[test]
fn the_rank_of_a_body_belongs_to_its_record() {
    for_every_record(|name, _, bytes| {
        let rank = records::rank_of_body(name, &bytes).unwrap();
        prop_assert_eq!(TYPES[usize::from(rank)].schema, name);
        Ok(())
    });
}

/// A record that ends early or goes on is refused, wherever it is cut.
#[test]
fn no_prefix_of_a_record_is_a_record() {
    for_every_record(|name, _, bytes| {
        for cut in 0..bytes.len() {
            prop_assert!(records::rank_of_body(name, &bytes[..cut]).is_err(), "cut at {cut} of {}", bytes.len());
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        prop_assert!(records::rank_of_body(name, &longer).is_err());
        Ok(())
    });
}

#[test]
fn every_type_has_its_own_name_and_a_record_that_exists() {
    let schemas = records::schemas();
    for (rank, spec) in TYPES.iter().enumerate() {
        assert_eq!(records::rank_of(spec.name), Some(rank as u16), "`{}` stands twice", spec.name);
        assert!(schemas.iter().any(|(name, _)| *name == spec.schema), "`{}` names no record", spec.name);
    }
    for (name, _) in schemas {
        assert!(TYPES.iter().any(|spec| spec.schema == name), "{name} has no type");
    }
}
