//! The past in SQL over every log, and what a table says of itself, against the log's own word and the peers'.

mod metadata;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::TimestampMillisecondArray;
use arrow::datatypes::{DataType, Field, Schema};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use stitchwork::core::{CreateArgs, PartitionField, Version};
use stitchwork::tables::Table;
use stitchwork::{Error, ErrorKind};
use stitchwork_tests::lake::{Lake, versions};
use stitchwork_tests::layers::LOGS;
use stitchwork_tests::oracle::{Oracles, read_parquet};
use stitchwork_tests::rows::texts;

/// A table with a past: what it was after each step.
struct Past {
    lake: Lake,
    table: Table,
    /// The rows of each version, as the newest one had them when it was the newest.
    rows: BTreeMap<i64, Vec<String>>,
    /// The versions after each of the five changes, oldest first.
    changes: Vec<i64>,
    /// The log's own word, oldest first.
    history: Vec<Version>,
}

const CHANGES: [&str; 5] = [
    "insert into lake.ns.t values (1, 'a'), (2, 'b')",
    "update lake.ns.t set kind = 'B' where id = 2",
    "insert into lake.ns.t values (3, 'c', 'new'), (4, null, null)",
    "delete from lake.ns.t where id = 1",
    "insert into lake.ns.t (id, note) values (5, 'last')",
];

impl Past {
    async fn new(log: &str) -> Self {
        let lake = Lake::new(log, "sqlite", "file").await.unwrap();
        let mut create = CreateArgs::new(Arc::new(Schema::new(vec![
            Field::new("id", DataType::Int64, true),
            Field::new("kind", DataType::Utf8, true),
        ])));
        create.partitioning = vec![PartitionField::identity("kind")];
        let table = lake.create("t", create).await.unwrap();
        let mut past = Self { lake, table, rows: BTreeMap::new(), changes: vec![], history: vec![] };
        past.keep().await;
        for (number, sql) in CHANGES.iter().enumerate() {
            if number == 2 {
                let note = Arc::new(Schema::new(vec![Field::new("note", DataType::Utf8, true)]));
                past.table.add_columns(&note).await.unwrap();
                past.keep().await;
            }
            past.lake.change(sql).await.unwrap();
            let version = past.keep().await;
            past.changes.push(version);
        }
        past.history = versions(&past.table).await.unwrap();
        past.history.reverse();
        past
    }

    /// Notes the rows of the newest version. Times between two versions are needed, so a moment passes.
    async fn keep(&mut self) -> i64 {
        let version = self.table.snapshot().await.unwrap().version();
        let rows = self.lake.rows("select * from lake.ns.t").await.unwrap();
        // A schema alone is no version to some logs; the version is then as it was.
        self.rows.entry(version).or_insert(rows);
        tokio::time::sleep(Duration::from_millis(20)).await;
        version
    }

    async fn error(&self, sql: &str) -> Error {
        match self.lake.session.sql(sql).await {
            Ok(_) => panic!("{}: must be refused: {sql}", self.lake.place),
            Err(e) => e,
        }
    }
}

/// Whether an error says the name of a table as the statement has it; the log may have said where it lies.
fn names(error: &Error, table: &str) -> bool {
    error.to_string().split_whitespace().any(|word| word == format!("table={table}"))
}

fn every_log() -> impl Iterator<Item = &'static str> {
    LOGS.into_iter().chain(["files"])
}

/// A time as it is written in SQL.
fn moment(timestamp_ms: i64) -> String {
    let array = TimestampMillisecondArray::from(vec![timestamp_ms]);
    let options = FormatOptions::default();
    let text = ArrayFormatter::try_new(&array, &options).unwrap().value(0).to_string();
    text.replace('T', " ")
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_is_read_by_number_and_by_time() {
    for log in every_log() {
        let past = Past::new(log).await;
        assert!(past.history.len() >= 5, "{log}: {:?}", past.history);
        for (place, version) in past.history.iter().enumerate() {
            let want = &past.rows[&version.id];
            for clause in ["version as of", "for version as of", "VERSION AS OF", "for system_version as of"]
            {
                let sql = format!("select * from lake.ns.t {clause} {}", version.id);
                assert_eq!(&past.lake.rows(&sql).await.unwrap(), want, "{log}: {sql}");
            }
            for clause in ["timestamp as of", "for timestamp as of timestamp", "for system_time as of"] {
                let sql = format!("select * from lake.ns.t {clause} '{}'", moment(version.timestamp_ms));
                assert_eq!(&past.lake.rows(&sql).await.unwrap(), want, "{log}: {sql}");
            }
            // A moment earlier it was not there yet.
            let sql =
                format!("select * from lake.ns.t timestamp as of '{}'", moment(version.timestamp_ms - 1));
            match place.checked_sub(1) {
                Some(before) => {
                    let want = &past.rows[&past.history[before].id];
                    assert_eq!(&past.lake.rows(&sql).await.unwrap(), want, "{log}: {sql}");
                }
                None => {
                    let error = past.error(&sql).await;
                    assert_eq!(error.kind(), ErrorKind::NotFound, "{log}: {error:?}");
                    let time = (version.timestamp_ms - 1).to_string();
                    assert!(error.to_string().contains(&time), "{log}: {error}");
                    assert!(names(&error, "t"), "{log}: {error}");
                }
            }
        }
        let late = "select * from lake.ns.t timestamp as of '2999-01-01'";
        assert_eq!(past.lake.rows(late).await.unwrap(), past.rows[&past.changes[4]], "{log}");
        let old = format!("select note from lake.ns.t version as of {}", past.changes[1]);
        let error = past.error(&old).await;
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{log}: the column came later: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_meet_in_joins_subqueries_and_changes() {
    for log in every_log() {
        let past = Past::new(log).await;
        let [first, second, third, fourth, fifth] = past.changes[..] else { panic!("{:?}", past.changes) };
        let answers: [(String, &[&str]); 10] = [
            (
                format!(
                    "select a.id, a.kind, b.kind as was from lake.ns.t version as of {second} a \
                     join lake.ns.t version as of {first} as b on a.id = b.id where a.kind <> b.kind"
                ),
                &["id=2|kind=B|was=b"],
            ),
            (
                format!(
                    "select t.id from lake.ns.t version as of {third} left join lake.ns.t n on t.id = n.id where n.id is null"
                ),
                &["id=1"],
            ),
            (
                format!(
                    "with old as (select * from lake.ns.t version as of {first}) select count(*) as c from old o where o.id not in (select id from lake.ns.t)"
                ),
                &["c=1"],
            ),
            (
                format!("select id from lake.ns.t except select id from lake.ns.t version as of {fourth}"),
                &["id=5"],
            ),
            (
                format!(
                    "select (select count(*) from lake.ns.t version as of {third}) as then, count(*) as now from lake.ns.t"
                ),
                &["now=4|then=4"],
            ),
            (
                format!(
                    "select id, note from lake.ns.t n where exists (select 1 from lake.ns.t version as of {second} o where o.id = n.id)"
                ),
                &["id=2|note=∅"],
            ),
            (
                format!(
                    "select max(s.c) as most from (select count(*) as c from lake.ns.t version as of {first} \
                     union all select count(*) from lake.ns.t version as of {third} \
                     union all select count(*) from lake.ns.t version as of {fifth}) s"
                ),
                &["most=4"],
            ),
            (format!("select t.kind from lake.ns.t version as of {first} where t.kind = 'b'"), &["kind=b"]),
            (
                format!(
                    "select count(*) as c, min(id) as low, max(kind) as high from lake.ns.t version as of {first}"
                ),
                &["c=2|high=b|low=1"],
            ),
            (
                "select 'version as of 3' as version, id as timestamp from lake.ns.t where id = 5".to_owned(),
                &["timestamp=5|version=version as of 3"],
            ),
        ];
        for (sql, want) in &answers {
            assert_eq!(past.lake.rows(sql).await.unwrap(), *want, "{log}: {sql}");
        }

        // What was deleted is brought back out of the past, and what was changed is set back.
        let back = format!(
            "insert into lake.ns.t (id, kind) select id, kind from lake.ns.t version as of {third} where id = 1"
        );
        assert_eq!(past.lake.change(&back).await.unwrap(), 1, "{log}");
        let back = format!(
            "merge into lake.ns.t t using lake.ns.t version as of {first} s on t.id = s.id and t.kind <> s.kind \
             when matched then update set kind = s.kind"
        );
        assert_eq!(past.lake.change(&back).await.unwrap(), 1, "{log}");
        assert_eq!(
            past.lake.rows("select id, kind from lake.ns.t where id < 3").await.unwrap(),
            ["id=1|kind=a", "id=2|kind=b"],
            "{log}"
        );
        let gone =
            format!("delete from lake.ns.t where id not in (select id from lake.ns.t version as of {first})");
        assert_eq!(past.lake.change(&gone).await.unwrap(), 3, "{log}");
        // The past is as it was.
        let sql = format!("select * from lake.ns.t version as of {fifth}");
        assert_eq!(past.lake.rows(&sql).await.unwrap(), past.rows[&fifth], "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_past_that_is_not_there_is_named() {
    for log in every_log() {
        let past = Past::new(log).await;
        let missing = past.history.iter().map(|v| v.id).max().unwrap() - 1_000_000_007;
        let missing = missing.abs();
        for sql in [
            format!("select * from lake.ns.t version as of {missing}"),
            format!("select * from lake.ns.\"t$files\" version as of {missing}"),
            format!(
                "select 1 from lake.ns.t a where a.id in (select id from lake.ns.t version as of {missing})"
            ),
            format!("insert into lake.ns.t select * from lake.ns.t version as of {missing}"),
        ] {
            let error = past.error(&sql).await;
            assert_eq!(error.kind(), ErrorKind::NotFound, "{log}: {sql}: {error:?}");
            assert_eq!(
                error.context("version"),
                Some(missing.to_string().as_str()),
                "{log}: {sql}: {error:?}"
            );
            assert!(names(&error, "t") || names(&error, "t$files"), "{log}: {sql}: {error:?}");
        }
        let error = past.error("select * from lake.ns.t version as of 'nowhere'").await;
        let kind = if log == "iceberg" { ErrorKind::NotFound } else { ErrorKind::Unsupported };
        assert_eq!((error.kind(), error.context("ref")), (kind, Some("nowhere")), "{log}: {error:?}");
        assert!(names(&error, "t"), "{log}: {error}");
        if log == "iceberg" {
            let main = past.lake.rows("select * from lake.ns.t version as of 'main'").await.unwrap();
            assert_eq!(main, past.rows[&past.changes[4]]);
        }
        let first = past.changes[0];
        let error = past.error(&format!("select * from lake.ns.nope version as of {first}")).await;
        assert_eq!(
            (error.kind(), error.context("table")),
            (ErrorKind::NotFound, Some("lake.ns.nope")),
            "{log}"
        );
        for sql in [
            format!("update lake.ns.t version as of {first} set kind = 'x'"),
            format!("select * from lake.ns.\"t$history\" version as of {first}"),
        ] {
            let error = past.error(&sql).await;
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{log}: {sql}: {error:?}");
            assert!(error.context("table").is_some(), "{log}: {sql}: {error:?}");
        }
        for sql in [
            "select * from lake.ns.t timestamp as of 'yesterday'",
            "select * from lake.ns.t version as of 99999999999999999999",
        ] {
            assert_eq!(past.error(sql).await.kind(), ErrorKind::InvalidInput, "{log}: {sql}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_peers_see_the_same_past() {
    let Some(oracles) = Oracles::find("the_peers_see_the_same_past") else { return };
    for log in LOGS {
        let past = Past::new(log).await;
        let folder = past.lake.place.folder.path().display().to_string();
        let out = past.lake.place.folder.path().join("out.parquet");
        let (uri, path) = (format!("sqlite:///{folder}/catalog.db"), format!("{folder}/tables/t"));
        for version in &past.history {
            let (id, out_text) = (version.id.to_string(), out.display().to_string());
            let args = ["--uri", &uri, "--catalog", "stitchwork", "--table", "ns.t", "--snapshot", &id];
            if log == "delta" {
                oracles.run("read_delta.py", &[&path, &out_text, "--version", &id]).unwrap();
            } else {
                oracles.run("read_iceberg.py", &[&[out_text.as_str()], &args[..]].concat()).unwrap();
            }
            let seen = texts(&read_parquet(&out).await.unwrap()).unwrap();
            assert_eq!(seen, past.rows[&version.id], "{log}: version {id}");
        }
    }
}
