//! Bytes that nobody vouches for, and the errors of objects.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use stitchwork_core::{Error, Object};

/// Runs a decoder over bytes that nobody vouches for.
///
/// # Errors
/// Should it panic, the words of the panic.
pub fn catch<T>(decode: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(decode)).map_err(|panic| panic_words(panic.as_ref()).to_owned())
}

/// The words of a panic that was caught.
#[must_use]
pub fn panic_words(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("no reason given")
}

/// The error with the place of the object, if it has none yet.
#[must_use]
pub fn located(error: Error, object: &Object) -> Error {
    match error.context("location") {
        Some(_) => error,
        None => error.with_context("location", object.location()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_told_in_its_own_words() {
        let three = std::hint::black_box(3);
        assert_eq!(catch(|| three), Ok(3));
        assert_eq!(catch(|| assert!(three > 3, "only {three}")), Err("only 3".to_owned()));
        assert_eq!(catch(|| assert!(three > 3, "too few")), Err("too few".to_owned()));
        assert_eq!(catch(|| std::panic::panic_any(three)), Err("no reason given".to_owned()));
    }
}
