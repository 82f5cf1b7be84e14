//! What a file can say is what the crates that it speaks of take: no more, no less, and with the same defaults.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

use std::collections::BTreeSet;

use serde_json::{Value, json};
use stitchwork_core::{PartitionField, Transform};
use stitchwork_project::{Config, Known, LoadArgs, PartitionBy, Project, Source};
use stitchwork_source_rest::{RestConfig, RestSource};

fn load(text: &str) -> Project {
    let known = Known::default();
    Project::load(LoadArgs { file: "s.yaml", text: text.as_bytes(), profile: None, known: &known })
        .unwrap_or_else(|e| panic!("{text}\n{e}"))
}

fn rest(source: &Value) -> Result<RestConfig, String> {
    let file = json!({ "pipelines": { "p": { "source": source, "destination": { "log": "delta", "location": "d" } } } });
    let known = Known::default();
    let text = file.to_string();
    let project = Project::load(LoadArgs { file: "s", text: text.as_bytes(), profile: None, known: &known })
        .map_err(|e| e.to_string())?;
    let Source::Rest(rest) = &project.config.pipelines["p"].source else { panic!() };
    let settings = rest.settings(&project.resolver(|_| None)).unwrap().into_exposed();
    Ok(serde_json::from_value(settings.clone()).unwrap_or_else(|e| panic!("{settings}\n{e}")))
}

/// A source with every setting, each other than its default, in the words of the source itself.
fn everything() -> Value {
    json!({
        "base_url": "https://h/v1",
        "headers": { "X-A": "b" },
        "auth": { "type": "api_key", "name": "k", "key": "v", "location": "cookie" },
        "paginator": { "type": "page_number", "first": 0, "param": "p", "send_in": "body", "total_pages": "n" },
        "allow_cross_origin": true,
        "requests": {
            "timeout_seconds": 1.5, "max_attempts": 2, "backoff_seconds": 0.5, "max_delay_seconds": 9.0,
            "max_rate_limit_wait_seconds": 8.0, "max_response_bytes": 7,
        },
        "streams": [{
            "name": "s", "path": "/x", "method": "POST", "params": { "a": "1" }, "json": { "q": [1, null] },
            "data_selector": "items",
            "paginator": { "type": "cursor", "path": "a.b", "param": "c", "send_in": "body", "has_more": "more" },
            "primary_key": ["a", "b"],
            "incremental": {
                "cursor_path": "at", "start_param": "since", "start_in": "body", "initial_value": 5,
                "boundary": "open", "row_order": "ascending", "on_missing": "include",
            },
            "on_errors": "include",
            "on_missing_rows": "empty",
        }],
    })
}

fn tagged(mut source: Value) -> Value {
    source["type"] = "rest".into();
    source
}

#[test]
fn every_setting_of_the_source_can_be_said() {
    let own: RestConfig = serde_json::from_value(everything()).unwrap();
    // Whoever adds a setting to the source finds it missing here.
    let keys = |value: &Value| value.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
    let written = serde_json::to_value(&own).unwrap();
    assert_eq!(keys(&written), keys(&everything()));
    assert_eq!(keys(&written["requests"]), keys(&everything()["requests"]));
    assert_eq!(keys(&written["streams"][0]), keys(&everything()["streams"][0]));
    assert_eq!(keys(&written["streams"][0]["incremental"]), keys(&everything()["streams"][0]["incremental"]));
    assert_eq!(rest(&tagged(everything())).unwrap(), own);
}

#[test]
fn every_kind_of_a_setting_can_be_said_and_defaults_are_those_of_the_source() {
    let with = |key: &str, value: Value| {
        let mut source = json!({ "base_url": "https://h", "streams": [{ "name": "s" }] });
        source[key] = value;
        source
    };
    let mut sources = vec![json!({ "base_url": "https://h", "streams": [{ "name": "s" }] })];
    for auth in [
        json!({ "type": "bearer", "token": "x" }),
        json!({ "type": "basic", "username": "x", "password": "y" }),
        json!({ "type": "api_key", "name": "x", "key": "y" }),
    ] {
        sources.push(with("auth", auth));
    }
    for paginator in
        ["auto", "single", "header_link", "json_link", "cursor", "last_row", "offset", "page_number"]
    {
        sources.push(with("paginator", json!({ "type": paginator })));
        let short = rest(&tagged(with("paginator", json!(paginator)))).unwrap();
        let own: RestConfig =
            serde_json::from_value(with("paginator", json!({ "type": paginator }))).unwrap();
        assert_eq!(short, own);
        // Whoever adds a setting to a paginator finds it missing here.
        let mut full = serde_json::to_value(&own).unwrap()["paginator"].take();
        for (_, value) in full.as_object_mut().unwrap().iter_mut().filter(|(_, value)| value.is_null()) {
            *value = json!("said");
        }
        sources.push(with("paginator", full));
    }
    for streams in [
        json!([{ "name": "s", "incremental": { "cursor_path": "x" } }]),
        json!([{ "name": "s", "method": "POST", "json": [] }]),
    ] {
        sources.push(with("streams", streams));
    }
    for source in sources {
        assert_eq!(rest(&tagged(source.clone())).unwrap(), serde_json::from_value(source).unwrap());
    }
    let short = json!([{ "name": "s", "primary_key": "id", "incremental": "x" }]);
    let full = json!([{ "name": "s", "primary_key": ["id"], "incremental": { "cursor_path": "x" } }]);
    assert_eq!(
        rest(&tagged(with("streams", short))).unwrap(),
        serde_json::from_value(with("streams", full)).unwrap()
    );
}

#[test]
fn what_passes_the_check_builds_a_source_and_what_does_not_would_not() {
    let with = |path: &str| {
        let streams = json!([{ "name": "s", "data_selector": path }]);
        json!({ "base_url": "https://h", "streams": streams })
    };
    let paths = [
        "$",
        "items",
        "$.a.b",
        "a[\"b.c\"].d",
        "[\"@x\"]",
        "",
        "a..b",
        "a.",
        ".a",
        "a[0]",
        "a[*]",
        "*",
        "a[\"b",
        "$a",
        "$[\"x\"]",
        "a\"",
        "$.",
        "a[\"b\"]c",
        "[\"\"]",
    ];
    for path in paths {
        let own: RestConfig = serde_json::from_value(with(path)).unwrap();
        assert_eq!(rest(&tagged(with(path))).is_ok(), RestSource::new(own).is_ok(), "{path}");
    }
    for url in ["https://h", "http://h/a?b=c", "ftp://h", "h", "https://", "https://u@h", "https://h/@x"] {
        let source = json!({ "base_url": url, "streams": [{ "name": "s" }] });
        let own: RestConfig = serde_json::from_value(source.clone()).unwrap();
        assert_eq!(rest(&tagged(source)).is_ok(), RestSource::new(own).is_ok(), "{url}");
    }
}

#[test]
fn partition_fields_are_written_as_they_are_read() {
    for (text, field) in [
        ("country", PartitionField::identity("country")),
        ("day(at)", PartitionField::new("at", Transform::Day)),
        ("bucket(16, id)", PartitionField::new("id", Transform::Bucket(16))),
        ("truncate(4, name)", PartitionField::new("name", Transform::Truncate(4))),
    ] {
        let by: PartitionBy = serde_json::from_value(text.into()).unwrap();
        assert_eq!((by.0.clone(), serde_json::to_value(by).unwrap()), (field, text.into()));
    }
    assert_eq!(PartitionBy::parse(" days( at ) ").unwrap(), PartitionBy::parse("day(at)").unwrap());
}

#[test]
fn a_file_comes_back_as_it_was() {
    let file = json!({
        "version": 1,
        "profile": null,
        "engine": { "type": "datafusion", "options": { "batch_size": 10 } },
        "stores": { "s3://b": { "region": "x", "secret_access_key": "${env:K}" } },
        "catalogs": { "c": { "url": "sqlite:$${x}${env:A:-b}" } },
        "destinations": { "d": {
            "log": "iceberg", "location": "x", "catalog": "c", "namespace": "a.b", "properties": { "p": "q" },
            "partition_by": { "t": ["day(at)", "x"] },
            "write": {
                "format": "parquet", "format_options": { "compression": "zstd" }, "target_file_bytes": 1,
                "max_open_files": 2, "read_ahead": 3, "conflict_retries": 4, "memory_bytes": 5,
                "file_metadata": { "k": "v" },
            },
        } },
        "pipelines": {
            "p": {
                "source": { "type": "url", "url": "x://y", "options": { "o": true },
                            "streams": { "s": { "table_name": "{type}", "primary_key": "id", "max_table_nesting": 2, "max_tables": 5 } } },
                "destination": "d", "write_disposition": "replace", "select": ["s"],
                "commit": { "rows": 1, "bytes": 2, "interval_seconds": 0.5 },
            },
            "q": { "source": tagged(json!({ "base_url": "${env:U}", "streams": [{ "name": "s" }] })),
                   "destination": { "log": "delta", "location": "y" } },
        },
        "tables": { "t": { "location": ["a", "b"], "format": "csv", "columns": "first" },
                    "u": { "location": "z", "log": "files", "options": { "hive": "false" } } },
    });
    let config = load(&file.to_string()).config;
    let written = serde_json::to_string(&config).unwrap();
    let again = load(&written).config;
    assert_eq!(again, config);
    // Other readers than ours give the same.
    assert_eq!(serde_json::from_str::<Config>(&written).unwrap(), config);
    assert_eq!(config.destinations["d"].namespace(), ["a", "b"]);
    assert_eq!(config.destinations["d"].partitioning()["t"].len(), 2);
    let tables = &config.pipelines["p"].stream_tables()["s"];
    assert_eq!((tables.max_table_nesting, tables.max_tables), (Some(2), Some(5)));
    let options = config.engine.open_url(&load(&written).resolver(|_| None)).unwrap();
    assert_eq!((options.url.as_str(), options.options["batch_size"].as_str()), ("datafusion:", "10"));
}
