//! Tables and files that others wrote, against what the peers, and whoever wrote them, see in them.

mod delta;
mod iceberg;
mod page;
mod peers;
mod queries;
mod report;
mod seen;
mod types;
mod zones;

pub(crate) use peers::{Job, read as ask_peers};
pub(crate) use report::Report;
pub(crate) use seen::Seen;

use std::sync::Arc;

use stitchwork::Result;
use stitchwork::core::{Engine, OpenUrl, Registry, Relation, ScanArgs, TableIdent};
use stitchwork_engine_adbc::{AdbcConfig, AdbcEngine, Profile};
use stitchwork_tests::drivers;
use stitchwork_tests::oracle::Oracles;

/// The peers and the driver of DuckDB; where one is not there, a line says that the test is skipped.
pub(crate) fn peers_and_driver(test: &str) -> Option<(Oracles, String)> {
    Some((Oracles::find(test)?, drivers::find(Profile::DuckDb, test)?))
}

/// Our own scan and both engines.
pub(crate) struct Readers {
    pub(crate) datafusion: Arc<dyn Engine>,
    pub(crate) duckdb: Arc<dyn Engine>,
}

impl Readers {
    /// Readers with the driver of DuckDB at this path.
    pub(crate) async fn new(registry: &Registry, driver: &str) -> Self {
        let duckdb = AdbcEngine::open(Profile::DuckDb, AdbcConfig::new(driver)).await.unwrap();
        let datafusion = registry.engine(OpenUrl::new("datafusion:")).await.unwrap();
        Self { datafusion, duckdb: Arc::new(duckdb) }
    }

    /// Makes a relation known to both engines.
    pub(crate) async fn register(&self, name: &str, relation: Arc<dyn Relation>) {
        self.datafusion.register(&TableIdent::bare(name), relation.clone()).await.unwrap();
        self.duckdb.register(&TableIdent::bare(name), relation).await.unwrap();
    }

    /// All rows of a relation, by each reader.
    pub(crate) async fn read(&self, relation: Arc<dyn Relation>) -> [(&'static str, Result<Seen>); 3] {
        let scanned = match relation.scan(ScanArgs::default()).await {
            Ok(stream) => Seen::of_stream(stream).await,
            Err(error) => Err(error),
        };
        self.register("t", relation).await;
        [
            ("scan", scanned),
            ("DataFusion", Seen::of_query(self.datafusion.as_ref(), "select * from t").await),
            ("DuckDB", Seen::of_query(self.duckdb.as_ref(), "select * from t").await),
        ]
    }
}
