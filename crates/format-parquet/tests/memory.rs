//! What many writers hold that share a budget, the tables of compressors included, of which no library tells: measured
//! as the memory of this process, in which no other test runs.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use stitchwork_core::{Budget, Format, Stores, WriteArgs};
use stitchwork_format_parquet::Parquet;

const WRITERS: usize = 20;
const COLUMNS: usize = 60;
/// Enough for a page in each column.
const ROWS: i64 = 24_000;
const BUDGET: u64 = 32 << 20;
/// What a writer may hold beside the budget: a megabyte, and what its columns take before the first row.
const BESIDE: u64 = 3 << 20;

/// The memory of this process that is no file's, in bytes.
fn anonymous() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"))?;
    Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
}

/// What the writers say that they hold at the end, and the most that the process held; `None` where it cannot be told.
async fn write(budget: Option<Budget>) -> Option<(u64, u64)> {
    let before = anonymous()?;
    // In each column a page of indices into a dictionary, as most columns have it.
    let column: ArrayRef = Arc::new((0..ROWS).map(|row| row * 2_654_435_761 % 50).collect::<Int64Array>());
    let columns = (0..COLUMNS).map(|place| (format!("c{place}"), column.clone()));
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let stores = Stores::new();
    let mut writers = Vec::new();
    for place in 0..WRITERS {
        let object = stores.resolve(&format!("memory:w{place}.parquet")).unwrap();
        let args = WriteArgs { budget: budget.clone(), ..WriteArgs::new(batch.schema()) };
        writers.push(Parquet::new().write(&object, args).await.unwrap());
    }
    // All of them are open at once, and get their rows in turn.
    let mut peak = 0;
    for first in (0..batch.num_rows()).step_by(4_000) {
        for writer in &mut writers {
            writer.write(&batch.slice(first, 4_000)).await.unwrap();
        }
        peak = peak.max(anonymous()?.saturating_sub(before));
    }
    let held = writers.iter().map(|writer| writer.memory()).sum();
    for writer in writers {
        assert_eq!(writer.finish().await.unwrap().rows, 24_000);
    }
    Some((held, peak))
}

#[tokio::test]
async fn writers_of_many_columns_keep_within_their_budget() {
    let budget = Budget::new(BUDGET);
    let Some((held, peak)) = write(Some(budget.clone())).await else {
        println!(
            "skipped: writers_of_many_columns_keep_within_their_budget (the system does not tell RssAnon)"
        );
        return;
    };
    let most = BUDGET + WRITERS as u64 * BESIDE;
    assert!(held < most, "the writers say {held} bytes, of at most {most}");
    assert!(peak < most, "the process holds {peak} bytes, of at most {most}");
    assert_eq!(budget.free(), budget.total());

    // Without one they hold more, and say so.
    let (held, peak) = write(None).await.unwrap();
    assert!(peak > 2 * most, "{peak} bytes are too few to tell anything, beside {most}");
    assert!(held >= peak, "the process holds {peak} bytes, and the writers say {held}");
}
