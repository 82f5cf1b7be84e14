//! Names: relations that are registered and catalogs that are attached, as DataFusion's catalogs.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, CatalogProviderList, SchemaProvider, TableProvider};
use datafusion::common::DataFusionError;
use futures::stream::{self, Stream, StreamExt, TryStreamExt};
use parking_lot::{Mutex, RwLock};
use stitchwork_core::{At, Error, Names, Relation, Result, TableIdent};

use crate::config::{CATALOG, SCHEMA};
use crate::error::ToDataFusion;
use crate::information::{INFORMATION, Information};
use crate::native::StoreIds;
use crate::table::RelationTable;
use crate::travel;

/// How many names are looked through for one that is like an unknown one.
const MOST_NAMES: usize = 10_000;

/// Everything that has a name.
#[derive(Debug)]
pub(crate) struct Namespace {
    registered: RwLock<BTreeMap<(String, String), Arc<dyn Relation>>>,
    attached: RwLock<BTreeMap<String, Arc<dyn Names>>>,
    views: bool,
    stores: Arc<StoreIds>,
}

impl Namespace {
    pub(crate) fn new(views: bool) -> Arc<Self> {
        Arc::new(Self {
            registered: RwLock::default(),
            attached: RwLock::default(),
            views,
            stores: Arc::default(),
        })
    }

    pub(crate) fn attach(&self, name: &str, names: Arc<dyn Names>) -> Result<()> {
        if name.is_empty() || name == CATALOG || name == INFORMATION {
            return Err(Error::invalid_input(
                "the engine keeps this name for itself; attach under another one",
            )
            .with_context("name", name));
        }
        self.attached.write().insert(name.to_owned(), names);
        Ok(())
    }

    pub(crate) fn register(&self, ident: &TableIdent, relation: Arc<dyn Relation>) -> Result<()> {
        ident.check()?;
        let schema = if ident.namespace.is_empty() { SCHEMA.to_owned() } else { ident.namespace_string() };
        if schema == INFORMATION {
            return Err(Error::invalid_input(
                "the engine keeps this schema for itself; register under another one",
            )
            .with_context("name", ident));
        }
        self.registered.write().insert((schema, ident.name.clone()), relation);
        Ok(())
    }

    /// Whether names may begin with this one.
    pub(crate) fn is_catalog(&self, name: &str) -> bool {
        name == CATALOG || self.attached.read().contains_key(name)
    }

    /// The relation of a name that has all its parts.
    pub(crate) async fn find(
        self: &Arc<Self>,
        catalog: &str,
        schema: &str,
        table: &str,
    ) -> Result<Option<Arc<dyn Relation>>> {
        let (table, at) = travel::decode(table);
        let found = self.find_at(catalog, schema, table, &at).await;
        if let (Ok(None), INFORMATION, At::Latest) = (&found, schema, &at) {
            let whose = (catalog != CATALOG).then(|| catalog.to_owned());
            return Ok(Information::open(self, whose, table).map(|found| Arc::new(found) as _));
        }
        match at {
            At::Latest => found,
            _ => found.map_err(|e| e.with_context("table", table)),
        }
    }

    async fn find_at(
        &self,
        catalog: &str,
        schema: &str,
        table: &str,
        at: &At,
    ) -> Result<Option<Arc<dyn Relation>>> {
        if catalog == CATALOG {
            let registered = self.registered.read().get(&(schema.to_owned(), table.to_owned())).cloned();
            if registered.is_some() {
                at.require_latest()?;
                return Ok(registered);
            }
            // Two parts may also be an attached catalog and a table of its outermost level.
            let attached = self.attached.read().get(schema).cloned();
            return match attached {
                Some(names) => names.relation(&TableIdent::bare(table), at).await,
                None => Ok(None),
            };
        }
        let names = self.attached.read().get(catalog).cloned();
        match names {
            None => Ok(None),
            Some(names) => {
                let namespace = match schema {
                    "" => vec![],
                    levels => levels.split('.').map(str::to_owned).collect(),
                };
                names.relation(&TableIdent { namespace, name: table.to_owned() }, at).await
            }
        }
    }

    /// Every name, as it is written in SQL: a catalog where one is attached, a schema and a table.
    pub(crate) fn list(&self) -> impl Stream<Item = Result<(Option<String>, TableIdent)>> + Send + use<> {
        let registered: Vec<_> = self
            .registered
            .read()
            .keys()
            .map(|(schema, table)| match schema.as_str() {
                SCHEMA => Ok((None, TableIdent::bare(table))),
                schema => Ok((None, TableIdent::new(schema, table))),
            })
            .collect();
        let attached: Vec<_> = self.attached.read().iter().map(|(k, v)| (k.clone(), v.clone())).collect();
        let attached = stream::iter(attached)
            .flat_map(|(catalog, names)| names.list().map_ok(move |ident| (Some(catalog.clone()), ident)));
        stream::iter(registered).chain(attached)
    }

    /// Every name of one catalog, or of all.
    pub(crate) fn list_written(
        &self,
        catalog: Option<String>,
    ) -> impl Stream<Item = Result<TableName>> + Send + use<> {
        let listed = self.list().map_ok(|(catalog, ident)| TableName::of(catalog, ident));
        listed.try_filter(move |name| std::future::ready(catalog.as_ref().is_none_or(|c| *c == name.catalog)))
    }

    /// The name of a table that was found by these parts.
    pub(crate) fn written(&self, catalog: String, schema: String, table: &str) -> TableName {
        let table = travel::decode(table).0.to_owned();
        let registered = self.registered.read().contains_key(&(schema.clone(), table.clone()));
        if catalog == CATALOG && !registered && self.attached.read().contains_key(&schema) {
            return TableName { catalog: schema, schema: String::new(), table };
        }
        TableName { catalog, schema, table }
    }

    /// The names that are like an unknown one, best first.
    pub(crate) async fn near(&self, name: &str) -> Vec<String> {
        let last = |name: &str| name.rsplit('.').next().unwrap_or(name).to_lowercase();
        // What a table knows of itself is asked for behind its name: `t$history`.
        let wanted = last(name.split_once('$').map_or(name, |(table, _)| table));
        let most = wanted.chars().count().div_ceil(3).max(1);
        // What cannot be listed cannot be suggested; the error is about another name anyway.
        let mut near: Vec<(usize, String)> = self
            .list()
            .take(MOST_NAMES)
            .filter_map(|found| std::future::ready(found.ok()))
            .map(|(catalog, ident)| match catalog {
                Some(catalog) => {
                    (distance(&wanted, &ident.name.to_lowercase()), format!("{catalog}.{ident}"))
                }
                None => (distance(&wanted, &ident.name.to_lowercase()), ident.to_string()),
            })
            .filter(|(distance, _)| std::future::ready(*distance <= most))
            .collect()
            .await;
        near.sort();
        near.into_iter().take(3).map(|(_, name)| name).collect()
    }
}

/// A name with all its parts, as they are written in SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TableName {
    pub(crate) catalog: String,
    /// Empty for the outermost level of attached names.
    pub(crate) schema: String,
    pub(crate) table: String,
}

impl TableName {
    fn of(catalog: Option<String>, ident: TableIdent) -> Self {
        let schema = match &catalog {
            None if ident.namespace.is_empty() => SCHEMA.to_owned(),
            _ => ident.namespace_string(),
        };
        Self { catalog: catalog.unwrap_or_else(|| CATALOG.to_owned()), schema, table: ident.name }
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [&self.catalog, &self.schema, &self.table].map(String::as_str);
        f.write_str(&parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("."))
    }
}

/// The number of letters to insert, delete or replace between two words (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        let mut next = vec![left];
        for (y, above) in b.iter().zip(row.iter().skip(1)) {
            left = (diagonal + usize::from(x != *y)).min(left + 1).min(above + 1);
            diagonal = *above;
            next.push(left);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

/// The names as DataFusion asks for them. Each that was found stays what it is, as one statement must see it.
#[derive(Debug)]
pub(crate) struct Catalogs {
    namespace: Arc<Namespace>,
    found: Found,
}

/// Tables by catalog, schema and name.
type Found = Arc<Mutex<BTreeMap<[String; 3], Arc<dyn TableProvider>>>>;

impl Catalogs {
    pub(crate) fn new(namespace: Arc<Namespace>) -> Self {
        Self { namespace, found: Found::default() }
    }
}

impl CatalogProviderList for Catalogs {
    fn register_catalog(
        &self,
        _name: String,
        _catalog: Arc<dyn CatalogProvider>,
    ) -> Option<Arc<dyn CatalogProvider>> {
        None
    }

    fn catalog_names(&self) -> Vec<String> {
        let attached = self.namespace.attached.read();
        std::iter::once(CATALOG.to_owned()).chain(attached.keys().cloned()).collect()
    }

    fn catalog(&self, name: &str) -> Option<Arc<dyn CatalogProvider>> {
        self.namespace.is_catalog(name).then(|| {
            let (namespace, found) = (self.namespace.clone(), self.found.clone());
            Arc::new(OneCatalog { namespace, catalog: name.to_owned(), found }) as _
        })
    }
}

#[derive(Debug)]
struct OneCatalog {
    namespace: Arc<Namespace>,
    catalog: String,
    found: Found,
}

impl CatalogProvider for OneCatalog {
    fn schema_names(&self) -> Vec<String> {
        if self.catalog != CATALOG {
            return vec![];
        }
        let registered = self.namespace.registered.read();
        let mut names: Vec<String> = registered.keys().map(|(schema, _)| schema.clone()).collect();
        names.dedup();
        names
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        // Whether there is such a schema is known when its table has been looked up.
        Some(Arc::new(OneSchema {
            namespace: self.namespace.clone(),
            catalog: self.catalog.clone(),
            schema: name.to_owned(),
            found: self.found.clone(),
        }))
    }
}

#[derive(Debug)]
struct OneSchema {
    namespace: Arc<Namespace>,
    catalog: String,
    schema: String,
    found: Found,
}

#[async_trait]
impl SchemaProvider for OneSchema {
    fn table_names(&self) -> Vec<String> {
        if self.catalog != CATALOG {
            return vec![];
        }
        let registered = self.namespace.registered.read();
        registered.keys().filter(|(schema, _)| *schema == self.schema).map(|(_, t)| t.clone()).collect()
    }

    async fn table(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, DataFusionError> {
        let key = [self.catalog.as_str(), self.schema.as_str(), name].map(str::to_owned);
        if let Some(found) = self.found.lock().get(&key) {
            return Ok(Some(found.clone()));
        }
        let found = self.namespace.find(&self.catalog, &self.schema, name).await.theirs()?;
        let Some(relation) = found else { return Ok(None) };
        let table = RelationTable::new(relation, self.namespace.views, self.namespace.stores.clone());
        let table: Arc<dyn TableProvider> = Arc::new(table);
        self.found.lock().insert(key, table.clone());
        Ok(Some(table))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.catalog != CATALOG
            || self.namespace.registered.read().contains_key(&(self.schema.clone(), name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances() {
        for (a, b, expected) in
            [("", "", 0), ("abc", "", 3), ("kitten", "sitting", 3), ("issues", "issue", 1)]
        {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }
}
