//! The conformance suite of formats.

use std::sync::Arc;

use stitchwork_format_avro::Avro;

fn main() {
    stitchwork_testkit::format::run(|| async {
        Ok(Arc::new(Avro::new()) as stitchwork_testkit::format::Subject)
    })
}
