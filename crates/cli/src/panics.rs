//! Panics: of libraries that were given damaged bytes, and of bugs. Both are caught, and told as errors.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};

use stitchwork::Error;

use crate::exit::Failure;

/// Keeps panics from being printed from now on: whoever catches one tells it. `-vv` shows where each of them was.
pub(crate) fn keep_quiet() {
    set_hook(Box::new(|panic| tracing::debug!(%panic, "something panicked, which is caught")));
}

/// Does some work. A panic that nobody else has caught is its error.
pub(crate) fn told(work: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| Err(bug(panic.as_ref()).into()))
}

/// The error that a panic is which nobody expected.
pub(crate) fn bug(panic: &(dyn Any + Send)) -> Error {
    let words = panic.downcast_ref::<String>().map(String::as_str);
    let words = words.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
    Error::unexpected("the program has a bug; report it with this message and what `-vv` says")
        .with_context("panic", words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_that_nobody_catches_is_an_error() {
        let failure = told(|| panic!("no {}", "luck")).unwrap_err();
        let Failure::Error(error) = failure else { panic!("{failure:?}") };
        assert_eq!(error.context("panic"), Some("no luck"));
        assert!(told(|| Ok(())).is_ok());
    }
}
