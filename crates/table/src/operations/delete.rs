//! Deleting rows.

use stitchwork_core::{Changes, CommitArgs, CommitTag, Predicate, Reads, Result};

use super::OperationSummary;
use crate::Table;

/// What to delete.
#[derive(Debug, Clone, Default)]
pub struct DeleteArgs {
    /// The rows that pass; all when `None`.
    pub predicate: Option<Predicate>,
    /// Whose commit it is.
    pub tag: Option<CommitTag>,
}

impl Table {
    /// Deletes the rows that pass, by writing what is left of their files anew, in one commit. Where no row
    /// passes nothing is committed. Where another writer's commit is in the way, it is done again from there.
    ///
    /// # Errors
    /// `Conflict` after too many repetitions, or what the log and the files say.
    pub async fn delete(&self, args: DeleteArgs) -> Result<OperationSummary> {
        let mut tries = self.config.conflict_retries;
        loop {
            let base = self.snapshot().await?;
            let rewritten = self.rewrite_without(&base, args.predicate.as_ref()).await?;
            if rewritten.removed.is_empty() && args.tag.is_none() {
                return Ok(OperationSummary::nothing(base));
            }
            let reads = args.predicate.clone().map_or(Reads::Everything, Reads::Rows);
            let added = rewritten.added.clone();
            let summary = OperationSummary {
                rows_removed: rewritten.rows_removed,
                files_added: added.len() as u64,
                files_removed: rewritten.removed.len() as u64,
                bytes_added: added.iter().map(|f| f.size).sum(),
                ..OperationSummary::nothing(base.clone())
            };
            let changes =
                Changes { added: rewritten.added, removed: rewritten.removed, ..Changes::default() };
            let commit =
                CommitArgs { reads, tag: args.tag.clone(), ..CommitArgs::new(base, "delete", changes) };
            match self.log.commit(commit).await {
                Ok(done) => return Ok(summary.committed(done)),
                Err(e) => {
                    let e = self.clean_up(e, &added).await;
                    if tries == 0 || !e.is_lost_race() {
                        return Err(e);
                    }
                    tries -= 1;
                }
            }
        }
    }
}
