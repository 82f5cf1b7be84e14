//! Loading: exactly once at every crash, and what a pipeline does with what sources and tables bring.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

mod full;
mod leftovers;
mod leftovers_branches;
mod loads;
#[path = "../shared/matrix.rs"]
mod matrix;
mod matrix_cells;
mod matrix_checks;
mod refusals;
mod replace;
mod replace_left;
mod replace_others;
mod rig;
mod said;
mod script;
mod state;
mod swaps;
