//! How a test asks for a server.
#![expect(clippy::panic, reason = "a test fails by panicking")]

use std::env;
use std::io::Write;

use crate::folder::Folder;
use crate::service::Service;
use crate::up::{Running, Use, up};
use crate::{Error, Result};

/// Set to `1`, turns a server that is missing into a failure of the test.
pub const REQUIRE: &str = "STITCHWORK_REQUIRE_SERVICES";

/// The server that a test needs, for as long as its process lives. Without it, prints that the test was skipped and
/// why, and gives nothing.
///
/// # Panics
/// When the server is installed but does not start, and when it is missing while [`REQUIRE`] is set.
#[must_use]
pub fn in_test(service: &'static Service) -> Option<Running> {
    let required = env::var_os(REQUIRE).is_some_and(|value| value == "1");
    match given(Folder::find().and_then(|folder| up(&folder, service, Use::Process)), required) {
        Ok(Ok(running)) => Some(running),
        Ok(Err(reason)) => {
            // To the output itself: what is printed in any other way is shown of failed tests only. A closed output
            // has no reader who could miss the line.
            let _ = writeln!(std::io::stdout(), "skipped: no service {reason}");
            None
        }
        Err(message) => panic!("{message}"),
    }
}

/// A server or the reason to skip the test, or else the message to fail with.
fn given<T>(result: Result<T>, required: bool) -> Result<Result<T, String>, String> {
    match result {
        Ok(running) => Ok(Ok(running)),
        Err(Error::Missing(reason)) if !required => Ok(Err(reason)),
        Err(Error::Missing(reason)) => Err(format!("{reason}, and {REQUIRE} is set")),
        Err(Error::Failed(reason)) => Err(reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_missing_and_not_required_is_skipped() {
        assert_eq!(given(Ok(1), true), Ok(Ok(1)));
        let missing = || Err::<(), _>(Error::missing("no go"));
        assert_eq!(given(missing(), false), Ok(Err("no go".to_owned())));
        assert_eq!(given(missing(), true).unwrap_err(), format!("no go, and {REQUIRE} is set"));
        assert_eq!(given::<()>(Err(Error::failed("ended")), false), Err("ended".to_owned()));
    }
}
