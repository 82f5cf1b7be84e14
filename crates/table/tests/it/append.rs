//! Adding rows.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use stitchwork_core::{BatchStreamAdapter, CommitTag, Error, ErrorKind, Scalar, ScanArgs, StatsFor, col};
use stitchwork_table::{AppendArgs, Table, TableConfig};
use stitchwork_testkit::{Fault, Operation, Rule, assert_same_rows};

use crate::rig::{reference, rig, rig_with, rows, schema, stream};

fn tag(id: i64) -> Option<CommitTag> {
    Some(CommitTag { application: "app".to_owned(), id, payload: None })
}

#[tokio::test]
async fn rows_are_divided_by_partition_and_come_back() {
    let rig = rig().await;
    let batches = [rows(0, 10, Some("a")), rows(10, 5, Some("b")), rows(15, 3, None), rows(18, 2, Some("a"))];
    let done = rig.append(&batches).await;
    assert_eq!((done.rows_added, done.files_added, done.rows_removed, done.files_removed), (20, 3, 0, 0));
    assert_same_rows!(rig.all().await, batches);
    let files = rig.files().await;
    let mut partitions: Vec<_> = files.iter().map(|f| (f.partition[0].to_string(), f.rows)).collect();
    partitions.sort();
    let want = [("a", 12), ("b", 5), ("null", 3)].map(|(p, rows)| (p.to_owned(), Some(rows)));
    assert_eq!(partitions, want);
    assert_eq!(done.bytes_added, files.iter().map(|f| f.size).sum::<u64>());
    for file in &files {
        assert_eq!(file.stats.as_ref().unwrap().rows, file.rows);
        let object = rig.registry.stores().resolve(&file.location).unwrap();
        let format = rig.registry.formats().get(&file.format).unwrap();
        let own = format.infer_schema(&object).await.unwrap();
        assert!(own.column_with_name("p").is_none(), "the log keeps the partition, not the file");
    }
    // Another process sees the same.
    let other = Table::open(&rig.registry, &reference(), TableConfig::default()).await.unwrap();
    let got = stitchwork_core::collect(other.scan(ScanArgs::default()).await.unwrap()).await.unwrap();
    assert_same_rows!(got, batches);
}

#[tokio::test]
async fn files_are_closed_at_their_target_size() {
    let rig = rig_with(TableConfig { target_file_bytes: 20_000, ..TableConfig::default() }).await;
    let batches: Vec<_> = (0..40).map(|n| rows(n * 100, 100, Some("a"))).collect();
    let done = rig.append(&batches).await;
    assert!(done.files_added > 3, "{} files", done.files_added);
    assert_same_rows!(rig.all().await, batches);
    assert_eq!(rig.history().await, ["create", "append"]);
}

#[tokio::test]
async fn more_partitions_than_open_files() {
    let rig = rig_with(TableConfig { max_open_files: 2, ..TableConfig::default() }).await;
    let batches: Vec<_> = (0..12).map(|n| rows(n * 10, 10, Some(&format!("p{}", n % 5)))).collect();
    rig.append(&batches).await;
    assert_same_rows!(rig.all().await, batches);
}

#[tokio::test]
async fn a_stream_that_breaks_leaves_nothing() {
    let rig = rig().await;
    rig.append(&[rows(0, 5, Some("a"))]).await;
    let before = rig.objects().await;
    let broken = [
        Ok(rows(10, 5, Some("a"))),
        Ok(rows(15, 5, Some("b"))),
        Err(Error::new(ErrorKind::RateLimited, "the source asks for patience")),
    ];
    let broken = BatchStreamAdapter::new(schema(), futures::stream::iter(broken));
    let error = rig.table.append(broken, AppendArgs::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::RateLimited);
    assert_eq!(rig.objects().await, before);
    assert_eq!(rig.history().await, ["create", "append"]);
}

#[tokio::test]
async fn rows_that_do_not_fit_are_refused_by_column() {
    let rig = rig().await;
    let good = rows(0, 3, Some("a"));
    let one = |name: &str, array: ArrayRef| {
        let mut fields: Vec<_> = good.schema().fields().iter().cloned().collect();
        let mut columns = good.columns().to_vec();
        let place = fields.iter().position(|f| f.name() == name).unwrap_or_else(|| {
            columns.push(array.clone());
            fields.push(Arc::new(Field::new(name, DataType::Null, true)));
            fields.len() - 1
        });
        fields[place] = Arc::new(Field::new(name, array.data_type().clone(), true));
        columns[place] = array;
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
    };
    let texts: ArrayRef = Arc::new(StringArray::from(vec!["x"; 3]));
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None, Some(3)]));
    let refused = [
        ("extra", one("extra", texts.clone())),
        ("flag", one("flag", texts)),
        ("id", one("id", numbers)),
        ("id", good.project(&[1, 2, 3, 4]).unwrap()),
    ];
    for (column, batch) in refused {
        let error = rig.table.append(stream(&[batch]), AppendArgs::default()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
        assert!(format!("{error:?}").contains(column), "{column} is not named: {error:?}");
        assert_eq!(rig.objects().await, 0);
    }
    // Columns may come in any order, and those that may be null may be absent.
    let partial = good.project(&[3, 0]).unwrap();
    rig.append(&[partial]).await;
    assert_eq!(rig.ids().await, [0, 1, 2]);
}

#[tokio::test]
async fn a_tag_lands_once_and_the_files_of_the_second_go() {
    let rig = rig().await;
    let args = |id| AppendArgs { evolve: false, tag: tag(id) };
    rig.table.append(stream(&[rows(0, 5, Some("a"))]), args(1)).await.unwrap();
    let before = rig.objects().await;
    let error = rig.table.append(stream(&[rows(5, 5, Some("a"))]), args(1)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(rig.objects().await, before);
    assert_eq!(rig.ids().await, [0, 1, 2, 3, 4]);
}

#[tokio::test]
async fn nothing_to_add_commits_nothing_but_a_tag() {
    let rig = rig().await;
    let done = rig.append(&[]).await;
    assert_eq!((done.rows_added, done.snapshot.version()), (0, 0));
    rig.table.append(stream(&[]), AppendArgs { evolve: false, tag: tag(1) }).await.unwrap();
    assert_eq!(rig.history().await, ["create", "append"]);
    assert_eq!(rig.table.snapshot().await.unwrap().tag("app").await.unwrap(), tag(1));
    assert_eq!(rig.objects().await, 0);
}

#[tokio::test]
async fn evolving_adds_columns_that_are_null_in_older_rows() {
    let rig = rig().await;
    rig.append(&[rows(0, 2, Some("a"))]).await;
    let base = rows(2, 2, Some("a"));
    let extra: ArrayRef = Arc::new(Int64Array::from(vec![7, 8]));
    let mut fields: Vec<_> = base.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new("extra", DataType::Int64, false)));
    let columns = base.columns().iter().cloned().chain([extra]).collect();
    let wide = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap();
    rig.table.append(stream(&[wide]), AppendArgs { evolve: true, tag: None }).await.unwrap();
    let predicate = |p| ScanArgs::default().with_predicate(p).with_projection(vec![0]);
    assert_eq!(crate::rig::ids(&rig.scan(predicate(col("extra").is_null())).await), [0, 1]);
    assert_eq!(crate::rig::ids(&rig.scan(predicate(col("extra").gt(7_i64))).await), [3]);
    // Rows without the column still fit.
    rig.append(&[rows(4, 1, Some("a"))]).await;
    assert_eq!(crate::rig::ids(&rig.scan(predicate(col("extra").is_null())).await), [0, 1, 4]);
}

#[tokio::test]
async fn a_failing_store_commits_nothing() {
    let rig = rig().await;
    rig.store.inject(Rule::on(&[Operation::Put], Fault::PermissionDenied).after(1));
    let batches = [rows(0, 5, Some("a")), rows(5, 5, Some("b")), rows(10, 5, Some("c"))];
    let error = rig.table.append(stream(&batches), AppendArgs::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error:?}");
    assert_eq!(rig.history().await, ["create"]);
    assert_eq!(rig.objects().await, 0);
    rig.append(&batches).await;
    assert_same_rows!(rig.all().await, batches);
}

#[tokio::test]
async fn statistics_come_with_a_plan_that_asks() {
    use stitchwork_core::{At, Column, Relation};
    let rig = rig().await;
    rig.append(&[rows(0, 10, Some("a"))]).await;
    let relation = rig.table.relation(At::Latest).await.unwrap();
    let args = ScanArgs { stats: StatsFor::Columns(vec![Column::new("id")]), ..ScanArgs::default() };
    let plan = relation.plan(args).await.unwrap().unwrap();
    let stats = plan.files[0].file.stats.clone().unwrap();
    let id = stats.columns.get(&Column::new("id")).unwrap();
    assert_eq!((id.min.clone(), id.max.clone()), (Some(Scalar::from(0_i64)), Some(Scalar::from(9_i64))));
    assert!(!stats.columns.contains_key(&Column::new("text")));
}
