#![doc = include_str!("../README.md")]

mod config;
mod convert;
mod dml;
mod engine;
mod error;
mod filter;
mod guard;
mod names;
mod native;
mod stream;
mod table;

pub use config::{DataFusionConfig, SqlDialect};
pub use engine::{DataFusionEngine, SCHEME, register};
