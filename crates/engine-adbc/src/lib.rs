#![doc = include_str!("../README.md")]

mod coalesce;
mod config;
mod dialect;
mod dimensions;
mod engine;
mod error;
mod literal;
mod names;
mod native;
mod place;
mod session;
mod sql;
mod storable;
mod trust;

pub use config::{AdbcConfig, Profile, find_driver};
pub use engine::{AdbcEngine, register};
