#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod memory_log;

use std::sync::Arc;

use stitchwork_core::{Registry, Result};

pub use memory_log::MemoryLogFactory;

/// Adds the log to a registry, which then finds it by name.
///
/// # Errors
/// `AlreadyExists` when the name is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    registry.register_log(Arc::new(MemoryLogFactory::new()))
}
