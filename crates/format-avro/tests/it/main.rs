//! Avro from outside.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

mod broken;
mod peers;
mod round_trip;
mod schemas;
mod types;

use arrow_array::RecordBatch;
use stitchwork_core::{FileSummary, Object, Options, ReadArgs, Result};
use stitchwork_format_avro::{Avro, AvroConfig, Compression};
use stitchwork_testkit::files;

const CODECS: [Compression; 6] = [
    Compression::Uncompressed,
    Compression::Deflate,
    Compression::Snappy,
    Compression::Zstd,
    Compression::Bzip2,
    Compression::Xz,
];

fn with(compression: Compression, block_rows: usize) -> Avro {
    Avro::with_config(AvroConfig { compression, block_rows, ..AvroConfig::default() }).unwrap()
}

async fn write(avro: &Avro, object: &Object, batches: &[RecordBatch]) -> Result<FileSummary> {
    files::write(avro, object, batches, Options::new()).await
}

async fn read(object: &Object, args: ReadArgs) -> Result<RecordBatch> {
    files::read(&Avro::new(), object, args).await
}
