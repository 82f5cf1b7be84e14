//! The contract of engines, kept by DuckDB.

#[path = "duckdb/support.rs"]
mod support;

use stitchwork_engine_adbc::Profile;

fn main() {
    support::conformance(Profile::DuckDb, || Ok(None));
}
