//! What SQL says before it is planned: refuses what the planner would silently ignore, and joins the levels of
//! long table names.

use std::ops::ControlFlow;

use datafusion::config::Dialect;
use datafusion::execution::SessionState;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Ident, ObjectName, ObjectNamePart, ShowStatementOptions, Statement as SqlStatement, TableFactor,
    VisitMut, VisitorMut,
};
use stitchwork_core::{Error, Result};

use crate::error::FromDataFusion;
use crate::names::Namespace;

/// Dialects that know clauses which others take for mistakes.
const WIDER: [Dialect; 3] = [Dialect::Databricks, Dialect::BigQuery, Dialect::Snowflake];

/// The one statement of a text, ready to be planned.
///
/// # Errors
/// `InvalidInput` for what does not parse; `Unsupported` for clauses that would be ignored.
pub(crate) fn parse(
    sql: &str,
    dialect: Dialect,
    state: &SessionState,
    names: &Namespace,
) -> Result<Statement> {
    let parsed = state.sql_to_statement(sql, &dialect).ours();
    let mut statement = match parsed {
        Ok(statement) => statement,
        Err(error) => {
            // A clause that only another dialect knows is better named than called a syntax error.
            for other in WIDER {
                if let Ok(mut statement) = state.sql_to_statement(sql, &other) {
                    check(&mut statement, names)?;
                }
            }
            return Err(error);
        }
    };
    check(&mut statement, names)?;
    Ok(statement)
}

/// Whether the statement is `show tables`, which the engine answers itself: DataFusion would have to know all
/// names beforehand.
pub(crate) fn shows_tables(statement: &Statement) -> bool {
    let Statement::Statement(statement) = statement else { return false };
    let plain = ShowStatementOptions {
        show_in: None,
        starts_with: None,
        limit: None,
        limit_from: None,
        filter_position: None,
    };
    matches!(statement.as_ref(), SqlStatement::ShowTables { show_options, .. } if *show_options == plain)
}

fn check(statement: &mut Statement, names: &Namespace) -> Result<()> {
    match statement {
        Statement::Statement(statement) => check_sql(statement, names),
        Statement::Explain(explain) => check(&mut explain.statement, names),
        Statement::CreateExternalTable(_) => Err(unsupported("create external table")),
        Statement::CopyTo(_) => Err(unsupported("copy to")),
        Statement::Reset(_) => Err(unsupported("reset")),
    }
}

/// An error for a statement that the engine does not run.
pub(crate) fn unsupported(what: &str) -> Error {
    Error::unsupported(
        "the engine runs select, insert and delete; make tables with the table operations and settings \
         with the engine's configuration",
    )
    .with_context("statement", what)
}

fn check_sql(statement: &mut SqlStatement, names: &Namespace) -> Result<()> {
    match VisitMut::visit(statement, &mut Guard { names }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Guard<'a> {
    names: &'a Namespace,
}

impl VisitorMut for Guard<'_> {
    type Break = Error;

    fn pre_visit_relation(&mut self, relation: &mut ObjectName) -> ControlFlow<Error> {
        join_levels(relation, self.names);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        match factor {
            TableFactor::Table { name, version: Some(version), .. } => ControlFlow::Break(
                ignored(
                    "time travel inside of SQL is not supported; register the older snapshot as a relation",
                )
                .with_context("clause", &*version)
                .with_context("table", &*name),
            ),
            TableFactor::Table { sample: Some(_), .. } | TableFactor::Derived { sample: Some(_), .. } => {
                ControlFlow::Break(ignored("sampling is not supported; use a filter over random()"))
            }
            TableFactor::Table { name, partitions, json_path, with_hints, .. }
                if !partitions.is_empty() || json_path.is_some() || !with_hints.is_empty() =>
            {
                ControlFlow::Break(
                    ignored("partitions, paths and hints behind a table name are not supported")
                        .with_context("table", &*name),
                )
            }
            _ => ControlFlow::Continue(()),
        }
    }
}

fn ignored(message: &str) -> Error {
    Error::unsupported(message)
}

/// Names have three parts in DataFusion: a catalog, a schema and a table. Ours have any number: the levels of
/// the namespace are joined by dots into the schema.
fn join_levels(name: &mut ObjectName, names: &Namespace) {
    if name.0.len() < 3 {
        return;
    }
    let Some(parts) = name.0.iter().map(|part| part.as_ident().cloned()).collect::<Option<Vec<Ident>>>()
    else {
        return;
    };
    let value = |ident: &Ident| match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
    };
    let known = parts.first().is_some_and(|first| names.is_catalog(&value(first)));
    let head = usize::from(known);
    let (Some(levels), Some(table)) = (parts.get(head..parts.len() - 1), parts.last()) else { return };
    let schema = levels.iter().map(value).collect::<Vec<_>>().join(".");
    let mut joined: Vec<Ident> = parts.iter().take(head).cloned().collect();
    joined.push(Ident::with_quote('"', schema));
    joined.push(table.clone());
    name.0 = joined.into_iter().map(ObjectNamePart::Identifier).collect();
}
