//! Bytes that mean harm: never a panic, never much memory.

#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
#![expect(unsafe_code, reason = "counting allocations takes an allocator, and its trait is unsafe")]

mod support;

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::{Arc, OnceLock};

use apache_avro::Schema;
use proptest::prelude::*;
use slipstream_schemas::codec::Codec;
use slipstream_schemas::records;
use slipstream_schemas::schema_ids::{LocalIds, SchemaIds};
use slipstream_schemas::wire::put_long;
use support::{any_value, written_by_apache};

/// Counts what the current thread asks for.
struct Counting;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: every call is handed to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LARGEST.with(|largest| largest.set(largest.get().max(layout.size())));
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }
    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        LARGEST.with(|largest| largest.set(largest.get().max(size)));
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The largest single allocation of `work`, bytes.
fn largest(work: impl FnOnce()) -> usize {
    LARGEST.with(|largest| largest.set(0));
    work();
    LARGEST.with(Cell::get)
}

/// A decoded item is at most a few hundred bytes however short its encoding; nothing is taken on the word of a length.
fn little_for(bytes: usize) -> usize {
    64 * 1024 + 512 * bytes
}

fn read_as(name: &str, bytes: &[u8]) {
    let used = largest(|| {
        let _ = records::rank_of_body(name, bytes);
    });
    assert!(used <= little_for(bytes.len()), "{name}: {used} bytes at once for {} bytes of input", bytes.len());
}

fn read_as_everything(bytes: &[u8]) {
    static NAMES: OnceLock<Vec<&str>> = OnceLock::new();
    let names = NAMES.get_or_init(|| records::schemas().into_iter().map(|(name, _)| name).collect());
    names.iter().for_each(|name| read_as(name, bytes));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        read_as_everything(&bytes);
    }

    /// Zeroes and small numbers get far into a record: they are empty texts, nulls and short lengths.
    #[test]
    fn small_bytes(bytes in proptest::collection::vec(0..6_u8, 0..400)) {
        read_as_everything(&bytes);
    }
}

/// Good records with one byte changed, one length made enormous, or a piece doubled.
#[test]
fn mutated_records() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for (name, json) in records::schemas() {
        let schema = Schema::parse(&json).unwrap();
        for _ in 0..8 {
            let value = any_value(&schema).new_tree(&mut runner).unwrap().current();
            let good = written_by_apache(&schema, value);
            for at in 0..good.len() {
                let mut bad = good.clone();
                bad[at] ^= 0x80;
                read_as(name, &bad);
                let (head, tail) = good.split_at(at);
                for length in [i64::MAX, i64::MIN, 4 << 20, (4 << 20) + 1, 65_536, -65_536] {
                    let mut bomb = head.to_vec();
                    put_long(length, &mut bomb);
                    bomb.extend_from_slice(tail);
                    read_as(name, &bomb);
                }
            }
        }
    }
}

fn codec_with(writer: &str) -> (Codec, u32) {
    let ids = LocalIds::of_ours().unwrap();
    let id = ids.id("test", writer).unwrap();
    (Codec::new(Arc::new(ids)).unwrap(), id)
}

fn framed(id: u32, body: &[u8]) -> Vec<u8> {
    [&[0], id.to_be_bytes().as_slice(), body].concat()
}

/// The slow route believes a length no more than the fast one: apache-avro's own limit is 512 MiB.
#[test]
fn bombs_under_a_foreign_schema() {
    let writer = r#"{"type":"record","name":"Tick","namespace":"slipstream","fields":[
        {"name":"junk","type":{"type":"array","items":{"type":"array","items":"string"}}},{"name":"at","type":"long"}]}"#;
    let (codec, id) = codec_with(writer);
    let mut bodies = Vec::new();
    for length in [1 << 62, 1 << 40, 400 << 20, 100_000, 70_000, -(1 << 40)] {
        for prefix in [&[][..], &[2], &[2, 2]] {
            let mut body = prefix.to_vec();
            put_long(length, &mut body);
            bodies.push(framed(id, &body));
        }
    }
    for value in bodies {
        let used = largest(|| assert!(codec.decode(None, &value).is_err()));
        assert!(used <= 5 << 20, "{used} bytes at once for {value:?}");
    }
}

/// A schema is input too: none of these may reach the decoder.
#[test]
fn schemas_that_swell() {
    let record = |fields: &str| format!(r#"{{"type":"record","name":"Tick","namespace":"slipstream","fields":[{fields}]}}"#);
    let doubling: String = (1..40)
        .map(|n| {
            let before = n - 1;
            format!(
                r#",{{"name":"f{n}","type":{{"type":"record","name":"R{n}","fields":[
                    {{"name":"a","type":"R{before}"}},{{"name":"b","type":"R{before}"}}]}}}}"#
            )
        })
        .collect();
    let empty = r#"{"name":"f0","type":{"type":"record","name":"R0","fields":[]}}"#;
    let cases = [
        ("contains itself", record(r#"{"name":"next","type":["null","Tick"]}"#)),
        ("doubles forty times", record(&format!("{empty}{doubling}"))),
        ("array of nulls", record(r#"{"name":"n","type":{"type":"array","items":"null"}}"#)),
        (
            "array of empty records",
            record(r#"{"name":"n","type":{"type":"array","items":{"type":"record","name":"E","fields":[]}}}"#),
        ),
        ("huge fixed", record(r#"{"name":"n","type":{"type":"fixed","name":"F","size":9000000000}}"#)),
    ];
    for (case, schema) in cases {
        // Built by hand: the local table would have to walk the schema to name it.
        let codec = Codec::new(Arc::new(One(schema))).unwrap();
        for body in [&[][..], &[2; 100_000], &[0; 20]] {
            let used = largest(|| {
                let error = codec.decode(None, &framed(7, body)).unwrap_err();
                assert_eq!(error.reason(), "unusable schema", "{case}: {error}");
            });
            assert!(used <= 5 << 20, "{case}: {used} bytes at once");
        }
    }
}

/// A registry with one schema.
struct One(String);

impl SchemaIds for One {
    fn id(&self, subject: &str, _: &str) -> Result<u32, slipstream_schemas::schema_ids::IdError> {
        Err(slipstream_schemas::schema_ids::IdError::NotRegistered(subject.to_owned()))
    }
    fn schema(&self, _: u32) -> Result<String, slipstream_schemas::schema_ids::IdError> {
        Ok(self.0.clone())
    }
}
