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

/// The options by which a server that speaks S3 is reached.
#[must_use]
pub fn options(endpoint: &str, user: &str, password: &str) -> Options {
    let options = [
        ("endpoint", endpoint),
        ("allow_http", "true"),
        ("region", "us-east-1"),
        ("access_key_id", user),
        ("secret_access_key", password),
    ];
    options.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}
