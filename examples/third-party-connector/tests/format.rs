//! The format keeps the contract.

use std::sync::Arc;

use stitchwork_testkit::format;
use third_party_connector::TypedRows;

fn main() {
    format::run(|| async { Ok(Arc::new(TypedRows) as format::Subject) })
}
