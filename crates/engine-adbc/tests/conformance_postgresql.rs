//! The contract of engines, kept by a real PostgreSQL server.

#[path = "duckdb/support.rs"]
mod support;

use std::sync::OnceLock;

use stitchwork_core::{Error, Result};
use stitchwork_engine_adbc::Profile;
use stitchwork_services::{POSTGRES, Running, in_test};

/// The server, used as long as this program runs.
fn server() -> Option<&'static Running> {
    static SERVER: OnceLock<Option<Running>> = OnceLock::new();
    SERVER.get_or_init(|| in_test(&POSTGRES)).as_ref()
}

fn database() -> Result<Option<String>> {
    let server = server().ok_or_else(|| Error::unexpected("the server is not there"))?;
    let fresh = server.fresh("adbc").map_err(|e| Error::unexpected(format!("no database: {e}")))?;
    Ok(Some(fresh))
}

fn main() {
    if server().is_some() {
        support::conformance(Profile::PostgreSql, database);
    }
}
