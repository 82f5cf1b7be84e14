//! Bounds, places and what YAML makes of texts.

use std::fmt::Write as _;

use super::*;

fn tree(text: &str) -> Result<Node, String> {
    let mut diagnostics = Diagnostics::new("f");
    let node = parse(text.as_bytes(), &mut diagnostics);
    match node {
        Some(node) if diagnostics.is_empty() => Ok(node),
        _ => Err(diagnostics.to_string()),
    }
}

/// A tree as JSON, with keys of mappings in their order.
fn json(node: &Node) -> String {
    match &node.content {
        Content::Scalar(scalar) => scalar.value().to_string(),
        Content::List(items) => format!("[{}]", items.iter().map(json).collect::<Vec<_>>().join(",")),
        Content::Map(entries) => {
            let pairs = entries.iter().map(|e| format!("{:?}:{}", e.key, json(&e.node)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        }
    }
}

#[test]
fn scalars_are_those_of_the_core_schema() {
    let expected = [
        ("~", "null"),
        ("", "null"),
        ("Null", "null"),
        ("True", "true"),
        ("yes", "\"yes\""),
        ("12", "12"),
        ("-12", "-12"),
        ("0x1F", "31"),
        ("0o17", "15"),
        ("0x+1", "\"0x+1\""),
        ("1_000", "\"1_000\""),
        ("18446744073709551615", "18446744073709551615"),
        ("1.5", "1.5"),
        ("1e3", "1000.0"),
        (".5", "0.5"),
        (".", "\".\""),
        ("1e", "\"1e\""),
        (".inf", "\".inf\""),
        (".nan", "\".nan\""),
        ("1e999", "\"1e999\""),
        ("\"12\"", "\"12\""),
        ("!!str 12", "\"12\""),
        ("! 12", "\"12\""),
        ("2024-01-01T00:00:00Z", "\"2024-01-01T00:00:00Z\""),
    ];
    for (text, expected) in expected {
        let node = tree(&format!("a: {text}\n")).unwrap();
        assert_eq!(json(&node), format!("{{\"a\":{expected}}}"), "{text}");
    }
}

#[test]
fn everything_has_its_place() {
    let node = tree("# comment\na:\n  é: [x, y]\n  'b': |\n    text\n").unwrap();
    let a = node.entry("a").unwrap();
    assert_eq!(a.place.to_string(), "2:1");
    let list = a.node.entry("é").unwrap();
    assert_eq!((list.place.to_string(), list.node.place.to_string()), ("3:3".into(), "3:6".into()));
    assert_eq!(list.node.items()[1].place.to_string(), "3:10");
    assert_eq!(a.node.entry("b").unwrap().place.to_string(), "4:3");
    // A mark of the byte order takes no column.
    let node = tree("\u{feff}a: 1").unwrap();
    assert_eq!(node.entry("a").unwrap().place.to_string(), "1:1");
}

#[test]
fn aliases_and_merge_keys_stand_for_what_they_name() {
    let node = tree(
        "base: &b {x: 1, y: [2]}\none:\n  <<: *b\n  x: 3\ntwo: *b\nthree: {<<: [{z: 0, x: 9}, *b]}\n'<<': 1\n",
    );
    let expected = r#"{"base":{"x":1,"y":[2]},"one":{"x":3,"y":[2]},"two":{"x":1,"y":[2]},"three":{"z":0,"x":9,"y":[2]},"<<":1}"#;
    assert_eq!(json(&node.unwrap()), expected);
}

#[test]
fn what_is_no_document_of_ours_says_where() {
    for (text, expected) in [
        ("a: 1\nb: 2\na: 3\n", "f:3:1: the key \"a\" is there already, at 1:1; keep one of them"),
        ("a: 1\n---\nb: 2\n", "f:2:1: a project file is one document; this is a second one"),
        (
            "a: !env X\n",
            "f:1:4: tags have no meaning in a project file; a reference is written ${env:NAME} or ${file:path}",
        ),
        ("a: &a [*a]\n", "f:1:8: the alias stands for something that contains it"),
        ("? [a, b]\n: 1\nc: 2\n", "f:1:3: a key is a text"),
        ("a: {<<: 1}\n", "f:1:9: what << takes in is a mapping, found a number"),
    ] {
        assert_eq!(tree(text).unwrap_err(), expected);
    }
    for text in ["a: [1", "a: \"x", "a: b: c", "a: *b", "%", "@a", "a: 'b' c"] {
        let error = tree(text).unwrap_err();
        assert!(error.starts_with("f:1:") || error.starts_with("f:2:"), "{text}: {error}");
        assert!(error.contains("this is no YAML"), "{text}: {error}");
    }
    let mut diagnostics = Diagnostics::new("f");
    assert!(parse(b"a: \xC3\xA9\nb: \xFF", &mut diagnostics).is_none());
    assert_eq!(diagnostics.to_string(), "f:2:4: the file is no UTF-8 from here on");
}

#[test]
fn an_empty_document_is_an_empty_mapping() {
    for text in ["", "# nothing\n", "---\n", "~", "{}"] {
        assert_eq!(json(&tree(text).unwrap()), "{}", "{text:?}");
    }
}

#[test]
fn bombs_do_no_harm() {
    // A billion laughs: ten aliases of ten aliases and so on.
    let mut laughs = "a0: &a0 [lol, lol, lol, lol, lol, lol, lol, lol, lol, lol]\n".to_owned();
    for level in 1..10 {
        let below = format!("*a{}", level - 1);
        writeln!(laughs, "a{level}: &a{level} [{}]", vec![below; 10].join(", ")).unwrap();
    }
    // A long text, named often.
    let long = format!("a: &a {}\nb: [{}]\n", "x".repeat(500_000), vec!["*a"; 10_000].join(", "));
    // Mappings that take each other in.
    let mut merges = "a0: &a0 {k0: 1}\n".to_owned();
    for level in 1..30_000 {
        writeln!(merges, "a{level}: &a{level} {{<<: *a{}, k{level}: 1}}", level - 1).unwrap();
    }
    // Aliases that lie deep in one another.
    let mut deep = "a0: &a0 [x]\n".to_owned();
    for level in 1..100 {
        writeln!(deep, "a{level}: &a{level} [*a{}]", level - 1).unwrap();
    }
    let bombs = [
        (laughs, "too large from here on"),
        (long, "too large from here on"),
        (merges.chars().take(MAX_BYTES).collect(), ""),
        (deep, "deeper in one another"),
        ("[".repeat(MAX_BYTES), "recursion limit exceeded"),
        ("{a: ".repeat(MAX_BYTES / 4), ""),
        ("- ".repeat(MAX_BYTES / 2), ""),
        ("? ".repeat(MAX_BYTES / 2), ""),
        (format!("[{}]", "a,".repeat(500_000)), "too large from here on"),
        ("&a ".repeat(MAX_BYTES / 3), ""),
        ("x".repeat(MAX_BYTES + 1), "a project file has 1048576 bytes at most"),
        (format!("\"{}", "\\x41".repeat(200_000)), ""),
        ("a: ".repeat(MAX_BYTES / 3), ""),
        ("[?".repeat(MAX_BYTES / 2), ""),
        ("'".repeat(MAX_BYTES - 1), ""),
        ("#".repeat(MAX_BYTES), ""),
        ("\n".repeat(MAX_BYTES), ""),
        ("!a ".repeat(MAX_BYTES / 3), ""),
    ];
    for (bomb, expected) in bombs {
        let start = std::time::Instant::now();
        let shown: String = bomb.chars().take(20).collect();
        let error = tree(&bomb).map(|_| ()).err().unwrap_or_default();
        assert!(error.contains(expected), "{shown}: {error}");
        assert!(start.elapsed().as_secs() < 20, "{shown}: {:?}", start.elapsed());
    }
}
