//! DuckDB as an engine: what its contract does not say.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

mod behaviour;
mod files;
mod footers;
mod names;
mod native;
mod support;
mod types;
