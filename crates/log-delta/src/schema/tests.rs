use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use serde_json::json;

use super::*;

fn all_types() -> Schema {
    let mut fields: Vec<Field> = [
        ("string", DataType::Utf8),
        ("long", DataType::Int64),
        ("integer", DataType::Int32),
        ("short", DataType::Int16),
        ("byte", DataType::Int8),
        ("float", DataType::Float32),
        ("double", DataType::Float64),
        ("boolean", DataType::Boolean),
        ("binary", DataType::Binary),
        ("date", DataType::Date32),
        ("timestamp", timestamp()),
        ("timestamp_ntz", DataType::Timestamp(TimeUnit::Microsecond, None)),
        ("decimal(38,18)", DataType::Decimal128(38, 18)),
    ]
    .into_iter()
    .map(|(name, data_type)| Field::new(name, data_type, true))
    .collect();
    let inner = Fields::from(vec![Field::new("x", DataType::Int64, false)]);
    fields.push(Field::new("struct", DataType::Struct(inner.clone()), false));
    fields.push(Field::new("array", DataType::List(element(DataType::Struct(inner), false)), true));
    fields.push(Field::new("map", map_type(DataType::Utf8, DataType::Float64, true), true));
    Schema::new(fields)
}

#[test]
fn every_type_survives() {
    let schema = all_types();
    let json = schema_json(schema.fields(), None, None).unwrap();
    assert_eq!(arrow_schema(&json).unwrap(), schema);
    assert_eq!(json_fields(&json).first().unwrap()["type"], "string");
}

#[test]
fn wider_types_take_what_they_hold_and_the_rest_is_named() {
    let types = [
        (DataType::UInt8, DataType::Int16),
        (DataType::UInt32, DataType::Int64),
        (DataType::Utf8View, DataType::Utf8),
        (DataType::LargeUtf8, DataType::Utf8),
        (DataType::Timestamp(TimeUnit::Second, Some("+02:00".into())), timestamp()),
        (DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8)), DataType::Utf8),
        (DataType::new_large_list(DataType::Int8, true), DataType::List(element(DataType::Int8, true))),
    ];
    for (given, kept) in types {
        let json = schema_json(&Fields::from(vec![Field::new("c", given, true)]), None, None).unwrap();
        assert_eq!(arrow_schema(&json).unwrap().field(0).data_type(), &kept);
    }
    for refused in [
        DataType::UInt64,
        DataType::Timestamp(TimeUnit::Nanosecond, None),
        DataType::Decimal256(40, 2),
        DataType::Time64(TimeUnit::Microsecond),
        DataType::Null,
    ] {
        let inner = Fields::from(vec![Field::new("bad", refused, true)]);
        let fields = Fields::from(vec![Field::new("s", DataType::Struct(inner), true)]);
        let error = schema_json(&fields, None, None).unwrap_err();
        assert_eq!(error.context("column"), Some("s.bad"));
    }
}

#[test]
fn old_fields_keep_their_metadata_and_new_ones_get_ids() {
    let old = json!({"type": "struct", "fields": [{
        "name": "a", "type": "long", "nullable": true,
        "metadata": {MAPPING_ID: 7, MAPPING_NAME: "col-a", "custom": 5, "comment": "old"}
    }]});
    let schema = arrow_schema(&old).unwrap();
    let a = schema.field(0);
    assert_eq!(stitchwork_core::field_id(a), Some(7));
    assert_eq!(a.metadata().get(COMMENT).map(String::as_str), Some("old"));
    let fields = Fields::from(vec![a.clone(), Field::new("b", DataType::Utf8, true)]);
    let mut ids = ColumnIds { last: 9 };
    let new = schema_json(&fields, Some(&old), Some(&mut ids)).unwrap();
    assert_eq!(json_fields(&new)[0], json_fields(&old)[0]);
    assert_eq!(json_fields(&new)[1]["metadata"][MAPPING_ID], 10);
    assert_eq!(ids.last, 10);
}

#[test]
fn broken_schemas_are_errors() {
    for broken in [
        json!({}),
        json!({"type": "struct", "fields": [{"type": "long"}]}),
        json!({"type": "struct", "fields": [{"name": "a", "type": "variant"}]}),
        json!({"type": "struct", "fields": [{"name": "a", "type": "decimal(39,1)"}]}),
        json!({"type": "struct", "fields": [{"name": "a", "type": {"type": "array"}}]}),
    ] {
        assert!(arrow_schema(&broken).is_err(), "{broken}");
    }
}

#[test]
fn columns_that_files_cannot_hold_are_refused_by_name() {
    let refused = |fields: Vec<Field>| schema_json(&Fields::from(fields), None, None).unwrap_err();
    assert!(refused(vec![]).to_string().contains("at least one column"));
    let empty = Field::new("e", DataType::Struct(Fields::empty()), true);
    let outer = Field::new("s", DataType::Struct(Fields::from(vec![empty])), true);
    assert_eq!(refused(vec![outer]).context("column"), Some("s.e"));
    let error = refused(vec![Field::new("d", DataType::Date64, true)]);
    assert_eq!(error.context("column"), Some("d"));
    assert!(error.to_string().contains("date32"), "{error}");
}
