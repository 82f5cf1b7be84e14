//! Adding rows.

use futures::TryStreamExt;
use stitchwork_core::{BatchStream, Changes, CommitArgs, CommitTag, DataFile, Reads, Result};

use super::OperationSummary;
use crate::Table;
use crate::sink::remove_files;

/// How to append.
#[derive(Debug, Clone, Default)]
pub struct AppendArgs {
    /// Adds the columns of the rows that the table lacks, in a commit before the rows: files must know the
    /// ids that the table gives to its columns.
    pub evolve: bool,
    /// Whose commit it is.
    pub tag: Option<CommitTag>,
}

impl Table {
    /// Adds the rows of a stream, in one commit. A stream without rows commits nothing unless it has a tag.
    ///
    /// # Errors
    /// `InvalidInput` for rows that do not fit; nothing is then committed and what was written is removed.
    pub async fn append(&self, rows: BatchStream, args: AppendArgs) -> Result<OperationSummary> {
        let base = if args.evolve { self.evolve_for(&rows.schema()).await? } else { self.snapshot().await? };
        let (files, count) = self.write_all(rows, base.clone()).await?;
        if files.is_empty() && args.tag.is_none() {
            return Ok(OperationSummary::nothing(base));
        }
        let summary = OperationSummary {
            rows_added: count,
            files_added: files.len() as u64,
            bytes_added: files.iter().map(|f| f.size).sum(),
            ..OperationSummary::nothing(base.clone())
        };
        let changes = Changes { added: files.clone(), ..Changes::default() };
        let commit =
            CommitArgs { reads: Reads::Nothing, tag: args.tag, ..CommitArgs::new(base, "append", changes) };
        match self.log.commit(commit).await {
            Ok(done) => Ok(summary.committed(done)),
            Err(e) => Err(self.clean_up(e, &files).await),
        }
    }

    /// Writes a stream to files, and removes them again when it breaks.
    pub(crate) async fn write_all(
        &self,
        mut rows: BatchStream,
        base: std::sync::Arc<dyn stitchwork_core::Snapshot>,
    ) -> Result<(Vec<DataFile>, u64)> {
        let mut sink = self.sink(base, "part-")?;
        let writing = async {
            while let Some(batch) = rows.try_next().await? {
                sink.write(&batch).await?;
            }
            Ok(())
        };
        let done = writing.await;
        let count = sink.rows();
        Ok((sink.finish_or_abort(done).await?, count))
    }

    /// Removes files of a commit that has surely not landed, and gives the error back.
    pub(crate) async fn clean_up(
        &self,
        error: stitchwork_core::Error,
        files: &[DataFile],
    ) -> stitchwork_core::Error {
        if error.commit_state() == Some(stitchwork_core::CommitState::NotCommitted) {
            let _ = remove_files(&self.stores, files).await;
        }
        error
    }
}

impl OperationSummary {
    pub(super) fn nothing(snapshot: std::sync::Arc<dyn stitchwork_core::Snapshot>) -> Self {
        Self {
            snapshot,
            rows_added: 0,
            rows_removed: 0,
            rows_updated: 0,
            files_added: 0,
            files_removed: 0,
            bytes_added: 0,
            lost_races: 0,
        }
    }
}
