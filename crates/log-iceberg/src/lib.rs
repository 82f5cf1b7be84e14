#![doc = include_str!("../README.md")]

mod commit;
mod deletes;
mod error;
mod factory;
mod files;
mod log;
mod manifest;
mod orphans;
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

/// Milliseconds since 1970, before which `Utc::now` would panic.
fn now_ms() -> i64 {
    chrono::DateTime::<chrono::Utc>::from(std::time::SystemTime::now()).timestamp_millis()
}
