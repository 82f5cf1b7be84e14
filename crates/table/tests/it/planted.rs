//! Plans with a bug each, which the suite of relations finds.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use stitchwork_core::{BatchStream, Deleted, Editor, Pushdown, Relation, Result, ScanArgs, ScanPlan};
use stitchwork_testkit::relation::{SUITE, Subject};

use crate::subject::subject;

#[derive(Debug, Clone, Copy, PartialEq)]
enum Bug {
    None,
    GradesEverythingExact,
    GradesTooFew,
    ForgetsAFile,
    ForgetsDeletes,
    ForgetsConstants,
}

#[derive(Debug)]
struct Planted {
    inner: Arc<dyn Relation>,
    bug: Bug,
}

#[async_trait]
impl Relation for Planted {
    fn schema(&self) -> SchemaRef {
        self.inner.schema()
    }

    async fn plan(&self, args: ScanArgs) -> Result<Option<ScanPlan>> {
        let Some(mut plan) = self.inner.plan(args).await? else { return Ok(None) };
        match self.bug {
            Bug::None => {}
            Bug::GradesEverythingExact => plan.pushdown.fill(Pushdown::Exact),
            Bug::GradesTooFew => drop(plan.pushdown.pop()),
            Bug::ForgetsAFile => drop(plan.files.pop()),
            Bug::ForgetsDeletes => plan.files.iter_mut().for_each(|f| f.file.deleted = Deleted::Nothing),
            Bug::ForgetsConstants => plan.files.iter_mut().for_each(|f| f.constants.clear()),
        }
        Ok(Some(plan))
    }

    async fn scan(&self, args: ScanArgs) -> Result<BatchStream> {
        self.inner.scan(args).await
    }

    fn editor(&self) -> Option<Arc<dyn Editor>> {
        None
    }
}

#[tokio::test]
async fn each_bug_of_a_plan_fails_its_clause() {
    const AGREES: &str = "relation::plan::agrees_with_scan";
    const GRADES: &str = "relation::plan::grades_each_conjunct";
    let planted: [(Bug, &[&str]); 6] = [
        (Bug::None, &[]),
        (Bug::GradesEverythingExact, &[GRADES]),
        (Bug::GradesTooFew, &[GRADES]),
        (Bug::ForgetsAFile, &[AGREES]),
        (Bug::ForgetsDeletes, &[AGREES]),
        // Without its constant, a partition column is null in every row, which an exact grade contradicts.
        (Bug::ForgetsConstants, &[AGREES, GRADES]),
    ];
    for (bug, expected) in planted {
        for id in [AGREES, GRADES] {
            let Subject { relation, rows } = subject().await.unwrap();
            let outcome =
                SUITE.check(id, Subject::new(Arc::new(Planted { inner: relation, bug }), rows)).await;
            assert_eq!(outcome.is_err(), expected.contains(&id), "{bug:?} {id}: {outcome:?}");
        }
    }
}
