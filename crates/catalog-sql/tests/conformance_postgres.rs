//! The suite of the contract, on a server that every trial opens with connections of its own.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;

use stitchwork_catalog_sql::{SqlCatalog, SqlConfig};
use stitchwork_core::Catalog;
use stitchwork_services::{POSTGRES, in_test};

fn main() {
    let Some(server) = in_test(&POSTGRES) else { return };
    let url = server.fresh("conformance").unwrap();
    stitchwork_testkit::catalog::run(move || {
        let config = SqlConfig::new(url.clone()).with_schema("a schema");
        async move {
            let catalog: Arc<dyn Catalog> = Arc::new(SqlCatalog::open(config).await?);
            Ok(catalog)
        }
    })
}
