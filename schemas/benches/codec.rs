//! Our codec beside apache-avro's routes, one flight event, in one run.
//!
//!     cargo bench -p slipstream-schemas
//!
//! Every route starts from, or ends at, the record's struct or apache-avro's value as the name says; writers,
//! readers and buffers are made once, as a stream would.

#![expect(clippy::unwrap_used, reason = "a benchmark may stop at the first surprise")]

use std::hint::black_box;
use std::sync::Arc;

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::writer::datum::GenericDatumWriter;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use slipstream_schemas::codec::Codec;
use slipstream_schemas::records::{self, FlightEvent, Message};
use slipstream_schemas::schema_ids::{LocalIds, SchemaIds};
use slipstream_schemas::topics::FLIGHT_EVENTS;
use slipstream_schemas::wire::Wire;

/// A leg of 31 January 2008 as it stands in the middle of its day.
fn event() -> FlightEvent {
    let (_, schema) = records::schemas().into_iter().find(|(name, _)| *name == "FlightEvent").unwrap();
    let mut json: serde_json::Map<_, _> = schema["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| (f["name"].as_str().unwrap().to_owned(), f["default"].clone()))
        .collect();
    let known = serde_json::json!({
        "carrier": "AA", "number": 1234, "date": "2008-01-31", "origin": "JFK", "destination": "LAX",
        "kind": "OFF", "status": "AIRBORNE", "scheduled_departure": 1_201_795_200_000_i64,
        "scheduled_arrival": 1_201_817_700_000_i64, "at": 1_201_796_880_000_i64, "tail": "N102UW",
        "departure_delay_min": 17, "arrival_delay_min": 12, "estimated_arrival": 1_201_818_420_000_i64,
        "out_at": 1_201_796_220_000_i64, "off_at": 1_201_796_880_000_i64, "source": "bts",
    });
    json.extend(known.as_object().unwrap().clone());
    serde_json::from_value(json.into()).unwrap()
}

fn ours() -> Schema {
    Schema::parse(&records::schemas().into_iter().find(|(name, _)| *name == "FlightEvent").unwrap().1).unwrap()
}

/// The next version: one field more, at the front, so that nothing lies where it lay.
fn next_version() -> Schema {
    let mut json = records::schemas().into_iter().find(|(name, _)| *name == "FlightEvent").unwrap().1;
    let added = serde_json::json!({"name": "gate", "type": "string", "default": ""});
    json["fields"].as_array_mut().unwrap().insert(0, added);
    Schema::parse(&json).unwrap()
}

fn encode(c: &mut Criterion) {
    let (event, schema) = (event(), ours());
    let (rank, body) = (event.rank(), event.to_bytes());
    let codec = Codec::new(Arc::new(LocalIds::of_ours().unwrap())).unwrap();
    let writer = GenericDatumWriter::builder(&schema).build().unwrap();
    let value = GenericDatumReader::builder(&schema).build().unwrap().read_value(&mut body.as_slice()).unwrap();
    let mut out = Vec::with_capacity(512);
    let mut group = c.benchmark_group("encode");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("ours: struct to body", |b| {
        b.iter(|| {
            out.clear();
            black_box(&event).encode(&mut out);
        });
    });
    group.bench_function("ours: struct to framed value", |b| {
        b.iter(|| {
            out.clear();
            let body = black_box(&event).to_bytes();
            codec.encode(FLIGHT_EVENTS, rank, &body, &mut out).unwrap();
        });
    });
    group.bench_function("apache-avro: value to body", |b| {
        b.iter(|| {
            out.clear();
            writer.write_value_ref(&mut out, black_box(&value)).unwrap();
        });
    });
    group.bench_function("apache-avro: struct to value to body", |b| {
        b.iter(|| {
            out.clear();
            let value = apache_avro::to_value(black_box(&event)).unwrap().resolve(&schema).unwrap();
            writer.write_value_ref(&mut out, &value).unwrap();
        });
    });
    group.bench_function("serde_json: struct to text", |b| {
        b.iter(|| {
            out.clear();
            serde_json::to_writer(&mut out, black_box(&event)).unwrap();
        });
    });
}

fn decode(c: &mut Criterion) {
    let (event, schema, next) = (event(), ours(), next_version());
    let body = event.to_bytes();
    let ids = LocalIds::of_ours().unwrap();
    let next_id = ids.id("bench", &serde_json::to_string(&next).unwrap()).unwrap();
    let codec = Codec::new(Arc::new(ids)).unwrap();
    let mut framed = Vec::new();
    codec.encode(FLIGHT_EVENTS, event.rank(), &body, &mut framed).unwrap();
    let foreign = [&[0], next_id.to_be_bytes().as_slice(), &[2, b'A'], &body].concat();
    let reader = GenericDatumReader::builder(&schema).build().unwrap();
    let resolving = GenericDatumReader::builder(&next).reader_schema(&schema).build().unwrap();
    let json = serde_json::to_vec(&event).unwrap();
    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Bytes(body.len() as u64));
    group.bench_function("ours: body to struct", |b| b.iter(|| FlightEvent::from_bytes(black_box(&body)).unwrap()));
    group.bench_function("ours: framed value to body, type in header", |b| {
        b.iter(|| codec.decode(Some("flight.off"), black_box(&framed)).unwrap());
    });
    group.bench_function("ours: framed value to body, no header", |b| b.iter(|| codec.decode(None, black_box(&framed)).unwrap()));
    group.bench_function("ours: framed value of another version to body", |b| {
        b.iter(|| codec.decode(Some("flight.off"), black_box(&foreign)).unwrap());
    });
    group
        .bench_function("apache-avro: body to value", |b| b.iter(|| reader.read_value(&mut black_box(body.as_slice())).unwrap()));
    group.bench_function("apache-avro: body of another version to value", |b| {
        b.iter(|| resolving.read_value(&mut black_box(&foreign[5..])).unwrap());
    });
    group.bench_function("serde_json: text to struct", |b| {
        b.iter(|| serde_json::from_slice::<FlightEvent>(black_box(&json)).unwrap());
    });
}

criterion_group!(benches, encode, decode);
criterion_main!(benches);
