#![doc = include_str!("../README.md")]

mod columns;
mod config;
mod error;
mod file;
mod format;
mod projection;
mod prune;
mod ranges;
mod reader;
mod source;
mod statistics;
mod upload;
mod writer;

pub use config::{Compression, ParquetConfig};
pub use format::{Parquet, SCHEME, register};
