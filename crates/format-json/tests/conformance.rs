//! The conformance suite of formats.

use std::sync::Arc;

use stitchwork_format_json::Json;

fn main() {
    stitchwork_testkit::format::run(|| async {
        Ok(Arc::new(Json::new()) as stitchwork_testkit::format::Subject)
    })
}
