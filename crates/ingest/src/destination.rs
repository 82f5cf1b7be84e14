//! Where the tables of a pipeline are.

mod place;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStore;
use parking_lot::Mutex;
use stitchwork_core::{
    At, Catalog, CreateArgs, Entry, Error, ErrorKind, ListArgs, Names, PartitionField, Registry, Relation,
    Result, TableIdent, join,
};
use stitchwork_table::{Metadata, Table, TableConfig, TableRef};

use crate::manifest::ManifestDestination;
use place::another_log;

/// The folder under the destination that holds the state of its pipelines.
pub(crate) const STATE: &str = "_stitchwork";

/// A folder of tables of one log, named by a catalog where one is given.
#[derive(Debug, Clone)]
pub struct Destination {
    /// What is at hand.
    pub registry: Registry,
    /// The scheme of the log of new tables (`delta`, `iceberg`).
    pub log: String,
    /// The folder. A table is the folder of its name in it.
    pub location: String,
    /// The catalog that names the tables.
    pub catalog: Option<Arc<dyn Catalog>>,
    /// The namespace of the tables in the catalog.
    pub namespace: Vec<String>,
    /// How tables are written.
    pub config: TableConfig,
    /// Properties of new tables.
    pub properties: BTreeMap<String, String>,
    /// How new tables are partitioned, by their name.
    pub partitioning: BTreeMap<String, Vec<PartitionField>>,
}

impl Destination {
    /// Tables of a log in a folder, without a catalog.
    #[must_use]
    pub fn new(registry: Registry, log: impl Into<String>, location: impl Into<String>) -> Self {
        Self {
            registry,
            log: log.into(),
            location: location.into(),
            catalog: None,
            namespace: vec![],
            config: TableConfig::default(),
            properties: BTreeMap::new(),
            partitioning: BTreeMap::new(),
        }
    }

    /// Names the tables in a namespace of a catalog.
    #[must_use]
    pub fn with_catalog(mut self, catalog: Arc<dyn Catalog>, namespace: Vec<String>) -> Self {
        self.catalog = Some(catalog);
        self.namespace = namespace;
        self
    }

    /// The folder of a pipeline's state.
    pub(crate) fn state_location(&self, pipeline: &str) -> String {
        join(&self.location, &format!("{STATE}/{}", stitchwork_shred::normalize(pipeline)))
    }

    fn ident(&self, table: &str) -> TableIdent {
        TableIdent { namespace: self.namespace.clone(), name: table.to_owned() }
    }

    fn reference(&self, table: &str) -> TableRef {
        let reference = TableRef::at(&self.log, join(&self.location, table));
        match &self.catalog {
            Some(catalog) => reference.named(catalog.clone(), self.ident(table)),
            None => reference,
        }
    }

    /// What tells this destination from others at its location.
    pub(crate) fn described(&self) -> ManifestDestination {
        ManifestDestination {
            log: self.log.clone(),
            catalog: self.catalog.as_ref().map(|catalog| catalog.info().scheme.to_owned()),
            namespace: self.namespace.clone(),
        }
    }

    /// Opens a table of the destination, of whichever log the catalog says.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn open(&self, table: &str) -> Result<Table> {
        let reference = self.find(table).await?;
        Table::open(&self.registry, &reference, self.config.clone()).await
    }

    /// Opens a table to load into it.
    ///
    /// # Errors
    /// `NotFound` when there is none; `InvalidConfig` when it is one of another log.
    pub(crate) async fn open_own(&self, table: &str) -> Result<Table> {
        let reference = self.find(table).await?;
        if reference.log != self.log {
            return Err(another_log(table, &reference.log, &self.log, &reference.location));
        }
        Table::open(&self.registry, &reference, self.config.clone()).await
    }

    /// Where a table is, as the catalog says it.
    async fn find(&self, table: &str) -> Result<TableRef> {
        let mut reference = self.reference(table);
        if let Some(catalog) = &self.catalog {
            match catalog.load(&self.ident(table)).await {
                // The catalog knows better where a table lies that somebody else has made.
                Ok(entry) => (reference.log, reference.location) = (entry.log, entry.location),
                Err(e) if e.kind() == ErrorKind::NotFound => self.adopt(catalog, table).await?,
                Err(e) => return Err(e),
            }
        }
        Ok(reference)
    }

    /// Names a table in the catalog that lies in its place already: the catalog was new, or forgot.
    async fn adopt(&self, catalog: &Arc<dyn Catalog>, table: &str) -> Result<()> {
        let location = join(&self.location, table);
        let unknown = || Error::not_found("the destination has no such table").with_context("table", table);
        if self.registry.log(&self.log)?.capabilities().pointer {
            return Err(unknown());
        }
        let there = TableRef::at(&self.log, location.clone());
        // Some tables show only when they are read what they are.
        Table::open(&self.registry, &there, self.config.clone()).await?.snapshot().await?;
        let entry = Entry {
            ident: self.ident(table),
            log: self.log.clone(),
            location,
            pointer: None,
            properties: BTreeMap::new(),
        };
        match catalog.create(entry).await {
            Err(e) if e.kind() != ErrorKind::AlreadyExists => Err(e),
            _ => Ok(()),
        }
    }

    /// Opens a table, or makes it. The flag says whether it was made.
    pub(crate) async fn open_or_create(&self, table: &str, schema: &SchemaRef) -> Result<(Table, bool)> {
        let found = match self.open_own(table).await {
            // Some tables show only when they are read what they are.
            Ok(table) => table.snapshot().await.map(|_| table),
            Err(e) => Err(e),
        };
        match found {
            Err(e) if e.kind() == ErrorKind::NotFound => {
                self.check_place(table).await?;
                self.check_unnamed(table).await?;
            }
            Err(e) if e.kind() == ErrorKind::Unsupported => {
                // The log may have seen that the table is one of another log: then it is said as such.
                self.check_place(table).await?;
                return Err(e);
            }
            found => return Ok((found?, false)),
        }
        let create = CreateArgs {
            schema: schema.clone(),
            partitioning: self.partitioning.get(table).cloned().unwrap_or_default(),
            properties: self.properties.clone(),
        };
        match Table::create(&self.registry, &self.reference(table), create, self.config.clone()).await {
            // Another run was faster to make it.
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok((self.open_own(table).await?, false)),
            made => Ok((made?, true)),
        }
    }

    /// The tables whose leftovers are looked for, with their locations, each opened without naming it anywhere: those
    /// that are there, and those beside them that a catalog does not name yet.
    pub(crate) async fn tables_to_clean(&self) -> Result<Vec<(String, String, Result<Table>)>> {
        let mut tables = Vec::new();
        let named = self.tables().await?;
        let mut references: Vec<_> = named.iter().map(|name| (name.clone(), self.reference(name))).collect();
        if self.catalog.is_some() && !self.registry.log(&self.log)?.capabilities().pointer {
            let others = self.folders().await?.into_iter().filter(|name| !named.contains(name));
            references.extend(others.map(|name| {
                let there = TableRef::at(&self.log, join(&self.location, &name));
                (name, there)
            }));
        }
        for (name, mut reference) in references {
            let opened = async {
                if let (Some(catalog), Some(ident)) = (&reference.catalog, &reference.ident) {
                    let entry = catalog.load(ident).await?;
                    (reference.log, reference.location) = (entry.log, entry.location);
                }
                let table = Table::open(&self.registry, &reference, self.config.clone()).await?;
                // Some tables show only when they are read what they are.
                table.snapshot().await?;
                Ok::<_, Error>(table)
            };
            match opened.await {
                // A folder that is no table, or a table that was dropped meanwhile.
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                opened => tables.push((name, reference.location, opened)),
            }
        }
        Ok(tables)
    }

    /// The tables that are there, and those beside them that a catalog does not name yet and that have commits by
    /// this application.
    pub(crate) async fn tables_with_tag(&self, application: &str) -> Result<Vec<String>> {
        let mut tables = self.tables().await?;
        if self.catalog.is_none() || self.registry.log(&self.log)?.capabilities().pointer {
            return Ok(tables);
        }
        for name in self.folders().await? {
            if tables.contains(&name) {
                continue;
            }
            let there = TableRef::at(&self.log, join(&self.location, &name));
            let tagged = async {
                let table = Table::open(&self.registry, &there, self.config.clone()).await?;
                table.snapshot().await?.tag(application).await
            };
            match tagged.await {
                Ok(Some(_)) => tables.push(name),
                Ok(None) => {}
                Err(e) if is_no_table(&e) => {}
                Err(e) => return Err(e.with_context("table", name)),
            }
        }
        Ok(tables)
    }

    /// The tables that are there, whoever made them.
    ///
    /// # Errors
    /// What the catalog or the store says.
    pub async fn tables(&self) -> Result<Vec<String>> {
        if let Some(catalog) = &self.catalog {
            let idents: Vec<TableIdent> =
                catalog.list(ListArgs { namespace: self.namespace.clone() }).try_collect().await?;
            return Ok(idents
                .into_iter()
                .filter(|i| i.namespace == self.namespace)
                .map(|i| i.name)
                .collect());
        }
        self.folders().await
    }

    /// The folders at the location, but for that of the state.
    async fn folders(&self) -> Result<Vec<String>> {
        let folder = self.registry.stores().resolve(&self.location)?;
        let prefix = (!folder.path.as_ref().is_empty()).then_some(&folder.path);
        let listing = match folder.store.list_with_delimiter(prefix).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(vec![]),
            listing => listing.map_err(|e| folder.error(e))?,
        };
        let names = listing.common_prefixes.iter().filter_map(|path| path.filename().map(str::to_owned));
        Ok(names.filter(|name| name != STATE).collect())
    }
}

/// Whether a name stands for no table that we could write: none at all, one that was dropped meanwhile, or
/// one of another kind or log.
pub(crate) fn is_no_table(error: &Error) -> bool {
    use ErrorKind::{InvalidConfig, InvalidData, NotFound, Unsupported};
    matches!(error.kind(), NotFound | Unsupported | InvalidData | InvalidConfig)
}

/// The tables of a destination, as engines find them: by their bare name, as they are or were.
#[derive(Debug)]
pub struct DestinationNames {
    destination: Destination,
    opened: Mutex<BTreeMap<String, Table>>,
}

impl DestinationNames {
    /// The tables of this destination.
    #[must_use]
    pub fn new(destination: Destination) -> Self {
        Self { destination, opened: Mutex::default() }
    }

    async fn table(&self, name: &str) -> Result<Option<Table>> {
        // A log that is kept open only asks for what is new.
        if let Some(table) = self.opened.lock().get(name).cloned() {
            return Ok(Some(table));
        }
        match self.destination.open(name).await {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            opened => {
                let table = opened?;
                self.opened.lock().insert(name.to_owned(), table.clone());
                Ok(Some(table))
            }
        }
    }
}

#[async_trait]
impl Names for DestinationNames {
    async fn relation(&self, ident: &TableIdent, at: &At) -> Result<Option<Arc<dyn Relation>>> {
        if !ident.namespace.is_empty() && ident.namespace != self.destination.namespace {
            return Ok(None);
        }
        if let Some((name, kind)) = Metadata::split(&ident.name)
            && let Some(table) = self.table(name).await?
        {
            return Ok(Some(Arc::new(table.metadata(kind, at.clone()).await?)));
        }
        let Some(table) = self.table(&ident.name).await? else { return Ok(None) };
        match table.relation(at.clone()).await {
            Ok(relation) => Ok(Some(Arc::new(relation))),
            Err(e) if e.kind() == ErrorKind::NotFound && *at == At::Latest => {
                self.opened.lock().remove(&ident.name);
                Ok(None)
            }
            Err(e) => Err(e),
        }
    }

    fn list(&self) -> BoxStream<'static, Result<TableIdent>> {
        let destination = self.destination.clone();
        let names = async move {
            destination
                .tables()
                .await
                .map(|names| stream::iter(names.into_iter().map(TableIdent::bare).map(Ok)))
        };
        stream::once(names).try_flatten().boxed()
    }
}
