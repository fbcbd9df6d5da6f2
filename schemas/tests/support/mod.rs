//! Arbitrary records, generated from their Avro schemas.

#![expect(clippy::panic, reason = "a test may stop at the first surprise")]

use apache_avro::Schema;
use apache_avro::schema::ResolvedSchema;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use proptest::collection::vec;
use proptest::prelude::*;

/// A value of a schema that our identifiers accept: a field's name says which text it holds.
pub(crate) fn any_value(schema: &Schema) -> BoxedStrategy<Value> {
    let names = ResolvedSchema::new(schema).unwrap();
    value(schema, &names, "")
}

fn value(schema: &Schema, names: &ResolvedSchema<'_>, field: &str) -> BoxedStrategy<Value> {
    match schema {
        Schema::Boolean => any::<bool>().prop_map(Value::Boolean).boxed(),
        // What a leg has in ranges.
        Schema::Int if ["number", "operating_number", "repeat"].contains(&field) => (0..=9999).prop_map(Value::Int).boxed(),
        Schema::Int => any::<i32>().prop_map(Value::Int).boxed(),
        Schema::Long => any::<i64>().prop_map(Value::Long).boxed(),
        // JSON has no NaN.
        Schema::Double => (-1e18..1e18).prop_map(Value::Double).boxed(),
        Schema::Null => Just(Value::Null).boxed(),
        Schema::String => text(field).prop_map(Value::String).boxed(),
        Schema::Enum(symbols) => {
            let symbols = symbols.symbols.clone();
            (0..symbols.len()).prop_map(move |at| Value::Enum(at as u32, symbols[at].clone())).boxed()
        }
        Schema::Array(array) => vec(value(&array.items, names, field), 0..3).prop_map(Value::Array).boxed(),
        Schema::Union(union) => {
            let branch = |(at, branch): (usize, &Schema)| {
                value(branch, names, field).prop_map(move |value| Value::Union(at as u32, Box::new(value)))
            };
            let branches: Vec<_> = union.variants().iter().enumerate().map(branch).collect();
            proptest::strategy::Union::new(branches).boxed()
        }
        Schema::Record(record) => {
            let labels: Vec<String> = record.fields.iter().map(|field| field.name.clone()).collect();
            let values: Vec<_> = record.fields.iter().map(|field| value(&field.schema, names, &field.name)).collect();
            values.prop_map(move |values| Value::Record(labels.iter().cloned().zip(values).collect())).boxed()
        }
        Schema::Ref { name } => value(names.get_names()[name], names, field),
        other => panic!("no record of ours has a {other:?}"),
    }
}

fn text(field: &str) -> BoxedStrategy<String> {
    let pattern = match field {
        "origin" | "destination" | "diverted_to" | "airport" | "currency" => "[A-Z]{3}",
        "carrier" | "operating_carrier" => "[A-Z][A-Z0-9]|[A-Z]{3}|[0-9][A-Z]",
        "tail" => "[A-Z0-9-]{2,10}",
        "pnr" => "[A-Z0-9]{6}",
        "organisation" => "[A-Za-z0-9-]{2,16}",
        "passenger" | "passengers" => "[A-Za-z0-9-]{1,36}",
        "suffix" | "operating_suffix" => "[A-Z]",
        "date" => "20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|1[0-9]|2[0-8])",
        _ => "\\PC{0,12}",
    };
    proptest::string::string_regex(pattern).unwrap().boxed()
}

/// The bytes that apache-avro writes.
pub(crate) fn written_by_apache(schema: &Schema, value: Value) -> Vec<u8> {
    GenericDatumWriter::builder(schema).build().unwrap().write_value_to_vec(value).unwrap()
}
