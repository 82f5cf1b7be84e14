//! The conformance suite of formats.

use std::sync::Arc;

use stitchwork_format_csv::Csv;

fn main() {
    stitchwork_testkit::format::run(|| async {
        Ok(Arc::new(Csv::new()) as stitchwork_testkit::format::Subject)
    })
}
