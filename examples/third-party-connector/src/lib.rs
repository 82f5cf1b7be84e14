#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod tail;
mod typed_rows;

use std::sync::Arc;

use stitchwork_core::{Registry, Result};

pub use tail::Tail;
pub use typed_rows::TypedRows;

/// Adds the source `tail:///path/of/a/file` and the format of files that end in `.rows`.
///
/// # Errors
/// `AlreadyExists` when the registry has one of the names already.
pub fn register(registry: &mut Registry) -> Result<()> {
    registry.register_source("tail", Arc::new(|open| Box::pin(async move { Tail::open(open) })))?;
    registry.register_format(Arc::new(TypedRows))
}
