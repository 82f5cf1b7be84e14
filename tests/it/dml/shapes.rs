//! Changes in SQL over tables of other shapes: rows deleted by position before, columns whose names need quotes or
//! are mapped, other formats, tables that only take appends.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use futures::TryStreamExt;
use stitchwork::ErrorKind;
use stitchwork::core::{Changes, CommitArgs, CreateArgs, FileFilter, PartitionField, WriteDeletesArgs};
use stitchwork::tables::{Table, TableConfig};
use stitchwork_tests::lake::{Lake, versions};
use stitchwork_tests::layers::LOGS;

use super::{make, news};

fn properties(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
}

/// Deletes the first and the last row of every file by their positions.
async fn delete_ends(table: &Table) {
    let base = table.snapshot().await.unwrap();
    let files = base.files(FileFilter::default()).try_concat().await.unwrap();
    let mut changes = Changes::default();
    for file in files {
        let positions = [0, file.rows.unwrap() - 1].into_iter().collect();
        let args = WriteDeletesArgs { file: file.clone(), positions };
        changes.deletes.push((file, table.log().write_deletes(args).await.unwrap()));
    }
    table.log().commit(CommitArgs::new(base, "delete", changes)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_deleted_by_position_stay_away() {
    for log in LOGS {
        let lake = Lake::new(log, "sqlite", "file").await.unwrap();
        let mut create = CreateArgs::new(news());
        if log == "delta" {
            create.properties = properties(&[("delta.enableDeletionVectors", "true")]);
        }
        let table = lake.create("t", create).await.unwrap();
        for from in [0, 10, 20] {
            let sql = format!(
                "insert into lake.ns.t (id, n, kind) select v, v * 10, 'k' from generate_series({from}, {}) as g(v)",
                from + 9
            );
            lake.change(&sql).await.unwrap();
            if from < 20 {
                delete_ends(&table).await;
            }
        }
        let ids = |ids: &[i64]| ids.iter().map(|id| format!("id={id}")).collect::<Vec<_>>();
        let now = "select id from lake.ns.t where n = 1 order by id";
        let live: Vec<i64> = (1..9).chain(11..19).chain(20..30).collect();
        let mut sorted = ids(&live);
        sorted.sort();
        assert_eq!(lake.rows("select id from lake.ns.t").await.unwrap(), sorted, "{log}");

        let update = "update lake.ns.t set n = 1 where id % 4 = 0";
        assert_eq!(lake.change(update).await.unwrap(), 7, "{log}");
        let mut fours = ids(&[4, 8, 12, 16, 20, 24, 28]);
        fours.sort();
        assert_eq!(lake.rows(now).await.unwrap(), fours, "{log}");

        let delete = "delete from lake.ns.t where id in (select v from generate_series(0, 13) as g(v))";
        assert_eq!(lake.change(delete).await.unwrap(), 11, "{log}");
        assert_eq!(lake.change("delete from lake.ns.t where id <= 15").await.unwrap(), 2, "{log}");
        let merge = "merge into lake.ns.t t using (select v from generate_series(10, 21) as g(v)) s on t.id = s.v \
                     when matched and t.id < 18 then delete when matched then update set kind = 'm' \
                     when not matched and s.v = 10 then insert (id, kind) values (s.v, 'new')";
        assert_eq!(lake.change(merge).await.unwrap(), 6, "{log}");
        assert_eq!(
            lake.rows("select id, kind from lake.ns.t where kind <> 'k'").await.unwrap(),
            ["id=10|kind=new", "id=18|kind=m", "id=20|kind=m", "id=21|kind=m"],
            "{log}"
        );
        let (all, sum) =
            ("select count(*) as c, sum(id) as s from lake.ns.t", (10 + 18 + (20..30).sum::<i64>()));
        assert_eq!(lake.rows(all).await.unwrap(), [format!("c=12|s={sum}")], "{log}");
        let live = "select sum(rows - deleted) as c from lake.ns.\"t$files\"";
        assert_eq!(lake.rows(live).await.unwrap(), ["c=12"], "{log}");
        assert_eq!(lake.change("truncate table lake.ns.t").await.unwrap(), 12, "{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_are_quoted_and_mapped() {
    let mapped = properties(&[("delta.columnMapping.mode", "name")]);
    let logs = LOGS.into_iter().chain(["files"]).map(|log| (log, BTreeMap::new()));
    for (log, properties) in logs.chain([("delta", mapped)]) {
        let lake = Lake::new(log, "memory", "memory").await.unwrap();
        let field = |name: &str, data_type| Field::new(name, data_type, true);
        let plain = properties.is_empty() && log == "delta";
        // Plain Delta tables have no spaces in names.
        let spaced = if plain { "Legs_Count" } else { "Legs Count" };
        let mut create = CreateArgs::new(Arc::new(Schema::new(vec![
            field("Id", DataType::Int64),
            field("Zone", DataType::Int64),
            field(spaced, DataType::Int32),
            field("lower", DataType::Utf8),
        ])));
        create.properties = properties;
        create.partitioning = vec![PartitionField::identity("Zone")];
        lake.create("Odd", create).await.unwrap();
        let t = "lake.ns.\"Odd\"";
        for (sql, count) in [
            (format!("insert into {t} values (1, 10, 4, 'a'), (2, null, 6, 'b'), (3, 30, null, 'c')"), 3),
            (format!("insert into {t} (\"{spaced}\", LOWER, \"Id\") values (8, 'd', 4)"), 1),
            (
                format!(
                    "update {t} set \"{spaced}\" = \"{spaced}\" + 1, LOWER = Lower || '!' where \"Id\" < 3"
                ),
                2,
            ),
            (format!("update {t} set \"Zone\" = \"Id\" where \"Zone\" is null"), 2),
            (
                format!(
                    "merge into {t} as x using {t} as s on x.\"Id\" = s.\"Id\" + 1 and x.\"Zone\" = x.\"Id\" \
                     when matched then update set \"{spaced}\" = s.\"{spaced}\" * 100, lower = upper(x.lower) \
                     when not matched and s.\"Id\" = 4 then insert (\"Id\", \"{spaced}\") values (5, s.\"{spaced}\")"
                ),
                3,
            ),
            (format!("delete from {t} where \"Zone\" = 30 and lower in (select 'c')"), 1),
        ] {
            assert_eq!(lake.change(&sql).await.unwrap(), count, "{log}: {sql}");
        }
        let rows = lake.rows(&format!("select * from {t}")).await.unwrap();
        assert_eq!(
            rows,
            [
                format!("Id=1|{spaced}=5|Zone=10|lower=a!"),
                format!("Id=2|{spaced}=500|Zone=2|lower=B!"),
                format!("Id=4|{spaced}=∅|Zone=4|lower=D"),
                format!("Id=5|{spaced}=8|Zone=∅|lower=∅"),
            ],
            "{log}"
        );
        for sql in [format!("update {t} set id = 1"), format!("update {t} set lower = 'x', LOWER = 'y'")] {
            let error = lake.change(&sql).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{log}: {sql}: {error:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn folders_of_every_format_are_changed() {
    for format in ["parquet", "avro", "ipc", "csv", "json"] {
        let lake = Lake::new("files", "sqlite", "file").await.unwrap();
        let config = TableConfig { format: format.to_owned(), ..TableConfig::default() };
        let reference = lake.place.reference("news");
        let create =
            CreateArgs { properties: properties(&[("files.format", format)]), ..CreateArgs::new(news()) };
        Table::create(&lake.place.registry, &reference, create, config.clone()).await.unwrap();
        lake.attach(config).await.unwrap();
        let insert = "insert into lake.ns.news values (1, 'ant', 1, true), (2, 'bee', 2, null), (3, null, null, false)";
        assert_eq!(lake.change(insert).await.unwrap(), 3, "{format}");
        for (sql, count) in [
            ("update lake.ns.news set n = coalesce(n, 0) + id where kind is null or gone", 2),
            ("delete from lake.ns.news where kind = 'bee'", 1),
            ("delete from lake.ns.news where id in (select 3)", 1),
            (
                "merge into lake.ns.news t using (values (1), (9)) s (id) on t.id = s.id \
                 when matched then update set kind = 'm' when not matched then insert (id) values (s.id)",
                2,
            ),
        ] {
            assert_eq!(lake.change(sql).await.unwrap(), count, "{format}: {sql}");
        }
        assert_eq!(
            lake.rows("select * from lake.ns.news").await.unwrap(),
            ["gone=true|id=1|kind=m|n=2", "gone=∅|id=9|kind=∅|n=∅"],
            "{format}"
        );
        let formats = "select distinct format from lake.ns.\"news$files\"";
        assert_eq!(lake.rows(formats).await.unwrap(), [format!("format={format}")]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_only_takes_appends_says_so() {
    let lake = Lake::new("delta", "sqlite", "file").await.unwrap();
    let create =
        CreateArgs { properties: properties(&[("delta.appendOnly", "true")]), ..CreateArgs::new(news()) };
    let table = lake.create("log", create).await.unwrap();
    lake.change("insert into lake.ns.log (id, n) values (1, 10), (2, 20)").await.unwrap();
    let before = versions(&table).await.unwrap().len();
    for sql in [
        "update lake.ns.log set n = n + 1 where id = 1",
        "delete from lake.ns.log where id = 1",
        "delete from lake.ns.log where id in (select 1)",
        "delete from lake.ns.log",
        "truncate table lake.ns.log",
        "insert overwrite lake.ns.log values (1, 'x', 1, true)",
        "merge into lake.ns.log t using (select 1 as id) s on t.id = s.id when matched then delete",
    ] {
        let error = lake.change(sql).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.context("property")),
            (ErrorKind::Unsupported, Some("delta.appendOnly")),
            "{sql}: {error:?}"
        );
    }
    let merge = "merge into lake.ns.log t using (values (1), (3)) s (id) on t.id = s.id \
                 when not matched then insert (id) values (s.id)";
    assert_eq!(lake.change(merge).await.unwrap(), 1, "a merge that only adds is an append");
    assert_eq!(versions(&table).await.unwrap().len(), before + 1);
    assert_eq!(
        lake.rows("select id, n from lake.ns.log").await.unwrap(),
        ["id=1|n=10", "id=2|n=20", "id=3|n=∅"]
    );
    let (parquet, live) = (super::refused::files(&lake, "log"), super::refused::live(&lake, "log").await);
    assert_eq!(parquet, live, "a file of a refused change is left");

    // The other tables of the catalog are as free as ever.
    make(&lake, false).await;
    lake.change("insert into lake.ns.news select * from lake.ns.log").await.unwrap();
    assert_eq!(lake.change("delete from lake.ns.news").await.unwrap(), 3);
}
