//! The settings of one file.

use serde::Serialize;
use serde::de::DeserializeOwned;
use stitchwork_core::{Error, Options, Result, check_options, settings};

/// A configuration with the options of one file over it. Each option is the field of its name, and among `known`; the
/// caller checks the values against each other.
///
/// # Errors
/// `InvalidConfig` for an option that is not known, and for a value that its field cannot have.
pub fn overlay<C>(config: &C, options: &Options, known: &[&str]) -> Result<C>
where
    C: Serialize + DeserializeOwned,
{
    check_options(options, known)?;
    let wrong = |e: serde_json::Error| {
        Error::invalid_config("an option has a value that it cannot have")
            .with_context("options", options.keys().cloned().collect::<Vec<_>>().join(","))
            .with_source(e)
    };
    let mut fields = serde_json::to_value(config).map_err(wrong)?;
    if let Some(fields) = fields.as_object_mut() {
        fields.extend(settings(options));
    }
    serde_json::from_value(fields).map_err(wrong)
}
