#![doc = include_str!("../README.md")]

mod columns;
mod compressors;
mod config;
mod dates;
mod dictionary;
mod error;
mod file;
mod footer;
mod format;
mod pieces;
mod projection;
mod prune;
mod ranges;
mod reader;
mod required;
mod source;
mod statistics;
mod writer;

pub use config::{Compression, ParquetConfig};
pub use dates::{as_days, check_days};
pub use format::{Parquet, SCHEME, register};
