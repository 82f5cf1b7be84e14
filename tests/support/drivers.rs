//! The drivers of databases, for the tests that want one.

use std::path::{Path, PathBuf};

use stitchwork_engine_adbc::{Profile, find_driver};
use stitchwork_testkit::peers;

/// The driver of a database, if it is there; else the test is skipped, or fails where nothing may be skipped.
///
/// # Panics
/// When it is missing and `STITCHWORK_REQUIRE_ORACLES` is 1.
#[must_use]
pub fn find(profile: Profile, test: &str) -> Option<String> {
    let find = |named: Option<&Path>, folders: &[PathBuf]| find_driver(profile, named, folders);
    let found = peers::driver(test, profile.scheme(), profile.variable(), find);
    found.map(|path| path.display().to_string())
}
