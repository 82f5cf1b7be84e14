//! C streams as streams of ours.

use std::ffi::CStr;
use std::sync::Arc;

use arrow_array::ffi::from_ffi_and_data_type;
use arrow_array::ffi_stream::FFI_ArrowArrayStream;
use arrow_array::{RecordBatch, RecordBatchOptions, StructArray};
use arrow_data::ffi::FFI_ArrowArray;
use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{DataType, Schema, SchemaRef};
use stitchwork_core::{BatchStream, Error, ErrorKind, Result};
use tokio::runtime::Handle;

use crate::pump::pump;

/// A C stream as a stream of ours, read on a thread of `runtime` that may block.
///
/// Buffers are shared, not copied, unless they are not aligned. The schema is asked for at once, on the calling
/// thread. The C stream is released when the stream has ended or is dropped.
///
/// # Errors
/// `InvalidInput` for a stream that has been released; what asking for its schema says.
pub fn import_stream(stream: FFI_ArrowArrayStream, runtime: &Handle) -> Result<BatchStream> {
    let reader = CReader::new(stream)?;
    Ok(pump(reader.schema.clone(), reader, runtime, None))
}

/// Takes the C stream at an address, as `RecordBatchReader._export_to_c` of pyarrow writes it, and leaves a
/// released one there.
///
/// # Errors
/// As [`import_stream`]; `InvalidInput` for a null address.
///
/// # Safety
/// `address` is null or that of an `ArrowArrayStream`, initialised or released, which nobody else reads or writes
/// meanwhile. Its functions keep the rules of the C stream interface, and may be called from any thread.
pub unsafe fn import_stream_from(
    address: *mut FFI_ArrowArrayStream,
    runtime: &Handle,
) -> Result<BatchStream> {
    if address.is_null() {
        return Err(Error::invalid_input("there is no stream at a null address")
            .with_operation("ffi::import_stream_from"));
    }
    // SAFETY: the address is not null; the caller promises that it holds a stream that is ours to take.
    import_stream(unsafe { FFI_ArrowArrayStream::from_raw(address) }, runtime)
}

/// Pulls batches out of a C stream.
#[derive(Debug)]
struct CReader {
    stream: FFI_ArrowArrayStream,
    schema: SchemaRef,
}

impl CReader {
    fn new(mut stream: FFI_ArrowArrayStream) -> Result<Self> {
        let Some(get_schema) = stream.get_schema.filter(|_| stream.release.is_some()) else {
            return Err(
                Error::invalid_input("the stream has been released").with_operation("ffi::import_stream")
            );
        };
        let mut schema = FFI_ArrowSchema::empty();
        // SAFETY: the stream is not released, so its functions are there and take it as their argument.
        let code = unsafe { get_schema(&mut stream, &mut schema) };
        if code != 0 {
            return Err(last_error(&mut stream, code).with_operation("ffi::import_stream"));
        }
        let schema = Schema::try_from(&schema)
            .map_err(|e| Error::invalid_data("the stream has no schema of columns").with_source(e))?;
        Ok(Self { stream, schema: Arc::new(schema) })
    }

    fn read(&mut self) -> Result<Option<RecordBatch>> {
        let Some(get_next) = self.stream.get_next else {
            return Err(Error::invalid_data("the stream has no function for the next batch"));
        };
        let mut array = FFI_ArrowArray::empty();
        // SAFETY: the stream is ours and not released, and `array` is a place for one array.
        let code = unsafe { get_next(&mut self.stream, &mut array) };
        if code != 0 {
            return Err(last_error(&mut self.stream, code));
        }
        if array.is_released() {
            return Ok(None);
        }
        let data_type = DataType::Struct(self.schema.fields().clone());
        // SAFETY: the interface promises that every array of the stream has the stream's type.
        let data = unsafe { from_ffi_and_data_type(array, data_type) }?;
        if data.null_count() > 0 {
            return Err(Error::invalid_data("a batch of the stream has rows that are null as a whole"));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(data.len()));
        let columns = StructArray::from(data).into_parts().1;
        Ok(Some(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?))
    }
}

impl Iterator for CReader {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

/// The error that the stream tells after a call that failed. The codes are those of the operating system.
fn last_error(stream: &mut FFI_ArrowArrayStream, code: i32) -> Error {
    const INPUT_OUTPUT: i32 = 5;
    const INVALID: i32 = 22;
    const NOT_IMPLEMENTED: i32 = 38;
    let kind = match code {
        INPUT_OUTPUT => ErrorKind::Unavailable,
        INVALID => ErrorKind::InvalidData,
        NOT_IMPLEMENTED => ErrorKind::Unsupported,
        _ => ErrorKind::Unexpected,
    };
    let text = stream.get_last_error.and_then(|get| {
        // SAFETY: the stream is not released; the text it gives lives until the next call, and is copied here.
        let text = unsafe { get(stream) };
        // SAFETY: a text that is not null ends with a zero byte.
        (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned())
    });
    Error::new(kind, "the stream says that it failed")
        .with_context("code", code)
        .with_context("reason", text.unwrap_or_else(|| "none given".to_owned()))
}
