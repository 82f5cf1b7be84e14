//! A format for tests: Arrow IPC with a checksum.

mod writer;

use std::sync::Arc;

use arrow::ipc::reader::StreamReader;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, RecordBatchOptions, UInt64Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::take::take_record_batch;
use async_trait::async_trait;
use object_store::ObjectStoreExt;
use stitchwork_core::{
    BatchStream, BatchStreamAdapter, Error, FieldMapping, FileSummary, FileWriter, Format,
    FormatCapabilities, Info, Object, ReadArgs, Result, WriteArgs, check_options,
};

use writer::{IpcWriter, statistics};

/// What an object starts with, before the checksum of the rest.
const MAGIC: &[u8] = b"stitchwork ipc 1";

/// A format that keeps each object whole in memory while it reads or writes it: small, exact, for tests only.
///
/// An object is a mark, an FNV-1a checksum of eight bytes, and a stream in Arrow's IPC format.
#[derive(Debug, Clone, Copy, Default)]
pub struct IpcFormat;

/// FNV-1a, 64 bits.
fn checksum(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn seal(body: &[u8]) -> Vec<u8> {
    [MAGIC, &checksum(body).to_le_bytes(), body].concat()
}

/// The schema, the batches and the size of an object.
async fn load(object: &Object) -> Result<(SchemaRef, Vec<RecordBatch>, u64)> {
    let broken = |why: &str| Error::invalid_data(why).with_context("location", object.location());
    let got = object.store.get(&object.path).await.map_err(|e| object.error(e))?;
    let bytes = got.bytes().await.map_err(|e| object.error(e))?;
    let body = bytes
        .strip_prefix(MAGIC)
        .and_then(|rest| rest.split_first_chunk::<8>())
        .filter(|(sum, body)| u64::from_le_bytes(**sum) == checksum(body))
        .map(|(_, body)| body)
        .ok_or_else(|| broken("the object is no sealed stream of batches"))?;
    let reader = StreamReader::try_new(body, None)?;
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>()?;
    Ok((schema, batches, bytes.len() as u64))
}

#[async_trait]
impl Format for IpcFormat {
    fn info(&self) -> Info {
        Info {
            scheme: "ipc-test",
            name: "Arrow IPC, for tests".to_owned(),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    fn capabilities(&self) -> FormatCapabilities {
        FormatCapabilities {
            write: true,
            read_with_predicate: false,
            read_with_range: false,
            field_ids: true,
            column_statistics: true,
            exact_schema: true,
        }
    }

    fn extensions(&self) -> &[&'static str] {
        &["ipc-test"]
    }

    async fn infer_schema(&self, object: &Object) -> Result<SchemaRef> {
        Ok(load(object).await?.0)
    }

    async fn inspect(&self, object: &Object) -> Result<FileSummary> {
        let (_, batches, bytes) = load(object).await?;
        let stats = statistics(&batches)?;
        Ok(FileSummary { rows: stats.rows.unwrap_or_default(), bytes, stats, split_offsets: vec![] })
    }

    async fn read(&self, object: &Object, args: ReadArgs) -> Result<BatchStream> {
        if args.range.is_some() {
            return Err(Error::unsupported("the format cannot be split").with_operation("format::read"));
        }
        let (own, batches, _) = load(object).await?;
        let schema = args.schema.clone().unwrap_or(own);
        let places = args.projection.clone().unwrap_or_else(|| (0..schema.fields().len()).collect());
        let wanted = Arc::new(schema.project(&places).map_err(|e| {
            Error::invalid_input("the projection names a column that is not there").with_source(e)
        })?);
        let output: SchemaRef = match &args.row_number {
            None => wanted.clone(),
            Some(name) => {
                let number = Arc::new(Field::new(name, DataType::Int64, false));
                let fields: Vec<_> = wanted.fields().iter().cloned().chain([number]).collect();
                Arc::new(Schema::new(fields))
            }
        };
        let mapping = args.mapping.clone().unwrap_or_else(|| Arc::new(FieldMapping::by_name()));
        let mut rows = Vec::new();
        let mut first = 0_u64;
        for batch in batches {
            let end = first + batch.num_rows() as u64;
            let kept: Vec<u64> = (first..end)
                .filter(|row| args.rows.as_ref().is_none_or(|rows| rows.contains(*row)))
                .collect();
            for positions in kept.chunks(args.batch_rows()) {
                let places: UInt64Array = positions.iter().map(|row| row - first).collect();
                let adapted = mapping.adapt(&take_record_batch(&batch, &places)?, &wanted)?;
                let mut columns = adapted.columns().to_vec();
                if args.row_number.is_some() {
                    let numbers: ArrayRef = Arc::new(
                        positions.iter().map(|row| i64::try_from(*row).ok()).collect::<Int64Array>(),
                    );
                    columns.push(numbers);
                }
                let options = RecordBatchOptions::new().with_row_count(Some(positions.len()));
                rows.push(RecordBatch::try_new_with_options(output.clone(), columns, &options)?);
            }
            first = end;
        }
        Ok(BatchStreamAdapter::from_batches(output, rows))
    }

    async fn write(&self, object: &Object, args: WriteArgs) -> Result<Box<dyn FileWriter>> {
        check_options(&args.options, &[])?;
        Ok(Box::new(IpcWriter::new(object.clone(), args.schema)))
    }
}
