//! The log as a user sees it, against a model and against another implementation.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a helper of a test fails the test by panicking, and says what it skips"
)]

mod answers;
mod checkpoints;
mod clock;
mod differential;
mod features;
mod helpers;
mod hostile;
mod pruning;
mod replay;
