//! The public types of core, from outside.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod budget;
mod deliver;
mod error;
mod evaluate;
mod file;
mod hive;
mod ident;
mod mapping;
mod merge;
mod partition;
mod prune;
mod registry;
mod scalar;
mod stores;
