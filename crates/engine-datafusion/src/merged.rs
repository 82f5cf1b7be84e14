//! Columns that two sides of a join share by `using`: what they are where the left side has no row.
//!
//! The planner takes the column of the left side for that of both, which is null for rows of the right side alone, and does not
//! find it in conditions. So the column is written out: as that of the one side that always has it, or as what either has.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    ExcludeSelectItem, Expr, Ident, JoinConstraint, JoinOperator, ObjectName, ObjectNamePart, OrderByKind,
    Query, ReplaceSelectElement, ReplaceSelectItem, Select, SelectItem, SelectItemQualifiedWildcardKind,
    SetExpr, TableFactor, TableWithJoins, VisitMut, VisitorMut, WildcardAdditionalOptions,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use stitchwork_core::{At, Error, Result};

use crate::guard::spelt;
use crate::travel;

/// Writes out the shared columns of a select.
///
/// # Errors
/// `Unsupported` where it cannot be told what such a column is.
pub(crate) fn write_out(select: &mut Select) -> Result<()> {
    let mut shared = Shared::of(&mut select.from)?;
    if shared.columns.is_empty() {
        return Ok(());
    }
    let mut items = Vec::with_capacity(select.projection.len());
    for item in std::mem::take(&mut select.projection) {
        match item {
            SelectItem::UnnamedExpr(Expr::Identifier(ident)) => match shared.columns.get(&spelt(&ident)) {
                Some(expr) => {
                    let alias = Ident::with_quote('"', spelt(&ident));
                    items.push(SelectItem::ExprWithAlias { expr: expr.clone(), alias });
                }
                None => items.push(SelectItem::UnnamedExpr(Expr::Identifier(ident))),
            },
            SelectItem::Wildcard(options) if shared.has_outer => {
                if options != WildcardAdditionalOptions::default() {
                    return Err(refuse("a `*` that leaves out or replaces columns"));
                }
                items.extend(shared.all()?);
            }
            other => items.push(other),
        }
    }
    select.projection = items;
    // The rows of the tables are others' queries.
    let from = std::mem::take(&mut select.from);
    let _ = VisitMut::visit(select, &mut shared);
    select.from = from;
    Ok(())
}

/// Writes out what a query is sorted by, unless it is a column of the result.
///
/// # Errors
/// As [`write_out`].
pub(crate) fn write_out_order(query: &mut Query) -> Result<()> {
    let SetExpr::Select(select) = query.body.as_mut() else { return Ok(()) };
    let Some(OrderByKind::Expressions(sorts)) = query.order_by.as_mut().map(|order_by| &mut order_by.kind)
    else {
        return Ok(());
    };
    let mut shared = Shared::of(&mut select.from)?;
    for item in &select.projection {
        match item {
            SelectItem::Wildcard(_) => shared.columns.clear(),
            SelectItem::ExprWithAlias { alias: name, .. }
            | SelectItem::UnnamedExpr(Expr::Identifier(name)) => {
                shared.columns.remove(&spelt(name));
            }
            _ => {}
        }
    }
    for sort in sorts {
        let _ = VisitMut::visit(&mut sort.expr, &mut shared);
    }
    Ok(())
}

fn refuse(what: &str) -> Error {
    Error::unsupported(
        "the columns that a right or full join shares by `using` are not known here; join two tables in a query below, or write \
         `on a.id = b.id` and `coalesce(a.id, b.id)`",
    )
    .with_context("reason", what)
}

/// What the joins of a select share.
#[derive(Debug, Default)]
struct Shared {
    /// What a column is that is named without its table.
    columns: BTreeMap<String, Expr>,
    /// Those that an outer join has made other than the first table's.
    outer: Vec<String>,
    has_outer: bool,
    /// The tables, and the columns of each that are others' as well.
    tables: Vec<(Option<Ident>, Vec<Ident>)>,
    /// How many queries are around what is visited.
    depth: usize,
}

impl Shared {
    /// Those of the tables, whose conditions are written out on the way: each knows the joins before it.
    fn of(from: &mut [TableWithJoins]) -> Result<Self> {
        let mut shared = Self::default();
        for table in from {
            let first = shared.tables.len();
            shared.tables.push((name(&table.relation), vec![]));
            for join in &mut table.joins {
                let right = name(&join.relation);
                shared.tables.push((right.clone(), vec![]));
                if let Some(JoinConstraint::On(condition)) = constraint(&mut join.join_operator) {
                    let _ = VisitMut::visit(condition, &mut shared);
                }
                shared.add(&mut join.join_operator, first, right.as_ref())?;
            }
        }
        Ok(shared)
    }

    fn add(&mut self, operator: &mut JoinOperator, first: usize, right: Option<&Ident>) -> Result<()> {
        use JoinOperator::{FullOuter, Right, RightOuter};
        let is_full = matches!(operator, FullOuter(_));
        let is_outer = is_full || matches!(operator, Right(_) | RightOuter(_));
        let columns = match constraint(operator) {
            Some(JoinConstraint::Using(columns)) => columns,
            Some(JoinConstraint::Natural) if is_outer || !self.outer.is_empty() => {
                return Err(refuse("a natural join names no columns"));
            }
            _ => return Ok(()),
        };
        for column in columns {
            let Some(column) = column.0.last().and_then(ObjectNamePart::as_ident) else { continue };
            let plain = spelt(column);
            if self.outer.contains(&plain) {
                return Err(refuse("a further join shares the same column"));
            }
            let is_first = self.tables.len() == first + 2;
            let left = match (self.columns.get(&plain), self.tables.get(first)) {
                (Some(known), _) => Some(known.clone()),
                (None, Some((Some(table), _))) if is_first => Some(of_table(table, column)),
                _ => None,
            };
            if let Some((_, others)) = self.tables.last_mut() {
                others.push(column.clone());
            }
            let right = right.map(|table| of_table(table, column));
            let shared = match (is_outer, left, right) {
                (false, Some(left), _) => left,
                // The planner finds it as it can.
                (false, None, _) => continue,
                (true, Some(_), Some(right)) if !is_full => right,
                (true, Some(left), Some(right)) => either(&left, &right)?,
                (true, ..) => return Err(refuse("one side is several tables, or has no name")),
            };
            if is_outer {
                self.has_outer = true;
                self.outer.push(plain.clone());
            }
            self.columns.insert(plain, shared);
        }
        Ok(())
    }

    /// What `*` stands for: the columns of all tables, of which the first has the shared ones.
    fn all(&self) -> Result<Vec<SelectItem>> {
        let mut items = Vec::new();
        for (place, (table, others)) in self.tables.iter().enumerate() {
            let Some(table) = table else { return Err(refuse("a table has no name")) };
            let mut options = WildcardAdditionalOptions::default();
            if !others.is_empty() {
                let others = others.iter().cloned().map(ObjectName::from).collect();
                options.opt_exclude = Some(ExcludeSelectItem::Multiple(others));
            }
            if place == 0 {
                let items = self.outer.iter().filter_map(|name| {
                    let expr = self.columns.get(name)?.clone();
                    let column_name = Ident::with_quote('"', name);
                    Some(Box::new(ReplaceSelectElement { expr, column_name, as_keyword: true }))
                });
                options.opt_replace = Some(ReplaceSelectItem { items: items.collect() });
            }
            let of = SelectItemQualifiedWildcardKind::ObjectName(table.clone().into());
            items.push(SelectItem::QualifiedWildcard(of, options));
        }
        Ok(items)
    }
}

impl VisitorMut for Shared {
    type Break = ();

    fn pre_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &mut Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        if self.depth == 0
            && let Expr::Identifier(ident) = expr
            && let Some(shared) = self.columns.get(&spelt(ident))
        {
            *expr = shared.clone();
        }
        ControlFlow::Continue(())
    }
}

/// What two sides of a join have in common, where both come out of it.
fn constraint(operator: &mut JoinOperator) -> Option<&mut JoinConstraint> {
    use JoinOperator::{FullOuter, Inner, Join, Left, LeftOuter, Right, RightOuter};
    match operator {
        Join(constraint)
        | Inner(constraint)
        | Left(constraint)
        | LeftOuter(constraint)
        | Right(constraint)
        | RightOuter(constraint)
        | FullOuter(constraint) => Some(constraint),
        _ => None,
    }
}

/// The name by which the columns of a table are told.
fn name(table: &TableFactor) -> Option<Ident> {
    match table {
        TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
            Some(alias.name.clone())
        }
        TableFactor::Table { name, .. } => {
            let name = name.0.last().and_then(ObjectNamePart::as_ident)?;
            // Under its own name a table of the past is known without its version.
            match travel::decode(&name.value) {
                (_, At::Latest) => Some(name.clone()),
                (plain, _) => Some(Ident::with_quote('"', plain)),
            }
        }
        _ => None,
    }
}

fn of_table(table: &Ident, column: &Ident) -> Expr {
    Expr::CompoundIdentifier(vec![table.clone(), column.clone()])
}

/// The first of two that is no null.
fn either(left: &Expr, right: &Expr) -> Result<Expr> {
    let text = format!("coalesce({left}, {right})");
    let parsed = Parser::new(&GenericDialect).try_with_sql(&text).and_then(|mut parser| parser.parse_expr());
    parsed.map_err(|e| Error::unexpected("a shared column cannot be written out").with_source(e))
}
