//! The suite of the contract, on a file that every trial opens with connections of its own.

use std::path::Path;
use std::sync::Arc;

use stitchwork_catalog_sql::{SqlCatalog, SqlConfig};
use stitchwork_core::Catalog;

fn main() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("catalog-sql-conformance.db");
    // What an earlier run has left there would only slow this one down.
    let _ = std::fs::remove_file(&path);
    let url = format!("sqlite://{}", path.display());
    stitchwork_testkit::catalog::run(move || {
        let config = SqlConfig::new(url.clone());
        async move {
            let catalog: Arc<dyn Catalog> = Arc::new(SqlCatalog::open(config).await?);
            Ok(catalog)
        }
    })
}
