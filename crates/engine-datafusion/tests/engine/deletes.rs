//! Deleted rows.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::DataType;
use stitchwork_core::{
    ColumnStats, Deleted, Deletes, EqualityDeletes, FileStats, Scalar, ScanArgs, StatsFor,
};

use crate::support::{Files, Memory, at, column, engine, engines, register, rows};

fn batch(rows: impl IntoIterator<Item = (Option<i64>, Option<&'static str>)>) -> RecordBatch {
    let (n, t): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
    let n: ArrayRef = Arc::new(Int64Array::from(n));
    let t: ArrayRef = Arc::new(StringArray::from(t));
    RecordBatch::try_from_iter_with_nullable(vec![("n", n, true), ("t", t, true)]).unwrap()
}

fn numbers(range: std::ops::Range<i64>) -> RecordBatch {
    batch(range.map(|n| (Some(n), Some(if n % 2 == 0 { "even" } else { "odd" }))))
}

fn known(rows: u64, low: i64, high: i64) -> Option<Arc<FileStats>> {
    let bounds = ColumnStats {
        min: Some(low.into()),
        max: Some(high.into()),
        nulls: Some(0),
        exact: true,
        ..ColumnStats::default()
    };
    Some(Arc::new(FileStats { rows: Some(rows), columns: [(column("n"), bounds)].into() }))
}

#[tokio::test]
async fn deleted_positions_do_not_come() {
    let mut files = Files::new(numbers(0..1).schema());
    let file = files.write("memory:a", &numbers(0..450)).await;
    file.file.deleted = Deleted::Exactly(151);
    file.file.stats = known(450, 0, 449);
    files.deletes.insert("memory:a".into(), at((0..1).chain(100..200).chain(400..450)));
    let file = files.write("memory:b", &numbers(1000..1010)).await;
    file.file.deleted = Deleted::Exactly(10);
    file.file.stats = known(10, 1000, 1009);
    files.deletes.insert("memory:b".into(), at(0..10));
    let file = files.write("memory:c", &numbers(2000..2010)).await;
    (file.file.deleted, file.file.rows) = (Deleted::Unknown, None);
    files.deletes.insert("memory:c".into(), at([9]));
    files.write("memory:d", &numbers(3000..3001)).await;
    let all = Arc::new(files.clone());
    // 299 + 0 + 9 + 1 rows are left.
    for engine in engines() {
        register(&engine, "t", &all).await;
        for (sql, expected) in [
            ("select count(*) from t", vec!["309"]),
            ("select count(n), min(n), max(n) from t where n < 1000", vec!["299|1|399"]),
            ("select min(n), max(n) from t", vec!["1|3000"]),
            ("select count(*) from t where n >= 2000", vec!["10"]),
            ("select count(*) from t where n between 99 and 200", vec!["2"]),
            ("select n from t where n in (0, 1, 150, 399, 400, 2008, 2009)", vec!["1", "2008", "399"]),
            ("select t, count(*) from t where n < 100 group by t", vec!["even|49", "odd|50"]),
            ("select n from t order by n desc limit 3", vec!["2007", "2008", "3000"]),
            ("select n from t order by n limit 2", vec!["1", "2"]),
        ] {
            assert_eq!(rows(&engine, sql).await, expected, "{sql} {:?}", engine.config());
        }
        assert_eq!(rows(&engine, "select n from t limit 305").await.len(), 305);
        assert_eq!(rows(&engine, "select n from t where t = 'odd' limit 1000").await.len(), 154);
    }

    // Bounds of before the deletes are no answers.
    let mut bounded = files.clone();
    bounded.files.truncate(2);
    let engine = engine();
    register(&engine, "bounded", &Arc::new(bounded)).await;
    assert_eq!(rows(&engine, "select min(n), max(n), count(n) from bounded").await, ["1|399|299"]);

    // What is known exactly answers without opening a file, after deletes.
    files.files.remove(2);
    files.stores = stitchwork_core::Stores::new();
    register(&engine, "gone", &Arc::new(files)).await;
    assert_eq!(rows(&engine, "select count(*) from gone").await, ["300"]);
}

#[tokio::test]
async fn deletes_of_files_that_are_left_out_are_not_asked_for() {
    let mut files = Files::new(numbers(0..1).schema());
    for (name, low) in [("memory:a", 0_i64), ("memory:b", 100)] {
        let file = files.write(name, &numbers(low..low + 10)).await;
        file.file.deleted = Deleted::Exactly(1);
        file.file.stats = known(10, low, low + 9);
        files.deletes.insert(name.into(), at([0]));
    }
    let files = Arc::new(files);
    let engine = engine();
    register(&engine, "t", &files).await;
    assert_eq!(rows(&engine, "select n from t where n < 3").await, ["1", "2"]);
    assert_eq!(*files.asked.lock().unwrap(), ["memory:a"]);
}

fn keys(names: &[&str], keys: RecordBatch) -> Arc<EqualityDeletes> {
    Arc::new(EqualityDeletes {
        columns: names.iter().map(|name| column(name)).collect(),
        keys: Memory::new(vec![keys]),
    })
}

#[tokio::test]
async fn rows_that_equal_a_key_do_not_come() {
    let data = [(Some(1), Some("a")), (Some(2), None), (None, Some("c")), (None, None), (Some(5), Some("e"))];
    let mut files = Files::new(numbers(0..1).schema());
    // Two files share a set, one has a set of its own besides, and one has none.
    let pairs =
        keys(&["n", "t"], batch([(None, None), (Some(2), None), (Some(1), Some("z")), (None, Some("e"))]));
    let singles = {
        let t: ArrayRef = Arc::new(StringArray::from(vec![Some("e"), None]));
        keys(&["t"], RecordBatch::try_from_iter_with_nullable(vec![("t", t, true)]).unwrap())
    };
    for name in ["memory:a", "memory:b", "memory:c", "memory:d"] {
        let file = files.write(name, &batch(data)).await;
        file.file.deleted = if name == "memory:d" { Deleted::Nothing } else { Deleted::Unknown };
        file.file.stats = known(5, 1, 5);
    }
    let equality = |sets: &[&Arc<EqualityDeletes>]| Deletes {
        positions: None,
        equality: sets.iter().map(|set| (*set).clone()).collect(),
    };
    files.deletes.insert("memory:a".into(), equality(&[&pairs]));
    files.deletes.insert("memory:b".into(), Deletes { positions: at([0]).positions, ..equality(&[&pairs]) });
    files.deletes.insert("memory:c".into(), equality(&[&pairs, &singles]));
    let files = Arc::new(files);
    // Left: a: (1,a) (.,c) (5,e); b: (.,c) (5,e); c: (1,a) (.,c); d: all five.
    for engine in engines() {
        register(&engine, "t", &files).await;
        for (sql, expected) in [
            ("select count(*) from t", vec!["12"]),
            ("select count(n), count(t) from t", vec!["7|10"]),
            ("select n from t where n is not null", vec!["1", "1", "1", "2", "5", "5", "5"]),
            ("select t, count(*) from t group by t", vec!["a|3", "c|4", "e|3", "|2"]),
            ("select n from t where t = 'e' or t is null", vec!["", "2", "5", "5", "5"]),
            ("select min(n), max(t) from t", vec!["1|e"]),
        ] {
            assert_eq!(rows(&engine, sql).await, expected, "{sql} {:?}", engine.config());
        }
        assert_eq!(rows(&engine, "select 1 from t limit 12").await.len(), 12);
        assert_eq!(rows(&engine, "select t from t limit 5").await.len(), 5);
    }
    let set = pairs.keys.scan(ScanArgs { stats: StatsFor::Nothing, ..ScanArgs::default() }).await;
    assert!(set.is_ok());
}

#[tokio::test]
async fn keys_may_be_constants_and_of_another_width() {
    let mut files = Files::new(numbers(0..1).schema());
    let data = {
        let n: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        RecordBatch::try_from_iter(vec![("n", n)]).unwrap()
    };
    for (name, value) in [("memory:a", Scalar::from("x")), ("memory:b", Scalar::null(&DataType::Utf8))] {
        let file = files.write(name, &data).await;
        file.constants = vec![(1, value)];
        file.file.deleted = Deleted::Unknown;
    }
    let set = {
        let n: ArrayRef = Arc::new(arrow_array::Int32Array::from(vec![1, 2]));
        let t: ArrayRef = Arc::new(StringArray::from(vec![Some("x"), None]));
        keys(
            &["n", "t"],
            RecordBatch::try_from_iter_with_nullable(vec![("n", n, true), ("t", t, true)]).unwrap(),
        )
    };
    for name in ["memory:a", "memory:b"] {
        files.deletes.insert(name.into(), Deletes { positions: None, equality: vec![set.clone()] });
    }
    let engine = engine();
    register(&engine, "t", &Arc::new(files)).await;
    assert_eq!(rows(&engine, "select n, t from t").await, ["1|", "2|x"]);
    assert_eq!(rows(&engine, "select count(*) from t").await, ["2"]);
}
