#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod typed_rows;

use std::sync::Arc;

use stitchwork_core::{Registry, Result};

pub use typed_rows::TypedRows;

/// Adds the format to a registry, which then finds it by name and by the ending of files.
///
/// # Errors
/// `AlreadyExists` when the name is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    registry.register_format(Arc::new(TypedRows))
}
