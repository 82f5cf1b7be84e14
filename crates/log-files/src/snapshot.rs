//! A table at one version, as core wants it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use stitchwork_core::{
    CommitTag, DataFile, Deletes, FieldMapping, FileFilter, PartitionSpec, Result, Snapshot,
};

use crate::files::live_files;
use crate::sieve::Sieve;
use crate::state::State;
use crate::store::LogStore;

pub(crate) struct FilesSnapshot {
    store: LogStore,
    state: Arc<State>,
}

impl FilesSnapshot {
    pub(crate) fn new(store: LogStore, state: Arc<State>) -> Self {
        Self { store, state }
    }
}

impl fmt::Debug for FilesSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FilesSnapshot")
            .field("location", &self.store.root.location)
            .field("version", &self.state.version)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Snapshot for FilesSnapshot {
    fn version(&self) -> i64 {
        self.state.version
    }

    fn timestamp_ms(&self) -> i64 {
        self.state.time
    }

    fn schema(&self) -> SchemaRef {
        self.state.table.schema.clone()
    }

    fn file_schema(&self) -> SchemaRef {
        self.state.table.file_schema.clone()
    }

    fn mapping(&self) -> Arc<FieldMapping> {
        Arc::new(FieldMapping::by_name())
    }

    fn partitioning(&self) -> &[PartitionSpec] {
        &self.state.table.partitioning
    }

    fn properties(&self) -> &BTreeMap<String, String> {
        self.state.table.properties()
    }

    async fn tag(&self, application: &str) -> Result<Option<CommitTag>> {
        Ok(self.state.tags.get(application).cloned())
    }

    fn files(&self, filter: FileFilter) -> BoxStream<'static, Result<Vec<DataFile>>> {
        let mut sieve = Sieve::new(self.store.root.clone(), self.state.table.clone(), filter);
        live_files(&self.store, &self.state)
            .map(move |adds| {
                let sifted = adds?.iter().map(|add| sieve.sift(add)).collect::<Result<Vec<_>>>()?;
                Ok(sifted.into_iter().flatten().collect())
            })
            .try_filter(|files: &Vec<DataFile>| futures::future::ready(!files.is_empty()))
            .boxed()
    }

    async fn deletes(&self, _: &DataFile) -> Result<Deletes> {
        Ok(Deletes::default())
    }
}
