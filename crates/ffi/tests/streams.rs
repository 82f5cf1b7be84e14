//! Streams across C: the same buffers on both sides, errors that arrive, ends that are noticed.
#![expect(unsafe_code, reason = "the addresses of C streams are passed as C passes them")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{Array, RecordBatch};
use futures::{StreamExt, stream};
use stitchwork_core::{
    BatchStreamAdapter, Error, ErrorKind, Relation, Result, ScanArgs, collect, count_rows,
};
use stitchwork_ffi::{
    export_batch, export_schema, export_stream, export_stream_to, import_batch, import_schema, import_stream,
    import_stream_from,
};
use stitchwork_testkit::{MemoryRelation, batches};
use tokio::runtime::Handle;

/// The addresses of all buffers of a batch.
fn buffers(batch: &RecordBatch) -> Vec<usize> {
    fn of(data: &arrow_data::ArrayData, found: &mut Vec<usize>) {
        found.extend(data.buffers().iter().map(|buffer| buffer.as_ptr() as usize));
        found.extend(data.nulls().map(|nulls| nulls.buffer().as_ptr() as usize));
        data.child_data().iter().for_each(|child| of(child, found));
    }
    let mut found = Vec::new();
    batch.columns().iter().for_each(|column| of(&column.to_data(), &mut found));
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_crosses_twice_without_a_copy() {
    let batch = batches::all_types(7, 0, 1000).unwrap();
    let scan = MemoryRelation::from(batch.clone()).scan(ScanArgs::default()).await.unwrap();
    let there = export_stream(scan, &Handle::current());
    let back = collect(import_stream(there, &Handle::current()).unwrap()).await.unwrap();
    assert_eq!(back, std::slice::from_ref(&batch));
    assert_eq!(buffers(&back[0]), buffers(&batch));
}

#[test]
fn a_batch_crosses_without_a_copy() {
    let batch = batches::all_types(8, 0, 100).unwrap();
    let (array, schema) = export_batch(&batch).unwrap();
    // SAFETY: both were made by `export_batch`.
    let back = unsafe { import_batch(array, &schema) }.unwrap();
    assert_eq!(back, batch);
    assert_eq!(buffers(&back), buffers(&batch));
    let schema = export_schema(&batch.schema()).unwrap();
    assert_eq!(import_schema(&schema).unwrap(), batch.schema());
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_without_columns_keep_their_rows() {
    let batch = batches::plain(1, 0, 5).unwrap().project(&[]).unwrap();
    let stream = BatchStreamAdapter::from_batches(batch.schema(), vec![batch.clone(), batch]);
    let there = export_stream(stream, &Handle::current());
    assert_eq!(count_rows(import_stream(there, &Handle::current()).unwrap()).await.unwrap(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_arrive_with_their_text_and_a_kind() {
    for (kind, arrives) in [
        (ErrorKind::Unsupported, ErrorKind::Unsupported),
        (ErrorKind::Unavailable, ErrorKind::Unavailable),
        (ErrorKind::PermissionDenied, ErrorKind::InvalidData),
    ] {
        let batch = batches::plain(1, 0, 3).unwrap();
        let rows: Vec<Result<RecordBatch>> = vec![Ok(batch.clone()), Err(Error::new(kind, "no\0more rows"))];
        let failing = BatchStreamAdapter::new(batch.schema(), stream::iter(rows));
        let there = export_stream(failing, &Handle::current());
        let mut back = import_stream(there, &Handle::current()).unwrap();
        assert_eq!(back.next().await.unwrap().unwrap(), batch);
        let error = back.next().await.unwrap().unwrap_err();
        assert_eq!(error.kind(), arrives);
        assert!(error.to_string().contains("no more rows"), "{error}");
        assert!(back.next().await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_panics_is_an_error_and_not_an_end() {
    let batch = batches::plain(1, 0, 3).unwrap();
    let rows = stream::iter([1, 2]).map({
        let batch = batch.clone();
        move |n| if n == 1 { Ok(batch.clone()) } else { panic!("as it was told to") }
    });
    let there = export_stream(BatchStreamAdapter::new(batch.schema(), rows), &Handle::current());
    let error = collect(import_stream(there, &Handle::current()).unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("lost"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_stream_drops_what_it_reads() {
    struct Flag(Arc<AtomicBool>);
    impl Drop for Flag {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }
    let dropped = Arc::new(AtomicBool::new(false));
    let batch = batches::plain(1, 0, 3).unwrap();
    // Endless, and after two batches without an answer.
    let rows = stream::unfold((0, Flag(dropped.clone())), {
        let batch = batch.clone();
        move |(n, flag)| {
            let batch = batch.clone();
            async move {
                if n > 1 {
                    std::future::pending::<()>().await;
                }
                Some((Ok(batch), (n + 1, flag)))
            }
        }
    });
    let there = export_stream(BatchStreamAdapter::new(batch.schema(), rows), &Handle::current());
    drop(there);
    for _ in 0..200 {
        if dropped.load(Ordering::SeqCst) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the stream is still there");
}

#[tokio::test(flavor = "multi_thread")]
async fn null_addresses_and_released_streams_are_refused() {
    let runtime = Handle::current();
    let empty = || BatchStreamAdapter::empty(batches::plain_schema());
    // SAFETY: null is allowed.
    let refused = unsafe { export_stream_to(empty(), &runtime, std::ptr::null_mut()) }.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    // SAFETY: null is allowed.
    let refused = unsafe { import_stream_from(std::ptr::null_mut(), &runtime) }.err().unwrap();
    assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    let mut place = FFI_ArrowArrayStream::empty();
    // SAFETY: the place is a released stream, and then one of ours.
    unsafe { export_stream_to(empty(), &runtime, &mut place) }.unwrap();
    // SAFETY: as above.
    assert!(unsafe { import_stream_from(&mut place, &runtime) }.is_ok());
    // SAFETY: taking a stream leaves a released one.
    let taken = unsafe { import_stream_from(&mut place, &runtime) }.err().unwrap();
    assert_eq!(taken.kind(), ErrorKind::InvalidInput);
}
