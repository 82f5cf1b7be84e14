//! The way into a registry.

use std::sync::Arc;

use stitchwork_core::{Catalog, OpenUrl, Opener, Registry, Result};

use crate::{SqlCatalog, SqlConfig};

/// The schemes that the catalog is registered under, as the features have it.
pub const SCHEMES: &[&str] = &[
    #[cfg(feature = "sqlite")]
    crate::sqlite::SCHEME,
    #[cfg(feature = "postgres")]
    crate::postgres::SCHEME,
    #[cfg(feature = "postgres")]
    crate::postgres::OTHER_SCHEME,
];

/// Adds the catalog to a registry: `sqlite:///absolute/path.db` and `postgres://user@host/database`, with the options of
/// [`SqlConfig::from_open`].
///
/// # Errors
/// `AlreadyExists` when a scheme is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    let opener: Opener<dyn Catalog> = Arc::new(|open: OpenUrl| {
        Box::pin(async move {
            let catalog: Arc<dyn Catalog> = Arc::new(SqlCatalog::open(SqlConfig::from_open(open)?).await?);
            Ok(catalog)
        })
    });
    SCHEMES.iter().try_for_each(|scheme| registry.register_catalog(scheme, Arc::clone(&opener)))
}
