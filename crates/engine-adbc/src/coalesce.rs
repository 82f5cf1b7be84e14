//! Batches of a good size: small ones are joined, large ones divided, and others passed on as they are.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use arrow_select::coalesce::BatchCoalescer;
use futures::{StreamExt, stream};
use stitchwork_core::{BatchStream, BatchStreamAdapter, Result};

use crate::dialect::Dialect;
use crate::error::classify;

/// Rows in batches of at most `batch_rows`, up to a limit, where the source is dropped.
pub(crate) fn coalesce(
    rows: BatchStream,
    dialect: Arc<dyn Dialect>,
    batch_rows: usize,
    limit: Option<usize>,
) -> BatchStream {
    struct State {
        rows: Option<BatchStream>,
        batches: Batches,
        left: usize,
        dialect: Arc<dyn Dialect>,
    }
    let schema = rows.schema();
    let batches = Batches::new(schema.clone(), batch_rows);
    let state = State { rows: Some(rows), batches, left: limit.unwrap_or(usize::MAX), dialect };
    let batches = stream::try_unfold(state, |mut state| async move {
        loop {
            if let Some(batch) = state.batches.ready.pop_front() {
                return Ok(Some((batch, state)));
            }
            let Some(rows) = state.rows.as_mut() else { return Ok(None) };
            let next = if state.left == 0 { None } else { rows.next().await };
            match next {
                Some(batch) => {
                    let batch = batch.map_err(|e| classify(e, state.dialect.as_ref()))?;
                    let take = batch.num_rows().min(state.left);
                    state.left -= take;
                    state.batches.push(batch.slice(0, take))?;
                }
                None => {
                    state.rows = None;
                    state.batches.flush()?;
                }
            }
        }
    });
    BatchStreamAdapter::new(schema, batches)
}

/// Takes batches of any size and gives them in better ones.
struct Batches {
    most: usize,
    /// Joins small batches, by a copy.
    small: BatchCoalescer,
    ready: VecDeque<RecordBatch>,
}

impl Batches {
    fn new(schema: SchemaRef, batch_rows: usize) -> Self {
        let most = batch_rows.max(1);
        Self { most, small: BatchCoalescer::new(schema, most), ready: VecDeque::new() }
    }

    /// Only batches of less than half the size are worth a copy.
    fn push(&mut self, batch: RecordBatch) -> Result<()> {
        let rows = batch.num_rows();
        if rows < self.most.div_ceil(2) {
            self.small.push_batch(batch)?;
            self.complete();
            return Ok(());
        }
        // The rows that came before it stay before it.
        self.flush()?;
        // Parts of one size, none of them a small rest.
        let parts = rows.div_ceil(self.most);
        let mut from = 0;
        for part in 1..=parts {
            let to = rows / parts * part + (rows % parts).min(part);
            self.ready.push_back(batch.slice(from, to - from));
            from = to;
        }
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        self.small.finish_buffered_batch()?;
        self.complete();
        Ok(())
    }

    fn complete(&mut self) {
        self.ready.extend(std::iter::from_fn(|| self.small.next_completed_batch()));
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::cast::AsArray;
    use arrow_array::types::Int64Type;
    use arrow_array::{ArrayRef, Int64Array};
    use futures::executor::block_on;
    use stitchwork_core::collect;

    use super::*;
    use crate::config::Profile;
    use crate::dialect;

    fn batch(first: i64, rows: i64) -> RecordBatch {
        let numbers: ArrayRef = Arc::new(Int64Array::from_iter_values(first..first + rows));
        RecordBatch::try_from_iter([("n", numbers)]).unwrap()
    }

    /// Where the numbers of a batch lie in memory.
    fn place(batch: &RecordBatch) -> *const i64 {
        batch.column(0).as_primitive::<Int64Type>().values().as_ptr()
    }

    /// What becomes of consecutive numbers in batches of these sizes, with the batches.
    fn joined(
        sizes: &[i64],
        batch_rows: usize,
        limit: Option<usize>,
    ) -> (Vec<RecordBatch>, Vec<RecordBatch>) {
        let given: Vec<_> = sizes
            .iter()
            .scan(0, |first, rows| {
                *first += rows;
                Some(batch(*first - rows, *rows))
            })
            .collect();
        let rows = BatchStreamAdapter::from_batches(batch(0, 0).schema(), given.clone());
        let got = block_on(collect(coalesce(rows, dialect::of(Profile::DuckDb), batch_rows, limit))).unwrap();
        let numbers: Vec<i64> = got
            .iter()
            .flat_map(|batch| batch.column(0).as_primitive::<Int64Type>().values().to_vec())
            .collect();
        let all = usize::try_from(sizes.iter().sum::<i64>()).unwrap();
        let expected = all.min(limit.unwrap_or(all));
        assert_eq!(numbers, (0..i64::try_from(expected).unwrap()).collect::<Vec<_>>(), "{sizes:?}");
        (given, got)
    }

    fn sizes(batches: &[RecordBatch]) -> Vec<usize> {
        batches.iter().map(RecordBatch::num_rows).collect()
    }

    #[test]
    fn batches_of_a_good_size_are_passed_on_where_they_lie() {
        let (given, got) = joined(&[100, 50, 99, 3], 100, None);
        assert_eq!(sizes(&got), [100, 50, 99, 3]);
        for (given, got) in given.iter().zip(&got).take(3) {
            assert_eq!(place(given), place(got));
        }
        // Also where small ones came before.
        let (given, got) = joined(&[20, 10, 70], 100, None);
        assert_eq!(sizes(&got), [30, 70]);
        assert_eq!(place(&given[2]), place(&got[1]));
    }

    #[test]
    fn large_batches_are_divided_where_they_lie() {
        let (given, got) = joined(&[101, 1000], 100, None);
        assert_eq!(sizes(&got), [vec![51, 50], vec![100; 10]].concat());
        let (mut from, parts) = (place(&given[1]), got.iter().skip(2));
        for part in parts {
            assert_eq!(place(part), from);
            from = from.wrapping_add(part.num_rows());
        }
        for (rows, most) in [(1, 1), (3, 1), (3, 2), (7, 3), (1_000, 7), (8_193, 8_192)] {
            let (_, got) = joined(&[rows], most, None);
            assert!(
                sizes(&got).iter().all(|part| *part <= most && *part >= most / 2),
                "{rows}, {most}: {got:?}"
            );
        }
    }

    #[test]
    fn small_batches_are_joined() {
        let (_, got) = joined(&[40, 40, 40, 0, 1], 100, None);
        assert_eq!(sizes(&got), [100, 21]);
        let (_, got) = joined(&[1; 300], 100, None);
        assert_eq!(sizes(&got), [100, 100, 100]);
        assert!(joined(&[], 100, None).1.is_empty());
    }

    #[test]
    fn a_limit_ends_within_a_batch() {
        for limit in [0, 1, 30, 40, 41, 140, 141, 1_000] {
            joined(&[40, 100, 100], 100, Some(limit));
        }
    }
}
