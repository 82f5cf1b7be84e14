//! Features of tables: deletion vectors, column mapping, append-only tables, schemas and partitions.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::TryStreamExt;
use stitchwork_catalog_memory::MemoryCatalog;
use stitchwork_core::arrow::schema::{DataType, Field, Schema, TimeUnit};
use stitchwork_core::{
    At, Catalog, Changes, CommitArgs, CreateArgs, Deleted, ErrorKind, FileFilter, HistoryArgs, LogFactory,
    MapBy, PHYSICAL_NAME, PartitionField, RoaringTreemap, Scalar, Stores, TableIdent, Transform,
    WriteDeletesArgs, field_id,
};
use stitchwork_log_delta::DeltaLogFactory;

use crate::helpers::{args, commit, create, file, list, names, open, schema};

#[tokio::test]
async fn deleted_positions_come_back() {
    for interval in ["100", "1"] {
        let stores = Stores::new();
        let properties = [("delta.enableDeletionVectors", "true"), ("delta.checkpointInterval", interval)];
        let log = create("memory:t", &stores, &properties).await;
        assert!(log.capabilities().position_deletes);
        let added = vec![file(log.as_ref(), "a", None, 0), file(log.as_ref(), "b", None, 10)];
        let mut snapshot = commit(&log, "append", Changes { added, ..Changes::default() }).await;
        for rows in [vec![1, 5], vec![1, 5, 7]] {
            let target = list(&snapshot, FileFilter::default()).await.remove(0);
            let positions: RoaringTreemap = rows.iter().copied().collect();
            let written = log
                .write_deletes(WriteDeletesArgs { file: target.clone(), positions: positions.clone() })
                .await
                .unwrap();
            assert_eq!(written.rows, rows.len() as u64);
            let changes = Changes { deletes: vec![(target, written)], ..Changes::default() };
            snapshot = commit(&log, "delete", changes).await;
            let fresh = open("memory:t", &stores).await.unwrap().snapshot(At::Latest).await.unwrap();
            let files = list(&fresh, FileFilter::default()).await;
            assert_eq!(files.len(), 2);
            assert_eq!(files[0].deleted, Deleted::Exactly(rows.len() as u64));
            assert_eq!(files[0].rows, Some(10), "deleted rows are counted");
            assert_eq!(files[1].deleted, Deleted::Nothing);
            let read = fresh.deletes(&files[0]).await.unwrap().positions.unwrap();
            assert_eq!(*read, positions);
            assert!(fresh.deletes(&files[1]).await.unwrap().positions.is_none());
        }
    }
}

#[tokio::test]
async fn without_the_feature_rows_are_not_deleted_and_it_can_be_turned_on() {
    let stores = Stores::new();
    let log = create("memory:t", &stores, &[]).await;
    assert!(!log.capabilities().position_deletes);
    let target = file(log.as_ref(), "a", None, 0);
    commit(&log, "append", Changes { added: vec![target.clone()], ..Changes::default() }).await;
    let write = || WriteDeletesArgs { file: target.clone(), positions: [1].into_iter().collect() };
    assert_eq!(log.write_deletes(write()).await.unwrap_err().kind(), ErrorKind::Unsupported);
    let properties = BTreeMap::from([("delta.enableDeletionVectors".to_owned(), Some("true".to_owned()))]);
    commit(&log, "set", Changes { properties, ..Changes::default() }).await;
    assert!(log.capabilities().position_deletes);
    log.write_deletes(write()).await.unwrap();
}

#[tokio::test]
async fn append_only_tables_take_appends_only() {
    let stores = Stores::new();
    let log = create("memory:t", &stores, &[("delta.appendOnly", "true")]).await;
    let added = vec![file(log.as_ref(), "a", None, 0)];
    let snapshot = commit(&log, "append", Changes { added, ..Changes::default() }).await;
    let removed = list(&snapshot, FileFilter::default()).await;
    let changes = Changes { removed: removed.clone(), ..Changes::default() };
    let error = log.commit(CommitArgs::new(snapshot, "delete", changes.clone())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.context("property"), Some("delta.appendOnly"));
    let properties = BTreeMap::from([("delta.appendOnly".to_owned(), None)]);
    commit(&log, "unset", Changes { properties, ..Changes::default() }).await;
    assert!(names(&commit(&log, "delete", changes).await, FileFilter::default()).await.is_empty());
}

#[tokio::test]
async fn mapped_columns_have_names_of_their_own_in_files() {
    let stores = Stores::new();
    for (mode, by) in [("name", MapBy::PhysicalName), ("id", MapBy::FieldId)] {
        let location = format!("memory:{mode}");
        let log = create(&location, &stores, &[("delta.columnMapping.mode", mode)]).await;
        let added = vec![file(log.as_ref(), "a", Some("x"), 0)];
        commit(&log, "append", Changes { added, ..Changes::default() }).await;
        let mut fields = schema().fields().to_vec();
        fields.push(Arc::new(Field::new("y", DataType::Int8, true)));
        let wider = Arc::new(Schema::new(fields));
        commit(&log, "add column", Changes { schema: Some(wider), ..Changes::default() }).await;
        let fresh = open(&location, &stores).await.unwrap().snapshot(At::Latest).await.unwrap();
        assert_eq!(fresh.mapping().by, by);
        let ids: Vec<_> = fresh.schema().fields().iter().map(|f| field_id(f)).collect();
        assert_eq!(ids, [Some(1), Some(2), Some(3), Some(4)]);
        let physical = fresh.schema().field(1).metadata().get(PHYSICAL_NAME).cloned().unwrap();
        assert_eq!(fresh.file_schema().field(0).name(), &physical);
        assert_eq!(fresh.file_schema().fields().len(), 3);
        let filter =
            FileFilter { predicate: Some(stitchwork_core::col("x").lt(0_i64)), ..FileFilter::default() };
        assert!(list(&fresh, filter).await.is_empty(), "statistics are found under the physical name");
        let all = list(&fresh, FileFilter::default()).await;
        assert_eq!(all[0].partition, [Scalar::from("x")]);
    }
}

#[tokio::test]
async fn schemas_that_delta_cannot_hold_are_refused() {
    let stores = Stores::new();
    let make = |field: Field, partitioning: Vec<PartitionField>, properties: &[(&str, &str)]| {
        let mut create =
            CreateArgs::new(Arc::new(Schema::new(vec![Field::new("k", DataType::Int64, true), field])));
        create.partitioning = partitioning;
        create.properties = properties.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        DeltaLogFactory.create(args("memory:t", &stores), create)
    };
    let nanos = Field::new("t", DataType::Timestamp(TimeUnit::Nanosecond, None), true);
    let error = make(nanos, vec![], &[]).await.unwrap_err();
    assert_eq!((error.kind(), error.context("column")), (ErrorKind::Unsupported, Some("t")));
    let text = || Field::new("s", DataType::Utf8, true);
    let bucket = vec![PartitionField::new("s", Transform::Bucket(4))];
    let error = make(text(), bucket, &[]).await.unwrap_err();
    assert_eq!((error.kind(), error.context("transform")), (ErrorKind::Unsupported, Some("bucket[4]")));
    let error = make(text(), vec![], &[("delta.enableChangeDataFeed", "true")]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let error = make(text(), vec![PartitionField::identity("nope")], &[]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(open("memory:t", &stores).await.unwrap_err().kind(), ErrorKind::NotFound);
    make(text(), vec![], &[]).await.unwrap();
    assert_eq!(make(text(), vec![], &[]).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
}

#[tokio::test]
async fn columns_can_be_added_and_nothing_else() {
    let stores = Stores::new();
    let log = create("memory:t", &stores, &[]).await;
    let with = |change: fn(Vec<Field>) -> Vec<Field>| {
        let fields = schema().fields().iter().map(|f| f.as_ref().clone()).collect();
        Changes { schema: Some(Arc::new(Schema::new(change(fields)))), ..Changes::default() }
    };
    let refused: [fn(Vec<Field>) -> Vec<Field>; 4] = [
        |fields| fields.into_iter().take(2).collect(),
        |mut fields| {
            fields[1] = Field::new("x", DataType::Utf8, true);
            fields
        },
        |mut fields| {
            fields[1] = Field::new("x", DataType::Int64, false);
            fields
        },
        |mut fields| {
            fields.push(Field::new("new", DataType::Int64, false));
            fields
        },
    ];
    for change in refused {
        let base = log.snapshot(At::Latest).await.unwrap();
        let error = log.commit(CommitArgs::new(base, "alter", with(change))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
    }
    let snapshot = commit(
        &log,
        "alter",
        with(|mut fields| {
            fields.insert(1, Field::new("new", DataType::Timestamp(TimeUnit::Microsecond, None), true));
            fields
        }),
    )
    .await;
    assert_eq!(snapshot.version(), 1);
    assert_eq!(snapshot.schema().field(1).name(), "new");
    let added = vec![file(log.as_ref(), "a", None, 0)];
    commit(&log, "append", Changes { added, ..Changes::default() }).await;
}

#[tokio::test]
async fn history_has_every_commit_once() {
    let stores = Stores::new();
    let log = create("memory:t", &stores, &[]).await;
    for n in 0..3 {
        let added = vec![file(log.as_ref(), &format!("f{n}"), None, n)];
        commit(&log, "append", Changes { added, ..Changes::default() }).await;
    }
    let all: Vec<_> = log.history(HistoryArgs::default()).try_collect().await.unwrap();
    assert_eq!(all.iter().map(|v| v.id).collect::<Vec<_>>(), [3, 2, 1, 0]);
    assert_eq!(all[0].operation, "append");
    assert_eq!(all[0].summary.get("numOutputRows").map(String::as_str), Some("10"));
    let two: Vec<_> = log.history(HistoryArgs { limit: Some(2) }).try_collect().await.unwrap();
    assert_eq!(two, all[..2]);
}

#[tokio::test]
async fn a_catalog_knows_where_tables_are() {
    let stores = Stores::new();
    let catalog: Arc<dyn Catalog> = Arc::new(MemoryCatalog::new());
    let ident = TableIdent::new("lake", "events");
    let named = |location: &str| args(location, &stores).with_catalog(catalog.clone(), ident.clone());
    let create = CreateArgs::new(schema());
    assert_eq!(
        DeltaLogFactory.create(named(""), create.clone()).await.unwrap_err().kind(),
        ErrorKind::InvalidInput
    );
    DeltaLogFactory.create(named("memory:t"), create.clone()).await.unwrap();
    let entry = catalog.load(&ident).await.unwrap();
    assert_eq!((entry.log.as_str(), entry.location.as_str(), entry.pointer), ("delta", "memory:t", None));
    let opened = DeltaLogFactory.open(named("")).await.unwrap();
    assert_eq!(opened.location(), "memory:t");
    let taken = DeltaLogFactory.create(named("memory:other"), create).await.unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AlreadyExists);
    assert_eq!(open("memory:other", &stores).await.unwrap_err().kind(), ErrorKind::NotFound);
    let mut unknown = named("");
    unknown.options.insert("compresion".to_owned(), "x".to_owned());
    assert_eq!(DeltaLogFactory.open(unknown).await.unwrap_err().kind(), ErrorKind::InvalidConfig);
}
