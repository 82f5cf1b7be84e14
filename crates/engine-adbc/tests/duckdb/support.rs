//! Databases whose drivers are there.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use stitchwork_core::{Engine, Result};
use stitchwork_engine_adbc::{AdbcConfig, AdbcEngine, Profile, find_driver};
use stitchwork_testkit::peers;

/// The driver of a profile, if it is there.
pub(crate) fn driver(profile: Profile, test: &str) -> Option<String> {
    let find = |named: Option<&Path>, folders: &[PathBuf]| find_driver(profile, named, folders);
    let found = peers::driver(test, profile.scheme(), profile.variable(), find);
    found.map(|path| path.display().to_string())
}

/// Runs the suite as the whole of a test program; `uri` is that of the database, where it has one.
#[allow(dead_code, reason = "not every test program has a suite")]
pub(crate) fn conformance(profile: Profile, uri: fn() -> Result<Option<String>>) {
    let Some(driver) = driver(profile, "the contract of engines") else { return };
    stitchwork_testkit::engine::run(move || {
        let driver = driver.clone();
        async move {
            let config = AdbcConfig { uri: uri()?, ..AdbcConfig::new(driver) };
            Ok(Arc::new(AdbcEngine::open(profile, config).await?) as Arc<dyn Engine>)
        }
    })
}

/// DuckDB with these settings, if its driver is there.
#[allow(
    dead_code,
    clippy::panic,
    reason = "the suites make their own engines; a helper of a test fails loudly"
)]
pub(crate) async fn duckdb(test: &str, change: impl FnOnce(&mut AdbcConfig)) -> Option<AdbcEngine> {
    let mut config = AdbcConfig::new(driver(Profile::DuckDb, test)?);
    change(&mut config);
    match AdbcEngine::open(Profile::DuckDb, config).await {
        Ok(engine) => Some(engine),
        Err(error) => panic!("the driver is there, but DuckDB does not open: {error:?}"),
    }
}
