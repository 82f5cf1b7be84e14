//! An engine that knows nothing: no clause lets it pass by accident.

use std::sync::Arc;

use async_trait::async_trait;
use stitchwork_core::{
    BatchStream, Engine, EngineCapabilities, Error, Explanation, Info, Names, QueryArgs, Relation, Result,
    TableIdent,
};
use stitchwork_testkit::engine;

use crate::assert_failed;

#[derive(Debug)]
struct Ignorant;

#[async_trait]
impl Engine for Ignorant {
    fn info(&self) -> Info {
        Info { scheme: "ignorant", name: "ignorant".to_owned(), version: "0" }
    }

    fn capabilities(&self) -> EngineCapabilities {
        EngineCapabilities::default()
    }

    async fn attach(&self, _: &str, _: Arc<dyn Names>) -> Result<()> {
        Ok(())
    }

    async fn register(&self, _: &TableIdent, _: Arc<dyn Relation>) -> Result<()> {
        Ok(())
    }

    async fn query(&self, _: QueryArgs) -> Result<BatchStream> {
        Err(Error::invalid_input("unknown"))
    }

    async fn explain(&self, _: QueryArgs) -> Result<Explanation> {
        Ok(Explanation { plan: String::new() })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_engine_that_knows_nothing_fails_everything() {
    let failures =
        engine::SUITE.failures(|| async { Ok(Arc::new(Ignorant) as Arc<dyn Engine>) }).await.unwrap();
    let ids: Vec<&str> = engine::SUITE.ids().collect();
    assert_failed(&"ignorant", &failures, &ids);
}
