#![doc = include_str!("../README.md")]

mod blocking;
mod disk;
#[cfg(test)]
mod simulated;
mod store;
mod upload;
mod writer;

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::local::LocalFileSystem;
use stitchwork_core::{Error, Options, Registry, Result, check_options};

pub use store::LocalStore;

/// The option that says whether writes are synced; see [`register`].
pub const SYNC: &str = "sync";

/// Makes the stores of `file://` durable. With the option [`SYNC`] as `false` they are object_store's own, which are
/// faster and lose what the system has not written yet when the power fails.
///
/// # Errors
/// `AlreadyExists` when an application has registered a store for `file` itself.
pub fn register(registry: &mut Registry) -> Result<()> {
    registry.stores().register("file", Arc::new(|_, options| open(options)))
}

fn open(options: &Options) -> Result<Arc<dyn ObjectStore>> {
    check_options(options, &[SYNC])?;
    match options.get(SYNC).map(String::as_str) {
        None | Some("true") => Ok(Arc::new(LocalStore::new())),
        Some("false") => Ok(Arc::new(LocalFileSystem::new())),
        Some(other) => Err(Error::invalid_config("the option is true or false")
            .with_context("option", SYNC)
            .with_context("value", other)),
    }
}
