//! What a test needs and may not find: it is skipped, and says so.

use std::io::Write;
use std::path::PathBuf;

/// Says that a test is skipped, and for want of what. `required` is an environment variable: set to `1`, nothing may be
/// skipped for want of such a thing.
///
/// The line goes to the standard output itself: what is printed in any other way is shown of failed tests only.
///
/// # Panics
/// When `required` is set to `1`.
pub fn skip(test: &str, needs: &str, required: &str) {
    let is_required = std::env::var(required).is_ok_and(|value| value == "1");
    assert!(!is_required, "{test} needs {needs}, and {required} is set");
    // A closed output has no reader who could miss the line.
    let _ = writeln!(std::io::stdout(), "skipped: {test} needs {needs}");
}

/// A file or folder of what other writers left for the tests of many projects: `data/{name}` in the folder that
/// `STITCHWORK_SHARED` names, or else in the nearest folder `shared` beside the checkout. Without it, `None`, and the
/// test says that it was skipped.
///
/// # Panics
/// When it is not there although `STITCHWORK_REQUIRE_DATA` is `1`.
#[must_use]
pub fn data(test: &str, name: &str) -> Option<PathBuf> {
    let named = std::env::var_os("STITCHWORK_SHARED").map(PathBuf::from);
    // Cargo runs tests in the folder of their package.
    let here = std::env::current_dir().unwrap_or_default();
    let above = here.ancestors().map(|folder| folder.join("shared"));
    let found = named.into_iter().chain(above).map(|folder| folder.join("data").join(name));
    let found = found.into_iter().find(|place| place.exists());
    if found.is_none() {
        skip(test, &format!("shared/data/{name}"), "STITCHWORK_REQUIRE_DATA");
    }
    found
}
