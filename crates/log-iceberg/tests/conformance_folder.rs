//! The suite of the contract, without a catalog: the file system decides who was first.

use std::sync::Arc;

use stitchwork_core::{Formats, LogArgs, Stores};
use stitchwork_format_parquet::Parquet;
use stitchwork_log_iceberg::IcebergLogFactory;
use stitchwork_testkit::log::Subject;

fn main() {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("log-iceberg-conformance");
    // What an earlier run has left there would only take room.
    let _ = std::fs::remove_dir_all(&folder);
    let location = folder.display().to_string();
    stitchwork_testkit::log::run(move || {
        let formats = Formats::default().with(Arc::new(Parquet::new()));
        let args = LogArgs::new(location.clone(), Stores::new(), formats);
        async move { Ok(Subject::new(Arc::new(IcebergLogFactory), args)) }
    })
}
