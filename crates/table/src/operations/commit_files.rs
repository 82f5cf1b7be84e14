//! Committing files that were written before.

use std::sync::Arc;

use futures::TryStreamExt;
use stitchwork_core::{Changes, CommitArgs, CommitTag, DataFile, Reads, Result, Snapshot};

use super::OperationSummary;
use crate::Table;
use crate::plan::filter;
use crate::written::with_statistics;

/// What to commit.
#[derive(Debug, Clone, Default)]
pub struct CommitFilesArgs {
    /// The files, written through [`Table::sink`]. Those without statistics are looked at first: a load of very many
    /// files need not keep in memory what the files know of themselves.
    pub files: Vec<DataFile>,
    /// Whether the files replace everything that is there.
    pub replace: bool,
    /// Whose commit it is. A table that carries the tag already is left as it is.
    pub tag: Option<CommitTag>,
    /// The state of the table that somebody has looked at: the commit is made on it, once, and is a `Conflict` where another
    /// one was faster. Without it, the newest state is taken, again after each race that is lost.
    pub base: Option<Arc<dyn Snapshot>>,
}

impl Table {
    /// Commits files that were written before, perhaps by a process that is no more. `None` where the table
    /// carries the tag already, so that a repeated call changes nothing.
    ///
    /// # Errors
    /// `NotFound` when a file without statistics is gone; what the log says. Files stay, whatever happens: whoever wrote them decides.
    pub async fn commit_files(&self, args: CommitFilesArgs) -> Result<Option<OperationSummary>> {
        let mut tries = if args.base.is_some() { 0 } else { self.config.conflict_retries };
        let mut added = args.files;
        loop {
            let base = match &args.base {
                Some(base) => base.clone(),
                None => self.snapshot().await?,
            };
            if let Some(tag) = &args.tag
                && base.tag(&tag.application).await?.is_some_and(|known| known.id >= tag.id)
            {
                return Ok(None);
            }
            added = with_statistics(added, base.as_ref(), &self.stores, &self.formats).await?;
            let mut changes = Changes { added: added.clone(), ..Changes::default() };
            let mut operation = "append";
            let mut reads = Reads::Nothing;
            let mut rows_removed = 0;
            if args.replace {
                let mut live = base.files(filter(None));
                while let Some(chunk) = live.try_next().await? {
                    for file in chunk {
                        rows_removed += self.live_rows(&base, &file).await?;
                        changes.removed.push(file);
                    }
                }
                (operation, reads) = ("overwrite", Reads::Everything);
            }
            let summary = OperationSummary {
                rows_added: added.iter().filter_map(|f| f.rows).sum(),
                rows_removed,
                files_added: added.len() as u64,
                files_removed: changes.removed.len() as u64,
                bytes_added: added.iter().map(|f| f.size).sum(),
                ..OperationSummary::nothing(base.clone())
            };
            let commit =
                CommitArgs { reads, tag: args.tag.clone(), ..CommitArgs::new(base, operation, changes) };
            match self.log.commit(commit).await {
                Ok(done) => return Ok(Some(summary.committed(done))),
                Err(e) if tries > 0 && e.is_lost_race() => tries -= 1,
                // Somebody has committed the same load meanwhile: the next look finds the tag.
                Err(e)
                    if tries > 0
                        && args.tag.is_some()
                        && e.kind() == stitchwork_core::ErrorKind::AlreadyExists =>
                {
                    tries -= 1
                }
                Err(e) => return Err(e),
            }
        }
    }
}
