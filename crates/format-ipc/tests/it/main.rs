//! Arrow IPC from outside.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

mod broken;
mod data;
mod peers;
mod reading;
mod round_trip;

use arrow_array::RecordBatch;
use stitchwork_core::{FileSummary, Object, Options, ReadArgs, Result};
use stitchwork_format_ipc::{Ipc, IpcConfig, Layout};
use stitchwork_testkit::files;

fn with(layout: Layout) -> Ipc {
    Ipc::with_config(IpcConfig { layout, ..IpcConfig::default() }).unwrap()
}

async fn write(ipc: &Ipc, object: &Object, batches: &[RecordBatch]) -> Result<FileSummary> {
    files::write(ipc, object, batches, Options::new()).await
}

async fn read(object: &Object, args: ReadArgs) -> Result<RecordBatch> {
    files::read(&Ipc::new(), object, args).await
}
