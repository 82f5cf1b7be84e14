use stitchwork_core::ErrorKind;

use super::*;

fn kind(schema: &str) -> ErrorKind {
    parse(schema).unwrap_err().kind()
}

#[test]
fn values_are_walked_over_to_their_end() {
    let schema = r#"{"type": "record", "name": "a.R", "fields": [
        {"name": "n", "type": "int"},
        {"name": "e", "type": {"type": "enum", "name": "E", "symbols": ["A", "B"]}},
        {"name": "u", "type": ["null", "a.E", {"type": "array", "items": "string"}]}]}"#;
    let shape = parse(schema).unwrap();
    // 1, B, and the list of one text.
    let row = [2, 2, 4, 2, 2, b'x', 0];
    shape.check(&row, 1).unwrap();
    shape.check(&[row, row].concat(), 2).unwrap();
    // The same list with the number of its bytes.
    shape.check(&[2, 2, 4, 1, 4, 2, b'x', 0], 1).unwrap();
    for (bytes, rows) in [
        (&row[..6], 1),
        (&row[..], 2),
        (&row[..], 0),
        (&[2, 4, 0][..], 1),
        (&[2, 2, 6][..], 1),
        (&[2, 2, 4, 1, 6, 2, b'x', 0][..], 1),
        (&[0xff, 0xff, 0xff, 0xff, 0x7f, 2, 0][..], 1),
        (&[2, 2, 4, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1][..], 1),
    ] {
        let error = shape.check(bytes, rows).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{bytes:?}");
    }
}

#[test]
fn lists_of_nothing_end() {
    let schema = r#"{"type": "record", "name": "R", "fields": [
        {"name": "n", "type": {"type": "array", "items": "null"}}]}"#;
    let shape = parse(schema).unwrap();
    let passed = shape.only(&[]);
    passed.check(&[20, 0], 1).unwrap();
    let wanted = shape.check(&[20, 0], 1).unwrap_err();
    assert_eq!((wanted.kind(), wanted.context("column")), (ErrorKind::Unsupported, Some("n.element")));
    let huge = [0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 0];
    for shape in [&passed, &*shape] {
        assert_eq!(shape.check(&huge, 1).unwrap_err().kind(), ErrorKind::InvalidData);
    }
}

#[test]
fn schemas_that_have_no_end_are_refused_by_name() {
    let list = r#"{"type": "record", "name": "ns.List", "fields": [
        {"name": "next", "type": ["null", "List"]}]}"#;
    let error = parse(list).unwrap_err();
    assert_eq!((error.kind(), error.context("type")), (ErrorKind::Unsupported, Some("ns.List")));
    assert_eq!(kind(r#""long""#), ErrorKind::Unsupported);
    assert_eq!(kind("{"), ErrorKind::InvalidData);
    assert_eq!(kind(r#"{"type": "record", "name": "R"}"#), ErrorKind::InvalidData);
    let unknown = r#"{"type": "record", "name": "R", "fields": [{"name": "x", "type": "Y"}]}"#;
    assert_eq!(kind(unknown), ErrorKind::InvalidData);
    // Each record has the one before it twice.
    let mut fields =
        vec![r#"{"name": "f0", "type": {"type": "record", "name": "R0", "fields": []}}"#.to_owned()];
    for n in 1..40 {
        let before = n - 1;
        fields.push(format!(
            r#"{{"name": "f{n}", "type": {{"type": "record", "name": "R{n}", "fields": [
            {{"name": "a", "type": "R{before}"}}, {{"name": "b", "type": "R{before}"}}]}}}}"#
        ));
    }
    let laughs = format!(r#"{{"type": "record", "name": "R", "fields": [{}]}}"#, fields.join(","));
    assert_eq!(kind(&laughs), ErrorKind::InvalidData);
    let deep = format!("{}\"int\"{}", r#"{"type": "array", "items": "#.repeat(100), "}".repeat(100));
    assert_eq!(kind(&deep), ErrorKind::InvalidData);
}
