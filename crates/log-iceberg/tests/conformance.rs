//! The suite of the contract, with a catalog that holds the pointer.

use std::sync::Arc;

use stitchwork_catalog_memory::MemoryCatalog;
use stitchwork_core::{Formats, LogArgs, Stores, TableIdent};
use stitchwork_format_parquet::Parquet;
use stitchwork_log_iceberg::IcebergLogFactory;
use stitchwork_testkit::log::Subject;

fn main() {
    stitchwork_testkit::log::run(|| async {
        let formats = Formats::default().with(Arc::new(Parquet::new()));
        let args = LogArgs::new("memory:/warehouse", Stores::new(), formats)
            .with_catalog(Arc::new(MemoryCatalog::new()), TableIdent::new("testkit", "t"));
        Ok(Subject::new(Arc::new(IcebergLogFactory), args))
    })
}
