use std::sync::Arc;

use arrow_schema::{DataType, Field};

use super::*;

fn of(types: &[(&str, DataType)]) -> Schema {
    Schema::new(types.iter().map(|(name, t)| Field::new(*name, t.clone(), true)).collect::<Vec<_>>())
}

/// What is passed on, or the error, whatever the pieces are in which the bytes come.
fn passed(checker: impl Fn() -> Checker, text: &str) -> std::result::Result<String, String> {
    let mut found = Vec::new();
    for size in [1, 2, 3, 5, 7, 1000] {
        let mut checker = checker();
        let mut out = Vec::new();
        let mut pass = || {
            for piece in text.as_bytes().chunks(size) {
                out.extend_from_slice(&checker.push(Bytes::copy_from_slice(piece))?);
            }
            checker.finish()
        };
        found.push(pass().map(|()| String::from_utf8(out).unwrap()).map_err(|e| e.to_string()));
    }
    assert!(found.windows(2).all(|pair| pair[0] == pair[1]), "{found:?}");
    found.pop().unwrap()
}

#[test]
fn values_are_spelled_for_the_decoder_whatever_the_pieces() {
    let list = DataType::List(Arc::new(Field::new("element", DataType::Int64, true)));
    let schema = of(&[
        ("f", DataType::Float64),
        ("t", DataType::Utf8),
        ("l", list),
        ("ü", DataType::Decimal128(9, 2)),
        ("d", DataType::Date32),
    ]);
    for (text, expected) in [
        (
            r#"{"f":NaN,"t":-Infinity, "o":[Infinity ,-1]}"#,
            r#"{"f":"NaN","t":"-Infinity", "o":["Infinity" ,-1]}"#,
        ),
        (r#"{"t":"NaN \u00e4 \ud834\udd1e ä𝄞\\"}"#, r#"{"t":"NaN \u00e4 \ud834\udd1e ä𝄞\\"}"#),
        (r#"{"l":[2.0,-1e2,7,null],"f":-1.5}"#, r#"{"l":[2,-100,7,null],"f":-1.5}"#),
        (
            r#"{"ü":"1.5"}{"\u00fc":25e-1}{"d":"2024-01-01T00:00"}"#,
            r#"{"ü":1.50}{"\u00fc":2.50}{"d":"2024-01-01"}"#,
        ),
        (r#"{"x":{"f":true,"y":[{},[]]},"f":0}"#, r#"{"x":{"f":true,"y":[{},[]]},"f":0}"#),
    ] {
        assert_eq!(passed(|| Checker::of(&schema, false), text).unwrap(), expected);
    }
    for bad in [
        r#"{"l":[1,2.5]}"#,
        r#"{"l":["\u0031"]}"#,
        r#"{"ü":"ä"}"#,
        r#"{"f":--Infinity}"#,
        r#"{"f":Infinit}"#,
        r#"{NaN:1}"#,
        r#"{"f":1]}"#,
        r#"{"f":[}"#,
        r#"{"t":"\ud834\u0041"}"#,
        r#"{"f":1}}"#,
        r#"{"f":1},{"f":2}"#,
        r#"{"f":tru"#,
        r#"{"ü":1,"\u00fc":2}"#,
        r#"{"d":"2024-02-30"}"#,
        r#"{"d":"2024-02-30T00:00:00"}"#,
    ] {
        assert!(passed(|| Checker::of(&schema, false), bad).unwrap_err().contains("row="), "{bad}");
    }
}

#[test]
fn words_become_numbers_of_their_length_where_a_type_is_inferred() {
    let text = r#"{"a":NaN,"b":-Infinity,"c":"NaN","d":[Infinity]}"#;
    let expected = r#"{"a":0.0,"b":-0.000000,"c":"NaN","d":[0.000000]}"#;
    assert_eq!(passed(Checker::inferring, text).unwrap(), expected);
    // So do integers that no number type holds, but become texts.
    let text = r#"{"a":18446744073709551616,"b":18446744073709551615,"c":100000000000000000000}"#;
    let expected = r#"{"a":"18446744073709551616","b":18446744073709551615,"c":100000000000000000000}"#;
    assert_eq!(passed(Checker::inferring, text).unwrap(), expected);
}

#[test]
fn a_piece_in_which_nothing_changes_is_passed_on_without_a_copy() {
    let schema = of(&[("a", DataType::Int64), ("b", DataType::Utf8)]);
    let piece = Bytes::from_static(br#"{"a":-1,"b":"NaN"}{"a":12"#);
    let out = Checker::of(&schema, false).push(piece.clone()).unwrap();
    assert_eq!(out.as_ptr(), piece.as_ptr());
    assert_eq!(out.len(), piece.len() - 2, "the number may go on");
}

#[test]
fn a_key_or_number_without_an_end_is_refused_before_it_fills_the_memory() {
    let schema = of(&[("a", DataType::Int64)]);
    for begin in ["{\"", "{\"a\":1", "{\"a\":\"", "{\"a\":n"] {
        let mut checker = Checker::of(&schema, false);
        checker.push(Bytes::from(begin)).unwrap();
        let piece = Bytes::from(vec![b'1'; 64 << 10]);
        let error = (0..100).find_map(|_| checker.push(piece.clone()).err()).unwrap();
        assert!(error.to_string().contains("1 MiB"), "{error}");
        assert!(checker.held.len() <= LONGEST + piece.len());
    }
}
