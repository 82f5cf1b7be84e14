//! The contract of engines, kept by SQLite.

#[path = "duckdb/support.rs"]
mod support;

use stitchwork_engine_adbc::Profile;

fn main() {
    support::conformance(Profile::Sqlite, || Ok(None));
}
