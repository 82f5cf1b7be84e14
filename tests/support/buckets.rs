//! Registries whose stores reach further than the machine.

use stitchwork::Result;
use stitchwork::core::{Options, Registry};

/// Everything that the facade has, with these options for `s3://`.
///
/// # Errors
/// When a scheme is taken twice.
pub fn registry(options: Options) -> Result<Registry> {
    let registry = stitchwork::registry()?;
    registry.stores().set_options_for("s3://", options);
    Ok(registry)
}
