//! Query engines.

use std::fmt::Debug;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::{At, BatchStream, Info, Relation, Result, TableIdent};

/// What an engine can do beyond `select`. All false by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EngineCapabilities {
    /// Files of a plan are read by the engine's own reader.
    pub native_plan: bool,
    /// `insert`, `update`, `delete` and `merge` reach the relation's editor.
    pub dml: bool,
    /// `version as of` and `timestamp as of` reach the attached names.
    pub time_travel: bool,
    /// `QueryArgs::limit` stops early.
    pub limit: bool,
}

/// Finds relations by name: a catalog, seen by an engine.
#[async_trait]
pub trait Names: Debug + Send + Sync + 'static {
    /// The relation of a name, looked up anew at each query; `None` where there is none.
    ///
    /// Where tables have a history, `name$history`, `name$snapshots` and `name$files` are relations as well.
    /// # Errors
    /// `Unsupported` for anything but [`At::Latest`] where nothing is kept of the past, `NotFound` for a version
    /// that is not there; else what the look-up says, other than that there is none.
    async fn relation(&self, ident: &TableIdent, at: &At) -> Result<Option<Arc<dyn Relation>>>;

    /// Every name, for discovery.
    fn list(&self) -> BoxStream<'static, Result<TableIdent>>;
}

/// A query.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueryArgs {
    /// The text, in the engine's dialect.
    pub sql: String,
    /// At most this many rows.
    pub limit: Option<usize>,
}

impl QueryArgs {
    /// A query with this text.
    pub fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), limit: None }
    }
}

/// How an engine would run a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The plan, in the engine's own words.
    pub plan: String,
}

/// SQL in, Arrow out.
/// # For users
/// Register relations by name, or attach [`Names`] under a catalog name and write `catalog.schema.table`.
/// # For implementors
/// Clauses, each tested by `stitchwork_testkit::engine`:
/// - `engine::query::registered_relation`: a registered relation is queried by its name.
/// - `engine::query::attached_names`: `attached.namespace.table` is found by attached names, anew each time.
/// - `engine::query::streams_from_scan`: a relation without a plan is read by its scan.
/// - `engine::query::predicate_reaches_the_relation`: a simple filter arrives in `ScanArgs::predicate`.
/// - `engine::query::projection_reaches_the_relation`: unused columns are not asked for.
/// - `engine::query::unknown_table_is_named`: an unknown table is `NotFound` or `InvalidInput`, with its name.
/// - `engine::query::broken_sql_is_invalid_input`: SQL that does not parse is `InvalidInput`.
/// - `engine::query::errors_of_the_relation_survive`: the kind of a relation's error is the query's.
/// - `engine::query::limit`: no more rows than `QueryArgs::limit` come.
/// - `engine::query::time_travel`: `version as of` and `timestamp as of` read attached names as they were; refused
///   where not declared.
/// - `engine::change::reaches_the_editor`: `insert`, `update`, `delete` and `merge` change the relation by its editor
///   and give the number of changed rows; refused where not declared.
/// - `engine::change::all_or_nothing`: a statement that fails, or meets a relation without an editor, changes nothing.
/// - `engine::register::replaces`: a name can be registered again, for a new relation.
/// - `engine::explain::has_a_plan`: an explanation is not empty and runs nothing.
#[async_trait]
pub trait Engine: Debug + Send + Sync + 'static {
    /// Who this is.
    fn info(&self) -> Info;
    /// What this can do.
    fn capabilities(&self) -> EngineCapabilities;

    /// Makes names known under a catalog name.
    /// # Errors
    /// `InvalidInput` for a name that the engine keeps for itself.
    async fn attach(&self, name: &str, names: Arc<dyn Names>) -> Result<()>;

    /// Makes a relation known, in place of one of the same name.
    /// # Errors
    /// `InvalidInput` for a name that the engine cannot have.
    async fn register(&self, ident: &TableIdent, relation: Arc<dyn Relation>) -> Result<()>;

    /// Runs a query and streams its result. Dropping the stream ends the query.
    /// # Errors
    /// `InvalidInput` for SQL that is wrong; else what the relations say.
    async fn query(&self, args: QueryArgs) -> Result<BatchStream>;

    /// Says how a query would run.
    /// # Errors
    /// `InvalidInput` for SQL that is wrong.
    async fn explain(&self, args: QueryArgs) -> Result<Explanation>;
}
