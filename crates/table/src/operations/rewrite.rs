//! Files without some of their rows: what is left of them is written anew (copy-on-write).

use std::sync::Arc;

use futures::TryStreamExt;
use stitchwork_core::{
    Column, ColumnStats, DataFile, FileFilter, FileStats, Match, PlannedFile, Predicate, Result, ScanPlan,
    Snapshot, Statistics, StatsFor,
};

use crate::plan::{check_columns, constants, live_rows};
use crate::scan::FileReader;
use crate::{FileSink, Table};

/// What became of the files that may hold rows which pass.
#[derive(Debug, Default)]
pub(super) struct Rewritten {
    /// Files that are no longer live.
    pub removed: Vec<DataFile>,
    /// Files with the rows of them that are left.
    pub added: Vec<DataFile>,
    /// How many rows went.
    pub rows_removed: u64,
}

/// Statistics of a file together with its constants.
struct Known<'a> {
    stats: Option<&'a FileStats>,
    rows: Option<u64>,
    constants: Vec<(Column, ColumnStats)>,
}

impl Statistics for Known<'_> {
    fn column(&self, column: &Column) -> Option<ColumnStats> {
        let constant = self.constants.iter().find(|(c, _)| c == column).map(|(_, stats)| stats.clone());
        constant.or_else(|| self.stats.and_then(|stats| stats.column(column)))
    }

    fn rows(&self) -> Option<u64> {
        self.rows
    }
}

impl Table {
    /// Takes the rows that pass out of every file of a snapshot. A file that statistics prove to be all of
    /// them goes unread; a file that turns out to hold none stays.
    pub(super) async fn rewrite_without(
        &self,
        base: &Arc<dyn Snapshot>,
        predicate: Option<&Predicate>,
    ) -> Result<Rewritten> {
        check_columns(predicate, &base.schema())?;
        let mut result = Rewritten::default();
        let columns = predicate.map(Predicate::columns).unwrap_or_default();
        let mut chunks =
            base.files(FileFilter { predicate: predicate.cloned(), stats: StatsFor::Columns(columns) });
        let mut sink = self.sink(base.clone(), "part-")?;
        let rewriting = async {
            while let Some(chunk) = chunks.try_next().await? {
                for file in chunk {
                    self.rewrite_file(base, predicate, file, &mut sink, &mut result).await?;
                }
            }
            Ok(())
        };
        let done = rewriting.await;
        result.added = sink.finish_or_abort(done).await?;
        Ok(result)
    }

    async fn rewrite_file(
        &self,
        base: &Arc<dyn Snapshot>,
        predicate: Option<&Predicate>,
        file: DataFile,
        sink: &mut FileSink,
        result: &mut Rewritten,
    ) -> Result<()> {
        let schema = base.schema();
        let constants = constants(&file, base.partitioning(), &schema)?;
        let Some(predicate) = predicate else {
            result.rows_removed += self.live_rows(base, &file).await?;
            result.removed.push(file);
            return Ok(());
        };
        match predicate.prune(&known(&file, &constants, &schema)) {
            Match::None => return Ok(()),
            Match::All => {
                result.rows_removed += self.live_rows(base, &file).await?;
                result.removed.push(file);
                return Ok(());
            }
            Match::Some => {}
        }
        // A first pass over the columns of the predicate finds out whether there is anything to do: most files
        // that statistics cannot rule out hold no such row.
        let live = self.live_rows(base, &file).await?;
        let hits = self.count_passing(base, &file, predicate).await?;
        if hits == 0 {
            return Ok(());
        }
        if hits < live {
            let reader = self.reader(base, (0..schema.fields().len()).collect(), None);
            let planned = PlannedFile { file: file.clone(), constants };
            let mut left = reader.open(planned, Some(predicate.clone())).await?;
            while let Some(batch) = left.try_next().await? {
                sink.write(&batch).await?;
            }
        }
        result.rows_removed += hits;
        result.removed.push(file);
        Ok(())
    }

    pub(super) async fn live_rows(&self, base: &Arc<dyn Snapshot>, file: &DataFile) -> Result<u64> {
        match live_rows(file) {
            Some(rows) => Ok(rows),
            None => self.count_passing(base, file, &Predicate::And(vec![])).await,
        }
    }

    async fn count_passing(
        &self,
        base: &Arc<dyn Snapshot>,
        file: &DataFile,
        predicate: &Predicate,
    ) -> Result<u64> {
        let constants = constants(file, base.partitioning(), &base.schema())?;
        let reader = self.reader(base, vec![], Some(predicate.clone()));
        let rows = reader.open(PlannedFile { file: file.clone(), constants }, None).await?;
        stitchwork_core::count_rows(rows).await
    }

    pub(super) fn reader(
        &self,
        base: &Arc<dyn Snapshot>,
        projection: Vec<usize>,
        predicate: Option<Predicate>,
    ) -> FileReader {
        let schema = base.schema();
        let fields: Vec<_> = projection.iter().map(|place| schema.field(*place).clone()).collect();
        let plan = ScanPlan {
            schema: schema.clone(),
            mapping: base.mapping(),
            stores: self.stores.clone(),
            formats: self.formats.clone(),
            files: vec![],
            pushdown: vec![],
            snapshot: Some(base.clone()),
        };
        FileReader {
            plan: Arc::new(plan),
            predicate,
            projection,
            output: Arc::new(arrow_schema::Schema::new(fields)),
            batch_rows: None,
            budget: Some(self.config.budget.clone()),
            addresses: false,
        }
    }
}

fn known<'a>(
    file: &'a DataFile,
    constants: &[(usize, stitchwork_core::Scalar)],
    schema: &arrow_schema::SchemaRef,
) -> Known<'a> {
    let rows = file.rows;
    let constants = constants
        .iter()
        .map(|(place, value)| {
            let stats = ColumnStats::constant(value, rows);
            (Column::new(schema.field(*place).name().clone()), stats)
        })
        .collect();
    Known { stats: file.stats.as_deref(), rows, constants }
}
