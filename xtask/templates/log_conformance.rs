//! The suite of the contract.

use std::sync::Arc;

use stitchwork_core::{Formats, LogArgs, Registry, Stores};
use stitchwork_testkit::{IpcFormat, log};

fn main() {
    log::run(|| async {
        let mut registry = Registry::new();
        log_memory_log::register(&mut registry)?;
        let formats = Formats::default().with(Arc::new(IpcFormat));
        let args = LogArgs::new("memory:///warehouse", Stores::new(), formats);
        Ok(log::Subject::new(registry.log("memory-log")?, args))
    })
}
