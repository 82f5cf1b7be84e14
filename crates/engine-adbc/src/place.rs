//! Where the relations of a query are put, so that the database finds them.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use stitchwork_core::{BatchStreamAdapter, Relation, Result, ScanArgs};

use crate::native::{self, Schemas};
use crate::session::Session;
use crate::sql::{Analysis, TableUse, predicate};
use crate::storable;

/// A relation that has its place.
#[derive(Debug)]
pub(crate) struct Placed {
    /// What is selected from to read it.
    pub(crate) source: Source,
    /// Rows that are still to come.
    pub(crate) load: Option<Load>,
}

/// How the database reads a relation.
#[derive(Debug)]
pub(crate) enum Source {
    /// A query over the relation's files.
    Files { select: String, files: Vec<String> },
    /// A temporary table.
    Table(String),
}

/// Rows of a relation that go into a temporary table.
#[derive(Debug)]
pub(crate) struct Load {
    table: String,
    relation: Arc<dyn Relation>,
    args: ScanArgs,
    target: SchemaRef,
}

impl Load {
    pub(crate) async fn run(&self, session: &Session) -> Result<()> {
        let rows = self.relation.scan(self.args.clone()).await?;
        session
            .ingest(&self.table, false, storable::stream(session.dialect(), rows, self.target.clone()))
            .await
    }
}

/// Finds the place of a relation: its files, where the database can read them as the plan says, else a temporary
/// table, which is made empty here and filled later.
pub(crate) async fn place(
    session: &mut Session,
    relation: Arc<dyn Relation>,
    table: &TableUse,
    analysis: &Analysis,
    schemas: &Schemas,
    batch_rows: usize,
) -> Result<Placed> {
    let schema = relation.schema();
    let pushes = session.dialect().pushes();
    let predicate = table.filters.as_ref().and_then(|filters| predicate(filters, &schema, pushes));
    if session.dialect().reads_parquet() {
        let stats = native::wanted_stats(&schema);
        let args = ScanArgs { predicate: predicate.clone(), stats, ..ScanArgs::default() };
        if let Some(plan) = relation.plan(args).await?
            && let Some(view) = native::view(session, schemas, plan).await?
        {
            let source = Source::Files { select: view.select, files: view.files };
            return Ok(Placed { source, load: None });
        }
    }
    let used = |name: &str| analysis.words.as_ref().is_none_or(|words| words.contains(&name.to_lowercase()));
    let fields = schema.fields().iter().enumerate();
    let projection: Vec<usize> = fields.filter(|(_, f)| used(f.name())).map(|(place, _)| place).collect();
    let target = storable::schema(session.dialect(), &schema.project(&projection)?)?;
    storable::check_names(session.dialect(), &target)?;
    let table = session.fresh();
    session.ingest(&table, true, BatchStreamAdapter::empty(target.clone())).await?;
    let args = ScanArgs {
        projection: Some(projection),
        predicate,
        batch_rows: Some(batch_rows),
        ..ScanArgs::default()
    };
    let source = Source::Table(session.temporary(&table));
    Ok(Placed { source, load: Some(Load { table, relation, args, target }) })
}
