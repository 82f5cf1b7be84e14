//! The way into a registry.

use std::sync::Arc;

use stitchwork_core::{Catalog, OpenUrl, Opener, Registry, Result};

use crate::{SqlCatalog, SqlConfig};

/// The scheme that the catalog is registered under.
pub const SCHEME: &str = "sqlite";

/// Adds the catalog to a registry: `sqlite:///absolute/path.db`, with the option `catalog_name`.
///
/// # Errors
/// `AlreadyExists` when the scheme is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    let opener: Opener<dyn Catalog> = Arc::new(|open: OpenUrl| {
        Box::pin(async move {
            let catalog: Arc<dyn Catalog> = Arc::new(SqlCatalog::open(SqlConfig::from_open(open)?).await?);
            Ok(catalog)
        })
    });
    registry.register_catalog(SCHEME, opener)
}
