use serde_json::json;

use super::*;
use crate::avro::ContainerWriter;

fn decoded(schema: &Value, bytes: &[u8]) -> Option<Avro> {
    let mut input = bytes;
    Node::from_json(schema).unwrap().decode(&mut input).filter(|_| input.is_empty())
}

#[test]
fn every_type_is_decoded() {
    let long = |v| Avro::Long(v);
    let schema = json!({"type": "record", "name": "r", "fields": [
        {"name": "e", "type": {"type": "enum", "name": "e", "symbols": ["a", "b"]}},
        {"name": "f", "type": {"type": "fixed", "name": "f", "size": 2}},
        {"name": "again", "type": "f"},
        {"name": "n", "type": ["null", "long"]},
        {"name": "m", "type": {"type": "map", "values": "boolean"}},
        {"name": "a", "type": {"type": "array", "items": {"type": "int", "logicalType": "date"}}},
    ]});
    // The array has a block of one item with its size, and a block without.
    let bytes = [2, 1, 2, 3, 4, 2, 5, 2, 2, b'k', 1, 0, 1, 2, 6, 2, 8, 0];
    let expected = Avro::Record(vec![
        long(1),
        Avro::Bytes(vec![1, 2]),
        Avro::Bytes(vec![3, 4]),
        long(-3),
        Avro::Array(vec![Avro::Record(vec![Avro::Bytes(vec![b'k']), Avro::Boolean(true)])]),
        Avro::Array(vec![long(3), long(4)]),
    ]);
    assert_eq!(decoded(&schema, &bytes), Some(expected));
    for length in 0..bytes.len() {
        assert_eq!(decoded(&schema, &bytes[..length]), None);
    }
    assert_eq!(decoded(&json!(["null", "long"]), &[4]), None, "the union has no third branch");
    assert_eq!(decoded(&json!({"type": "array", "items": "null"}), &[0xfe, 0xff, 0x7f]), None);
}

#[test]
fn schemas_that_multiply_are_refused() {
    let mut fields = vec![json!({"name": "f", "type": {"type": "record", "name": "r0", "fields": [
        {"name": "a", "type": "long"}, {"name": "b", "type": "long"}]}})];
    for n in 1..40 {
        let before = format!("r{}", n - 1);
        fields.push(json!({"name": format!("f{n}"), "type": {"type": "record", "name": format!("r{n}"),
            "fields": [{"name": "a", "type": before}, {"name": "b", "type": before}]}}));
    }
    assert!(Node::from_json(&json!({"type": "record", "name": "r", "fields": fields})).is_err());
    assert!(Node::from_json(&json!("unknown")).is_err());
}

#[test]
fn codecs_other_than_known_ones_are_named() {
    let mut writer = ContainerWriter::new(&json!("long"), &[]);
    writer.record(|e| e.long(7));
    let file = writer.finish();
    for (codec, supported) in [("snappy", false), ("zstandard", true)] {
        let mut header = Header::read(&file).unwrap();
        header.entries.retain(|(key, _)| key != "avro.codec");
        header.entries.push(("avro.codec".into(), codec.into()));
        let node = Node::from_json(&json!("long")).unwrap();
        let error = read_records(&header, &node, |_| Ok(())).unwrap_err();
        assert_eq!(matches!(&error, MetaError::Unsupported(m) if m.contains(codec)), !supported, "{error}");
    }
    let packed = zstd::stream::encode_all(&[14u8][..], 0).unwrap();
    assert_eq!(zstd::stream::decode_all(packed.as_slice()).unwrap(), [14]);
}
