//! What engines see: something that can be read and, where it can, edited.

use std::fmt::Debug;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, SchemaRef};
use async_trait::async_trait;

use crate::{
    BatchStream, Budget, Column, DataFile, Deletes, Error, FieldMapping, Formats, Predicate, Result, Scalar,
    Snapshot, StatsFor, Stores,
};

/// The column of a row's address that holds the location of its file, `Utf8`.
pub const ROW_FILE: &str = "_file";
/// The column of a row's address that holds its position in its file, `Int64`, from 0.
pub const ROW_POSITION: &str = "_pos";

/// The columns of a row's address, [`ROW_FILE`] and [`ROW_POSITION`], as they stand behind all others.
pub fn address_fields() -> [FieldRef; 2] {
    let field = |name, data_type| Arc::new(Field::new(name, data_type, false));
    [field(ROW_FILE, DataType::Utf8), field(ROW_POSITION, DataType::Int64)]
}

/// What to read.
#[derive(Debug, Clone, Default)]
pub struct ScanArgs {
    /// The columns, as places in the relation's schema; all when `None`.
    pub projection: Option<Vec<usize>>,
    /// Only rows that pass. `scan` applies it exactly; `plan` leaves out files and grades the rest.
    pub predicate: Option<Predicate>,
    /// At most this many rows, any of them. `plan` may stop listing files once they hold as many.
    pub limit: Option<usize>,
    /// The most rows of a batch; 8,192 when `None`.
    pub batch_rows: Option<usize>,
    /// The columns whose statistics the planned files shall bring.
    pub stats: StatsFor,
    /// Adds the two last columns [`ROW_FILE`] and [`ROW_POSITION`] to the rows of `scan`; a relation that has no
    /// such addresses is `Unsupported`.
    pub addresses: bool,
    /// What is held in memory is accounted against this; unlimited when `None`.
    pub budget: Option<Budget>,
}

impl ScanArgs {
    /// The same with these columns.
    pub fn with_projection(mut self, projection: Vec<usize>) -> Self {
        self.projection = Some(projection);
        self
    }

    /// The same with this filter.
    pub fn with_predicate(mut self, predicate: Predicate) -> Self {
        self.predicate = Some(predicate);
        self
    }

    /// For relations whose rows have no addresses.
    /// # Errors
    /// `Unsupported` where addresses are asked for.
    pub fn require_no_addresses(&self) -> Result<()> {
        if self.addresses {
            return Err(Error::unsupported("the rows of this relation have no addresses"));
        }
        Ok(())
    }

    /// The same with this limit.
    pub fn with_limit(mut self, limit: usize) -> Self {
        self.limit = Some(limit);
        self
    }
}

/// How far a conjunct of the predicate has been applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pushdown {
    /// Every planned row passes it.
    Exact,
    /// Files were left out by it; the rows of the others must be filtered.
    Inexact,
    /// It was not used at all.
    Unsupported,
}

/// A file of a plan.
#[derive(Debug, Clone)]
pub struct PlannedFile {
    /// The file.
    pub file: DataFile,
    /// Columns of the plan's schema that have one value in all rows of the file, whatever the file holds.
    pub constants: Vec<(usize, Scalar)>,
}

/// A scan as files, for engines that read them on their own.
#[derive(Debug, Clone)]
pub struct ScanPlan {
    /// The schema of the whole relation; `constants` and projections are places in it.
    pub schema: SchemaRef,
    /// How its columns are found in the files.
    pub mapping: Arc<FieldMapping>,
    /// Finds the files.
    pub stores: Stores,
    /// The formats of the files.
    pub formats: Formats,
    /// The files.
    pub files: Vec<PlannedFile>,
    /// One grade per conjunct of the predicate, in order.
    pub pushdown: Vec<Pushdown>,
    /// Whom to ask for deletes when a file is opened; `None` when no file has any.
    pub snapshot: Option<Arc<dyn Snapshot>>,
}

impl ScanPlan {
    /// The deletes of a planned file: to be asked when it is opened, not before.
    /// # Errors
    /// As [`Snapshot::deletes`].
    pub async fn deletes(&self, file: &DataFile) -> Result<Deletes> {
        match &self.snapshot {
            Some(snapshot) if file.deleted != crate::Deleted::Nothing => snapshot.deletes(file).await,
            _ => Ok(Deletes::default()),
        }
    }
}

/// Something that has rows: a table, a set of files, batches in memory, a source.
/// # For users
/// `scan` always works. Engines that read files natively ask for a `plan` first.
/// # For implementors
/// Clauses, each tested by `stitchwork_testkit::relation`:
/// - `relation::scan::all_rows`: a scan without arguments gives every row with the relation's schema.
/// - `relation::scan::projection`: only those columns come, in the order asked for; with none, the row count.
/// - `relation::scan::predicate_is_exact`: exactly the rows that pass come, their columns projected or not.
/// - `relation::scan::limit_is_exact`: at most the limit, and as many as there are.
/// - `relation::plan::agrees_with_scan`: the planned files, read by their formats with constants and deletes
///   applied and the predicate filtered, give the rows of the scan.
/// - `relation::scan::addresses`: with `ScanArgs::addresses`, no two rows have the same one; else `Unsupported`.
/// - `relation::plan::grades_each_conjunct`: one grade each, and `Exact` only where all planned rows pass.
#[async_trait]
pub trait Relation: Debug + Send + Sync + 'static {
    /// The columns.
    fn schema(&self) -> SchemaRef;

    /// The scan as files. `None` where only a stream can be had.
    /// # Errors
    /// What listing the files says.
    async fn plan(&self, args: ScanArgs) -> Result<Option<ScanPlan>>;

    /// The scan as a stream.
    /// # Errors
    /// `InvalidInput` for a column that is not there, or what reading says.
    async fn scan(&self, args: ScanArgs) -> Result<BatchStream>;

    /// What changes the relation; `None` where it cannot be changed.
    fn editor(&self) -> Option<Arc<dyn Editor>>;
}

/// Which rows an insert replaces.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum InsertMode {
    /// None.
    #[default]
    Append,
    /// All.
    Overwrite,
    /// Those that pass.
    OverwriteWhere(Predicate),
}

/// What an edit did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EditSummary {
    /// Rows that came new.
    pub inserted: u64,
    /// Rows that went.
    pub deleted: u64,
    /// Rows that stayed with other values.
    pub updated: u64,
    /// The version of the table afterwards, where it has versions.
    pub version: Option<i64>,
}

/// Changes a relation. Each call is one atomic change.
#[async_trait]
pub trait Editor: Debug + Send + Sync + 'static {
    /// Adds the rows of a stream whose columns are the relation's, by name.
    /// # Errors
    /// `InvalidInput` for rows that do not fit, `Conflict` where another writer was faster.
    async fn insert(&self, rows: BatchStream, mode: InsertMode) -> Result<EditSummary>;

    /// Deletes the rows that pass; all when `None`.
    /// # Errors
    /// `Conflict` where another writer was faster.
    async fn delete(&self, predicate: Option<Predicate>) -> Result<EditSummary>;

    /// Puts rows in the place of others: what `update` and `merge` come down to, once an engine has worked out
    /// the rows.
    /// # Errors
    /// `Unsupported` where rows have no addresses; `InvalidInput` for an address that comes twice or is none of
    /// the relation's; `Conflict` where another writer was faster.
    async fn change(&self, args: ChangeArgs) -> Result<EditSummary> {
        drop(args);
        Err(Error::unsupported("the rows of this relation have no addresses by which to change them"))
    }
}

/// Rows in the place of others.
pub struct ChangeArgs {
    /// The columns of the relation by name, and [`ROW_FILE`] and [`ROW_POSITION`] as [`Relation::scan`] of the
    /// same relation gave them. A row with an address replaces the one there, one without is new. Where the
    /// `Boolean` column [`ROW_DELETED`] is there and true, the row at the address goes and nothing comes.
    pub rows: BatchStream,
    /// The rows that the change depends on: one that somebody else adds or removes meanwhile is a conflict.
    /// All when `None`.
    pub reads: Option<Predicate>,
}

debug_fields!(ChangeArgs: reads);

/// The column of [`ChangeArgs::rows`] that says whether nothing comes in the place of the row.
pub const ROW_DELETED: &str = "_deleted";

/// The columns that an engine or a table needs for a predicate, as places in a schema.
pub fn predicate_columns(predicate: Option<&Predicate>, schema: &SchemaRef) -> Vec<usize> {
    let columns: Vec<Column> = predicate.map(Predicate::columns).unwrap_or_default();
    let mut places: Vec<usize> = columns.iter().filter_map(|c| schema.index_of(c.root()).ok()).collect();
    places.sort_unstable();
    places.dedup();
    places
}
