//! Catalogs: names to tables.

use std::collections::BTreeMap;
use std::fmt::{self, Debug};

use async_trait::async_trait;
use futures::stream::BoxStream;

use crate::{Error, Info, Result, TableIdent};

/// What a catalog can do beyond names and swaps. All false by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CatalogCapabilities {
    /// `rename` works.
    pub rename: bool,
    /// Namespaces can be made, dropped and listed; else every namespace is there.
    pub namespaces: bool,
    /// Namespaces keep properties, which can be read and changed. Nothing without `namespaces`.
    pub namespace_properties: bool,
    /// `swap` takes more than one table, all or nothing.
    pub multi_table: bool,
    /// `swap` applies `SwapArgs::updates` on the server and needs no new pointer.
    pub commits_on_server: bool,
    /// What was written is there for other processes and after a restart.
    pub durable: bool,
}

/// What a table's entry points to, compared as a whole (the location of Iceberg's metadata file).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pointer(pub String);

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A table in a catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name.
    pub ident: TableIdent,
    /// The scheme of its log (`delta`, `iceberg`).
    pub log: String,
    /// Where it lies.
    pub location: String,
    /// What its log points to; `None` for logs that need no pointer.
    pub pointer: Option<Pointer>,
    /// Whatever else the catalog keeps with it: given when the entry is made, and kept through renames and swaps. The
    /// table's own properties are not among them: they lie with its log, which also changes them.
    pub properties: BTreeMap<String, String>,
}

/// A compare-and-set of one table.
#[derive(Debug, Clone)]
pub struct SwapArgs {
    /// The table.
    pub ident: TableIdent,
    /// What the pointer must be; `None` for a table that has none.
    pub expected: Option<Pointer>,
    /// What it becomes, for catalogs that keep pointers.
    pub new: Option<Pointer>,
    /// Requirements and updates, for catalogs that commit on the server.
    pub updates: Option<serde_json::Value>,
}

impl SwapArgs {
    /// Refuses what no catalog that keeps pointers can do: updates to apply, and a table that stands there twice.
    /// # Errors
    /// `Unsupported` or `InvalidInput`, with the table.
    pub fn check(swaps: &[Self]) -> Result<()> {
        for (place, swap) in swaps.iter().enumerate() {
            let error = if swap.updates.is_some() {
                Error::unsupported("the catalog keeps pointers and cannot apply updates itself")
            } else if swaps.iter().take(place).any(|other| other.ident == swap.ident) {
                Error::invalid_input("a table stands twice in one swap")
            } else {
                continue;
            };
            return Err(error.with_context("table", &swap.ident));
        }
        Ok(())
    }
}

/// What to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListArgs {
    /// Only below this namespace; everything when empty.
    pub namespace: Vec<String>,
}

/// A change of a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum NamespaceChange {
    /// Makes it, with these properties.
    Create(BTreeMap<String, String>),
    /// Drops it; it must be empty.
    Drop,
    /// Sets each property that has a value here and removes each that has none; the others stay. All or nothing.
    SetProperties(BTreeMap<String, Option<String>>),
}

impl NamespaceChange {
    /// Refuses what is no namespace in any catalog.
    /// # Errors
    /// `InvalidInput` for one without levels or with an empty one.
    pub fn check(&self, namespace: &[String]) -> Result<()> {
        if namespace.is_empty() || namespace.iter().any(String::is_empty) {
            return Err(Error::invalid_input("a namespace needs levels that are not empty"));
        }
        Ok(())
    }
}

/// Names to tables.
/// # For users
/// Knows where tables are and, for logs that need it, the pointer that commits swap. Entries are made by a
/// [`crate::LogFactory`].
/// # For implementors
/// `swap` is the one call that everything rests on: it must compare and set as one step, for every process
/// that can reach the catalog. Clauses, each tested by `stitchwork_testkit::catalog`:
/// - `catalog::create::is_loaded`: a created entry is loaded as it was, with all its parts.
/// - `catalog::create::refuses_existing`: a taken name is `AlreadyExists`, and the entry stays.
/// - `catalog::load::missing_is_not_found`: an unknown name is `NotFound`.
/// - `catalog::remove::is_gone`: a removed entry is gone; removing an unknown one is `NotFound`.
/// - `catalog::list::is_complete`: every table below the namespace comes once, and no other.
/// - `catalog::rename::moves_the_entry`: with `rename`, the entry is found under the new name only; a taken
///   one is `AlreadyExists`. Without, `Unsupported`.
/// - `catalog::swap::sets_the_pointer`: the new pointer is loaded afterwards, and returned.
/// - `catalog::swap::refuses_stale_expected`: another pointer than expected is `Conflict`, not committed.
/// - `catalog::swap::missing_is_not_found`: an unknown table is `NotFound`.
/// - `catalog::swap::one_of_many_wins`: of many swaps at once from one pointer, exactly one succeeds.
/// - `catalog::swap::many_tables_all_or_nothing`: with `multi_table`, one stale pointer stops all. Without,
///   more than one table is `Unsupported`.
/// - `catalog::names::any_unicode`: names with quotes, spaces, dots, emoji and 200 characters come back as
///   they were, or are refused as `InvalidInput`; a name of a few ASCII letters is taken. One with an empty part is
///   `InvalidInput`.
/// - `catalog::namespaces::come_and_go`: with `namespaces`, they are made, listed and dropped; one with tables or with
///   others below it is not dropped; an unknown one is `NotFound`, one with an empty level `InvalidInput`. Without,
///   `Unsupported`.
/// - `catalog::namespaces::keep_properties`: with `namespace_properties`, those given at creation or set later are
///   loaded, removed ones are gone, and all others stay; removing an unknown one is no error, and an unknown
///   namespace is `NotFound`. Without, `Unsupported`, as is making a namespace with properties.
/// - `catalog::namespaces::changes_add_up`: of many changes of one namespace's properties at once, none is lost.
///
/// Properties of tables are no matter of catalogs: the layouts that catalogs share with others have no place for
/// them. They lie in the table's metadata, and are set through its log; what [`Entry::properties`] holds is for
/// whoever made the entry, and stays as it was made.
#[async_trait]
pub trait Catalog: Debug + Send + Sync + 'static {
    /// Who this is.
    fn info(&self) -> Info;
    /// What this can do.
    fn capabilities(&self) -> CatalogCapabilities;
    /// The tables.
    fn list(&self, args: ListArgs) -> BoxStream<'static, Result<TableIdent>>;

    /// The entry of a table.
    /// # Errors
    /// `NotFound`, or what the catalog's server says.
    async fn load(&self, ident: &TableIdent) -> Result<Entry>;

    /// Adds an entry. Makes its namespace where that is missing.
    /// # Errors
    /// `AlreadyExists`.
    async fn create(&self, entry: Entry) -> Result<Entry>;

    /// Removes an entry; files stay.
    /// # Errors
    /// `NotFound`.
    async fn remove(&self, ident: &TableIdent) -> Result<()>;

    /// Gives an entry another name.
    /// # Errors
    /// `NotFound`, `AlreadyExists`, or `Unsupported` without `rename`.
    async fn rename(&self, from: &TableIdent, to: &TableIdent) -> Result<()>;

    /// Compares and sets.
    /// # Errors
    /// `Conflict` for another pointer, *not committed*; `Unavailable` where the answer was lost, *unknown*.
    async fn swap(&self, swaps: Vec<SwapArgs>) -> Result<Vec<Entry>>;

    /// The namespaces, each as its levels.
    /// # Errors
    /// `Unsupported` without `namespaces`.
    async fn namespaces(&self) -> Result<Vec<Vec<String>>>;

    /// The properties of a namespace, and whatever the catalog adds of its own.
    /// # Errors
    /// `NotFound`, or `Unsupported` without `namespace_properties`.
    async fn namespace_properties(&self, namespace: &[String]) -> Result<BTreeMap<String, String>> {
        Err(Error::unsupported("the catalog keeps no properties of namespaces")
            .with_operation("catalog::namespace_properties")
            .with_context("namespace", namespace.join(".")))
    }

    /// Changes a namespace.
    /// # Errors
    /// `AlreadyExists`, `NotFound`, `Conflict` for one that is not empty; `InvalidInput` for a property that the
    /// catalog keeps for itself; `Unsupported` without `namespaces`, and for properties without
    /// `namespace_properties`.
    async fn alter_namespace(&self, namespace: &[String], change: NamespaceChange) -> Result<()>;
}
