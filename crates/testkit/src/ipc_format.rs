//! A format for tests: Arrow IPC with a checksum.

mod writer;

use arrow::ipc::reader::StreamReader;
use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use object_store::ObjectStoreExt;
use stitchwork_core::{
    BatchStream, BatchStreamAdapter, Error, FileSummary, FileWriter, Format, FormatCapabilities, Info,
    Object, ReadArgs, Result, WriteArgs, check_options,
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

    async fn inspect(&self, object: &Object) -> Result<FileSummary> {
        let (_, batches, bytes) = load(object).await?;
        let stats = statistics(&batches)?;
        Ok(FileSummary { rows: stats.rows.unwrap_or_default(), bytes, stats, split_offsets: vec![] })
    }

    async fn read(&self, object: &Object, args: ReadArgs) -> Result<BatchStream> {
        let (schema, batches, _) = load(object).await?;
        args.deliver(object, BatchStreamAdapter::from_batches(schema, batches))
    }

    async fn write(&self, object: &Object, args: WriteArgs) -> Result<Box<dyn FileWriter>> {
        check_options(&args.options, &[])?;
        Ok(Box::new(IpcWriter::new(object.clone(), args.schema)))
    }
}
