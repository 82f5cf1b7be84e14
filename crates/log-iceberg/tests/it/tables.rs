//! Creating, opening and looking.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures::TryStreamExt;
use stitchwork_core::arrow::schema::{DataType, Field, Schema};
use stitchwork_core::{
    At, Changes, Column, CommitArgs, CommitTag, CreateArgs, DataFile, ErrorKind, FIELD_ID, FileFilter,
    HistoryArgs, PartitionField, Scalar, StatsFor, Transform, Version, col,
};

use stitchwork_iceberg_meta::{IceTransform, IceValue};
use stitchwork_testkit::{FaultStore, Operation};

use crate::setup::{
    Place, adds, all_names, any, append, create_args, file, files, latest, names, removes, schema,
};

#[tokio::test]
async fn a_table_is_made_once_and_found_again() {
    for place in Place::all() {
        assert_eq!(place.open().await.unwrap_err().kind(), ErrorKind::NotFound);
        let mut create = create_args();
        create.properties = BTreeMap::from([("owner".to_owned(), "me".to_owned())]);
        place.create(create.clone()).await.unwrap();
        assert_eq!(place.create(create).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
        let log = place.open().await.unwrap();
        assert_eq!(log.location(), "memory:/t");
        let snapshot = latest(&log).await;
        assert_eq!(snapshot.version(), -1);
        assert_eq!(snapshot.properties(), &BTreeMap::from([("owner".to_owned(), "me".to_owned())]));
        let plain = |schema: &Schema| {
            let plain = |f: &Arc<Field>| Field::new(f.name(), f.data_type().clone(), f.is_nullable());
            Schema::new(schema.fields().iter().map(plain).collect::<Vec<_>>())
        };
        assert_eq!(plain(&snapshot.schema()), plain(&schema()));
        assert_eq!(snapshot.schema().field(1).metadata()[FIELD_ID], "2");
        let spec = snapshot.partitioning().last().unwrap();
        let fields: Vec<_> = spec.fields.iter().map(|f| (f.name.as_str(), &f.transform)).collect();
        assert_eq!(fields, [("at_day", &Transform::Day), ("id_bucket", &Transform::Bucket(4))]);
        assert!(files(&snapshot, FileFilter::default()).await.is_empty());
    }
}

#[tokio::test]
async fn appended_files_come_back_whole() {
    for place in Place::all() {
        let log = place.table().await;
        let base = latest(&log).await;
        let added = [file("a", 1, 5, 19_782, 3), file("b", 6, 9, 0, 0)];
        log.commit(CommitArgs::new(base, "append", adds(added.clone()))).await.unwrap();
        let fresh = place.open().await.unwrap();
        let filter = FileFilter { stats: StatsFor::All, ..FileFilter::default() };
        let found = files(&latest(&fresh).await, filter).await;
        assert_eq!(found.len(), 2);
        for (found, added) in found.iter().zip(&added) {
            assert_eq!(found.location, added.location);
            assert_eq!((found.rows, found.size, found.spec), (Some(10), 1000, 0));
            assert_eq!(found.partition, added.partition);
            assert_eq!(found.split_offsets, [4]);
            let (found, added) = (found.stats.as_ref().unwrap(), added.stats.as_ref().unwrap());
            let (found, added) = (&found.columns[&Column::new("id")], &added.columns[&Column::new("id")]);
            assert_eq!((&found.min, &found.max, found.nulls), (&added.min, &added.max, added.nulls));
        }
    }
}

#[tokio::test]
async fn statistics_come_for_the_columns_that_were_asked_for() {
    let log = Place::in_catalog().table().await;
    append(&log, "a").await;
    let snapshot = latest(&log).await;
    let with = |stats| FileFilter { stats, ..FileFilter::default() };
    assert!(files(&snapshot, with(StatsFor::Nothing)).await[0].stats.is_none());
    let name = files(&snapshot, with(StatsFor::Columns(vec![Column::new("name")]))).await;
    assert!(name[0].stats.as_ref().unwrap().columns.is_empty());
    let id = files(&snapshot, with(StatsFor::Columns(vec![Column::new("id")]))).await;
    assert_eq!(id[0].stats.as_ref().unwrap().columns.len(), 1);
}

#[tokio::test]
async fn a_predicate_leaves_out_files_by_partition_bucket_and_bounds() {
    let log = Place::in_catalog().table().await;
    let bucket = |id: i64| match IceTransform::Bucket(4).apply(Some(&IceValue::Long(id))).unwrap() {
        Some(IceValue::Int(bucket)) => bucket,
        other => panic!("{other:?}"),
    };
    let mut added: Vec<_> =
        (0..4_i32).map(|id| file(&format!("f{id}"), id.into(), id.into(), id, bucket(id.into()))).collect();
    // Only its bucket tells that this one does not hold the id 2.
    added.push(file("g", 1, 3, 50, (bucket(2) + 1) % 4));
    for file in added {
        let base = latest(&log).await;
        log.commit(CommitArgs::new(base, "append", adds([file]))).await.unwrap();
    }
    let snapshot = latest(&log).await;
    let kept = async |predicate| {
        names(&snapshot, FileFilter { predicate: Some(predicate), ..FileFilter::default() }).await
    };
    assert_eq!(kept(col("id").eq(2_i64)).await, ["f2"]);
    assert_eq!(kept(col("id").gt(1_i64)).await, ["f2", "f3", "g"]);
    assert_eq!(kept(col("id").is_in([0_i64, 2])).await, ["f0", "f2"]);
    assert_eq!(kept(col("id").is_null()).await, [""; 0]);
    assert_eq!(kept(col("id").eq(2_i64).negate()).await, ["f0", "f1", "f3", "g"]);
    let ts = |text: &str| Scalar::parse(text, schema().field(2).data_type()).unwrap();
    assert_eq!(kept(col("at").gt_eq(ts("1970-01-03T00:00:00"))).await, ["f2", "f3", "g"]);
    assert_eq!(kept(col("at").lt(ts("1970-01-01T12:00:00"))).await, ["f0"]);
    assert_eq!(kept(col("name").eq("x")).await, ["f0", "f1", "f2", "f3", "g"]);
}

#[tokio::test]
async fn older_snapshots_are_found_by_version_and_time() {
    for place in Place::all() {
        let log = place.table().await;
        let mut made = Vec::new();
        for name in ["a", "b", "c"] {
            made.push(append(&log, name).await.snapshot);
        }
        let fresh = place.open().await.unwrap();
        for (place, then) in made.iter().enumerate() {
            let by_version = fresh.snapshot(At::Version(then.version())).await.unwrap();
            let by_time = fresh.snapshot(At::Timestamp(then.timestamp_ms())).await.unwrap();
            assert_eq!(by_version.version(), by_time.version());
            assert_eq!(names(&by_time, FileFilter::default()).await, ["a", "b", "c"][..=place]);
        }
        let main = fresh.snapshot(At::Ref("main".to_owned())).await.unwrap();
        assert_eq!(main.version(), made[2].version());
        for at in [At::Version(12), At::Timestamp(0), At::Ref("no".to_owned())] {
            assert_eq!(fresh.snapshot(at).await.unwrap_err().kind(), ErrorKind::NotFound);
        }
    }
}

#[tokio::test]
async fn the_history_has_each_commit_once() {
    let log = Place::in_catalog().table().await;
    append(&log, "a").await;
    let tag = CommitTag { application: "x".to_owned(), id: 7, payload: Some(serde_json::json!({"c": 1})) };
    let mut args = CommitArgs::new(latest(&log).await, "load", adds([any("b")]));
    args.tag = Some(tag.clone());
    log.commit(args).await.unwrap();
    let a = files(&latest(&log).await, FileFilter::default()).await.remove(0);
    log.commit(CommitArgs::new(latest(&log).await, "delete", removes([a]))).await.unwrap();
    let history: Vec<Version> = log.history(HistoryArgs::default()).try_collect().await.unwrap();
    let operations: Vec<_> = history.iter().map(|version| version.operation.as_str()).collect();
    assert_eq!(operations, ["delete", "load", "append"]);
    assert_eq!(history[1].tag, Some(tag));
    assert_eq!(history[1].summary["added-records"], "10");
    assert_eq!(history[0].summary["total-records"], "10");
    assert!(history[0].timestamp_ms > history[2].timestamp_ms);
    let one: Vec<Version> = log.history(HistoryArgs { limit: Some(1) }).try_collect().await.unwrap();
    assert_eq!(one, history[..1]);
}

#[tokio::test]
async fn columns_are_added_under_new_ids_and_properties_come_and_go() {
    for place in Place::all() {
        let log = place.table().await;
        append(&log, "a").await;
        let base = latest(&log).await;
        let mut fields: Vec<_> = base.schema().fields().iter().cloned().collect();
        let inner = Field::new("x", DataType::Int32, true);
        fields.push(Arc::new(Field::new("s", DataType::Struct(vec![inner].into()), true)));
        let properties = BTreeMap::from([("a".to_owned(), Some("1".to_owned()))]);
        let changes =
            Changes { schema: Some(Arc::new(Schema::new(fields))), properties, ..Changes::default() };
        let stale = base.clone();
        let made = log.commit(CommitArgs::new(base, "evolve", changes.clone())).await.unwrap().snapshot;
        assert_eq!(made.schema().field(3).metadata()[FIELD_ID], "4");
        let DataType::Struct(inner) = made.schema().field(3).data_type().clone() else { panic!() };
        assert_eq!(inner[0].metadata()[FIELD_ID], "5");
        assert_eq!(made.properties()["a"], "1");
        assert_eq!(names(&made, FileFilter::default()).await, ["a"]);
        // A file that was written before the column came is still welcome, another change of the schema is not.
        let late = CommitArgs::new(stale.clone(), "append", adds([any("b")]));
        log.commit(late).await.unwrap();
        let error = log.commit(CommitArgs::new(stale, "evolve", changes)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        let changes = Changes { properties: BTreeMap::from([("a".to_owned(), None)]), ..Changes::default() };
        let made = log.commit(CommitArgs::new(latest(&log).await, "unset", changes)).await.unwrap();
        assert!(!made.snapshot.properties().contains_key("a"));
        assert_eq!(all_names(&log).await, ["a", "b"]);
    }
}

#[tokio::test]
async fn a_data_file_goes_where_people_look_for_it() {
    let log = Place::in_catalog().table().await;
    let day = Scalar::from(19_782).cast(&DataType::Date32).unwrap();
    let bucket = Scalar::from(2);
    let location = log.data_location(&[("at_day", &day), ("id_bucket", &bucket)], "x.parquet");
    assert_eq!(location, "memory:/t/data/at_day=2024-02-29/id_bucket=2/x.parquet");
    let text = Scalar::from("a/b c");
    assert_eq!(log.data_location(&[("k", &text)], "x"), "memory:/t/data/k=a%2Fb+c/x");
    assert_eq!(log.data_location(&[], "x"), "memory:/t/data/x");
}

#[tokio::test]
async fn folders_have_short_names_whatever_the_values_are() {
    let mut create = CreateArgs::new(Arc::new(Schema::new(vec![
        Field::new("t", DataType::Utf8, true),
        Field::new("f", DataType::Float64, true),
        Field::new("x", DataType::Int64, true),
    ])));
    create.partitioning = vec![PartitionField::identity("t"), PartitionField::identity("f")];
    let log = Place::in_catalog().create(create).await.unwrap();
    let (text, tiny) = (Scalar::from("é".repeat(300)), Scalar::from(1e-300));
    let location = log.data_location(&[("t", &text), ("f", &tiny)], "x.parquet");
    assert!(location.split('/').all(|part| part.len() <= 120), "{location}");
    assert!(location.ends_with("/f=1e-300/x.parquet"), "{location}");
    // The value itself is whole.
    let mut file = any("a");
    file.location = location.clone();
    file.partition = vec![text.clone(), tiny.clone()];
    file.stats = None;
    let base = latest(&log).await;
    let made = log.commit(CommitArgs::new(base, "append", adds([file]))).await.unwrap();
    let listed = files(&made.snapshot, FileFilter::default()).await;
    assert_eq!((listed[0].location.as_str(), &listed[0].partition), (location.as_str(), &vec![text, tiny]));
}

#[tokio::test]
async fn names_and_partitions_that_iceberg_lacks_are_refused_in_our_words() {
    let long = |name: &str| Field::new(name, DataType::Int64, true);
    let nested = |fields: Vec<Field>| Field::new("s", DataType::Struct(fields.into()), true);
    let place = Place::in_catalog();
    for (fields, kind, column) in [
        (vec![long("x"), long("")], ErrorKind::InvalidInput, Some("")),
        (vec![nested(vec![long("")])], ErrorKind::InvalidInput, Some("s.")),
        (vec![long("x"), long("X")], ErrorKind::Unsupported, Some("X")),
        (vec![nested(vec![long("é"), long("É")])], ErrorKind::Unsupported, Some("s.É")),
        (vec![long("x"), long("x")], ErrorKind::InvalidInput, Some("x")),
        (vec![nested(vec![])], ErrorKind::Unsupported, Some("s")),
        (vec![Field::new("d", DataType::Date64, true)], ErrorKind::Unsupported, Some("d")),
        (vec![], ErrorKind::InvalidInput, None),
    ] {
        let error = place.create(CreateArgs::new(Arc::new(Schema::new(fields)))).await.unwrap_err();
        assert_eq!((error.kind(), error.context("column")), (kind, column), "{error}");
    }
    let named = |name: &str, source: &str, transform: Transform| {
        let mut field = PartitionField::new(source, transform);
        field.name = name.to_owned();
        field
    };
    let mut deep = PartitionField::identity("x");
    deep.source = Column::new("s").field("y");
    for (fields, column) in [
        (vec![deep], Column::new("s").field("y")),
        (vec![named("b", "x", Transform::Bucket(0))], Column::new("x")),
        (vec![named("b", "x", Transform::Other("zorder".to_owned()))], Column::new("x")),
        (vec![named("s", "x", Transform::Bucket(4))], Column::new("x")),
        (vec![named("", "x", Transform::Bucket(4))], Column::new("x")),
        (
            vec![named("b", "x", Transform::Bucket(4)), named("b", "x", Transform::Bucket(5))],
            Column::new("x"),
        ),
        (
            vec![named("b", "x", Transform::Bucket(4)), named("c", "x", Transform::Bucket(4))],
            Column::new("x"),
        ),
        (vec![named("b", "s", Transform::Identity)], Column::new("s")),
    ] {
        let schema = Schema::new(vec![long("x"), nested(vec![long("y")])]);
        let mut create = CreateArgs::new(Arc::new(schema));
        create.partitioning = fields;
        let error = place.create(create).await.unwrap_err();
        assert_eq!(error.context("column"), Some(column.to_string().as_str()), "{error}");
    }
}

#[tokio::test]
async fn what_iceberg_cannot_hold_is_refused_at_creation() {
    let place = Place::in_catalog();
    let mut create = create_args();
    create.schema = Arc::new(Schema::new(vec![Field::new("n", DataType::Null, true)]));
    create.partitioning.clear();
    let error = place.create(create).await.unwrap_err();
    assert_eq!((error.kind(), error.context("column")), (ErrorKind::Unsupported, Some("n")));
    let mut create = create_args();
    create.partitioning = vec![PartitionField::new("name", Transform::Day)];
    assert_eq!(place.create(create).await.unwrap_err().kind(), ErrorKind::Unsupported);
    let mut args = place.args();
    args.options.insert("colour".to_owned(), "red".to_owned());
    let error =
        stitchwork_core::LogFactory::create(&stitchwork_log_iceberg::IcebergLogFactory, args, create_args());
    assert_eq!(error.await.unwrap_err().kind(), ErrorKind::InvalidConfig);
}

#[tokio::test]
async fn a_handle_reads_each_manifest_once() {
    let place = Place::in_folder();
    let log = place.table().await;
    append(&log, "a").await;
    append(&log, "b").await;
    let object = place.stores.resolve("memory:/t").unwrap();
    let store = FaultStore::new(object.store);
    place.stores.mount(&object.root, Arc::new(store.clone()));
    let log = place.open().await.unwrap();
    let manifests = || {
        let requests = store.requests();
        let avro = requests
            .iter()
            .filter(|request| request.operation == Operation::Get && request.path.ends_with("-m0.avro"));
        avro.count()
    };
    let filter = || FileFilter { stats: StatsFor::All, ..FileFilter::default() };
    let first = files(&latest(&log).await, filter()).await;
    assert_eq!((first.len(), manifests()), (2, 2), "{:?}", store.requests());
    let again = files(&latest(&log).await, filter()).await;
    assert_eq!(manifests(), 2);
    let told = |files: &[DataFile]| {
        files.iter().map(|file| format!("{} {:?}", file.location, file.stats)).collect::<Vec<_>>()
    };
    assert_eq!(told(&again), told(&first));
    append(&log, "c").await;
    assert_eq!(all_names(&log).await, ["a", "b", "c"]);
}
