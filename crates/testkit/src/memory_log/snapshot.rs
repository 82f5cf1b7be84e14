//! One version of a table in memory.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_schema::{Schema, SchemaRef};
use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use stitchwork_core::{
    Column, ColumnStats, CommitTag, DataFile, Deleted, Deletes, EqualityDeletes, Error, FieldMapping,
    FileFilter, FileStats, Match, PartitionSpec, Predicate, Result, RoaringTreemap, Snapshot, Statistics,
    StatsFor, Transform, Version,
};

/// A live file and its deletes.
#[derive(Debug, Clone)]
pub(super) struct Live {
    pub file: DataFile,
    pub positions: Arc<RoaringTreemap>,
    pub equality: Vec<Arc<EqualityDeletes>>,
}

impl Live {
    /// The file as listings give it.
    pub(super) fn listed(&self) -> DataFile {
        let deleted = match (self.positions.len(), self.equality.is_empty()) {
            (0, true) => Deleted::Nothing,
            (rows, true) => Deleted::Exactly(rows),
            _ => Deleted::Unknown,
        };
        DataFile { deleted, ..self.file.clone() }
    }
}

#[derive(Debug, Clone)]
pub(super) struct MemorySnapshot {
    pub version: i64,
    pub timestamp_ms: i64,
    pub schema: SchemaRef,
    pub partitioning: Vec<PartitionSpec>,
    pub properties: BTreeMap<String, String>,
    pub tags: BTreeMap<String, CommitTag>,
    pub files: Vec<Live>,
    pub operation: String,
    pub tag: Option<CommitTag>,
    /// The files that this version added, removed or changed the deletes of.
    pub touched: Vec<DataFile>,
    pub changed_schema: bool,
}

impl MemorySnapshot {
    pub(super) fn as_version(&self) -> Version {
        let files = self.files.len().to_string();
        Version {
            id: self.version,
            timestamp_ms: self.timestamp_ms,
            operation: self.operation.clone(),
            tag: self.tag.clone(),
            summary: BTreeMap::from([("files".to_owned(), files)]),
        }
    }

    /// Whether rows that pass may be in the file.
    pub(super) fn may_match(&self, file: &DataFile, predicate: &Predicate) -> bool {
        let spec = self.partitioning.iter().find(|spec| spec.id == file.spec);
        predicate.prune(&Known { file, spec }) != Match::None
    }
}

/// What partition values and statistics say about a file.
struct Known<'a> {
    file: &'a DataFile,
    spec: Option<&'a PartitionSpec>,
}

impl Statistics for Known<'_> {
    fn column(&self, column: &Column) -> Option<ColumnStats> {
        let fields = self.spec.map(|spec| spec.fields.iter()).into_iter().flatten();
        let mut values = fields.zip(&self.file.partition);
        let value = values.find(|(f, _)| f.source == *column && f.transform == Transform::Identity);
        match value {
            Some((_, value)) => Some(ColumnStats::constant(value, self.file.rows)),
            None => self.file.stats.as_ref().and_then(|stats| stats.column(column)),
        }
    }

    fn rows(&self) -> Option<u64> {
        self.file.rows
    }
}

/// The statistics that were asked for.
fn wanted(stats: Option<&Arc<FileStats>>, wanted: &StatsFor) -> Option<Arc<FileStats>> {
    let stats = stats?;
    match wanted {
        StatsFor::Nothing => None,
        StatsFor::All => Some(stats.clone()),
        StatsFor::Columns(columns) => {
            let kept = stats.columns.iter().filter(|(column, _)| columns.contains(column));
            let columns = kept.map(|(column, stats)| (column.clone(), stats.clone())).collect();
            Some(Arc::new(FileStats { rows: stats.rows, columns }))
        }
    }
}

#[async_trait]
impl Snapshot for MemorySnapshot {
    fn version(&self) -> i64 {
        self.version
    }

    fn timestamp_ms(&self) -> i64 {
        self.timestamp_ms
    }

    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn file_schema(&self) -> SchemaRef {
        // Columns that files are divided by are kept here and not in the files, as Delta does.
        let fields = self.partitioning.last().map(|spec| spec.fields.as_slice()).unwrap_or_default();
        let divides = |name: &str| fields.iter().any(|field| field.source.root() == name);
        let kept = self.schema.fields().iter().filter(|field| !divides(field.name())).cloned();
        Arc::new(Schema::new(kept.collect::<Vec<_>>()))
    }

    fn mapping(&self) -> Arc<FieldMapping> {
        Arc::new(FieldMapping::by_name())
    }

    fn partitioning(&self) -> &[PartitionSpec] {
        &self.partitioning
    }

    fn properties(&self) -> &BTreeMap<String, String> {
        &self.properties
    }

    async fn tag(&self, application: &str) -> Result<Option<CommitTag>> {
        Ok(self.tags.get(application).cloned())
    }

    fn files(&self, filter: FileFilter) -> BoxStream<'static, Result<Vec<DataFile>>> {
        let mut found = Vec::new();
        for live in &self.files {
            if filter.predicate.as_ref().is_none_or(|predicate| self.may_match(&live.file, predicate)) {
                let file = live.listed();
                let stats = wanted(file.stats.as_ref(), &filter.stats);
                found.push(DataFile { stats, ..file });
            }
        }
        // Small chunks, so that nobody comes to rely on there being one.
        let chunks: Vec<_> = found.chunks(3).map(|chunk| Ok(chunk.to_vec())).collect();
        stream::iter(chunks).boxed()
    }

    async fn deletes(&self, file: &DataFile) -> Result<Deletes> {
        let live = self.files.iter().find(|live| live.file.location == file.location).ok_or_else(|| {
            Error::not_found("the file is not live in this snapshot").with_context("location", &file.location)
        })?;
        let positions = (!live.positions.is_empty()).then(|| live.positions.clone());
        Ok(Deletes { positions, equality: live.equality.clone() })
    }
}
