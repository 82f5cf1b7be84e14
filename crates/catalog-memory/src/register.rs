//! The way into a registry.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use stitchwork_core::{Catalog, Error, OpenUrl, Opener, Registry, Result, check_options};

use crate::MemoryCatalog;

/// The scheme that the catalog is registered under.
pub const SCHEME: &str = "memory";

/// Adds the catalog to a registry: `memory:` opens a fresh one each time, `memory:name` the same one for every
/// caller of this registry.
///
/// # Errors
/// `AlreadyExists` when the scheme is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    let named: Arc<Mutex<BTreeMap<String, MemoryCatalog>>> = Arc::default();
    let opener: Opener<dyn Catalog> = Arc::new(move |open: OpenUrl| {
        let opened = open_named(&named, &open);
        Box::pin(async move { opened })
    });
    registry.register_catalog(SCHEME, opener)
}

fn open_named(named: &Mutex<BTreeMap<String, MemoryCatalog>>, open: &OpenUrl) -> Result<Arc<dyn Catalog>> {
    check_options(&open.options, &[])?;
    let name = open.url.strip_prefix(SCHEME).and_then(|rest| rest.strip_prefix(':')).ok_or_else(|| {
        Error::invalid_input("the URL of a catalog in memory begins with `memory:`")
            .with_context("url", &open.url)
    })?;
    let name = name.trim_start_matches('/');
    if name.is_empty() {
        return Ok(Arc::new(MemoryCatalog::new()));
    }
    Ok(Arc::new(named.lock().entry(name.to_owned()).or_default().clone()))
}
