//! Paths as tables: what stands in SQL in the place of a table is opened when it is asked for.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use parking_lot::Mutex;
use stitchwork::core::{At, Format, Names, Options, Registry, Relation, TableIdent};
use stitchwork::tables::{Columns, FileSet, FileSetArgs, Metadata, Table, TableConfig, TableRef};
use stitchwork::{Error, ErrorKind, Result, absolute, format_with};
use stitchwork_project::nearest;

use crate::sql::{PATH, split_options};

/// A table of the project file that has a name of its own.
#[derive(Debug, Clone)]
pub(crate) struct NamedTable {
    /// Where it is; only files may have several places.
    pub(crate) locations: Vec<String>,
    /// Its log; the files themselves are read when there is none.
    pub(crate) log: Option<String>,
    /// The format of the files.
    pub(crate) format: Option<String>,
    /// The columns of the files.
    pub(crate) columns: Columns,
    /// Options of the log, or else of the format.
    pub(crate) options: Options,
}

/// What a place turned out to be.
enum Opened {
    Files(FileSet),
    Table(Table),
}

/// Within quotes and in files, no shell has put the home folder in the place of `~`.
pub(crate) fn at_home(path: &str, home: Option<&Path>) -> String {
    match (path.strip_prefix("~/"), home) {
        (Some(below), Some(home)) => home.join(below).to_string_lossy().into_owned(),
        _ => path.to_owned(),
    }
}

/// Finds tables by path, and those of the project file by name.
#[derive(Debug)]
pub(crate) struct Places {
    registry: Registry,
    home: Option<PathBuf>,
    named: BTreeMap<String, NamedTable>,
    /// Tables that are open: a log is asked only for what is new.
    opened: Mutex<BTreeMap<(String, String, Options), Table>>,
}

impl Places {
    pub(crate) fn new(registry: Registry, named: BTreeMap<String, NamedTable>) -> Self {
        Self { registry, home: std::env::home_dir(), named, opened: Mutex::default() }
    }

    /// What a path, or a name of the project file, is opened as.
    async fn find(&self, kind: Option<&str>, name: &str, at: &At) -> Result<Arc<dyn Relation>> {
        match self.open(kind, name).await? {
            Opened::Table(table) => Ok(Arc::new(table.relation(at.clone()).await?)),
            Opened::Files(files) => {
                at.require_latest()?;
                Ok(Arc::new(files))
            }
        }
    }

    /// What a table knows of itself.
    async fn metadata(
        &self,
        kind: Option<&str>,
        name: &str,
        of: Metadata,
        at: &At,
    ) -> Result<Arc<dyn Relation>> {
        match self.open(kind, name).await? {
            Opened::Table(table) => Ok(Arc::new(table.metadata(of, at.clone()).await?)),
            Opened::Files(_) => {
                Err(Error::unsupported(
                    "files have no history, only tables of a log have one; `show` and `schema` tell what is in files",
                )
                .with_context("location", name))
            }
        }
    }

    async fn open(&self, kind: Option<&str>, name: &str) -> Result<Opened> {
        let table = match kind {
            None => self.named.get(name).cloned().ok_or_else(|| missing(name))?,
            Some(kind) => self.described(kind, name)?,
        };
        match table.log.clone() {
            Some(log) => Ok(Opened::Table(self.table(&log, table).await?)),
            None => self.files(table).await,
        }
    }

    /// A path with the kind that stands before it in SQL.
    fn described(&self, kind: &str, path: &str) -> Result<NamedTable> {
        let (kind, options) = split_options(kind)?;
        let location = absolute(&at_home(path, self.home.as_deref()))?;
        let is_log = self.registry.log(kind).is_ok();
        let is_format = !is_log && kind != PATH;
        Ok(NamedTable {
            locations: vec![location],
            log: is_log.then(|| kind.to_owned()),
            format: is_format.then(|| kind.to_owned()),
            columns: Columns::default(),
            options,
        })
    }

    /// A format with its options.
    fn format(&self, name: &str, options: &Options) -> Result<Arc<dyn Format>> {
        let format = self.registry.formats().get(name)?;
        if options.is_empty() {
            return Ok(format);
        }
        format_with(format.info().scheme, options).map_err(|error| {
            let near = match (error.context("option"), error.context("known")) {
                (Some(written), Some(known)) => nearest(written, known.split(',')).map(str::to_owned),
                _ => None,
            };
            let error = error.with_context("format", name);
            match near {
                Some(near) => error.with_context("did_you_mean", near),
                None => error,
            }
        })
    }

    /// The files at some places; where a place turns out to be a table, that table.
    async fn files(&self, table: NamedTable) -> Result<Opened> {
        let format = table.format.as_deref().map(|name| self.format(name, &table.options)).transpose()?;
        let columns = table.columns.clone();
        let args = FileSetArgs { format, columns, ..FileSetArgs::new(&table.locations) };
        match FileSet::open_with(&self.registry, args).await {
            Ok(files) => Ok(Opened::Files(files)),
            Err(error) => match log_of(&error) {
                Some(log) if table.locations.len() == 1 && table.format.is_none() => {
                    Ok(Opened::Table(self.table(log, table).await?))
                }
                _ => Err(error),
            },
        }
    }

    /// A table of a log.
    async fn table(&self, log: &str, table: NamedTable) -> Result<Table> {
        let [location] = table.locations.as_slice() else {
            return Err(Error::invalid_config("the table of a log has one location"));
        };
        let key = (log.to_owned(), location.clone(), table.options.clone());
        let known = self.opened.lock().get(&key).cloned();
        if let Some(known) = known {
            match known.snapshot().await {
                // It was removed since, and may be another one by now.
                Err(e) if e.kind() == ErrorKind::NotFound => drop(self.opened.lock().remove(&key)),
                _ => return Ok(known),
            }
        }
        let reference = TableRef { options: table.options, ..TableRef::at(log, location.clone()) };
        let opened = Table::open(&self.registry, &reference, TableConfig::default()).await?;
        self.opened.lock().insert(key, opened.clone());
        Ok(opened)
    }
}

/// The log of a folder of which a listing would give wrong rows, as the error about it says.
fn log_of(error: &Error) -> Option<&'static str> {
    if error.kind() != ErrorKind::Unsupported {
        return None;
    }
    match error.context("found")?.split('/').next()? {
        "_delta_log" => Some("delta"),
        "metadata" => Some("iceberg"),
        "_stitchwork" => Some("files"),
        _ => None,
    }
}

fn missing(name: &str) -> Error {
    Error::not_found("the project file has no such table").with_context("table", name)
}

#[async_trait]
impl Names for Places {
    async fn relation(&self, ident: &TableIdent, at: &At) -> Result<Option<Arc<dyn Relation>>> {
        let kind = match ident.namespace.as_slice() {
            [] => None,
            [kind] => Some(kind.as_str()),
            _ => return Ok(None),
        };
        if kind.is_none() && self.named.contains_key(&ident.name) {
            return self.find(None, &ident.name, at).await.map(Some);
        }
        if let Some((name, of)) = Metadata::split(&ident.name)
            && (kind.is_some() || self.named.contains_key(name))
        {
            return self.metadata(kind, name, of, at).await.map(Some);
        }
        match kind {
            Some(_) => self.find(kind, &ident.name, at).await.map(Some),
            None => Ok(None),
        }
    }

    fn list(&self) -> BoxStream<'static, Result<TableIdent>> {
        let names: Vec<_> = self.named.keys().map(TableIdent::bare).map(Ok).collect();
        stream::iter(names).boxed()
    }
}
