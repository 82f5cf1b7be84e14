//! The suite of the contract.

use std::sync::Arc;

use stitchwork_core::{Formats, LogArgs, Stores};
use stitchwork_log_files::FilesLogFactory;
use stitchwork_testkit::log::{Subject, run};

fn main() {
    run(|| async {
        let args = LogArgs::new("memory:/warehouse", Stores::new(), Formats::default());
        Ok(Subject::new(Arc::new(FilesLogFactory), args))
    })
}
