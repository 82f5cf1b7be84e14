//! Formats with settings by their names.

use std::sync::Arc;

use stitchwork_core::{Error, Format, Options, Result};

/// A format with settings by their names: the dialect of a CSV file, the layout of JSON.
///
/// # Errors
/// `InvalidConfig` for an unknown setting, or a value that it cannot have; `Unsupported` for a format that is none of
/// those that the enabled features bring.
#[cfg_attr(
    not(any(
        feature = "format-avro",
        feature = "format-csv",
        feature = "format-ipc",
        feature = "format-json",
        feature = "format-parquet"
    )),
    expect(unused_variables, reason = "without formats there is nothing to set")
)]
pub fn format_with(scheme: &str, options: &Options) -> Result<Arc<dyn Format>> {
    #[cfg(feature = "format-avro")]
    if scheme == stitchwork_format_avro::SCHEME {
        return Ok(Arc::new(stitchwork_format_avro::Avro::with_options(options)?));
    }
    #[cfg(feature = "format-csv")]
    if scheme == stitchwork_format_csv::SCHEME {
        return Ok(Arc::new(stitchwork_format_csv::Csv::with_options(options)?));
    }
    #[cfg(feature = "format-ipc")]
    if scheme == stitchwork_format_ipc::SCHEME {
        return Ok(Arc::new(stitchwork_format_ipc::Ipc::with_options(options)?));
    }
    #[cfg(feature = "format-json")]
    if scheme == stitchwork_format_json::SCHEME {
        return Ok(Arc::new(stitchwork_format_json::Json::with_options(options)?));
    }
    #[cfg(feature = "format-parquet")]
    if scheme == stitchwork_format_parquet::SCHEME {
        return Ok(Arc::new(stitchwork_format_parquet::Parquet::with_options(options)?));
    }
    Err(Error::unsupported("the format takes no options by name; register it with its settings")
        .with_context("format", scheme))
}

/// The names of the settings of a format; none for one that [`format_with`] does not know.
#[must_use]
pub fn format_options(scheme: &str) -> Vec<String> {
    // No setting is called nothing, and what refuses it names all that there are.
    let refused = format_with(scheme, &[(String::new(), String::new())].into()).err();
    let known = refused.as_ref().and_then(|error| error.context("known"));
    known.into_iter().flat_map(|known| known.split(',')).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_takes_its_settings_by_name() {
        let registry = crate::registry().unwrap();
        for format in registry.formats().iter() {
            let scheme = format.info().scheme;
            let with =
                |name: &str, value: &str| format_with(scheme, &[(name.to_owned(), value.to_owned())].into());
            let known = format_options(scheme);
            assert!(known.iter().any(|option| option == "compression"), "{scheme} {known:?}");
            for option in &known {
                // None of them is passed over: each has values that it cannot have, or takes any text.
                let outcome = with(option, "§§");
                assert!(option == "null_texts" || outcome.is_err(), "{scheme} {option}");
            }
            assert_eq!(format_with(scheme, &Options::new()).unwrap().info().scheme, scheme);
        }
        assert!(format_with("clay", &Options::new()).is_err());
        assert!(format_options("clay").is_empty());
    }
}
