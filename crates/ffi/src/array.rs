//! Single schemas and batches across the C data interface.

use arrow_array::ffi::{from_ffi, to_ffi};
use arrow_array::{Array, RecordBatch, RecordBatchOptions, StructArray};
use arrow_data::ffi::FFI_ArrowArray;
use arrow_schema::ffi::FFI_ArrowSchema;
use arrow_schema::{DataType, Schema, SchemaRef};
use stitchwork_core::{Error, Result};

/// The schema for C.
///
/// # Errors
/// `InvalidData` for a type that the interface does not have.
pub fn export_schema(schema: &Schema) -> Result<FFI_ArrowSchema> {
    Ok(FFI_ArrowSchema::try_from(schema)?)
}

/// A schema from C.
///
/// # Errors
/// `InvalidData` for what is no schema of columns, or has a type that arrow does not know.
pub fn import_schema(schema: &FFI_ArrowSchema) -> Result<SchemaRef> {
    Ok(std::sync::Arc::new(Schema::try_from(schema)?))
}

/// The batch for C: an array of structs and its schema, which share the batch's buffers.
///
/// # Errors
/// `InvalidData` for a type that the interface does not have.
pub fn export_batch(batch: &RecordBatch) -> Result<(FFI_ArrowArray, FFI_ArrowSchema)> {
    Ok(to_ffi(&StructArray::from(batch.clone()).to_data())?)
}

/// A batch from C; buffers are shared, not copied, unless they are not aligned.
///
/// # Errors
/// `InvalidData` for an array that is no struct, or has rows that are null as a whole.
///
/// # Safety
/// The array is of the schema's type, and both keep the rules of the C data interface.
pub unsafe fn import_batch(array: FFI_ArrowArray, schema: &FFI_ArrowSchema) -> Result<RecordBatch> {
    let columns = import_schema(schema)?;
    // SAFETY: the caller promises that the array has the schema's type.
    let data = unsafe { from_ffi(array, schema) }?;
    if !matches!(data.data_type(), DataType::Struct(_)) || data.null_count() > 0 {
        return Err(Error::invalid_data("a batch is an array of structs of which none is null")
            .with_context("type", data.data_type()));
    }
    let options = RecordBatchOptions::new().with_row_count(Some(data.len()));
    let (_, arrays, _) = StructArray::from(data).into_parts();
    Ok(RecordBatch::try_new_with_options(columns, arrays, &options)?)
}
