//! Project files that are empty or not there, and places that are nearly right.

use crate::support::Folder;

#[test]
fn a_project_file_that_is_empty_or_missing_is_told() {
    for text in ["", "# later\n", "{}\n"] {
        let folder = Folder::new();
        folder.write("stitchwork.yaml", text);
        for (args, says) in [
            (&["check"][..], "the project file is empty"),
            (&["run"], "no pipeline"),
            (&["run", "--all"], "no pipeline"),
            (&["clean"], "no pipeline"),
            (&["state"], "no pipeline"),
        ] {
            let ran = folder.run(args);
            assert_eq!(ran.code, 3, "{text:?} {args:?}: {ran:?}");
            for words in [says, "file=stitchwork.yaml", "stitchwork init"] {
                assert!(ran.stderr.contains(words), "{text:?} {args:?}: no {words:?} in {ran:?}");
            }
        }
        // What needs no pipeline goes on.
        assert_eq!(folder.ok(["sql", "select 1 as n", "-o", "csv"]), "n\n1\n");
    }
    let folder = Folder::new();
    folder.write("stitchwork.yaml", "stores: {\"s3://\": {region: x}}\n");
    let ran = folder.run(["check"]);
    assert!(ran.code == 0 && ran.stderr.contains("no mistake"), "{ran:?}");

    let folder = Folder::new();
    for (args, says) in [
        (&["run"][..], "stitchwork.yaml,stitchwork.yml"),
        (&["tables"], "there is no project file here"),
        (&["run", "no/such.yaml"], "file=no/such.yaml"),
        (&["check", "no/such.yaml"], "there is no such project file"),
        (&["check", "."], "this is a folder"),
        (&["--project", "no/such.yaml", "sql", "select 1"], "file=no/such.yaml"),
    ] {
        let ran = folder.run(args);
        assert_eq!(ran.code, 3, "{args:?}: {ran:?}");
        assert!(ran.stderr.contains(says) && ran.stderr.contains("stitchwork init"), "{args:?}: {ran:?}");
    }
}

#[test]
fn the_name_of_a_pipeline_in_another_place_is_told() {
    let folder = Folder::new();
    let shop = "pipelines: {shop: {source: {type: rest, base_url: 'http://127.0.0.1:9', streams: [{name: s}]}, destination: {log: delta, location: d}}}";
    folder.write("stitchwork.yaml", shop);
    for command in ["run", "state", "clean"] {
        let ran = folder.run([command, "shop"]);
        assert!(ran.code == 3 && ran.stderr.contains("did_you_mean=-p shop"), "{ran:?}");
        let ran = folder.run([command, "other"]);
        assert!(ran.code == 3 && !ran.stderr.contains("did_you_mean"), "{ran:?}");
        let ran = folder.run([command, "-p", "shpo"]);
        assert!(ran.code == 1 && ran.stderr.contains("did_you_mean=shop"), "{ran:?}");
    }
    // A file of this name is one.
    folder.write("shop", shop);
    assert_eq!(folder.run(["state", "shop"]).code, 0);
}

#[test]
fn the_name_of_a_file_without_single_quotes_is_told() {
    let folder = Folder::new();
    folder.write("o.csv", "a\n1\n");
    folder.write("plain", "a\n1\n");
    for (table, meant) in [
        ("o.csv", "'o.csv'"),
        ("\"o.csv\"", "'o.csv'"),
        ("gone.parquet", "'gone.parquet'"),
        ("\"data/x.ndjson\"", "'data/x.ndjson'"),
        ("plain", "'plain'"),
    ] {
        for query in [format!("select * from {table}"), format!("from {table}")] {
            let ran = folder.run(["sql", &query]);
            assert!(ran.stderr.contains("single quotes"), "{query}: {ran:?}");
            assert!(ran.stderr.contains(&format!("did_you_mean={meant}")), "{query}: {ran:?}");
        }
    }
    let ran = folder.run(["sql", "select * from nothing"]);
    assert!(ran.code == 1 && !ran.stderr.contains("quotes"), "{ran:?}");
}

#[test]
fn a_scheme_that_is_nearly_right_is_told() {
    let folder = Folder::new();
    for (query, meant) in [
        ("select * from 's4://bucket/x.parquet'", "s3://"),
        ("select * from delta('htp://host/x')", "http://"),
        ("select * from 'S3://bucket/x/*.csv'", "s3://"),
    ] {
        let ran = folder.run(["sql", query]);
        assert_ne!(ran.code, 0, "{query}");
        assert!(ran.stderr.contains(&format!("did_you_mean={meant}")), "{query}: {ran:?}");
    }
}

#[test]
fn what_a_query_does_is_told_when_asked() {
    let folder = Folder::new().people();
    let query = "select count(*) as n from 'data/people.parquet' where id > 1";
    let quiet = folder.run(["sql", query, "-o", "csv"]);
    assert_eq!((quiet.stdout.as_str(), quiet.stderr.as_str()), ("n\n2\n", ""));
    let told = folder.run(["sql", query, "-o", "csv", "-v"]);
    assert_eq!(told.stdout, "n\n2\n");
    for words in [
        "files are planned",
        "files=1",
        "of=1",
        "filter=",
        "a query is answered",
        "planned=",
        "ran=",
        "rows=1",
    ] {
        assert!(told.stderr.contains(words), "no {words:?} in {told:?}");
    }
    for words in ["a store was asked", "store=\"file://\"", "requests=", "read=", "waited="] {
        assert!(told.stderr.contains(words), "no {words:?} in {told:?}");
    }
    assert!(!told.stderr.contains("a store is asked"), "each request would be too much: {told:?}");
    let all = folder.run(["sql", query, "-o", "csv", "-vv"]);
    assert_eq!(all.stdout, "n\n2\n");
    for words in
        ["a file is planned", "people.parquet", "a store is asked", "request=\"head\"", "request=\"get"]
    {
        assert!(all.stderr.contains(words), "no {words:?} in {all:?}");
    }
    assert_eq!(folder.run(["sql", query, "-o", "csv", "-v", "--quiet"]).stderr, "");
}
