//! Where the tables of a pipeline are.

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
use stitchwork_table::{Table, TableConfig, TableRef};

/// The folder under the destination that holds the state of its pipelines.
const STATE: &str = "_stitchwork";

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

    /// Opens a table of the destination.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub async fn open(&self, table: &str) -> Result<Table> {
        let mut reference = self.reference(table);
        if let Some(catalog) = &self.catalog {
            match catalog.load(&self.ident(table)).await {
                // The catalog knows better where a table lies that somebody else has made.
                Ok(entry) => (reference.log, reference.location) = (entry.log, entry.location),
                Err(e) if e.kind() == ErrorKind::NotFound => self.adopt(catalog, table).await?,
                Err(e) => return Err(e),
            }
        }
        Table::open(&self.registry, &reference, self.config.clone()).await
    }

    /// Names a table in the catalog that lies in its place already: the catalog was new, or forgot.
    async fn adopt(&self, catalog: &Arc<dyn Catalog>, table: &str) -> Result<()> {
        let location = join(&self.location, table);
        let unknown = || Error::not_found("the destination has no such table").with_context("table", table);
        if self.registry.log(&self.log)?.capabilities().pointer {
            return Err(unknown());
        }
        Table::open(&self.registry, &TableRef::at(&self.log, location.clone()), self.config.clone()).await?;
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
        match self.open(table).await {
            Err(e) if e.kind() == ErrorKind::NotFound => {}
            found => return Ok((found?, false)),
        }
        let create = CreateArgs {
            schema: schema.clone(),
            partitioning: self.partitioning.get(table).cloned().unwrap_or_default(),
            properties: self.properties.clone(),
        };
        match Table::create(&self.registry, &self.reference(table), create, self.config.clone()).await {
            // Another run was faster to make it.
            Err(e) if e.kind() == ErrorKind::AlreadyExists => Ok((self.open(table).await?, false)),
            made => Ok((made?, true)),
        }
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

/// The tables of a destination, as engines find them: by their bare name, in their newest state.
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
}

#[async_trait]
impl Names for DestinationNames {
    async fn relation(&self, ident: &TableIdent) -> Result<Option<Arc<dyn Relation>>> {
        if !ident.namespace.is_empty() && ident.namespace != self.destination.namespace {
            return Ok(None);
        }
        // A log that is kept open only asks for what is new.
        let known = self.opened.lock().get(&ident.name).cloned();
        let table = match known {
            Some(table) => table,
            None => match self.destination.open(&ident.name).await {
                Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
                opened => opened?,
            },
        };
        match table.relation(At::Latest).await {
            Ok(relation) => {
                self.opened.lock().insert(ident.name.clone(), table);
                Ok(Some(Arc::new(relation)))
            }
            Err(e) if e.kind() == ErrorKind::NotFound => {
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
