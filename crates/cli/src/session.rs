//! SQL over everything that has a name, and over paths.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use stitchwork::core::{At, BatchStream, Names, OpenUrl, QueryArgs, Relation, TableIdent, is_sensitive};
use stitchwork::ingest::DestinationNames;
use stitchwork::tables::{CatalogNames, TableConfig};
use stitchwork::{Error, ErrorKind, Result, Session};
use stitchwork_project::{Destination, SqlName};
use tokio::sync::OnceCell;

use crate::places::Places;
use crate::sql::{Target, Vocabulary, rewrite};
use crate::workspace::Workspace;

/// The name that paths are found under in SQL; with a line below it where the project has one of this name.
const PLACES: &str = "project";
/// How names of files end beside the names of formats.
const ENDINGS: [&str; 8] = ["ndjson", "jsonl", "tsv", "txt", "arrow", "gz", "zst", "bz2"];

/// What answers questions.
#[derive(Debug, Clone)]
pub(crate) struct Asker {
    session: Session,
    vocabulary: Arc<Vocabulary>,
    /// What each name stands for.
    attached: Arc<Vec<(String, Arc<dyn Names>)>>,
}

impl Asker {
    /// The engine of the project, which knows the project's names and all paths. No catalog is opened yet.
    ///
    /// # Errors
    /// What opening the engine says, or references of the project that lead nowhere.
    pub(crate) async fn new(workspace: &Arc<Workspace>) -> Result<Self> {
        let session = engine(workspace).await?;
        let (catalog, stores) = (PLACES.to_owned(), workspace.registry.stores().clone());
        let mut vocabulary = Vocabulary { catalog, stores, ..Vocabulary::default() };
        for (role, scheme) in workspace.registry.schemes() {
            if matches!(role, "log" | "format") {
                vocabulary.functions.insert(scheme);
            }
        }
        let mut attached: Vec<(String, Arc<dyn Names>)> = vec![];
        for (name, what) in workspace.project().into_iter().flat_map(|project| project.sql_names()) {
            let what = match what {
                SqlName::Catalog(_) => Lazy::Catalog(name.to_owned()),
                SqlName::Destination(destination) => Lazy::Destination(Box::new(destination.clone())),
                _ => continue,
            };
            vocabulary.attached.insert(name.to_owned());
            let names =
                LazyNames { workspace: workspace.clone(), what: Arc::new(what), names: Arc::default() };
            attached.push((name.to_owned(), Arc::new(names)));
        }
        while vocabulary.attached.contains(&vocabulary.catalog) {
            vocabulary.catalog.push('_');
        }
        let named = workspace.named_tables()?;
        vocabulary.tables = named.keys().cloned().collect();
        let places = Places::new(workspace.registry.clone(), named);
        attached.push((vocabulary.catalog.clone(), Arc::new(places)));
        for (name, names) in &attached {
            session.engine().attach(name, Arc::clone(names)).await?;
        }
        Ok(Self { session, vocabulary: Arc::new(vocabulary), attached: Arc::new(attached) })
    }

    /// The tables of each name, or why they cannot be listed.
    pub(crate) async fn list(&self) -> Vec<(String, Result<Vec<TableIdent>>)> {
        let mut lists = vec![];
        for (name, names) in self.attached.iter() {
            lists.push((name.clone(), names.list().try_collect().await));
        }
        lists
    }

    /// Runs one statement and streams its result.
    ///
    /// # Errors
    /// What is wrong with the statement or the tables.
    pub(crate) async fn ask(&self, sql: &str, limit: Option<usize>) -> Result<BatchStream> {
        let sql = rewrite(sql, &self.vocabulary);
        let asked = self.session.engine().query(QueryArgs { sql, limit }).await;
        asked.map_err(|error| self.with_quotes(error))
    }

    /// An error about a table that is not there, with what to write where a file is meant.
    fn with_quotes(&self, error: Error) -> Error {
        let missing =
            error.kind() == ErrorKind::NotFound && error.message() == "there is no table of this name";
        let Some(table) = error.context("table").filter(|_| missing).map(|name| name.replace('"', "")) else {
            return error;
        };
        let ending = table.rsplit_once('.').map(|(_, ending)| ending).unwrap_or_default();
        let is_file = self.vocabulary.functions.contains(ending) || ENDINGS.contains(&ending);
        if !is_file && !Path::new(&table).is_file() {
            return error;
        }
        let quoted =
            Error::not_found("there is no table of this name; the name of a file stands in single quotes");
        quoted
            .with_context("table", &table)
            .with_context("did_you_mean", format!("'{table}'"))
            .with_source(error)
    }

    /// Reads what was written in the place of a table.
    ///
    /// # Errors
    /// `InvalidInput` for what is no table.
    pub(crate) fn target(&self, text: &str) -> Result<Target> {
        Target::parse(text, &self.vocabulary)
    }

    /// The words that stand for paths and tables in SQL.
    pub(crate) fn vocabulary(&self) -> &Vocabulary {
        &self.vocabulary
    }

    /// The engine, for people.
    pub(crate) fn engine(&self) -> String {
        self.session.engine().info().to_string()
    }
}

/// The engine that the project names; DataFusion where there is no project.
async fn engine(workspace: &Workspace) -> Result<Session> {
    let Ok((project, resolver)) = workspace.required() else { return Session::new() };
    let open: OpenUrl = project.config.engine.open_url(resolver)?;
    for (_, value) in open.options.iter().filter(|(name, _)| is_sensitive(name)) {
        workspace.console.hide(value);
    }
    #[cfg(feature = "engine-adbc")]
    let open = crate::drivers::with_driver(open).map_err(|e| project.at("engine", e))?;
    let engine = workspace.registry.engine(open).await.map_err(|e| project.at("engine", e))?;
    Ok(Session::with_engine(engine))
}

/// What names stand for.
#[derive(Debug)]
enum Lazy {
    Catalog(String),
    Destination(Box<Destination>),
}

/// Names that are opened when the first of them is asked for: a query of files must not wait for a database.
#[derive(Clone)]
struct LazyNames {
    workspace: Arc<Workspace>,
    what: Arc<Lazy>,
    names: Arc<OnceCell<Arc<dyn Names>>>,
}

impl LazyNames {
    async fn open(&self) -> Result<&Arc<dyn Names>> {
        let open = async || {
            let names: Arc<dyn Names> = match self.what.as_ref() {
                Lazy::Catalog(name) => {
                    let catalog = self.workspace.catalog(name).await?;
                    let registry = self.workspace.registry.clone();
                    Arc::new(CatalogNames::new(catalog, registry, TableConfig::default()))
                }
                Lazy::Destination(config) => {
                    Arc::new(DestinationNames::new(self.workspace.destination(config).await?))
                }
            };
            Ok(names)
        };
        self.names.get_or_try_init(open).await
    }
}

impl fmt::Debug for LazyNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LazyNames").field("what", &self.what).finish_non_exhaustive()
    }
}

#[async_trait]
impl Names for LazyNames {
    async fn relation(&self, ident: &TableIdent, at: &At) -> Result<Option<Arc<dyn Relation>>> {
        self.open().await?.relation(ident, at).await
    }

    fn list(&self) -> BoxStream<'static, Result<TableIdent>> {
        let names = self.clone();
        stream::once(async move { names.open().await.map(|names| names.list()) }).try_flatten().boxed()
    }
}
