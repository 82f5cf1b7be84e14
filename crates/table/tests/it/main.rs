//! The operations of tables over the testkit's log and format, which have no code in common with real ones.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

mod append;
mod delete;
mod editor;
mod file_set_found;
mod file_set_types;
mod file_sets;
mod files;
mod model;
mod overwrite;
mod planted;
mod racing;
mod reading;
mod rig;
mod subject;
