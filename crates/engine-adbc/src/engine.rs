//! The engine.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_schema::DataType;
use async_trait::async_trait;
use stitchwork_core::{
    BatchStream, Engine, EngineCapabilities, Error, ErrorKind, Explanation, Info, Names, QueryArgs, Registry,
    Relation, Result, TableIdent, collect,
};
use stitchwork_ffi::adbc::Driver;

use crate::config::{AdbcConfig, Profile};
use crate::dialect::{self, Dialect, Naming, quote};
use crate::dimensions::Watched;
use crate::names::{Found, Namespace};
use crate::native::Schemas;
use crate::place::{Load, Placed, Source, place};
use crate::session::Session;
use crate::sql::{Analysis, Replacement, TableUse, analyse, rewrite, without_semicolon};
use crate::trust;

/// Adds the engines `duckdb`, `sqlite` and `postgresql` to a registry, the last one as `postgres` too.
///
/// # Errors
/// `AlreadyExists` when a name is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    let schemes = Profile::ALL.into_iter().flat_map(|p| p.schemes().iter().map(move |scheme| (p, *scheme)));
    for (profile, scheme) in schemes {
        registry.register_engine(
            scheme,
            Arc::new(move |open| {
                Box::pin(async move {
                    let engine = AdbcEngine::open(profile, AdbcConfig::from_url(profile, &open)?).await?;
                    Ok(Arc::new(engine) as Arc<dyn Engine>)
                })
            }),
        )?;
    }
    Ok(())
}

/// A database over relations, reached by its ADBC driver.
#[derive(Debug)]
pub struct AdbcEngine {
    profile: Profile,
    config: AdbcConfig,
    dialect: Arc<dyn Dialect>,
    driver: Driver,
    names: Namespace,
    schemas: Schemas,
    name: String,
}

/// A query whose tables have their places.
struct Ready {
    session: Session,
    sql: String,
    loads: Vec<Load>,
    /// Names that may be those of tables, which attached names do not have.
    unknown: Vec<TableUse>,
}

impl Ready {
    /// The error of the database, or a better one where it misses a table of attached names: it knows none of these.
    fn explain(unknown: &[TableUse], error: Error) -> Error {
        let said = error.context("database_says").unwrap_or_default();
        let names = |table: &&TableUse| {
            let first = table.parts.first().map_or("", |part| part.value.as_str());
            said.to_lowercase().contains(&first.to_lowercase())
        };
        match unknown.iter().find(names) {
            Some(table) if said.contains("does not exist") => missing(table).with_source(error),
            _ => error,
        }
    }
}

impl AdbcEngine {
    /// Loads the driver and asks the database who it is.
    ///
    /// # Errors
    /// `InvalidConfig` for a setting that makes no sense, or a library that is no driver; `NotFound` where there is
    /// no library; else what the database says.
    pub async fn open(profile: Profile, config: AdbcConfig) -> Result<Self> {
        config.check(profile)?;
        let entry = config.entry.clone().unwrap_or_else(|| profile.entry().to_owned());
        let path = config.driver.clone();
        let loaded = tokio::task::spawn_blocking(move || Driver::load(Path::new(&path), &entry)).await;
        let driver = loaded
            .map_err(|e| Error::unexpected("the thread that loads the driver was lost").with_source(e))??;
        let dialect = dialect::of(profile);
        let vendor = Session::open(&driver, &dialect, &config).await?.vendor().await?;
        let name = format!("{} {}", vendor.name, vendor.version);
        Ok(Self {
            profile,
            config,
            dialect,
            driver,
            names: Namespace::default(),
            schemas: Schemas::default(),
            name,
        })
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &AdbcConfig {
        &self.config
    }

    async fn prepare(&self, sql: &str) -> Result<Ready> {
        let analysis = analyse(sql, self.dialect.as_ref())?;
        let (mut found, mut unknown) = (Vec::new(), Vec::new());
        for table in &analysis.tables {
            match self.names.find(&table.parts).await? {
                Found::Relation { relation, attached } => found.push((table, relation, attached)),
                Found::Missing if table.certain => return Err(missing(table)),
                Found::Missing => unknown.push(table.clone()),
                Found::Foreign => {}
            }
        }
        let mut session = Session::open(&self.driver, &self.dialect, &self.config).await?;
        let mut placed = Vec::with_capacity(found.len());
        for (table, relation, attached) in found {
            let rows = self.config.batch_rows;
            let place = place(&mut session, relation, table, &analysis, &self.schemas, rows).await?;
            placed.push((table, place, attached));
        }
        let sql = match self.dialect.naming() {
            Naming::Views => self.views(&session, sql, &analysis, &placed).await?,
            Naming::Rewritten => self.rewritten(sql, &analysis, &placed)?,
        };
        let files: BTreeSet<&String> = placed
            .iter()
            .flat_map(|(_, placed, _)| match &placed.source {
                Source::Files { files, .. } => files.as_slice(),
                Source::Table(_) => &[],
            })
            .collect();
        let files: Vec<String> = files.into_iter().cloned().collect();
        let loads = placed.into_iter().filter_map(|(_, placed, _)| placed.load).collect();
        session.run(self.dialect.seal(&self.config, &files)).await?;
        Ok(Ready { session, sql, loads, unknown })
    }

    /// Makes a view under each name that the query uses, in catalogs of the session's own. Gives the text of the
    /// query, in which names of more than three parts have three.
    async fn views(
        &self,
        session: &Session,
        sql: &str,
        analysis: &Analysis,
        placed: &[(&TableUse, Placed, bool)],
    ) -> Result<String> {
        let mut statements = Vec::new();
        let mut deep = Vec::new();
        for (table, place, attached) in placed {
            let select = match &place.source {
                Source::Files { select, .. } => select.clone(),
                Source::Table(name) => format!("SELECT * FROM {name}"),
            };
            let parts: Vec<&str> = table.parts.iter().map(|part| part.value.as_str()).collect();
            let (catalog, schema, name) = match parts.as_slice() {
                [] => continue,
                [name] => ("memory", "main".to_owned(), *name),
                [catalog, name] if *attached => (*catalog, "main".to_owned(), *name),
                [schema, name] => ("memory", (*schema).to_owned(), *name),
                [catalog, levels @ .., name] => (*catalog, levels.join("."), *name),
            };
            if catalog != "memory" {
                statements.push(format!("ATTACH IF NOT EXISTS ':memory:' AS {}", quote(catalog)));
            }
            let schema = format!("{}.{}", quote(catalog), quote(&schema));
            statements.push(format!("CREATE SCHEMA IF NOT EXISTS {schema}"));
            let full = format!("{schema}.{}", quote(name));
            statements.push(format!("CREATE VIEW {full} AS {select}"));
            if parts.len() > 3 {
                deep.push(Replacement { table, name: full, keeps_name: true });
            }
        }
        session.run(statements).await?;
        if deep.is_empty() {
            Ok(sql.to_owned())
        } else {
            rewrite(sql, self.dialect.as_ref(), analysis, &deep)
        }
    }

    fn rewritten(
        &self,
        sql: &str,
        analysis: &Analysis,
        placed: &[(&TableUse, Placed, bool)],
    ) -> Result<String> {
        let replacements: Vec<Replacement<'_>> = placed
            .iter()
            .map(|(table, placed, _)| {
                let name = match &placed.source {
                    Source::Table(name) => name.clone(),
                    Source::Files { select, .. } => format!("({select})"),
                };
                Replacement { table, name, keeps_name: false }
            })
            .collect();
        rewrite(sql, self.dialect.as_ref(), analysis, &replacements)
    }
}

fn missing(table: &TableUse) -> Error {
    let name: Vec<&str> = table.parts.iter().map(|part| part.value.as_str()).collect();
    Error::not_found("there is no table of this name")
        .with_operation("engine::query")
        .with_context("table", name.join("."))
}

#[async_trait]
impl Engine for AdbcEngine {
    fn info(&self) -> Info {
        Info { scheme: self.profile.scheme(), name: self.name.clone(), version: env!("CARGO_PKG_VERSION") }
    }

    fn capabilities(&self) -> EngineCapabilities {
        EngineCapabilities {
            native_plan: self.dialect.reads_parquet(),
            limit: true,
            ..EngineCapabilities::default()
        }
    }

    async fn attach(&self, name: &str, names: Arc<dyn Names>) -> Result<()> {
        self.names.attach(name, names, self.dialect.as_ref())
    }

    async fn register(&self, ident: &TableIdent, relation: Arc<dyn Relation>) -> Result<()> {
        self.names.register(ident, relation)
    }

    async fn query(&self, args: QueryArgs) -> Result<BatchStream> {
        let Ready { session, mut sql, loads, unknown } = self.prepare(&args.sql).await?;
        let explain = |error| Ready::explain(&unknown, error);
        let mut watched = None;
        let by_copy = self.dialect.reads_by_copy();
        if by_copy {
            // A remark may end the last line.
            sql = format!("{}\n", without_semicolon(&sql, self.dialect.as_ref())?);
        }
        if !loads.is_empty() || by_copy {
            // A mistake in the SQL is told before any table is read.
            match session.describe(&sql).await {
                Ok(schema) if by_copy => {
                    trust::check(&session, &schema).await?;
                    watched = Watched::new(&sql, &schema);
                }
                Err(e) if by_copy || e.kind() != ErrorKind::Unsupported => return Err(explain(e)),
                _ => {}
            }
        }
        if let Some(watched) = &watched {
            sql.clone_from(&watched.sql);
        }
        for load in &loads {
            load.run(&session).await?;
        }
        session.run(self.dialect.read_only().iter().map(ToString::to_string).collect()).await?;
        let rows = session.stream(&sql, &[], self.config.batch_rows, args.limit).await.map_err(explain)?;
        let rows = match watched {
            Some(watched) => watched.rows(rows),
            None => rows,
        };
        Ok(if by_copy { trust::rows(rows) } else { rows })
    }

    async fn explain(&self, args: QueryArgs) -> Result<Explanation> {
        let Ready { session, sql, unknown, .. } = self.prepare(&args.sql).await?;
        let (sql, options) = (self.dialect.explain(&sql), self.dialect.explain_options());
        let rows = session.stream(&sql, options, self.config.batch_rows, None).await;
        let rows = rows.map_err(|error| Ready::explain(&unknown, error))?;
        let mut plan = String::new();
        for batch in collect(rows).await? {
            // The plan is the last text of each row, in all databases of ours.
            let Some(texts) = batch.columns().iter().rfind(|column| *column.data_type() == DataType::Utf8)
            else {
                continue;
            };
            for line in texts.as_string::<i32>().iter().flatten() {
                plan.push_str(line);
                plan.push('\n');
            }
        }
        Ok(Explanation { plan })
    }
}
