use stitchwork_commits::Commit as _;
use stitchwork_core::ErrorKind;

use super::*;

fn add(path: &str) -> Arc<Add> {
    Arc::new(Add {
        path: path.to_owned(),
        format: "parquet".to_owned(),
        size: 7,
        rows: Some(3),
        modified: None,
        partition: vec![Some("a".to_owned()), None],
        splits: vec![4],
        stats: vec![ColumnLine {
            column: vec!["x".to_owned()],
            min: Some("1".to_owned()),
            exact: true,
            nulls: Some(0),
            ..ColumnLine::default()
        }],
    })
}

fn written() -> (Commit, Vec<u8>) {
    let mut commit = Commit::new("append");
    commit.header.tag = Some(Tag { application: "a".to_owned(), id: 1, payload: None });
    commit.adds.push(add("x"));
    commit.removes.push(add("y"));
    let (body, lines) = commit.body().unwrap();
    commit.header.lines = Some(lines);
    commit.header.version = 5;
    let mut bytes = Vec::new();
    write_line(&mut bytes, &commit.header).unwrap();
    bytes.extend(body);
    (commit, bytes)
}

#[test]
fn commits_survive_and_damage_is_found() {
    let (commit, bytes) = written();
    let read = Commit::parse(5, 0, &bytes).unwrap();
    assert_eq!((&read.header, &read.adds, &read.removes), (&commit.header, &commit.adds, &commit.removes));
    assert!(Commit::parse(6, 0, &bytes).is_err(), "another version");
    // Cut short anywhere, it is an error.
    for end in 0..bytes.len() {
        assert_eq!(Commit::parse(5, 0, &bytes[..end]).unwrap_err().kind(), ErrorKind::InvalidData, "{end}");
    }
}

#[test]
fn what_is_unknown_is_refused_by_name() {
    let text = String::from_utf8(written().1).unwrap();
    let read = |text: String| Commit::parse(5, 0, text.as_bytes()).unwrap_err();
    let error = read(text.replace("\"format\":1", "\"format\":2"));
    assert_eq!((error.kind(), error.context("format")), (ErrorKind::Unsupported, Some("2")));
    let error = read(text.replace("\"features\":[]", "\"features\":[\"vectors\"]"));
    assert_eq!((error.kind(), error.context("feature")), (ErrorKind::Unsupported, Some("vectors")));
    for (from, to) in [
        ("\"size\":7", "\"size\":7,\"other\":1"),
        ("\"size\":7", "\"size\":-7"),
        ("{\"add\"", "{\"append\""),
        ("\"operation\":\"append\"", "\"operation\":\"append\",\"x\":0"),
    ] {
        assert!(text.contains(from), "{from}");
        assert_eq!(read(text.replace(from, to)).kind(), ErrorKind::InvalidData, "{to}");
    }
}
