#![doc = include_str!("../README.md")]

mod commit;
mod deletes;
mod error;
mod factory;
mod files;
mod log;
mod manifest;
mod part;
mod partitions;
mod pointer;
mod snapshot;
mod state;
mod stats;
mod tags;
mod types;
mod values;

pub use factory::{IcebergLogFactory, register};

/// The scheme that the log is registered under.
pub const SCHEME: &str = "iceberg";
