//! The log against its clauses, on a catalog and in a folder, and against tables of other writers.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a helper of a test fails the test by panicking"
)]

mod answers;
mod branches;
mod clock;
mod commits;
mod damage;
mod deletes;
mod evolution;
mod foreign;
mod orphans;
mod pyiceberg;
mod races;
mod setup;
mod tables;
