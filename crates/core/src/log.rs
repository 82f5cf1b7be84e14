//! Table logs: which files are live, and atomic changes of that.

mod commit;

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::stream::BoxStream;
use roaring::RoaringTreemap;

use crate::{
    Budget, Catalog, Column, DataFile, DeleteFile, Deletes, Error, FieldMapping, Formats, Info, Options,
    PartitionField, PartitionSpec, Predicate, Result, Scalar, Stores, TableIdent,
};

pub use commit::{Changes, CommitArgs, CommitTag, Committed, Reads, Retry};

/// What a log can do beyond appending, replacing and removing whole files. All false by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogCapabilities {
    /// `Log::write_deletes` works: rows can be deleted without rewriting their file.
    pub position_deletes: bool,
    /// `At::Version` finds older snapshots.
    pub time_travel_by_version: bool,
    /// `At::Timestamp` finds older snapshots.
    pub time_travel_by_timestamp: bool,
    /// Branches and tags can be read with `At::Ref`.
    pub refs: bool,
    /// Columns can be added.
    pub add_column: bool,
    /// Fields have ids that renames leave alone.
    pub field_ids: bool,
    /// Files can be partitioned by more than the value of a column.
    pub partition_transforms: bool,
    /// A log without a catalog is a table of its own.
    pub without_catalog: bool,
    /// In a catalog, it lives on its entry's pointer; else an entry can be made for a location at any time.
    pub pointer: bool,
}

/// Which snapshot of a table.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum At {
    /// The newest one.
    #[default]
    Latest,
    /// The one with this id: Delta's version, Iceberg's snapshot id.
    Version(i64),
    /// The newest one that is not younger than this, in milliseconds since 1970.
    Timestamp(i64),
    /// The one that a branch or a tag points to.
    Ref(String),
}

impl At {
    /// For what keeps nothing of its past.
    /// # Errors
    /// `Unsupported` for anything but the newest.
    pub fn require_latest(&self) -> Result<()> {
        match self {
            Self::Latest => Ok(()),
            past => Err(Error::unsupported("nothing is kept here of the past; read the newest version")
                .with_context("at", format!("{past:?}"))),
        }
    }
}

/// One entry of a table's history.
#[derive(Debug, Clone, PartialEq)]
pub struct Version {
    /// What `At::Version` takes.
    pub id: i64,
    /// When, in milliseconds since 1970.
    pub timestamp_ms: i64,
    /// The operation in words.
    pub operation: String,
    /// The tag of the commit.
    pub tag: Option<CommitTag>,
    /// What the log says besides: counts of rows and files, and so on.
    pub summary: BTreeMap<String, String>,
}

/// Which part of the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HistoryArgs {
    /// At most this many, newest first; all when `None`.
    pub limit: Option<usize>,
}

/// For which columns the files of a listing bring statistics.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum StatsFor {
    /// None.
    #[default]
    Nothing,
    /// These.
    Columns(Vec<Column>),
    /// All.
    All,
}

/// Which files to list.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FileFilter {
    /// Leave out files in which, by partition and statistics, no row can pass.
    pub predicate: Option<Predicate>,
    /// Which statistics to bring.
    pub stats: StatsFor,
}

/// Rows of one data file to delete.
#[derive(Debug, Clone)]
pub struct WriteDeletesArgs {
    /// The file, as a snapshot gave it.
    pub file: DataFile,
    /// All positions that shall be deleted afterwards, those that already are included.
    pub positions: RoaringTreemap,
}

/// The log of one table: which data files and deletes are live, and atomic changes of that.
/// # For users
/// Most callers want the operations of the `table` crate. A [`LogFactory`] opens and creates logs.
/// # For implementors
/// A commit must be one atomic step in the store or the catalog. Clauses, each tested by
/// `stitchwork_testkit::log`:
/// - `log::create::refuses_existing`: creating where a table is gives `AlreadyExists`.
/// - `log::open::missing_is_not_found`: opening where none is gives `NotFound`.
/// - `log::create::schema_survives`: a fresh snapshot has the schema, the partitioning and the properties.
/// - `log::commit::append_is_listed`: added files are live, with rows, partition and statistics intact; one that a commit
///   adds twice is `InvalidInput`.
/// - `log::commit::remove_is_exact`: removed files are gone and all others stay.
/// - `log::commit::blind_appends_rebase`: an append from a stale base lands, and loses nothing of the winner.
/// - `log::commit::concurrent_appends_all_land`: many appends at once all land, each exactly once.
/// - `log::commit::conflicting_remove_refused`: the second to remove a file is a `Conflict`, not committed.
/// - `log::commit::read_conflict_refused`: a commit that has read rows which a faster one added is a
///   `Conflict`; one that has read others lands.
/// - `log::commit::tag_is_found`: the tag is found by a fresh snapshot, with its payload.
/// - `log::commit::tag_twice_refused`: an id not above the last one is `AlreadyExists`, and changes nothing.
/// - `log::commit::lost_answer_is_found`: a write whose answer was lost lands once, and the commit says so.
/// - `log::commit::properties_change`: properties are set and removed.
/// - `log::commit::add_column`: with `add_column`, the new schema holds for files old and new; of two changes of it from one
///   base, the second is a `Conflict`.
/// - `log::snapshot::time_travel`: older snapshots by version and by time give the files of then.
/// - `log::snapshot::missing_version_is_not_found`: a version that never was is `NotFound`.
/// - `log::files::prunes_by_partition_and_stats`: with a predicate, files that cannot match are left out, and
///   none that can.
/// - `log::files::stats_on_demand`: statistics come for the columns asked for.
/// - `log::versions::all_that_are_found`: every version that `At::Version` finds is listed, each once, and no other;
///   without `time_travel_by_version`, none but the newest.
/// - `log::orphans::none_after_commits`: commits that landed or were refused leave no orphan files.
/// - `log::history::newest_first`: the history has each commit once, newest first, with operation and tag.
/// - `log::deletes::positions_round_trip`: with `position_deletes`, deleted positions come back from
///   `Snapshot::deletes`; without, `write_deletes` is `Unsupported`.
#[async_trait]
pub trait Log: Debug + Send + Sync + 'static {
    /// Who this is.
    fn info(&self) -> Info;
    /// What this can do.
    fn capabilities(&self) -> LogCapabilities;
    /// The location of the table.
    fn location(&self) -> &str;
    /// Where a new data file named `file_name` goes; `partition` has the names and values of its fields.
    fn data_location(&self, partition: &[(&str, &Scalar)], file_name: &str) -> String;

    /// The table as it is, or was.
    /// # Errors
    /// `NotFound` for a version that is not there; `Unsupported` for one of the format's features that would
    /// give wrong rows, naming it; `InvalidData` for a broken log.
    async fn snapshot(&self, at: At) -> Result<Arc<dyn Snapshot>>;

    /// Writes deletes for a file, invisible until they are part of a commit.
    /// # Errors
    /// `Unsupported` without `position_deletes`, or what the store says.
    async fn write_deletes(&self, args: WriteDeletesArgs) -> Result<DeleteFile>;

    /// Changes the table in one step. Repeats itself over snapshots of others as long as they do not conflict.
    /// # Errors
    /// `Conflict` with a faster commit; `AlreadyExists` for a known tag; with a [`crate::CommitState`] each.
    async fn commit(&self, args: CommitArgs) -> Result<Committed>;

    /// The commits that made the table, newest first.
    fn history(&self, args: HistoryArgs) -> BoxStream<'static, Result<Version>>;

    /// Every version that `At::Version` finds, each once, in any order.
    /// # For users
    /// What any of them holds is needed, be it in the history of the newest one or not. One may be gone when it is read.
    /// # For implementors
    /// MUST have all that the metadata still holds: those, too, that are off the line of the newest one, after a
    /// rollback or on a branch or a tag.
    fn versions(&self) -> BoxStream<'static, Result<i64>>;

    /// Locations of the log's own files, such as metadata, that are none of any version, for whoever removes them: commits
    /// that were stopped half-way have left them. Those of a commit under way look the same; only their age tells.
    /// # Errors
    /// As [`Log::snapshot`], and where something may be another's; nothing is known then.
    /// # For implementors
    /// MUST list its files before it reads which are needed, and know its own by their names. In doubt a file is none.
    async fn orphan_files(&self) -> Result<Vec<String>> {
        Ok(vec![])
    }
}

/// A table at one point of its life. Never changes.
#[async_trait]
pub trait Snapshot: Debug + Send + Sync + 'static {
    /// What `At::Version` takes; -1 for a table without any commit of data yet, where the log gives none.
    fn version(&self) -> i64;
    /// When it was made, in milliseconds since 1970.
    fn timestamp_ms(&self) -> i64;
    /// The columns, with ids and the like in the metadata of their fields.
    fn schema(&self) -> SchemaRef;
    /// The columns of data files written now: in their names there, without those the log keeps itself.
    fn file_schema(&self) -> SchemaRef;
    /// How columns are found in files.
    fn mapping(&self) -> Arc<FieldMapping>;
    /// The partitionings that files have; the last one is that of files written now.
    fn partitioning(&self) -> &[PartitionSpec];
    /// The table's properties.
    fn properties(&self) -> &BTreeMap<String, String>;

    /// The newest tag of an application.
    /// # Errors
    /// What the store says, where the tag's payload must be read.
    async fn tag(&self, application: &str) -> Result<Option<CommitTag>>;

    /// The live files in chunks, pruned before they are made.
    fn files(&self, filter: FileFilter) -> BoxStream<'static, Result<Vec<DataFile>>>;

    /// The deletes of a file of this snapshot.
    /// # Errors
    /// `InvalidData` for a broken delete file, or what the store says.
    async fn deletes(&self, file: &DataFile) -> Result<Deletes>;
}

/// What a log needs to know of its surroundings.
#[derive(Debug, Clone)]
pub struct LogArgs {
    /// Where the table lies. Empty: where the catalog says.
    pub location: String,
    /// Its name, where there is a catalog.
    pub ident: Option<TableIdent>,
    /// The catalog that names it.
    pub catalog: Option<Arc<dyn Catalog>>,
    /// The stores.
    pub stores: Stores,
    /// The formats.
    pub formats: Formats,
    /// Options of the log by name; an unknown one is an error.
    pub options: Options,
    /// What the log's own reading is accounted against.
    pub budget: Budget,
}

impl LogArgs {
    /// A table at a location, without a catalog.
    pub fn new(location: impl Into<String>, stores: Stores, formats: Formats) -> Self {
        let (location, options, budget) = (location.into(), Options::new(), Budget::default());
        Self { location, ident: None, catalog: None, stores, formats, options, budget }
    }

    /// Where the table lies, from these arguments or from the catalog, which must name it as one of the log `scheme`.
    /// # Errors
    /// `InvalidInput` where there is neither a location nor a name, or the table has another log; what the
    /// catalog says.
    pub async fn resolve_location(&self, scheme: &str) -> Result<String> {
        if !self.location.is_empty() {
            return Ok(self.location.clone());
        }
        let (Some(catalog), Some(ident)) = (&self.catalog, &self.ident) else {
            return Err(Error::invalid_input("a table needs a location, or a catalog and a name"));
        };
        let entry = catalog.load(ident).await?;
        if entry.log != scheme {
            return Err(Error::invalid_input("the table has another log")
                .with_context("table", ident)
                .with_context("log", entry.log));
        }
        Ok(entry.location)
    }

    /// The same under a name in a catalog.
    pub fn with_catalog(mut self, catalog: Arc<dyn Catalog>, ident: TableIdent) -> Self {
        self.catalog = Some(catalog);
        self.ident = Some(ident);
        self
    }
}

/// What a new table shall be.
#[derive(Debug, Clone)]
pub struct CreateArgs {
    /// Its columns. Field ids are given where they are missing.
    pub schema: SchemaRef,
    /// How its files are divided.
    pub partitioning: Vec<PartitionField>,
    /// Its properties.
    pub properties: BTreeMap<String, String>,
}

impl CreateArgs {
    /// A table with these columns.
    pub fn new(schema: SchemaRef) -> Self {
        Self { schema, partitioning: vec![], properties: BTreeMap::new() }
    }
}

/// Opens and creates logs of one kind.
#[async_trait]
pub trait LogFactory: Debug + Send + Sync + 'static {
    /// Who the logs are.
    fn info(&self) -> Info;
    /// What the logs can do.
    fn capabilities(&self) -> LogCapabilities;

    /// The log of a table that is there.
    /// # Errors
    /// `NotFound` when there is none; `Unsupported` without a catalog where the log needs one.
    async fn open(&self, args: LogArgs) -> Result<Arc<dyn Log>>;

    /// Makes a table: its log in the store and, where a catalog is given, its entry there.
    /// # Errors
    /// `AlreadyExists`; `Unsupported` for a type or a partitioning that the log cannot hold, naming it.
    async fn create(&self, args: LogArgs, create: CreateArgs) -> Result<Arc<dyn Log>>;
}
