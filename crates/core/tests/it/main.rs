//! The public types of core, from outside.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

mod budget;
mod error;
mod evaluate;
mod ident;
mod mapping;
mod prune;
mod registry;
mod scalar;
mod stores;
