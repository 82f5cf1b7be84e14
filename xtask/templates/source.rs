#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod tail;

use std::sync::Arc;

use stitchwork_core::{Registry, Result};

pub use tail::Tail;

/// The scheme that the source is registered under.
pub const SCHEME: &str = "tail";

/// Adds the source to a registry, which then opens it by URL.
///
/// # Errors
/// `AlreadyExists` when the scheme is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    registry.register_source(SCHEME, Arc::new(|open| Box::pin(async move { Tail::open(open) })))
}
