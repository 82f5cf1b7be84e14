//! Stores opened by location, against a server that keeps objects in memory and records what it is asked.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

mod clouds;
mod s3;
mod server;
mod web;
