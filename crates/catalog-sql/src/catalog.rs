//! The catalog: its calls, and the errors that they tell.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use stitchwork_core::{
    Catalog, CatalogCapabilities, CommitState, Entry, Error, Info, ListArgs, NamespaceChange, Result,
    SwapArgs, TableIdent,
};

use crate::config::SqlConfig;
use crate::names;
use crate::namespaces::missing_namespace;
use crate::open::open;
use crate::shared::Shared;
use crate::statements as sql;

/// A catalog in a SQL database. Clones share its connections.
#[derive(Clone)]
pub struct SqlCatalog {
    shared: Arc<Shared>,
}

impl SqlCatalog {
    /// Opens the catalog. A file, its folder, the schema and the tables are made where they are missing.
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
        let database = open(place, timeout).await;
        let database = database.map_err(|e| {
            e.with_operation("catalog::open").with_context("url", config.url_without_password())
        })?;
        Ok(Self { shared: Arc::new(Shared::new(database, config.catalog_name)) })
    }
}

#[async_trait]
impl Catalog for SqlCatalog {
    fn info(&self) -> Info {
        let dialect = self.shared.database.dialect();
        let name = format!("{}, in the layout of pyiceberg and Java's JDBC catalog", dialect.name);
        Info { scheme: dialect.scheme, name, version: env!("CARGO_PKG_VERSION") }
    }

    fn capabilities(&self) -> CatalogCapabilities {
        CatalogCapabilities {
            rename: true,
            namespaces: true,
            namespace_properties: true,
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
        let created = self.shared.repeated(|| self.shared.create(&entry)).await;
        created.map(|()| entry.clone()).map_err(|e| e.with_operation("catalog::create"))
    }

    async fn remove(&self, ident: &TableIdent) -> Result<()> {
        let removed = self.shared.repeated(|| self.shared.remove(ident)).await;
        removed.map_err(|e| e.with_operation("catalog::remove"))
    }

    async fn rename(&self, from: &TableIdent, to: &TableIdent) -> Result<()> {
        let renamed = self.shared.repeated(|| self.shared.rename(from, to)).await;
        renamed.map_err(|e| e.with_operation("catalog::rename"))
    }

    async fn swap(&self, swaps: Vec<SwapArgs>) -> Result<Vec<Entry>> {
        self.shared.repeated(|| self.shared.swap(&swaps)).await.map_err(|error| {
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

    async fn namespace_properties(&self, namespace: &[String]) -> Result<BTreeMap<String, String>> {
        let properties = async {
            let namespace = names::join(namespace).map_err(|e| missing_namespace().with_source(e))?;
            self.shared.namespace_properties(&namespace).await
        };
        properties.await.map_err(|e: Error| {
            e.with_operation("catalog::namespace_properties").with_context("namespace", namespace.join("."))
        })
    }

    async fn alter_namespace(&self, namespace: &[String], change: NamespaceChange) -> Result<()> {
        let changed = async {
            change.check(namespace)?;
            let joined = names::join(namespace);
            let joined = match change {
                NamespaceChange::Create(_) => joined?,
                // One that cannot be stored cannot be there.
                _ => joined.map_err(|e| missing_namespace().with_source(e))?,
            };
            self.shared.repeated(|| self.shared.alter_namespace(&joined, &change)).await
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
