//! The conformance suite of formats.

use std::sync::Arc;

use stitchwork_format_parquet::Parquet;

fn main() {
    stitchwork_testkit::format::run(|| async {
        Ok(Arc::new(Parquet::new()) as stitchwork_testkit::format::Subject)
    })
}
