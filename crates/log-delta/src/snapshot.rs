//! A table at one version.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::stream::{BoxStream, TryStreamExt};
use serde_json::Value;
use stitchwork_core::{
    CommitTag, DataFile, Deletes, FieldMapping, FileFilter, PartitionSpec, Result, Snapshot,
};

use crate::actions::{Add, Txn};
use crate::deletes;
use crate::files::live_files;
use crate::state::{Payload, State};
use crate::store::LogStore;

/// A version of a Delta table. Cheap to keep: it shares its state with the versions around it.
pub(crate) struct DeltaSnapshot {
    store: LogStore,
    state: Arc<State>,
}

impl DeltaSnapshot {
    pub(crate) fn new(store: LogStore, state: Arc<State>) -> Self {
        Self { store, state }
    }

    /// Looks for the commit of a transaction in the part of the log that is older than the checkpoint.
    async fn find_payload(&self, txn: &Txn, newest: i64) -> Result<Option<Value>> {
        let store = &self.store;
        let mut commits = stitchwork_commits::down_from(newest, None, |version| store.read_commit(version));
        while let Some(commit) = commits.try_next().await? {
            if commit.txns.iter().any(|t| t.app_id == txn.app_id && t.version == txn.version) {
                return Ok(commit.tag_payload(&txn.app_id));
            }
        }
        // The commits end where the log was cleaned up.
        Ok(None)
    }
}

impl fmt::Debug for DeltaSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeltaSnapshot")
            .field("location", &self.store.root.location)
            .field("version", &self.state.version)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Snapshot for DeltaSnapshot {
    fn version(&self) -> i64 {
        self.state.version
    }

    fn timestamp_ms(&self) -> i64 {
        self.state.timestamp_ms
    }

    fn schema(&self) -> SchemaRef {
        self.state.table.schema.clone()
    }

    fn file_schema(&self) -> SchemaRef {
        self.state.table.file_schema.clone()
    }

    fn mapping(&self) -> Arc<FieldMapping> {
        self.state.table.mapping.clone()
    }

    fn partitioning(&self) -> &[PartitionSpec] {
        &self.state.table.partitioning
    }

    fn properties(&self) -> &BTreeMap<String, String> {
        &self.state.table.metadata.configuration
    }

    async fn tag(&self, application: &str) -> Result<Option<CommitTag>> {
        let Some(found) = self.state.txns.get(application) else { return Ok(None) };
        let payload = match &found.payload {
            Payload::Known(payload) => payload.clone(),
            Payload::AtOrBefore(version) => self.find_payload(&found.txn, *version).await?,
        };
        Ok(Some(CommitTag { application: application.to_owned(), id: found.txn.version, payload }))
    }

    fn files(&self, filter: FileFilter) -> BoxStream<'static, Result<Vec<DataFile>>> {
        live_files(self.store.clone(), &self.state, filter)
    }

    async fn deletes(&self, file: &DataFile) -> Result<Deletes> {
        let add = file.native.clone().and_then(|native| native.downcast::<Add>().ok());
        let positions = match add.as_ref().and_then(|add| add.deletion_vector.as_ref()) {
            Some(vector) => {
                let read = deletes::read(&self.store.root, &self.store.stores, vector).await;
                Some(Arc::new(read.map_err(|e| e.with_context("file", &file.location))?))
            }
            None => None,
        };
        Ok(Deletes { positions, equality: vec![] })
    }
}
