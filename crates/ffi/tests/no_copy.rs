//! A database is given our memory: nothing on our side of the C stream copies the rows on their way to its driver. What
//! this process allocates meanwhile is counted; the database has an allocator of its own.
#![expect(unsafe_code, reason = "an allocator is unsafe to implement")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Int64Array, RecordBatch, StringArray};
use stitchwork_core::{BatchStreamAdapter, collect};
use stitchwork_ffi::adbc::{Driver, IngestArgs};
use stitchwork_testkit::peers;
use tokio::runtime::Handle;

/// Counts the bytes that are asked for.
struct Counting;

static ALLOCATED: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATED.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of the same function.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_a_database_is_given_are_not_copied() {
    let find = |named: Option<&Path>, folders: &[PathBuf]| match named {
        Some(named) => named.is_file().then(|| named.to_owned()),
        None => folders.iter().map(|folder| folder.join("libduckdb.so")).find(|path| path.is_file()),
    };
    let test = "rows_that_a_database_is_given_are_not_copied";
    let Some(path) = peers::driver(test, "duckdb", "STITCHWORK_DUCKDB_DRIVER", find) else { return };
    let count = 1_000_000_usize;
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from_iter_values(0..1_000_000)) as arrow_array::ArrayRef),
        ("text", Arc::new(StringArray::from_iter_values((0..count).map(|n| format!("the text of row {n}"))))),
    ])
    .unwrap();
    let bytes = batch.get_array_memory_size();
    let parts = (0..count).step_by(10_000).map(|start| batch.slice(start, 10_000)).collect();
    let rows = BatchStreamAdapter::from_batches(batch.schema(), parts);

    let runtime = Handle::current();
    let given = tokio::task::spawn_blocking(move || {
        let driver = Driver::load(&path, "duckdb_adbc_init").unwrap();
        let connection = driver.open::<&str, &str>(&[]).unwrap().connect().unwrap();
        let args = IngestArgs { table: "t".to_owned(), create: true, temporary: true };
        let before = ALLOCATED.load(Ordering::Relaxed);
        connection.ingest(&args, rows, &runtime).unwrap();
        let given = ALLOCATED.load(Ordering::Relaxed) - before;
        let query = connection.query("select count(*), sum(length(text))::bigint from t", &[]).unwrap();
        (given, query.execute().unwrap().into_stream(&runtime, ()))
    });
    let (given, answer) = given.await.unwrap();
    let answer = collect(answer).await.unwrap();
    let number = |column: usize| answer[0].column(column).as_primitive::<Int64Type>().value(0);
    let length: usize = (0..count).map(|n| "the text of row ".len() + n.to_string().len()).sum();
    assert_eq!((number(0), number(1)), (1_000_000, i64::try_from(length).unwrap()), "all rows have arrived");
    assert!(given < bytes / 10, "{given} bytes were allocated to give {bytes}");

    // A copy is counted.
    let before = ALLOCATED.load(Ordering::Relaxed);
    let data = batch.column(1).to_data();
    let copy: Vec<Vec<u8>> = data.buffers().iter().map(|buffer| buffer.as_slice().to_vec()).collect();
    assert!(ALLOCATED.load(Ordering::Relaxed) - before > bytes / 2, "{}", copy.len());
}
