//! The suite of the contract.

use std::sync::Arc;

use stitchwork_catalog_memory::MemoryCatalog;
use stitchwork_core::Catalog;

fn main() {
    stitchwork_testkit::catalog::run(|| async { Ok(Arc::new(MemoryCatalog::new()) as Arc<dyn Catalog>) })
}
