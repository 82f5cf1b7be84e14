//! A log in which others are faster, exactly when the test wants it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use futures::future::BoxFuture;
use futures::stream::BoxStream;
use stitchwork_core::{
    At, CommitArgs, Committed, DeleteFile, HistoryArgs, Info, Log, LogCapabilities, Result, Scalar, Snapshot,
    Version, WriteDeletesArgs,
};
use stitchwork_table::{Table, TableConfig};

use crate::rig::Rig;

/// Does what others do before each commit.
pub(crate) struct Racing {
    inner: Arc<dyn Log>,
    others: Mutex<VecDeque<BoxFuture<'static, ()>>>,
}

impl std::fmt::Debug for Racing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Racing").field(&self.inner).finish()
    }
}

/// The table of the rig, whose first commits each lose against one of these.
pub(crate) fn slow(rig: &Rig, retries: u32, others: Vec<BoxFuture<'static, ()>>) -> Table {
    let log = Arc::new(Racing { inner: rig.table.log().clone(), others: Mutex::new(others.into()) });
    let config =
        TableConfig { format: "ipc-test".to_owned(), conflict_retries: retries, ..TableConfig::default() };
    Table::new(log, rig.registry.stores().clone(), rig.registry.formats().clone(), config)
}

#[async_trait]
impl Log for Racing {
    fn info(&self) -> Info {
        self.inner.info()
    }

    fn capabilities(&self) -> LogCapabilities {
        self.inner.capabilities()
    }

    fn location(&self) -> &str {
        self.inner.location()
    }

    fn data_location(&self, partition: &[(&str, &Scalar)], file_name: &str) -> String {
        self.inner.data_location(partition, file_name)
    }

    async fn snapshot(&self, at: At) -> Result<Arc<dyn Snapshot>> {
        self.inner.snapshot(at).await
    }

    async fn write_deletes(&self, args: WriteDeletesArgs) -> Result<DeleteFile> {
        self.inner.write_deletes(args).await
    }

    async fn commit(&self, args: CommitArgs) -> Result<Committed> {
        let other = self.others.lock().unwrap().pop_front();
        if let Some(other) = other {
            other.await;
        }
        self.inner.commit(args).await
    }

    fn history(&self, args: HistoryArgs) -> BoxStream<'static, Result<Version>> {
        self.inner.history(args)
    }

    fn versions(&self) -> BoxStream<'static, Result<i64>> {
        self.inner.versions()
    }

    async fn orphan_files(&self) -> Result<Vec<String>> {
        self.inner.orphan_files().await
    }
}
