//! What SQL says before it is planned: refuses what the planner would silently ignore, and joins the levels of
//! long table names.

use std::ops::ControlFlow;

use datafusion::config::Dialect;
use datafusion::execution::SessionState;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::ast::{
    Assignment, AssignmentTarget, Expr, Ident, ObjectName, ObjectNamePart, Query, Select, SetExpr,
    SetOperator, SetQuantifier, ShowStatementOptions, Statement as SqlStatement, TableAlias, TableFactor,
    VisitMut, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::dialect_from_str;
use stitchwork_core::{At, Error, Result};

use crate::apart;
use crate::dialect::Mended;
use crate::dml;
use crate::error::FromDataFusion;
use crate::escape;
use crate::fields;
use crate::from_first;
use crate::merged;
use crate::moments;
use crate::names::Namespace;
use crate::natural;
use crate::numbers;
use crate::qualified;
use crate::spelling;
use crate::travel;
use crate::unnamed;

/// Dialects that know clauses which others take for mistakes.
const WIDER: [Dialect; 3] = [Dialect::Databricks, Dialect::BigQuery, Dialect::Snowflake];

/// The one statement of a text, ready to be planned.
///
/// # Errors
/// `InvalidInput` for what does not parse; `Unsupported` for clauses that would be ignored.
pub(crate) async fn parse(
    sql: &str,
    dialect: Dialect,
    state: &SessionState,
    names: &Namespace,
) -> Result<Statement> {
    let sql = &travel::rewrite(&from_first::rewrite(sql, dialect), dialect)?;
    let parsed = parse_one(sql, dialect, state);
    let mut statement = match parsed {
        Ok(statement) => statement,
        Err(error) => {
            // A clause that only another dialect knows is better named than called a syntax error.
            for other in WIDER {
                if let Ok(mut statement) = parse_one(sql, other, state) {
                    check(&mut statement, names)?;
                }
            }
            return Err(travel::by_sign_in(sql, dialect).unwrap_or(error));
        }
    };
    natural::name_columns(&mut statement, state, names).await;
    check(&mut statement, names)?;
    Ok(statement)
}

/// As DataFusion parses a statement, in a dialect of ours.
fn parse_one(sql: &str, dialect: Dialect, state: &SessionState) -> Result<Statement> {
    let Some(known) = dialect_from_str(dialect) else {
        return Err(Error::invalid_config("the parser does not know this dialect")
            .with_context("dialect", dialect.as_ref()));
    };
    let mended = Mended(known);
    let mut statements = DFParserBuilder::new(sql)
        .with_dialect(&mended)
        .with_recursion_limit(state.config_options().sql_parser.recursion_limit.get())
        .build()
        .and_then(|mut parser| parser.parse_statements())
        .ours()?;
    match (statements.pop_front(), statements.is_empty()) {
        (Some(statement), true) => Ok(statement),
        (None, _) => Err(Error::invalid_input("the SQL has no statement")),
        (Some(_), false) => Err(Error::unsupported(
            "the engine runs one statement at a time; give each to a query of its own",
        )),
    }
}

/// A statement that shows all there is.
const PLAIN: ShowStatementOptions = ShowStatementOptions {
    show_in: None,
    starts_with: None,
    limit: None,
    limit_from: None,
    filter_position: None,
};

/// Whether the statement is `show tables`, which the engine answers itself: DataFusion would have to know all
/// names beforehand.
pub(crate) fn shows_tables(statement: &Statement) -> bool {
    let Statement::Statement(statement) = statement else { return false };
    matches!(statement.as_ref(), SqlStatement::ShowTables { show_options, .. } if *show_options == PLAIN)
}

/// The parts of the name of the table whose columns the statement shows, once [`parse`] has joined its levels.
pub(crate) fn shows_columns_of(statement: &Statement) -> Option<Vec<String>> {
    let Statement::Statement(statement) = statement else { return None };
    let SqlStatement::ShowColumns { show_options, .. } = statement.as_ref() else { return None };
    let plain = ShowStatementOptions { show_in: show_options.show_in.clone(), ..PLAIN };
    if *show_options != plain {
        return None;
    }
    let name = show_options.show_in.as_ref()?.parent_name.as_ref()?;
    name.0.iter().map(|part| part.as_ident().map(spelt)).collect()
}

/// Readies a statement for the planner.
pub(crate) fn check(statement: &mut Statement, names: &Namespace) -> Result<()> {
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
        "the engine runs select, insert, update, delete, merge and truncate; make tables with the table operations and settings \
         with the engine's configuration",
    )
    .with_context("statement", what)
}

fn check_sql(statement: &mut SqlStatement, names: &Namespace) -> Result<()> {
    if let SqlStatement::Update(update) = statement {
        check_assignments(&mut update.assignments)?;
    }
    if let ControlFlow::Break(error) = VisitMut::visit(statement, &mut Guard { names }) {
        return Err(error);
    }
    if let SqlStatement::Delete(delete) = statement {
        dml::resolve(delete)?;
    }
    dml::mark(statement);
    Ok(())
}

/// The planner takes the last part of a name for the column, as it is written, and the last of two values for
/// the same column: `set owner.age = 5` would change a column `age`.
fn check_assignments(assignments: &mut [Assignment]) -> Result<()> {
    let mut seen: Vec<String> = Vec::new();
    for assignment in assignments {
        let AssignmentTarget::ColumnName(name) = &mut assignment.target else { continue };
        let [ObjectNamePart::Identifier(column)] = name.0.as_mut_slice() else {
            return Err(ignored("an update sets whole columns, named without their table; give a struct as a whole with `named_struct`")
                .with_context("column", &*name));
        };
        let plain = spelt(column);
        *column = Ident::with_quote('"', &plain);
        if seen.contains(&plain) {
            return Err(Error::invalid_input("an update sets a column twice").with_context("column", plain));
        }
        seen.push(plain);
    }
    Ok(())
}

/// What an identifier means: an unquoted one is its lower-case spelling.
pub(crate) fn spelt(ident: &Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_lowercase(),
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

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Error> {
        if let SetExpr::Select(select) = query.body.as_mut() {
            unnamed::name_queries(select);
        }
        if let Err(error) = check_set(&query.body).and_then(|()| merged::write_out_order(query, self.names)) {
            return ControlFlow::Break(error);
        }
        spelling::sort_by_place(query);
        fields::name_fields(query);
        qualified::name_tables_of_order(query, self.names);
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Error> {
        unnamed::name_queries(select);
        if let Err(error) = merged::write_out(select, self.names) {
            return ControlFlow::Break(error);
        }
        apart::name_apart(select);
        if let Err(error) = merged::write_out_all(select, self.names) {
            return ControlFlow::Break(error);
        }
        qualified::name_tables(select, self.names);
        merged::say_by_on(select, self.names);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Error> {
        numbers::keep_digits(expr);
        moments::at_time_zone(expr);
        spelling::respell(expr);
        match escape::spell(expr) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(error),
        }
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Error> {
        if let TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::Function { alias: Some(alias), .. }
        | TableFactor::TableFunction { alias: Some(alias), .. }
        | TableFactor::UNNEST { alias: Some(alias), .. }
        | TableFactor::NestedJoin { alias: Some(alias), .. } = factor
            && let Some(asked) = travel::by_sign(&alias.name).or_else(|| travel::behind_alias(&alias.name))
        {
            return ControlFlow::Break(asked);
        }
        if let TableFactor::Table { alias: Some(alias), .. } = factor
            && !alias.explicit
            && spelt(&alias.name) == "positional"
        {
            // Taken for a name of the table, it would make pairs of all rows.
            return ControlFlow::Break(ignored(
                "a positional join is not supported; number the rows of both sides by `row_number() over (…)` and join by that",
            ));
        }
        if let TableFactor::Table { name, alias: alias @ None, .. } = factor
            && let Some(plain) = name.0.last().and_then(ObjectNamePart::as_ident)
            && let (table, At::Version(_) | At::Timestamp(_) | At::Ref(_)) = travel::decode(&plain.value)
        {
            // Columns are written with the name of the table, which says nothing of its version.
            *alias = Some(TableAlias {
                explicit: true,
                name: Ident::with_quote('"', table),
                columns: vec![],
                at: None,
            });
        }
        match factor {
            TableFactor::Table { name, version: Some(version), .. } => ControlFlow::Break(
                ignored(
                    "time travel takes a number, or a text in quotes, behind the name of a table of an attached catalog",
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

/// The planner takes `intersect all` and `except all` for what is without `all`, or leaves out too many rows.
fn check_set(body: &SetExpr) -> Result<()> {
    let SetExpr::SetOperation { left, op, set_quantifier, right } = body else { return Ok(()) };
    if matches!(op, SetOperator::Intersect | SetOperator::Except | SetOperator::Minus)
        && matches!(set_quantifier, SetQuantifier::All | SetQuantifier::AllByName)
    {
        return Err(Error::unsupported(
            "rows that are there several times cannot be counted against one another; number them by `row_number() over \
             (partition by …)`, and leave `all` out",
        )
        .with_context("clause", format!("{op} {set_quantifier}")));
    }
    check_set(left)?;
    check_set(right)
}

fn ignored(message: &str) -> Error {
    Error::unsupported(message)
}

/// Names have three parts in DataFusion: a catalog, a schema and a table. Ours have any number: the levels of
/// the namespace are joined by dots into the schema.
pub(crate) fn join_levels(name: &mut ObjectName, names: &Namespace) {
    if name.0.len() < 3 {
        return;
    }
    let Some(parts) = name.0.iter().map(|part| part.as_ident().cloned()).collect::<Option<Vec<Ident>>>()
    else {
        return;
    };
    let known = parts.first().is_some_and(|first| names.is_catalog(&spelt(first)));
    let head = usize::from(known);
    let (Some(levels), Some(table)) = (parts.get(head..parts.len() - 1), parts.last()) else { return };
    let schema = levels.iter().map(spelt).collect::<Vec<_>>().join(".");
    let mut joined: Vec<Ident> = parts.iter().take(head).cloned().collect();
    joined.push(Ident::with_quote('"', schema));
    joined.push(table.clone());
    name.0 = joined.into_iter().map(ObjectNamePart::Identifier).collect();
}
