//! Predicates whose values and patterns are any text: over rows, and over the statistics of a file with these rows.

use stitchwork_core::{Comparison, FileStats, Format, Match, Predicate, Scalar, Stores, WriteArgs, col};
use stitchwork_format_parquet::Parquet;
use stitchwork_testkit::batches::all_types;

use crate::{block_on, kept};

/// Lines in postfix order: `column operator value` puts a comparison on a stack, `and`, `or` and `not` combine what is on top.
fn predicate(text: &str) -> Predicate {
    let mut stack: Vec<Predicate> = vec![];
    for line in text.lines().take(64) {
        let next = match (line, stack.pop()) {
            ("not", Some(top)) => top.negate(),
            ("and", Some(top)) => match stack.pop() {
                Some(below) => below.and(top),
                None => top,
            },
            ("or", Some(top)) => match stack.pop() {
                Some(below) => below.or(top),
                None => top,
            },
            (line, top) => {
                stack.extend(top);
                match comparison(line) {
                    Some(found) => found,
                    None => continue,
                }
            }
        };
        stack.push(next);
    }
    stack.into_iter().fold(Predicate::And(vec![]), Predicate::and)
}

fn comparison(line: &str) -> Option<Predicate> {
    let mut words = line.splitn(3, ' ');
    let (name, op, value) = (words.next()?, words.next()?, words.next()?);
    let op = match op {
        "=" => Comparison::Eq,
        "<>" => Comparison::NotEq,
        "<" => Comparison::Lt,
        "<=" => Comparison::LtEq,
        ">" => Comparison::Gt,
        ">=" => Comparison::GtEq,
        "like" => return Some(col(name).like(value)),
        "in" => return Some(col(name).is_in(value.split(',').map(Scalar::from))),
        _ => return Some(col(name).is_null()),
    };
    Some(Predicate::Compare { column: col(name), op, value: Scalar::from(value) })
}

#[test]
fn predicates() {
    let batch = all_types(7, 0, 60).unwrap();
    let stats: FileStats = block_on(async {
        let object = Stores::new().resolve("memory:rows.parquet").unwrap();
        let mut writer = Parquet::new().write(&object, WriteArgs::new(batch.schema())).await.unwrap();
        writer.write(&batch).await.unwrap();
        let summary = writer.finish().await.unwrap();
        FileStats { rows: Some(summary.rows), ..summary.stats }
    });
    for seed in kept("predicate") {
        let seed = predicate(&String::from_utf8_lossy(&seed));
        assert!(seed.passes(&batch).is_ok(), "a seed is an error itself: {seed:?}");
    }
    stitchwork_fuzz::run(&kept("predicate"), |_, bytes| {
        let predicate = predicate(&String::from_utf8_lossy(bytes));
        // A column that is not there and a text that is no value of a column's type are errors.
        let Ok(passes) = predicate.passes(&batch) else { return };
        match predicate.prune(&stats) {
            Match::None => assert_eq!(passes.true_count(), 0, "{predicate:?}"),
            Match::All => assert_eq!(passes.true_count(), batch.num_rows(), "{predicate:?}"),
            Match::Some => {}
        }
    });
}
