#![doc = include_str!("../README.md")]

mod apart;
mod arithmetic;
mod casts;
mod config;
mod convert;
mod dialect;
mod dml;
mod engine;
mod error;
mod escape;
mod fields;
mod filter;
mod floats;
mod frames;
mod from_first;
mod guard;
mod hidden;
mod information;
mod membership;
mod merged;
mod moments;
mod names;
mod native;
mod numbers;
mod panics;
mod pushdown;
mod spans;
mod spelling;
mod stream;
mod sums;
mod table;
mod travel;

pub use config::{DataFusionConfig, SqlDialect};
pub use engine::{DataFusionEngine, SCHEME, register};
pub use travel::offsets;
