//! Options of object stores: from the environment, and from the project file, which goes before it.

use std::collections::BTreeMap;

use stitchwork::core::{Options, Stores, is_sensitive};
use stitchwork::{Error, Result};

use crate::console::Console;

/// Gives the stores their options. `project` has them by scheme (`s3://`) or root.
///
/// # Errors
/// What the stores say of the environment.
pub(crate) fn set_options(
    stores: &Stores,
    project: BTreeMap<String, Options>,
    console: &Console,
) -> Result<()> {
    let mut all = from_environment()?;
    for (place, options) in project {
        let scheme = format!("{}://", place.split(':').next().unwrap_or_default());
        // Two names of one option would be refused.
        let said = own_names(&scheme, &options)?;
        let mut merged = all.remove(&place).unwrap_or_default();
        merged.retain(|name, _| !said.contains_key(name));
        merged.extend(options);
        all.insert(place, merged);
    }
    for (place, options) in all {
        for (_, value) in options.iter().filter(|(name, _)| is_sensitive(name)) {
            console.hide(value);
        }
        stores.set_options_for(&place, options);
    }
    Ok(())
}

/// An error about a store that lacks options, with where people set them.
pub(crate) fn explained(error: Error) -> Error {
    let (Some(root), Some(missing)) = (error.context("root"), error.context("missing")) else { return error };
    let scheme = root.split(':').next().unwrap_or_default();
    let Some((_, prefix)) = SCHEMES.iter().zip(PREFIXES).find(|(known, _)| **known == scheme) else {
        return error;
    };
    let variables = missing.split(',').map(|name| format!("{prefix}{name}").to_ascii_uppercase());
    let variables = variables.collect::<Vec<_>>().join(",");
    let place = format!("the project file below stores: {scheme}://");
    error.with_context("environment", variables).with_context("or_in", place)
}

/// What the environment says, by scheme.
#[cfg(any(feature = "store-azure", feature = "store-gcs", feature = "store-http", feature = "store-s3"))]
fn from_environment() -> Result<BTreeMap<String, Options>> {
    let mut found = BTreeMap::new();
    for scheme in SCHEMES {
        let options = stitchwork::stores::options_from(scheme, variables())?;
        if !options.is_empty() {
            found.insert(format!("{scheme}://"), options);
        }
    }
    Ok(found)
}

/// The options with the names that they have among those of the environment.
#[cfg(any(feature = "store-azure", feature = "store-gcs", feature = "store-http", feature = "store-s3"))]
fn own_names(scheme: &str, options: &Options) -> Result<Options> {
    let scheme = scheme.trim_end_matches("://");
    let Some((scheme, prefix)) = SCHEMES.iter().zip(PREFIXES).find(|(known, _)| **known == scheme) else {
        return Ok(Options::new());
    };
    // Names without their prefix are not taken for ones of the environment.
    let pairs = options.iter().flat_map(|(name, value)| {
        [(name.clone(), value.clone()), (format!("{prefix}{name}"), value.clone())]
    });
    stitchwork::stores::options_from(scheme, pairs)
}

/// The variables that are texts.
#[cfg(any(feature = "store-azure", feature = "store-gcs", feature = "store-http", feature = "store-s3"))]
fn variables() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

/// The schemes that have variables of their own.
#[cfg(any(feature = "store-azure", feature = "store-gcs", feature = "store-http", feature = "store-s3"))]
const SCHEMES: &[&str] = &[
    #[cfg(feature = "store-s3")]
    "s3",
    #[cfg(feature = "store-gcs")]
    "gs",
    #[cfg(feature = "store-azure")]
    "az",
    #[cfg(feature = "store-azure")]
    "abfs",
    #[cfg(feature = "store-azure")]
    "abfss",
];

/// How the variables of each scheme begin.
#[cfg(any(feature = "store-azure", feature = "store-gcs", feature = "store-http", feature = "store-s3"))]
const PREFIXES: &[&str] = &[
    #[cfg(feature = "store-s3")]
    "aws_",
    #[cfg(feature = "store-gcs")]
    "google_",
    #[cfg(feature = "store-azure")]
    "azure_",
    #[cfg(feature = "store-azure")]
    "azure_",
    #[cfg(feature = "store-azure")]
    "azure_",
];

#[cfg(not(any(
    feature = "store-azure",
    feature = "store-gcs",
    feature = "store-http",
    feature = "store-s3"
)))]
const SCHEMES: &[&str] = &[];

#[cfg(not(any(
    feature = "store-azure",
    feature = "store-gcs",
    feature = "store-http",
    feature = "store-s3"
)))]
const PREFIXES: &[&str] = &[];

#[cfg(not(any(
    feature = "store-azure",
    feature = "store-gcs",
    feature = "store-http",
    feature = "store-s3"
)))]
#[expect(clippy::unnecessary_wraps, reason = "with stores it can fail")]
fn from_environment() -> Result<BTreeMap<String, Options>> {
    Ok(BTreeMap::new())
}

#[cfg(not(any(
    feature = "store-azure",
    feature = "store-gcs",
    feature = "store-http",
    feature = "store-s3"
)))]
#[expect(clippy::unnecessary_wraps, reason = "with stores it can fail")]
fn own_names(_: &str, _: &Options) -> Result<Options> {
    Ok(Options::new())
}

#[cfg(all(test, feature = "store-s3"))]
mod tests {
    use super::*;

    #[test]
    fn what_a_store_lacks_is_told_by_names_that_it_takes() {
        let stores = stitchwork::registry().unwrap().stores().clone();
        for root in ["s3://box/x", "gs://box/x", "az://box/x", "abfss://box@acct.dfs.core.windows.net/x"] {
            let scheme = root.split(':').next().unwrap();
            if !SCHEMES.contains(&scheme) {
                continue;
            }
            let Err(error) = stores.resolve(root) else { panic!("{root} needs credentials") };
            let error = explained(error);
            let variables = error.context("environment").unwrap().split(',');
            let given = variables.map(|name| (name.to_owned(), "x".to_owned()));
            let taken = stitchwork::stores::options_from(scheme, given).unwrap();
            let missing: Vec<&str> = error.context("missing").unwrap().split(',').collect();
            assert_eq!(taken.len(), missing.len(), "{error}");
            assert!(missing.iter().all(|name| taken.contains_key(*name)), "{error}");
            assert!(error.to_string().contains(&format!("stores: {scheme}://")), "{error}");
        }
        let other = Error::invalid_input("x").with_context("missing", "a");
        assert_eq!(explained(other).context("environment"), None);
    }

    #[test]
    fn names_of_the_project_are_known_with_and_without_prefix() {
        let options = |name: &str| Options::from([(name.to_owned(), "x".to_owned())]);
        for name in ["region", "aws_region", "aws_default_region", "default_region"] {
            let found = own_names("s3://", &options(name)).unwrap();
            assert_eq!(found.keys().collect::<Vec<_>>(), ["region"], "{name}");
        }
        assert!(own_names("s3://", &options("regoin")).unwrap().is_empty());
        assert!(own_names("file://", &options("sync")).unwrap().is_empty());
    }
}
