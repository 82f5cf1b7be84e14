//! The same rows, read from files with deletes and from memory without, give the same answers.

use std::sync::Arc;

use arrow::compute::{and, filter_record_batch, not};
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use stitchwork_core::{Deleted, EqualityDeletes, ErrorKind, QueryArgs, col};

use crate::support::{Editable, Files, Memory, at, column, engines, register, rows, try_rows};

/// Numbers that look random and are the same each time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

fn random_batch(random: &mut Random, rows: usize) -> RecordBatch {
    let null = |value: u64, random: &mut Random| (random.below(8) > 0).then_some(value);
    let values = |bound: u64, random: &mut Random| -> Vec<Option<u64>> {
        (0..rows)
            .map(|_| {
                let value = random.below(bound);
                null(value, random)
            })
            .collect()
    };
    let to_i64 = |v: Option<u64>| v.map(|v| v as i64);
    let a = Int64Array::from(values(50, random).into_iter().map(to_i64).collect::<Vec<_>>());
    let f = Float64Array::from(
        values(20, random).into_iter().map(|v| v.map(|v| v as f64 / 4.0)).collect::<Vec<_>>(),
    );
    let t = StringArray::from(
        values(12, random).into_iter().map(|v| v.map(|v| format!("text {v}"))).collect::<Vec<_>>(),
    );
    let columns: Vec<(&str, ArrayRef, bool)> =
        vec![("a", Arc::new(a), true), ("f", Arc::new(f), true), ("t", Arc::new(t), true)];
    RecordBatch::try_from_iter_with_nullable(columns).unwrap()
}

/// Rows of each file, and one of how many is deleted.
const FILES: [(usize, u64); 6] = [(1, 0), (99, 2), (100, 10), (250, 3), (333, 0), (512, 50)];

const QUERIES: [&str; 16] = [
    "select * from t",
    "select count(*), count(a), sum(a), min(t), max(f) from t",
    "select count(*) from t where a < 10",
    "select * from t where a < 10 and t = 'text 3'",
    "select t, count(*), sum(a) from t where f > 2 or f is null group by t",
    "select a, f from t where t like 'text 1%' and a <> 7",
    "select t from t where a in (1, 2, 3) and not (f < 1)",
    "select a from t where a not between 5 and 45",
    "select a, t from t order by a desc nulls last, t, f limit 7",
    "select x.a, count(*) from t x join t y on x.a = y.a and x.t < y.t where y.f = 1 group by x.a",
    "select a % 5, count(*) from t group by a % 5",
    "select count(*) from t where a % 5 = 1 and t is not null",
    "select distinct t from t where a > f",
    "select count(*) from t where t in (select t from t where a = 1)",
    "select count(*) from (select * from t limit 100)",
    "select max(a) over (partition by t) as m, t from t where f = 2.5",
];

#[tokio::test]
async fn files_with_deletes_give_the_rows_that_are_left() {
    let mut random = Random(7);
    let mut files = Files::new(random_batch(&mut random, 1).schema());
    let mut left = vec![];
    // Some files have rows deleted by key besides: the rows whose text is this one, or null.
    let keyed = col("t").is_in(["text 3"]).or(col("t").is_null());
    let set = {
        let t: ArrayRef = Arc::new(StringArray::from(vec![Some("text 3"), None]));
        let keys = RecordBatch::try_from_iter_with_nullable(vec![("t", t, true)]).unwrap();
        Arc::new(EqualityDeletes { columns: vec![column("t")], keys: Memory::new(vec![keys]) })
    };
    for (i, (count, share)) in FILES.into_iter().enumerate() {
        let batch = random_batch(&mut random, count);
        let gone: Vec<bool> = (0..count).map(|_| share > 0 && random.below(share) == 0).collect();
        let location = format!("memory:{i}");
        let file = files.write(&location, &batch).await;
        let positions: Vec<u64> = (0..count).filter(|row| gone[*row]).map(|row| row as u64).collect();
        if share > 0 {
            let count = positions.len() as u64;
            file.file.deleted = if i % 2 == 0 { Deleted::Unknown } else { Deleted::Exactly(count) };
        }
        let mut deletes = at(positions);
        let mut keep: BooleanArray = gone.iter().map(|gone| Some(!gone)).collect();
        if file.file.deleted == Deleted::Unknown {
            let keyed = keyed.passes(&batch).unwrap();
            keep = and(&keep, &not(&keyed).unwrap()).unwrap();
            deletes.equality = vec![set.clone()];
        }
        files.deletes.insert(location, deletes);
        left.push(filter_record_batch(&batch, &keep).unwrap());
    }
    let (files, memory) = (Arc::new(files), Memory::new(left));
    let reference = crate::support::engine();
    register(&reference, "t", &memory).await;
    for engine in engines() {
        register(&engine, "t", &files).await;
        for sql in QUERIES {
            let (ours, expected) = (rows(&engine, sql).await, rows(&reference, sql).await);
            assert!(
                ours == expected,
                "{sql} {:?}: {} and {} rows",
                engine.config(),
                ours.len(),
                expected.len()
            );
        }
    }
}

/// Filters, and whether all of each can be said to a relation.
const FILTERS: [(&str, bool); 24] = [
    ("a = 7", true),
    ("7 > a", true),
    ("a <> 7 and f >= 1", true),
    ("a = 7 or t is null", true),
    ("not (a = 7 or t is null)", true),
    ("a not in (1, 2, 3)", true),
    ("a in (1, null)", true),
    ("a not in (1, null)", true),
    ("a between 10 and 20", true),
    ("a not between 10 and 20", true),
    ("t between 'text 1' and 'text 3'", true),
    ("t like 'text 1%'", true),
    ("t not like '%1_'", true),
    ("not (t like '%2' and a < 25)", true),
    ("f < 2", true),
    ("f = 2.5 or f = 0.25", true),
    ("a < 10 + 5", true),
    ("t = 'text ' || '3'", true),
    ("a is null or not (a > 5)", true),
    ("a < 10.5", false),
    ("a < f", false),
    ("upper(t) = 'TEXT 3'", false),
    ("a % 2 = 0", false),
    ("t ilike 'TEXT 1%'", false),
];

#[tokio::test]
async fn filters_mean_the_same_to_relations_as_to_the_engine() {
    let mut random = Random(11);
    let batches = [random_batch(&mut random, 200), random_batch(&mut random, 300)];
    // The same filter, hidden from the relation, is applied by the engine alone.
    for (filter, whole) in FILTERS {
        let mut memory = Memory::bare(batches.to_vec());
        memory.editable = true;
        let memory = Arc::new(memory);
        let engine = crate::support::engine();
        register(&engine, "t", &Arc::new(Editable(memory.clone()))).await;
        let hidden = format!("select * from (select * from t order by a limit 1000000) x where ({filter})");
        let alone = rows(&engine, &hidden).await;
        assert!(memory.seen.lock().unwrap().iter().all(|args| args.predicate.is_none()), "{filter}");
        assert!(rows(&engine, &format!("select * from t where {filter}")).await == alone, "{filter}");

        let rest = rows(&engine, &format!("select * from t where ({filter}) is not true")).await;
        let delete = QueryArgs::new(format!("delete from t where {filter}"));
        match try_rows(&engine, delete).await {
            Ok(count) => {
                assert!(whole, "{filter}");
                assert_eq!(count, [alone.len().to_string()], "{filter}");
                assert!(rows(&engine, "select * from t").await == rest, "{filter}");
            }
            Err(error) => {
                assert!(!whole, "{filter}: {error}");
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{filter}");
                assert_eq!(rows(&engine, "select count(*) from t").await, ["500"], "{filter}");
            }
        }
    }
}
