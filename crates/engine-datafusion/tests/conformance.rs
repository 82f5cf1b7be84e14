//! The contract of engines, kept.

use std::sync::Arc;

use stitchwork_core::Engine;
use stitchwork_engine_datafusion::{DataFusionConfig, DataFusionEngine};

fn main() {
    stitchwork_testkit::engine::run(|| async {
        let engine = DataFusionEngine::new(DataFusionConfig::default())?;
        Ok(Arc::new(engine) as Arc<dyn Engine>)
    })
}
