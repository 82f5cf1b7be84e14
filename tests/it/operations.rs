//! The table operations over every log, catalog and store.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Int32Array, Int64Array, StringArray};
use futures::TryStreamExt;
use stitchwork::core::{
    At, CreateArgs, DataFile, ErrorKind, FileFilter, HistoryArgs, PartitionField, Relation, ScanArgs, col,
};
use stitchwork::tables::{AppendArgs, DeleteArgs, OverwriteArgs, Table, TableConfig};
use stitchwork_tests::layers::Place;
use stitchwork_tests::rows::{animals, batch, of_relation, of_table, stream};

/// A table of four animals; the name says whether it is partitioned.
async fn filled(place: &Place, name: &str) -> Table {
    let rows = animals(1, &[Some("ant"), Some("bee"), None, Some("ant")]);
    let mut create = CreateArgs::new(rows.schema());
    if name == "parted" {
        create.partitioning = vec![PartitionField::identity("name")];
    }
    let table = place.create(name, create).await.unwrap();
    table.append(stream(rows), AppendArgs::default()).await.unwrap();
    table
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_come_back_from_a_table_that_is_opened_anew() {
    for place in Place::all().await.unwrap() {
        for name in ["plain", "parted"] {
            let table = filled(&place, name).await;
            let rows = of_table(&place.open(name).await.unwrap()).await.unwrap();
            assert_eq!(rows, ["id=1|name=ant", "id=2|name=bee", "id=3|name=∅", "id=4|name=ant"], "{place}");
            let some = ScanArgs::default().with_predicate(col("name").eq("ant")).with_projection(vec![0]);
            assert_eq!(
                of_relation(&table.relation(At::Latest).await.unwrap(), some).await.unwrap(),
                ["id=1", "id=4"],
                "{place}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_works_over_every_combination_of_layers() {
    for place in Place::all().await.unwrap() {
        operations(&place, "plain").await;
        operations(&place, "parted").await;
    }
}

/// Readers are not told the options that files were written with.
#[tokio::test(flavor = "multi_thread")]
async fn rows_come_back_whatever_options_their_files_are_written_with() {
    let rows = animals(1, &[Some("ant"), Some(""), None, Some("NA"), Some("a;b\tc\r\nd"), Some("'e'")]);
    let expected = stitchwork_tests::rows::texts(std::slice::from_ref(&rows)).unwrap();
    for (format, option, ending) in [
        ("csv", ("compression", "gzip"), Some(".csv.gz")),
        ("csv", ("compression", "xz"), Some(".csv.xz")),
        ("csv", ("delimiter", "\\t"), Some(".tsv")),
        ("csv", ("terminator", "crlf"), Some(".csv")),
        ("csv", ("delimiter", ";"), None),
        ("csv", ("header", "false"), None),
        ("csv", ("quote", "'"), None),
        ("csv", ("null_texts", "NA"), None),
        ("csv", ("terminator", "lf"), None),
        ("json", ("compression", "zstd"), Some(".json.zst")),
        ("json", ("explicit_nulls", "true"), Some(".json")),
        ("avro", ("compression", "zstd"), Some(".avro")),
        ("ipc", ("layout", "stream"), Some(".arrow")),
        ("ipc", ("compression", "zstd"), Some(".arrow")),
        ("parquet", ("compression", "uncompressed"), Some(".parquet")),
    ] {
        let place = Place::new("files", "none", "file").await.unwrap();
        let config = TableConfig {
            format: format.to_owned(),
            format_options: [(option.0.to_owned(), option.1.to_owned())].into(),
            ..TableConfig::default()
        };
        let create = CreateArgs::new(rows.schema());
        let table = Table::create(&place.registry, &place.reference("t"), create, config).await.unwrap();
        let appended = table.append(stream(rows.clone()), AppendArgs::default()).await;
        let Some(ending) = ending else {
            let error = appended.unwrap_err();
            assert_eq!(error.context("option"), Some(option.0), "{format} {option:?}: {error:?}");
            assert_eq!(error.kind(), ErrorKind::InvalidConfig);
            continue;
        };
        appended.unwrap();
        let names = table.snapshot().await.unwrap().files(FileFilter::default());
        let names: Vec<DataFile> = names.try_collect::<Vec<_>>().await.unwrap().concat();
        assert!(names[0].location.ends_with(ending), "{format} {option:?}: {}", names[0].location);
        let read = of_table(&place.open("t").await.unwrap()).await.unwrap();
        assert_eq!(read, expected, "{format} {option:?}");
    }
}

async fn operations(place: &Place, name: &str) {
    let table = filled(place, name).await;
    let first = table.snapshot().await.unwrap();

    let gone = table
        .delete(DeleteArgs { predicate: Some(col("name").eq("ant").and(col("id").gt(1_i64))), tag: None })
        .await
        .unwrap();
    assert_eq!((gone.rows_removed, gone.rows_added), (1, 0), "{place}");
    assert_eq!(of_table(&table).await.unwrap(), ["id=1|name=ant", "id=2|name=bee", "id=3|name=∅"], "{place}");

    let nothing =
        table.delete(DeleteArgs { predicate: Some(col("id").eq(99_i64)), tag: None }).await.unwrap();
    assert_eq!(nothing.files_removed, 0, "{place}");

    let legs = batch(vec![
        ("id", Arc::new(Int64Array::from(vec![5]))),
        ("name", Arc::new(StringArray::from(vec!["cat"]))),
        ("legs", Arc::new(Int32Array::from(vec![4]))),
    ]);
    let refused = table.append(stream(legs.clone()), AppendArgs::default()).await.unwrap_err();
    assert_eq!(
        (refused.kind(), refused.context("column")),
        (ErrorKind::InvalidInput, Some("legs")),
        "{place}"
    );
    table.append(stream(legs), AppendArgs { evolve: true, tag: None }).await.unwrap();
    assert_eq!(
        of_table(&table).await.unwrap(),
        ["id=1|legs=∅|name=ant", "id=2|legs=∅|name=bee", "id=3|legs=∅|name=∅", "id=5|legs=4|name=cat"],
        "{place}"
    );

    let outside = OverwriteArgs { predicate: Some(col("id").lt(3_i64)), ..OverwriteArgs::default() };
    let error = table.overwrite(stream(animals(7, &[Some("dog")])), outside.clone()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{place}: a new row must pass the predicate");
    table.overwrite(stream(animals(2, &[Some("dog")])), outside).await.unwrap();
    assert_eq!(
        of_table(&table).await.unwrap(),
        ["id=2|legs=∅|name=dog", "id=3|legs=∅|name=∅", "id=5|legs=4|name=cat"],
        "{place}"
    );

    table.overwrite(stream(animals(9, &[Some("eel")])), OverwriteArgs::default()).await.unwrap();
    let reopened = place.open(name).await.unwrap();
    assert_eq!(of_table(&reopened).await.unwrap(), ["id=9|legs=∅|name=eel"], "{place}");

    let then = reopened.relation(At::Version(first.version())).await.unwrap();
    assert_eq!(
        of_relation(&then, ScanArgs::default()).await.unwrap(),
        ["id=1|name=ant", "id=2|name=bee", "id=3|name=∅", "id=4|name=ant"],
        "{place}: time travel"
    );
    assert!(then.editor().is_none(), "the past cannot be changed");

    let history: Vec<_> = reopened.history(HistoryArgs::default()).try_collect().await.unwrap();
    let operations: Vec<&str> = history
        .iter()
        .map(|v| v.operation.as_str())
        .filter(|o| !o.to_lowercase().starts_with("create") && *o != "add columns")
        .collect();
    assert_eq!(operations.len(), 5, "{place}: {operations:?}");
    assert!(history.windows(2).all(|pair| pair[0].timestamp_ms >= pair[1].timestamp_ms), "{place}");

    let set = BTreeMap::from([("comment".to_owned(), Some("animals".to_owned()))]);
    table.set_properties(set).await.unwrap();
    assert_eq!(
        reopened.snapshot().await.unwrap().properties().get("comment").map(String::as_str),
        Some("animals"),
        "{place}"
    );

    let all = table.delete(DeleteArgs::default()).await.unwrap();
    assert_eq!(all.rows_removed, 1, "{place}");
    assert!(of_table(&reopened).await.unwrap().is_empty(), "{place}");
}
