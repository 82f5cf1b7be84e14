//! Folders without manifest: read as they are, and made tables by the first commit.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, new_null_array};
use arrow_schema::{DataType, Field};
use stitchwork_core::{
    At, Changes, CommitArgs, CommitState, ErrorKind, FileFilter, Predicate, Reads, Relation, Scalar,
    ScanArgs, StatsFor, WriteArgs, col, repeat,
};
use stitchwork_table::{DeleteArgs, OverwriteArgs, Table, TableConfig, TableRef};

use crate::rig::{Rig, append, create_args, history, ids, paths, rig, rows};

async fn write(rig: &Rig, path: &str, batch: &RecordBatch) {
    let object = rig.registry.stores().resolve(&format!("memory:t/{path}")).unwrap();
    let format = rig.registry.formats().get("parquet").unwrap();
    let mut writer = format.write(&object, WriteArgs::new(batch.schema())).await.unwrap();
    writer.write(batch).await.unwrap();
    writer.finish().await.unwrap();
}

fn plain(ids: &[i64]) -> RecordBatch {
    rows(ids, None).project(&[0]).unwrap()
}

/// Two files in folders of partitions, and what is no part of the table.
async fn folder() -> Rig {
    let rig = rig();
    write(&rig, "day=2024-01-01/n=01/x.parquet", &plain(&[1, 2])).await;
    write(&rig, "day=2024-01-02/n=__HIVE_DEFAULT_PARTITION__/y.parquet", &plain(&[3])).await;
    write(&rig, "_temporary/z.parquet", &plain(&[99])).await;
    write(&rig, "day=2024-01-02/n=2/.z.parquet", &plain(&[99])).await;
    rig
}

#[tokio::test]
async fn a_folder_is_read_as_it_is() {
    let rig = folder().await;
    let table = rig.open().await.unwrap();
    let snapshot = table.snapshot().await.unwrap();
    assert_eq!(snapshot.version(), -1);
    let types: Vec<DataType> = snapshot.schema().fields().iter().map(|f| f.data_type().clone()).collect();
    assert_eq!(types, [DataType::Int64, DataType::Date32, DataType::Int64]);
    assert_eq!(ids(&table, At::Latest).await, [1, 2, 3]);
    for (predicate, want) in [
        (col("n").eq(1_i64), 2),
        (col("n").is_null(), 1),
        (col("day").gt("2024-01-01"), 1),
        (col("id").gt(2_i64), 1),
    ] {
        let rows = table.scan(ScanArgs::default().with_predicate(predicate.clone())).await.unwrap();
        assert_eq!(stitchwork_core::count_rows(rows).await.unwrap(), want, "{predicate}");
    }
    // What comes is seen; reading has changed nothing.
    write(&rig, "day=2024-01-03/n=3/a.parquet", &plain(&[4])).await;
    assert_eq!(ids(&table, At::Latest).await, [1, 2, 3, 4]);
    assert!(rig.objects().await.iter().all(|path| !path.contains("_stitchwork")));
    assert_eq!(history(&table).await, Vec::<String>::new());
    assert_eq!(table.relation(At::Version(0)).await.unwrap_err().kind(), ErrorKind::NotFound);
    let typed = rig.open_with(&[("partition_types", "n:utf8")]).await.unwrap();
    assert_eq!(typed.snapshot().await.unwrap().schema().field(2).data_type(), &DataType::Utf8);
    let plain = rig.open_with(&[("hive", "false")]).await.unwrap();
    assert_eq!(plain.snapshot().await.unwrap().schema().fields().len(), 1);
}

#[tokio::test]
async fn files_of_other_types_give_all_that_they_hold_or_are_refused_by_name() {
    let column = |text: &str, data_type: &DataType| {
        let values = repeat(&Scalar::parse(text, data_type).unwrap(), 1).unwrap();
        RecordBatch::try_from_iter_with_nullable([("a", values, true)]).unwrap()
    };
    let (narrow, wide) = (DataType::Decimal128(5, 2), DataType::Decimal128(12, 4));
    for order in [["x", "y"], ["y", "x"]] {
        let rig = rig();
        write(&rig, &format!("{}.parquet", order[0]), &column("9.99", &narrow)).await;
        write(&rig, &format!("{}.parquet", order[1]), &column("9.9999", &wide)).await;
        let table = rig.open().await.unwrap();
        assert_eq!(table.snapshot().await.unwrap().schema().field(0).data_type(), &wide);
        for (text, want) in [("9.99", 1), ("9.9999", 1), ("10", 0)] {
            let exact = Scalar::parse(text, &wide).unwrap();
            let rows = table.scan(ScanArgs::default().with_predicate(col("a").eq(exact))).await.unwrap();
            assert_eq!(stitchwork_core::count_rows(rows).await.unwrap(), want, "{text}");
        }
        write(&rig, "z.parquet", &column("2024-02-29", &DataType::Date32)).await;
        let error = rig.open().await.unwrap().snapshot().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert_eq!((error.context("column"), error.context("option")), (Some("a"), Some("schema")));
        assert!(error.context("file").is_some_and(|file| file.ends_with("z.parquet")), "{error}");
    }
}

#[tokio::test]
async fn the_first_commit_adopts_what_is_there() {
    let rig = folder().await;
    let table = rig.open().await.unwrap();
    let schema = table.snapshot().await.unwrap().schema();
    let day = Scalar::parse("2024-01-02", &DataType::Date32).unwrap();
    let batch = RecordBatch::try_new(
        schema,
        vec![plain(&[5]).column(0).clone(), day.array().clone(), Arc::new(Int64Array::from(vec![Some(7)]))],
    )
    .unwrap();
    append(&table, &batch, Some(1)).await.unwrap();
    assert_eq!(history(&table).await, ["adopt", "append"]);
    assert_eq!(ids(&table, At::Version(0)).await, [1, 2, 3], "the folder as it was");
    assert_eq!(ids(&table, At::Version(1)).await, [1, 2, 3, 5]);
    let then = table.snapshot().await.unwrap().timestamp_ms();
    table.delete(DeleteArgs { predicate: Some(col("id").eq(1_i64)), tag: None }).await.unwrap();
    let fresh = rig.open().await.unwrap();
    assert_eq!(ids(&fresh, At::Latest).await, [2, 3, 5]);
    assert_eq!(ids(&fresh, At::Timestamp(then)).await, [1, 2, 3, 5]);
    assert_eq!(ids(&fresh, At::Version(0)).await, [1, 2, 3]);
    // Files that were there have statistics now.
    use futures::TryStreamExt;
    let filter = FileFilter { predicate: Some(col("id").gt(100_i64)), stats: StatsFor::All };
    assert!(fresh.snapshot().await.unwrap().files(filter).try_concat().await.unwrap().is_empty());
    // What others write into the folder afterwards is none of the table's.
    write(&rig, "day=2024-01-01/n=1/late.parquet", &plain(&[77])).await;
    assert_eq!(ids(&rig.open().await.unwrap(), At::Latest).await, [2, 3, 5]);
}

#[tokio::test]
async fn files_that_are_not_committed_yet_are_not_seen_in_a_folder() {
    let rig = folder().await;
    let table = rig.open_with(&[("hive", "false")]).await.unwrap();
    let mut sink = table.sink(table.snapshot().await.unwrap(), "part-").unwrap();
    sink.write(&plain(&[50])).await.unwrap();
    let files = sink.finish().await.unwrap();
    assert_eq!(ids(&rig.open().await.unwrap(), At::Latest).await, [1, 2, 3]);
    let base = table.snapshot().await.unwrap();
    let changes = Changes { added: files, ..Changes::default() };
    table.log().commit(CommitArgs::new(base, "append", changes)).await.unwrap();
    assert_eq!(ids(&rig.open().await.unwrap(), At::Latest).await, [1, 2, 3, 50]);
    // From now on names are the usual ones.
    let name = table.log().data_location(&[], "x.parquet");
    assert_eq!(name, "memory:t/x.parquet");
}

#[tokio::test]
async fn a_commit_to_a_folder_that_has_changed_is_a_conflict_where_it_matters() {
    let removing = async |base: &Arc<dyn stitchwork_core::Snapshot>, predicate: Predicate| {
        use futures::TryStreamExt;
        let filter = FileFilter { predicate: Some(predicate.clone()), ..FileFilter::default() };
        let removed = base.files(filter).try_concat().await.unwrap();
        let changes = Changes { removed, ..Changes::default() };
        CommitArgs { reads: Reads::Rows(predicate), ..CommitArgs::new(base.clone(), "delete", changes) }
    };
    // Somebody has added rows that were read, or others.
    for (n, conflict) in [("1", true), ("2", false)] {
        let rig = folder().await;
        let table = rig.open().await.unwrap();
        let base = table.snapshot().await.unwrap();
        write(&rig, &format!("day=2024-01-01/n={n}/new.parquet"), &plain(&[8])).await;
        let result = table.log().commit(removing(&base, col("n").eq(1_i64)).await).await;
        assert_eq!(result.is_err(), conflict, "{result:?}");
        if let Err(error) = result {
            assert_eq!(error.kind(), ErrorKind::Conflict);
            assert_eq!(error.commit_state(), Some(CommitState::NotCommitted));
        }
        let left = if conflict { vec![1, 2, 3, 8] } else { vec![3, 8] };
        assert_eq!(ids(&table, At::Latest).await, left, "nothing of anybody is lost");
    }
    // Somebody else has adopted the folder meanwhile, and removed the same file.
    let rig = folder().await;
    let (first, second) = (rig.open().await.unwrap(), rig.open().await.unwrap());
    let bases = [first.snapshot().await.unwrap(), second.snapshot().await.unwrap()];
    first.log().commit(removing(&bases[0], col("n").eq(1_i64)).await).await.unwrap();
    let error = second.log().commit(removing(&bases[1], col("n").eq(1_i64)).await).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    second.log().commit(removing(&bases[1], col("n").is_null()).await).await.unwrap();
    assert_eq!(ids(&first, At::Latest).await, Vec::<i64>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_adopt_at_once() {
    let rig = rig();
    write(&rig, "x.parquet", &plain(&[0])).await;
    let tasks = (1..17_i64).map(|n| {
        let registry = rig.registry.clone();
        tokio::spawn(async move {
            let table = Table::open(&registry, &TableRef::at("files", "memory:t"), TableConfig::default())
                .await
                .unwrap();
            append(&table, &plain(&[n]), None).await.unwrap();
        })
    });
    futures::future::try_join_all(tasks).await.unwrap();
    let table = rig.open().await.unwrap();
    assert_eq!(ids(&table, At::Latest).await, (0..17).collect::<Vec<_>>());
    assert_eq!(history(&table).await.iter().filter(|operation| *operation == "adopt").count(), 1);
}

#[tokio::test]
async fn overwriting_a_folder_keeps_its_past() {
    let rig = rig();
    write(&rig, "x.parquet", &plain(&[1])).await;
    let table = rig.open().await.unwrap();
    let rows = stitchwork_core::BatchStreamAdapter::from_batches(plain(&[]).schema(), vec![plain(&[2])]);
    table.overwrite(rows, OverwriteArgs::default()).await.unwrap();
    assert_eq!(ids(&table, At::Latest).await, [2]);
    assert_eq!(ids(&table, At::Version(0)).await, [1]);
    assert!(paths(table.snapshot().await.unwrap().as_ref()).await.iter().all(|path| path != "x.parquet"));
}

#[tokio::test]
async fn what_would_lose_or_mix_up_is_refused() {
    let rig = folder().await;
    let reference = TableRef::at("files", "memory:t");
    let error =
        Table::create(&rig.registry, &reference, create_args(&[]), TableConfig::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "files of somebody are there");
    write(&rig, "elsewhere.parquet", &plain(&[1])).await;
    let error = rig.open().await.unwrap().snapshot().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData, "one file has no partition: {error}");
    let table = rig.open_with(&[("hive", "false")]).await.unwrap();
    assert_eq!(ids(&table, At::Latest).await, [1, 1, 2, 3]);
    for (option, value) in
        [("hive", "yes"), ("partition_types", "n"), ("schema", "x"), ("schema_from", "last"), ("nope", "1")]
    {
        assert_eq!(rig.open_with(&[(option, value)]).await.unwrap_err().kind(), ErrorKind::InvalidConfig);
    }
    for log in ["_delta_log/00000000000000000000.json", "metadata/v1.metadata.json"] {
        let rig = folder().await;
        write(&rig, log, &plain(&[1])).await;
        let error = match rig.open().await {
            Ok(table) => table.snapshot().await.unwrap_err(),
            Err(error) => error,
        };
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{log}: {error}");
    }
    let rig = folder().await;
    write(&rig, "day=2024-01-01/n=1/readme.txt", &plain(&[1])).await;
    let error = rig.open().await.unwrap().snapshot().await.unwrap_err();
    assert_eq!(error.context("file"), Some("memory:t/day=2024-01-01/n=1/readme.txt"));
    let table = rig.open_with(&[("unknown_files", "ignore")]).await.unwrap();
    assert_eq!(ids(&table, At::Latest).await, [1, 2, 3]);
    let relation = rig.open_with(&[("format", "parquet")]).await.unwrap().relation(At::Latest).await.unwrap();
    assert_eq!(relation.schema().fields().len(), 3);
}

#[tokio::test]
async fn what_no_file_has_a_type_for_is_text_at_every_depth() {
    let rig = rig();
    let element = Arc::new(Field::new("element", DataType::Null, true));
    let empty = new_null_array(&DataType::List(element), 2);
    let untyped = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(vec![1, 2])) as ArrayRef),
        ("n", new_null_array(&DataType::Null, 2)),
        ("l", empty),
    ]);
    write(&rig, "x.parquet", &untyped.unwrap()).await;
    let table = rig.open().await.unwrap();
    let schema = table.snapshot().await.unwrap().schema().clone();
    assert_eq!(schema.field(1).data_type(), &DataType::Utf8);
    let element = Arc::new(Field::new("element", DataType::Utf8, true));
    assert_eq!(schema.field(2).data_type(), &DataType::List(element));
    assert_eq!(ids(&table, At::Latest).await, [1, 2]);
}
