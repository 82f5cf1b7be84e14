//! Storage formats: one object in a store and Arrow batches.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::ops::Range;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use async_trait::async_trait;
use roaring::RoaringTreemap;

use crate::stores::names;
use crate::{
    BatchStream, Budget, Error, FieldMapping, FileStats, Info, Object, Options, Predicate, Result, count_rows,
};

/// What a format can do beyond reading and writing whole objects. All false by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FormatCapabilities {
    /// `write` works.
    pub write: bool,
    /// `ReadArgs::predicate` leaves out parts of the object without decoding them.
    pub read_with_predicate: bool,
    /// `ReadArgs::range` reads the part of the object that begins in a byte range.
    pub read_with_range: bool,
    /// Field ids survive a round trip.
    pub field_ids: bool,
    /// The summary of a written or inspected object holds bounds and null counts of its columns.
    pub column_statistics: bool,
    /// Schemas survive a round trip exactly; else types come back as the format infers them.
    pub exact_schema: bool,
}

/// One object in a store and Arrow batches.
/// # For users
/// Ask the registry for a format by name, or build one by type.
/// # For implementors
/// Clauses, each tested by `stitchwork_testkit::format`:
/// - `format::write_read::rows_come_back`: what was written comes back in order, equal in value.
/// - `format::write_read::empty_file_has_schema`: a file without rows is read, with `exact_schema` as it was.
/// - `format::write::summary_counts`: the summary's rows and bytes are those of the object.
/// - `format::write::summary_bounds`: with `column_statistics`, bounds hold every value, null counts are exact.
/// - `format::write::invisible_until_finished`: the object is not there before `finish`, nor after `abort`.
/// - `format::write::refuses_foreign_schema`: a batch whose schema is not the writer's is refused.
/// - `format::inspect::agrees_with_write`: `inspect` finds the rows and the statistics that `finish` told.
/// - `format::read::projection`: only the projected columns come, in the order asked for.
/// - `format::read::schema_is_adapted`: renamed, widened and absent columns come as in `ReadArgs::schema`.
/// - `format::read::predicate_keeps_matches`: no row that passes the predicate is left out; others may stay.
/// - `format::read::rows_select`: with `ReadArgs::rows`, exactly those positions come.
/// - `format::read::row_numbers`: `ReadArgs::row_number` holds positions in the object, whatever is left out.
/// - `format::read::batch_rows_bound`: no batch has more rows than asked for.
/// - `format::read::missing_object`: a missing object is `NotFound` and the error has its location.
/// - `format::read::broken_object`: bytes that are no such format are `InvalidData`, never a panic.
/// - `format::capabilities::undeclared_refused`: undeclared `write` and `ReadArgs::range` are `Unsupported`.
#[async_trait]
pub trait Format: Debug + Send + Sync + 'static {
    /// Who this is.
    fn info(&self) -> Info;
    /// What this can do.
    fn capabilities(&self) -> FormatCapabilities;
    /// The endings of file names that belong to the format, without the dot, the usual one first.
    fn extensions(&self) -> &[&'static str];

    /// The ending, without the dot, for the name of an object that is written with these options: what reads the object later
    /// is told none of them, and must find its rows by the name and the bytes alone (`csv.gz`).
    /// # Errors
    /// `InvalidConfig`, naming the option, for one that neither shows.
    fn file_extension(&self, _options: &Options) -> Result<String> {
        Ok(self.extensions().first().copied().unwrap_or("data").to_owned())
    }

    /// The schema of an object, from its metadata or inferred from its first rows.
    ///
    /// Where types are found in values, `Null` is that of a place without any, which gives way to the type that another
    /// object has there ([`merge_fields`](crate::merge_fields)). What remains of it is text, after
    /// [`settle_fields`](crate::settle_fields), and so it is in what [`Format::read`] gives.
    /// # Errors
    /// `NotFound`, `InvalidData`, or what the store says.
    async fn infer_schema(&self, object: &Object) -> Result<SchemaRef> {
        Ok(self.read(object, ReadArgs::default()).await?.schema())
    }

    /// Rows, bytes and statistics of an object, without reading its rows where the format allows.
    /// # Errors
    /// As [`Format::infer_schema`].
    async fn inspect(&self, object: &Object) -> Result<FileSummary> {
        let rows = count_rows(self.read(object, ReadArgs::default()).await?).await?;
        Ok(FileSummary::counted(rows, object.fetch_size().await?))
    }

    /// The rows of an object.
    /// # Errors
    /// As [`Format::infer_schema`]; `Unsupported` for an argument that is not declared.
    async fn read(&self, object: &Object, args: ReadArgs) -> Result<BatchStream>;

    /// Starts a new object, replacing one that is there when it is finished.
    /// # Errors
    /// `Unsupported` for a type it cannot hold, naming the column; `InvalidConfig` for an unknown option.
    async fn write(&self, object: &Object, args: WriteArgs) -> Result<Box<dyn FileWriter>>;
}

/// How to read an object.
#[derive(Debug, Clone, Default)]
pub struct ReadArgs {
    /// The schema the rows shall have; `None` for the object's own. Columns are found by `mapping`.
    pub schema: Option<SchemaRef>,
    /// How columns of `schema` are found in the object; by name when `None`.
    pub mapping: Option<Arc<FieldMapping>>,
    /// The columns to read, as places in `schema` (or in the object's own schema); `None` for all.
    pub projection: Option<Vec<usize>>,
    /// Parts where no row passes may be left out: the caller filters. Columns are `schema`'s, projected or not.
    pub predicate: Option<Predicate>,
    /// Only rows at these positions.
    pub rows: Option<Arc<RoaringTreemap>>,
    /// Adds a last column of this name, `Int64`, not null: the position of each row in the object, from 0.
    pub row_number: Option<String>,
    /// Only the parts of the object (row groups, blocks) that begin in this range of bytes.
    pub range: Option<Range<u64>>,
    /// The most rows of a batch; 8,192 when `None`.
    pub batch_rows: Option<usize>,
    /// What the decoded batches are accounted against while the format holds them; unlimited when `None`.
    pub budget: Option<Budget>,
}

impl ReadArgs {
    /// The most rows of a batch.
    pub fn batch_rows(&self) -> usize {
        self.batch_rows.unwrap_or(8192).max(1)
    }
}

/// How to write an object.
#[derive(Debug, Clone)]
pub struct WriteArgs {
    /// The schema of the batches; field ids in its metadata are written where the format can.
    pub schema: SchemaRef,
    /// Options of the format by name (`compression`); an unknown one is an error.
    pub options: Options,
    /// Key-value pairs for the object's own metadata, where the format has such.
    pub metadata: BTreeMap<String, String>,
    /// What buffered bytes are accounted against; unlimited when `None`.
    pub budget: Option<Budget>,
}

impl WriteArgs {
    /// Batches of this schema, all else as the format likes it.
    pub fn new(schema: SchemaRef) -> Self {
        Self { schema, options: Options::new(), metadata: BTreeMap::new(), budget: None }
    }
}

/// An object that is being written. Dropped without `finish`, nothing is left behind.
#[async_trait]
pub trait FileWriter: Debug + Send {
    /// Adds rows.
    /// # Errors
    /// `InvalidInput` for a batch of another schema, or what the store says; the writer is then useless.
    async fn write(&mut self, batch: &RecordBatch) -> Result<()>;

    /// The size that the object would have now, estimated where encoded bytes are still to come.
    fn bytes(&self) -> u64;

    /// The bytes that the writer holds in memory now, with those of its encoders: all of the object, unless it says
    /// otherwise. By this, whoever has many writers open knows which one to finish.
    fn memory(&self) -> u64 {
        self.bytes()
    }

    /// Makes the object visible.
    /// # Errors
    /// What the store says; the object is then not there, or there whole.
    async fn finish(self: Box<Self>) -> Result<FileSummary>;

    /// Gives up and removes what was uploaded: nothing, for a writer that uploads when it finishes.
    /// # Errors
    /// What the store says; what could not be removed is invisible.
    async fn abort(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}

/// What an object holds.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FileSummary {
    /// The rows.
    pub rows: u64,
    /// The bytes of the object.
    pub bytes: u64,
    /// Statistics of the columns, as far as the format has them.
    pub stats: FileStats,
    /// Byte offsets at which the object can be split (the begin of each Parquet row group).
    pub split_offsets: Vec<u64>,
}

impl FileSummary {
    /// What a format knows that keeps no statistics.
    pub fn counted(rows: u64, bytes: u64) -> Self {
        let stats = FileStats { rows: Some(rows), ..FileStats::default() };
        Self { rows, bytes, stats, split_offsets: vec![] }
    }
}

/// The formats that are at hand, by name. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Formats {
    formats: Arc<BTreeMap<String, Arc<dyn Format>>>,
}

impl Formats {
    /// The formats plus this one, in place of one of the same name.
    pub fn with(mut self, format: Arc<dyn Format>) -> Self {
        Arc::make_mut(&mut self.formats).insert(format.info().scheme.to_owned(), format);
        self
    }

    /// The format of a name, in any case of letters (Iceberg writes `PARQUET`).
    /// # Errors
    /// `NotFound`, with the known ones.
    pub fn get(&self, name: &str) -> Result<Arc<dyn Format>> {
        self.formats.get(&name.to_ascii_lowercase()).cloned().ok_or_else(|| {
            Error::not_found(
                "no format of this name is registered; enable the feature `format-…` that brings it",
            )
            .with_context("format", name)
            .with_context("known", names(&self.formats))
        })
    }

    /// The format that a file name's ending belongs to, the longest one first: `csv.gz` goes before `gz`.
    pub fn for_path(&self, path: &str) -> Option<Arc<dyn Format>> {
        let name = path.rsplit('/').next()?.to_ascii_lowercase();
        let mut endings = name.match_indices('.').filter_map(|(dot, _)| name.get(dot + 1..));
        endings.find_map(|ending| self.formats.values().find(|f| f.extensions().contains(&ending)).cloned())
    }

    /// Every format, in the order of names.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<dyn Format>> {
        self.formats.values()
    }
}
