//! The drivers of the engines that need one.

use std::path::PathBuf;

use stitchwork::core::OpenUrl;
use stitchwork::engine_adbc::{Profile, find_driver};
use stitchwork::{Error, Result};

/// An engine's URL with the driver that is found, if the engine needs one and none is named: at the path in the environment
/// variable of the engine, beside the program, or in the system's folders of libraries.
///
/// # Errors
/// `InvalidConfig` where no driver is found.
pub(crate) fn with_driver(mut open: OpenUrl) -> Result<OpenUrl> {
    let (scheme, rest) = open.url.split_once(':').unwrap_or((&open.url, ""));
    let profile = Profile::ALL.into_iter().find(|profile| profile.schemes().contains(&scheme));
    let named = open.options.contains_key("driver") || rest.contains("driver=");
    let Some(profile) = profile.filter(|_| !named) else { return Ok(open) };
    let variable = profile.variable();
    let path = std::env::var_os(variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    let program = std::env::current_exe().ok();
    let folders: Vec<PathBuf> =
        program.iter().filter_map(|program| Some(program.parent()?.to_owned())).collect();
    let Some(driver) = find_driver(profile, path.as_deref(), &folders) else {
        let missing = Error::invalid_config(
            "the engine's driver is not found; set the environment variable to the path of the library, put it beside the program, \
             or name it in `options: {driver: …}` of the engine",
        );
        let missing = missing
            .with_context("engine", profile)
            .with_context("variable", variable)
            .with_context("library", profile.library());
        return Err(match path {
            Some(path) => missing.with_context("path", path.display()),
            None => missing,
        });
    };
    open.options.insert("driver".to_owned(), driver.display().to_string());
    Ok(open)
}
