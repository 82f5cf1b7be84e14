//! A library that Python loads: a scan of ours read by pyarrow, and a reader of pyarrow read here.
//!
//! `examples/pyarrow.py` calls both functions with the addresses of C streams.
#![expect(unsafe_code, reason = "Python calls by C, and passes addresses")]

use std::sync::{Arc, OnceLock};

use arrow_array::cast::AsArray;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::types::Int64Type;
use arrow_array::{Int64Array, RecordBatch, StringArray};
use futures::TryStreamExt;
use stitchwork_core::{Error, Relation, Result, ScanArgs, col};
use stitchwork_ffi::{export_stream_to, import_stream_from};
use stitchwork_testkit::MemoryRelation;
use tokio::runtime::{Builder, Runtime};

/// The runtime of the library: streams are polled on it after the call that made them has returned.
fn runtime() -> Result<&'static Runtime> {
    static RUNTIME: OnceLock<Option<Runtime>> = OnceLock::new();
    let made = RUNTIME.get_or_init(|| Builder::new_multi_thread().worker_threads(1).build().ok());
    made.as_ref().ok_or_else(|| Error::unexpected("no runtime can be made"))
}

/// Ten rows in batches of four.
fn relation() -> Result<MemoryRelation> {
    let ids: Vec<i64> = (0..10).collect();
    let names: Vec<Option<String>> = ids.iter().map(|id| (id % 3 > 0).then(|| format!("row {id}"))).collect();
    let batch = RecordBatch::try_from_iter([
        ("id", Arc::new(Int64Array::from(ids)) as _),
        ("name", Arc::new(StringArray::from(names)) as _),
    ])?;
    let batches = [(0, 4), (4, 4), (8, 2)].map(|(from, rows)| batch.slice(from, rows));
    Ok(MemoryRelation::new(batch.schema(), batches.to_vec()))
}

fn scan(from: i64, address: *mut FFI_ArrowArrayStream) -> Result<()> {
    let runtime = runtime()?;
    let args = ScanArgs::default().with_predicate(col("id").gt_eq(from));
    let relation = relation()?;
    let rows = runtime.block_on(relation.scan(args))?;
    // SAFETY: whoever calls `example_scan` promises that the address is one to be written.
    unsafe { export_stream_to(rows, runtime.handle(), address) }
}

fn sum(address: *mut FFI_ArrowArrayStream) -> Result<i64> {
    let runtime = runtime()?;
    // SAFETY: whoever calls `example_sum` promises that the address is that of a stream.
    let rows = unsafe { import_stream_from(address, runtime.handle()) }?;
    runtime.block_on(rows.try_fold(0, |sum, batch| async move {
        let ids = batch.column(0).as_primitive_opt::<Int64Type>();
        let ids = ids.ok_or_else(|| Error::invalid_input("the first column is no int64"))?;
        Ok(sum + ids.iter().flatten().sum::<i64>())
    }))
}

/// Writes a scan of the rows with `id >= from` as a C stream to `address`; 0 where that worked.
///
/// # Safety
/// `address` is that of an `ArrowArrayStream` to be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn example_scan(from: i64, address: *mut FFI_ArrowArrayStream) -> i32 {
    i32::from(scan(from, address).is_err())
}

/// The sum of the first column of the C stream at `address`, which it takes; -1 where reading fails.
///
/// # Safety
/// `address` is that of an initialised `ArrowArrayStream`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn example_sum(address: *mut FFI_ArrowArrayStream) -> i64 {
    sum(address).unwrap_or(-1)
}
