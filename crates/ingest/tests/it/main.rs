//! Loading: exactly once at every crash, and what a pipeline does with what sources and tables bring.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod crash;
mod crash_store;
mod loads;
mod refusals;
mod replace;
mod rig;
mod script;
mod state;
