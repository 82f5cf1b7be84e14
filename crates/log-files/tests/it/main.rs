//! The log as a user sees it: through tables, in a store that fails on demand, and from folders of other writers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a helper of a test fails the test by panicking, and says what it skips"
)]

mod adoption;
mod checkpoints;
mod crashes;
mod damage;
mod foreign;
mod races;
mod rig;
