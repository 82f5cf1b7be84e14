//! A relation in memory with a bug on demand.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use stitchwork_core::{BatchStream, Editor, Relation, Result, ScanArgs, ScanPlan};
use stitchwork_testkit::batches::plain;
use stitchwork_testkit::{MemoryRelation, relation};

use crate::assert_failed;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Bug {
    None,
    OneBeyondTheLimit,
    LimitBeforePredicate,
    IgnoresPredicate,
    IgnoresProjection,
    HugeBatches,
}

#[derive(Debug)]
struct Planted {
    inner: MemoryRelation,
    bug: Bug,
}

#[async_trait]
impl Relation for Planted {
    fn schema(&self) -> SchemaRef {
        self.inner.schema()
    }

    async fn plan(&self, args: ScanArgs) -> Result<Option<ScanPlan>> {
        self.inner.plan(args).await
    }

    async fn scan(&self, mut args: ScanArgs) -> Result<BatchStream> {
        match self.bug {
            Bug::OneBeyondTheLimit => args.limit = args.limit.map(|limit| limit + 1),
            Bug::LimitBeforePredicate if args.limit == Some(7) => {
                // Seven rows, of which those that pass come.
                let all = ScanArgs { predicate: None, ..args.clone() };
                let batches = stitchwork_core::collect(self.inner.scan(all).await?).await?;
                args.limit = None;
                return MemoryRelation::new(self.schema(), batches).scan(args).await;
            }
            Bug::IgnoresPredicate => args.predicate = None,
            Bug::IgnoresProjection => args.projection = None,
            Bug::HugeBatches => args.batch_rows = None,
            _ => {}
        }
        self.inner.scan(args).await
    }

    fn editor(&self) -> Option<Arc<dyn Editor>> {
        None
    }
}

async fn failures(bug: Bug) -> Vec<(&'static str, String)> {
    let make = || async move {
        let rows = vec![plain(1, 0, 50)?, plain(2, 50, 30)?];
        let inner = MemoryRelation::new(rows[0].schema(), rows.clone());
        Ok(relation::Subject::new(Arc::new(Planted { inner, bug }), rows))
    };
    relation::SUITE.failures(make).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_bug_fails_its_clauses_and_no_others() {
    let planted: [(Bug, &[&str]); 6] = [
        (Bug::None, &[]),
        (Bug::OneBeyondTheLimit, &["relation::scan::limit_is_exact"]),
        (Bug::LimitBeforePredicate, &["relation::scan::limit_is_exact"]),
        (Bug::IgnoresPredicate, &["relation::scan::predicate_is_exact", "relation::scan::limit_is_exact"]),
        (Bug::IgnoresProjection, &["relation::scan::projection", "relation::scan::predicate_is_exact"]),
        (Bug::HugeBatches, &["relation::scan::all_rows"]),
    ];
    for (bug, expected) in planted {
        assert_failed(&bug, &failures(bug).await, expected);
    }
}
