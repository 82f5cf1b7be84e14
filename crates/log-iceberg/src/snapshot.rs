//! A table at one point of its life.

mod files;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, OnceLock};

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::stream::BoxStream;
use stitchwork_core::{
    CommitTag, DataFile, Deletes, Error, FieldMapping, FileFilter, MapBy, PartitionSpec, Result, Snapshot,
};
use stitchwork_iceberg_meta::{IceSchema, IceSnapshot, ManifestInfo, TableMeta};
use tokio::sync::OnceCell;

use crate::deletes::DeleteIndex;
use crate::log::NO_SNAPSHOT;
use crate::partitions::{self, Spec};
use crate::state::{Shared, State, read_manifest_list};
use crate::stats::Columns;
use crate::{tags, types};

pub(crate) use files::Origin;

/// The property that maps the columns of files without field ids.
const NAME_MAPPING: &str = "schema.name-mapping.default";

/// An id that no field has: the specification keeps the highest ones for columns of metadata.
const NO_FIELD: i32 = i32::MAX;

/// A snapshot of an Iceberg table; clones share everything.
#[derive(Debug, Clone)]
pub(crate) struct IcebergSnapshot(pub(crate) Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) shared: Arc<Shared>,
    pub(crate) state: Arc<State>,
    /// None for a table without any.
    pub(crate) snapshot: Option<IceSnapshot>,
    /// Whether it is the newest one of the state.
    current: bool,
    pub(crate) schema: SchemaRef,
    /// The same in Iceberg's terms.
    pub(crate) ice_schema: IceSchema,
    mapping: Arc<FieldMapping>,
    pub(crate) columns: Columns,
    pub(crate) specs: Vec<Spec>,
    partitioning: Vec<PartitionSpec>,
    properties: BTreeMap<String, String>,
    manifests: OnceCell<Arc<Vec<ManifestInfo>>>,
    deletes: OnceCell<Arc<DeleteIndex>>,
    times: OnceLock<HashMap<i64, i64>>,
}

impl IcebergSnapshot {
    /// The newest snapshot of a state.
    pub(crate) fn current(shared: Arc<Shared>, state: Arc<State>) -> Result<Self> {
        let snapshot = state.meta.current_snapshot();
        let schema = state.meta.current_schema().clone();
        Self::new(shared, state, snapshot, schema)
    }

    /// Another snapshot, with the schema that the table had then, or with the one it has now.
    pub(crate) fn older(
        shared: Arc<Shared>,
        state: Arc<State>,
        snapshot: IceSnapshot,
        schema_of_now: bool,
    ) -> Result<Self> {
        let then = snapshot.schema_id.and_then(|id| state.meta.schema(id));
        let schema = match then {
            Some(then) if !schema_of_now => then.clone(),
            _ => state.meta.current_schema().clone(),
        };
        Self::new(shared, state, Some(snapshot), schema)
    }

    fn new(
        shared: Arc<Shared>,
        state: Arc<State>,
        snapshot: Option<IceSnapshot>,
        ice_schema: IceSchema,
    ) -> Result<Self> {
        let schema = types::to_arrow(&ice_schema)?;
        let columns = Columns::new(types::columns_by_id(&ice_schema));
        let specs = partitions::specs(&state.meta, &columns.by_id);
        let partitioning = specs.iter().map(Spec::to_core).collect();
        let user = state.meta.properties().iter().filter(|(key, _)| !tags::is_tag_property(key));
        let properties = user.map(|(key, value)| (key.clone(), value.clone())).collect();
        let mapping = Arc::new(mapping(&state.meta)?);
        let current = snapshot.as_ref().map(|s| s.id) == state.meta.current_snapshot_id();
        Ok(Self(Arc::new(Inner {
            shared,
            state,
            snapshot,
            current,
            schema,
            ice_schema,
            mapping,
            columns,
            specs,
            partitioning,
            properties,
            manifests: OnceCell::new(),
            deletes: OnceCell::new(),
            times: OnceLock::new(),
        })))
    }
}

impl Inner {
    /// The manifests of the snapshot.
    pub(crate) async fn manifests(&self) -> Result<Arc<Vec<ManifestInfo>>> {
        let read = || async {
            match &self.snapshot {
                _ if self.current => self.state.manifests(&self.shared.files).await,
                Some(snapshot) => read_manifest_list(&self.shared.files, &self.state.meta, snapshot).await,
                None => Ok(Arc::default()),
            }
        };
        self.manifests.get_or_try_init(read).await.cloned()
    }

    /// The deletes of the snapshot, found once.
    pub(crate) async fn delete_index(&self) -> Result<Arc<DeleteIndex>> {
        let build = || async { DeleteIndex::build(self).await.map(Arc::new) };
        self.deletes.get_or_try_init(build).await.cloned()
    }

    /// How columns are found in data files.
    pub(crate) fn mapping(&self) -> Arc<FieldMapping> {
        self.mapping.clone()
    }

    /// When a snapshot was made.
    fn time_of(&self, snapshot: i64) -> Option<i64> {
        let all = || self.state.meta.snapshots().iter().map(|s| (s.id, s.timestamp_ms)).collect();
        self.times.get_or_init(all).get(&snapshot).copied()
    }

    pub(crate) fn spec(&self, id: i32) -> Result<&Spec> {
        partitions::spec_of(&self.specs, id)
    }
}

#[async_trait]
impl Snapshot for IcebergSnapshot {
    fn version(&self) -> i64 {
        self.0.snapshot.as_ref().map_or(NO_SNAPSHOT, |snapshot| snapshot.id)
    }

    fn timestamp_ms(&self) -> i64 {
        match &self.0.snapshot {
            Some(snapshot) => snapshot.timestamp_ms,
            None => self.0.state.meta.last_updated_ms(),
        }
    }

    fn schema(&self) -> SchemaRef {
        self.0.schema.clone()
    }

    fn file_schema(&self) -> SchemaRef {
        self.0.schema.clone()
    }

    fn mapping(&self) -> Arc<FieldMapping> {
        self.0.mapping()
    }

    fn partitioning(&self) -> &[PartitionSpec] {
        &self.0.partitioning
    }

    fn properties(&self) -> &BTreeMap<String, String> {
        &self.0.properties
    }

    async fn tag(&self, application: &str) -> Result<Option<CommitTag>> {
        Ok(tags::find(&self.0.state.meta, self.0.snapshot.as_ref(), application, self.0.current))
    }

    fn files(&self, filter: FileFilter) -> BoxStream<'static, Result<Vec<DataFile>>> {
        files::list(self.0.clone(), filter)
    }

    async fn deletes(&self, file: &DataFile) -> Result<Deletes> {
        let index = self.0.delete_index().await?;
        index.deletes(&self.0, file).await.map_err(|e| e.with_context("file", &file.location))
    }
}

/// How columns are found in files: by id, and in files without ids by the names that a property gives.
fn mapping(meta: &TableMeta) -> Result<FieldMapping> {
    let mut mapping = FieldMapping::new(MapBy::FieldId);
    if let Some(text) = meta.property(NAME_MAPPING) {
        let fields: Vec<MappedField> = serde_json::from_str(text).map_err(|e| {
            Error::invalid_data("the name mapping of the table is broken")
                .with_context("property", NAME_MAPPING)
                .with_source(e)
        })?;
        collect_names(fields, &mut mapping.names);
        if mapping.names.is_empty() {
            // One that maps nothing is another thing than none: then no column is in such a file.
            mapping.names.insert(NO_FIELD, vec![]);
        }
    }
    Ok(mapping)
}

/// A field of a name mapping (Iceberg spec, "Name Mapping Serialization").
#[derive(Debug, serde::Deserialize)]
struct MappedField {
    #[serde(rename = "field-id")]
    id: Option<i32>,
    names: Vec<String>,
    #[serde(default)]
    fields: Vec<Self>,
}

fn collect_names(fields: Vec<MappedField>, names: &mut BTreeMap<i32, Vec<String>>) {
    for field in fields {
        if let Some(id) = field.id {
            names.insert(id, field.names);
        }
        collect_names(field.fields, names);
    }
}
