//! The catalog: what its calls mean in statements.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use stitchwork_core::{
    Catalog, CatalogCapabilities, CommitState, Entry, Error, ErrorKind, Info, ListArgs, NamespaceChange,
    Pointer, Result, SwapArgs, TableIdent,
};

use crate::config::SqlConfig;
use crate::database::{Database, Transaction};
use crate::entry::{self, is_iceberg};
use crate::names::{self, Key, missing};
use crate::register::SCHEME;
use crate::sqlite::SqliteDatabase;
use crate::statements as sql;

/// The property that marks a namespace as there, as pyiceberg and Java set it.
const EXISTS: (&str, &str) = ("exists", "true");

/// A catalog in a SQL database. Clones share its connections.
#[derive(Clone)]
pub struct SqlCatalog {
    shared: Arc<Shared>,
}

struct Shared {
    database: Box<dyn Database>,
    name: String,
    /// Set once the table of extras was seen; it is never dropped.
    has_extras: AtomicBool,
}

impl SqlCatalog {
    /// Opens the catalog. A file, its folder and the tables are made where they are missing.
    ///
    /// # Errors
    /// `InvalidConfig` for a URL that names no database, `InvalidData` for a file that is none, or what the database
    /// says.
    pub async fn open(config: SqlConfig) -> Result<Self> {
        if config.catalog_name.is_empty() || config.catalog_name.chars().count() > 255 {
            return Err(Error::invalid_config("the name of a catalog has 1 to 255 characters")
                .with_operation("catalog::open")
                .with_context("catalog_name", config.catalog_name));
        }
        let place = config.place().map_err(|e| e.with_operation("catalog::open"))?;
        let timeout = Duration::from_secs(config.lock_timeout_seconds.into());
        let database =
            SqliteDatabase::open(&place, timeout).await.map_err(|e| e.with_context("url", &config.url))?;
        let has_extras = AtomicBool::new(false);
        let shared = Shared { database: Box::new(database), name: config.catalog_name, has_extras };
        Ok(Self { shared: Arc::new(shared) })
    }
}

impl Shared {
    async fn load(&self, ident: &TableIdent) -> Result<Entry> {
        let key = Key::find(ident)?;
        let load = if self.has_extras().await? { sql::LOAD_WITH_EXTRAS } else { sql::LOAD };
        entry::from_rows(ident, self.database.fetch(load, &self.key(&key)).await?)
    }

    async fn has_extras(&self) -> Result<bool> {
        if !self.has_extras.load(Ordering::Relaxed) {
            let found = !self.database.fetch(self.database.finds_extras(), &[]).await?.is_empty();
            self.has_extras.store(found, Ordering::Relaxed);
        }
        Ok(self.has_extras.load(Ordering::Relaxed))
    }

    async fn create(&self, entry: Entry) -> Result<Entry> {
        let key = Key::new(&entry.ident)?;
        let kind = entry::type_of(&entry.log)?;
        let extras = entry::extras(&entry);
        let mut work = self.begin().await?;
        let [catalog, namespace, name] = self.key(&key);
        let location = entry::main_location(&entry);
        let insert =
            work.transaction.execute(sql::INSERT, &[catalog, namespace, name, location, Some(&kind)]).await;
        insert.map_err(|error| taken(error, &entry.ident))?;
        if work.has_extras {
            // Whoever drops a table through another program leaves its extras behind.
            work.transaction.execute(sql::DELETE_EXTRAS, &self.key(&key)).await?;
        }
        for extra in extras {
            work.add_extra(self, &key, &extra).await?;
        }
        self.ensure_namespace(&mut work, &key.namespace).await?;
        work.transaction.commit().await?;
        Ok(entry)
    }

    async fn remove(&self, ident: &TableIdent) -> Result<()> {
        let key = Key::find(ident)?;
        let mut work = self.begin().await?;
        if work.transaction.execute(sql::DELETE, &self.key(&key)).await? == 0 {
            return Err(missing(ident));
        }
        if work.has_extras {
            work.transaction.execute(sql::DELETE_EXTRAS, &self.key(&key)).await?;
        }
        work.transaction.commit().await
    }

    async fn rename(&self, from: &TableIdent, to: &TableIdent) -> Result<()> {
        let (old, new) = (Key::find(from)?, Key::new(to)?);
        let mut work = self.begin().await?;
        let [catalog, namespace, name] = self.key(&old);
        let binds = [Some(new.namespace.as_str()), Some(new.name.as_str()), catalog, namespace, name];
        match work.transaction.execute(sql::RENAME, &binds).await {
            Ok(0) => return Err(missing(from)),
            Ok(_) if old == new => return Err(taken(Error::new(ErrorKind::AlreadyExists, "same name"), to)),
            Ok(_) => {}
            Err(error) => return Err(taken(error, to)),
        }
        if work.has_extras {
            work.transaction.execute(sql::DELETE_EXTRAS, &self.key(&new)).await?;
            work.transaction.execute(sql::RENAME_EXTRAS, &binds).await?;
        }
        self.ensure_namespace(&mut work, &new.namespace).await?;
        work.transaction.commit().await
    }

    async fn swap(&self, swaps: Vec<SwapArgs>) -> Result<Vec<Entry>> {
        for (place, swap) in swaps.iter().enumerate() {
            if swap.updates.is_some() {
                return Err(Error::unsupported("the catalog keeps pointers and cannot apply updates itself")
                    .with_context("table", &swap.ident));
            }
            if swaps.iter().take(place).any(|other| other.ident == swap.ident) {
                return Err(Error::invalid_input("a table stands twice in one swap")
                    .with_context("table", &swap.ident));
            }
        }
        let mut work = self.begin().await?;
        let mut entries = Vec::with_capacity(swaps.len());
        for swap in swaps {
            entries.push(self.swap_one(&mut work, swap).await?);
        }
        work.transaction.commit().await?;
        Ok(entries)
    }

    async fn swap_one(&self, work: &mut Work, swap: SwapArgs) -> Result<Entry> {
        let key = Key::find(&swap.ident)?;
        let load = if work.has_extras { sql::LOAD_WITH_EXTRAS } else { sql::LOAD };
        let mut entry = entry::from_rows(&swap.ident, work.transaction.fetch(load, &self.key(&key)).await?)?;
        if entry.pointer != swap.expected {
            return Err(conflict(&swap, entry.pointer.as_ref()));
        }
        let old = std::mem::replace(&mut entry.pointer, swap.new.clone());
        let [catalog, namespace, name] = self.key(&key);
        if is_iceberg(&entry.log) {
            let (old, new) = (old.as_ref().map(text), entry.pointer.as_ref().map(text));
            let binds = [new, old, catalog, namespace, name, old];
            if work.transaction.execute(sql::SWAP, &binds).await? == 0 {
                return Err(conflict(&swap, None));
            }
        }
        if work.has_extras {
            let (kind, part) = entry::part_key(&entry.log);
            let binds = [catalog, namespace, name, Some(kind), Some(part)];
            work.transaction.execute(sql::DELETE_EXTRA, &binds).await?;
        }
        if let Some(part) = entry::parts(&entry) {
            work.add_extra(self, &key, &part).await?;
        }
        Ok(entry)
    }

    async fn create_namespace(&self, namespace: &str, properties: Vec<(String, String)>) -> Result<()> {
        let mut work = self.begin().await?;
        let catalog = Some(self.name.as_str());
        let namespace = Some(namespace);
        let binds = [catalog, namespace, catalog, namespace];
        if !work.transaction.fetch(sql::NAMESPACE_EXISTS, &binds).await?.is_empty() {
            return Err(Error::new(ErrorKind::AlreadyExists, "the namespace is there already"));
        }
        for (key, value) in &properties {
            let binds = [catalog, namespace, Some(key.as_str()), Some(value.as_str())];
            work.transaction.execute(sql::INSERT_NAMESPACE, &binds).await?;
        }
        work.transaction.commit().await
    }

    async fn drop_namespace(&self, namespace: &str) -> Result<()> {
        let mut work = self.begin().await?;
        let below = format!("{namespace}.");
        let (catalog, namespace, below) = (Some(self.name.as_str()), Some(namespace), Some(below.as_str()));
        let binds = [catalog, namespace, below, below, catalog, below, below];
        let holds = !work.transaction.fetch(sql::NAMESPACE_HOLDS, &binds).await?.is_empty();
        let deleted = work.transaction.execute(sql::DELETE_NAMESPACE, &[catalog, namespace]).await?;
        match (holds, deleted) {
            // A namespace that another program never declared is there through its tables alone.
            (true, _) => Err(Error::conflict("the namespace is not empty")),
            (false, 0) => Err(Error::not_found("the catalog has no such namespace")),
            (false, _) => work.transaction.commit().await,
        }
    }

    async fn ensure_namespace(&self, work: &mut Work, namespace: &str) -> Result<()> {
        if namespace.is_empty() {
            return Ok(());
        }
        let (catalog, namespace) = (Some(self.name.as_str()), Some(namespace));
        if work.transaction.fetch(sql::NAMESPACE_DECLARED, &[catalog, namespace]).await?.is_empty() {
            let binds = [catalog, namespace, Some(EXISTS.0), Some(EXISTS.1)];
            work.transaction.execute(sql::INSERT_NAMESPACE, &binds).await?;
        }
        Ok(())
    }

    async fn begin(&self) -> Result<Work> {
        let mut transaction = self.database.begin().await?;
        let has_extras = self.has_extras.load(Ordering::Relaxed)
            || !transaction.fetch(self.database.finds_extras(), &[]).await?.is_empty();
        Ok(Work { transaction, has_extras })
    }

    fn key<'a>(&'a self, key: &'a Key) -> [Option<&'a str>; 3] {
        [Some(&self.name), Some(&key.namespace), Some(&key.name)]
    }
}

/// A transaction, and whether the table of extras is there for it.
struct Work {
    transaction: Box<dyn Transaction>,
    has_extras: bool,
}

impl Work {
    async fn add_extra(&mut self, shared: &Shared, key: &Key, extra: &entry::Extra) -> Result<()> {
        if !self.has_extras {
            self.transaction.execute(sql::CREATE_EXTRAS, &[]).await?;
            self.has_extras = true;
        }
        let [catalog, namespace, name] = shared.key(key);
        let (kind, property, value) = extra;
        let binds = [catalog, namespace, name, Some(*kind), Some(property.as_str()), Some(value.as_str())];
        self.transaction.execute(sql::INSERT_EXTRA, &binds).await.map(|_| ())
    }
}

#[async_trait]
impl Catalog for SqlCatalog {
    fn info(&self) -> Info {
        let name = "SQLite, in the layout of pyiceberg and Java's JDBC catalog".to_owned();
        Info { scheme: SCHEME, name, version: env!("CARGO_PKG_VERSION") }
    }

    fn capabilities(&self) -> CatalogCapabilities {
        CatalogCapabilities {
            rename: true,
            namespaces: true,
            multi_table: true,
            commits_on_server: false,
            durable: self.shared.database.is_durable(),
        }
    }

    fn list(&self, args: ListArgs) -> BoxStream<'static, Result<TableIdent>> {
        let Ok(namespace) = names::join(&args.namespace) else { return stream::empty().boxed() };
        let below = format!("{namespace}.");
        let start = Some((Arc::clone(&self.shared), String::new(), String::new()));
        let pages = stream::try_unfold(start, move |state| {
            let (namespace, below) = (namespace.clone(), below.clone());
            async move {
                let Some((shared, last_namespace, last_name)) = state else { return Ok(None) };
                let all = [&shared.name, &namespace, &namespace, &below, &below, &last_namespace, &last_name];
                let binds = all.map(|bind| Some(bind.as_str()));
                let rows = shared.database.fetch(sql::LIST, &binds).await?;
                let full = rows.len() == sql::LIST_PAGE;
                let keys = rows.into_iter().filter_map(|row| {
                    let mut columns = row.into_iter();
                    Some((columns.next()??, columns.next()??))
                });
                let keys: Vec<(String, String)> = keys.collect();
                let next = keys.last().filter(|_| full).cloned();
                let next = next.map(|(namespace, name)| (shared, namespace, name));
                let ident = |(namespace, name): (String, String)| {
                    Ok(TableIdent { namespace: names::split(&namespace), name })
                };
                Ok(Some((stream::iter(keys.into_iter().map(ident)), next)))
            }
        });
        pages.map_err(|e: Error| e.with_operation("catalog::list")).try_flatten().boxed()
    }

    async fn load(&self, ident: &TableIdent) -> Result<Entry> {
        self.shared.load(ident).await.map_err(|e| e.with_operation("catalog::load"))
    }

    async fn create(&self, entry: Entry) -> Result<Entry> {
        self.shared.create(entry).await.map_err(|e| e.with_operation("catalog::create"))
    }

    async fn remove(&self, ident: &TableIdent) -> Result<()> {
        self.shared.remove(ident).await.map_err(|e| e.with_operation("catalog::remove"))
    }

    async fn rename(&self, from: &TableIdent, to: &TableIdent) -> Result<()> {
        self.shared.rename(from, to).await.map_err(|e| e.with_operation("catalog::rename"))
    }

    async fn swap(&self, swaps: Vec<SwapArgs>) -> Result<Vec<Entry>> {
        self.shared.swap(swaps).await.map_err(|error| {
            let error = error.with_operation("catalog::swap");
            // Only the commit itself says more; whatever fails before it is rolled back.
            if error.commit_state().is_some() {
                error
            } else {
                error.with_commit_state(CommitState::NotCommitted)
            }
        })
    }

    async fn namespaces(&self) -> Result<Vec<Vec<String>>> {
        let catalog = Some(self.shared.name.as_str());
        let rows = self.shared.database.fetch(sql::NAMESPACES, &[catalog, catalog]).await;
        let rows = rows.map_err(|e| e.with_operation("catalog::namespaces"))?;
        let levels = rows.into_iter().flatten().flatten().map(|namespace| names::split(&namespace));
        Ok(levels.filter(|levels| !levels.is_empty()).collect())
    }

    async fn alter_namespace(&self, namespace: &[String], change: NamespaceChange) -> Result<()> {
        let changed = async {
            if namespace.is_empty() {
                return Err(Error::invalid_input("a namespace needs at least one level"));
            }
            match change {
                NamespaceChange::Create(mut properties) => {
                    properties.entry(EXISTS.0.to_owned()).or_insert_with(|| EXISTS.1.to_owned());
                    let properties = properties.into_iter().collect();
                    self.shared.create_namespace(&names::join(namespace)?, properties).await
                }
                NamespaceChange::Drop => match names::join(namespace) {
                    Ok(joined) => self.shared.drop_namespace(&joined).await,
                    Err(error) => {
                        Err(Error::not_found("the catalog has no such namespace").with_source(error))
                    }
                },
                _ => Err(Error::unsupported("the catalog does not know this change of a namespace")),
            }
        };
        changed.await.map_err(|e: Error| {
            e.with_operation("catalog::alter_namespace").with_context("namespace", namespace.join("."))
        })
    }
}

impl fmt::Debug for SqlCatalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlCatalog")
            .field("name", &self.shared.name)
            .field("durable", &self.shared.database.is_durable())
            .finish_non_exhaustive()
    }
}

fn text(pointer: &Pointer) -> &str {
    &pointer.0
}

/// Says which table it is that exists.
fn taken(error: Error, ident: &TableIdent) -> Error {
    if error.kind() != ErrorKind::AlreadyExists {
        return error;
    }
    Error::new(ErrorKind::AlreadyExists, "the name is taken by a table or a view")
        .with_context("table", ident)
}

fn conflict(swap: &SwapArgs, found: Option<&Pointer>) -> Error {
    let shown = |pointer: Option<&Pointer>| pointer.map_or("none", text).to_owned();
    Error::conflict("the table points elsewhere than expected")
        .with_context("table", &swap.ident)
        .with_context("expected", shown(swap.expected.as_ref()))
        .with_context("found", shown(found))
}
