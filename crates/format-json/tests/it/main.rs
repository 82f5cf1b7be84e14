//! The JSON format from outside.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

mod exact;
mod peers;
mod reading;
mod round_trip;

use arrow_array::RecordBatch;
use stitchwork_core::{Object, ReadArgs, Result};
use stitchwork_format_json::Json;
use stitchwork_testkit::files;

async fn put(text: impl Into<Vec<u8>>) -> Object {
    files::put("given.json", text.into()).await
}

async fn read(object: &Object, args: ReadArgs) -> Result<RecordBatch> {
    files::read(&Json::new(), object, args).await
}
