//! Names for fields of structs that a select takes out: `select st.x` is called `x`, as in DuckDB, and queries around it find
//! it by that name, as does a bare `order by x`. The planner would call it `t.st[x]`.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, ObjectNamePart, Query, Select, SelectItem, SetExpr, TableFactor, visit_expressions,
};

use crate::apart::{column, name};
use crate::guard::spelt;
use crate::own;
use crate::travel;

/// Names each field of a query that has no name by its last part, and numbers it where another column has that name. One
/// that the query is sorted by is such a column too: the planner looks for it among those of the result.
pub(crate) fn name_fields(query: &mut Query) {
    let mut sorted = Vec::new();
    let _ = visit_expressions(&query.order_by, |expr| {
        sorted.push(expr.clone());
        ControlFlow::<()>::Continue(())
    });
    name_items(&mut query.body, &sorted);
}

fn name_items(body: &mut SetExpr, sorted: &[Expr]) {
    match body {
        SetExpr::Select(select) => name_fields_of(select, sorted),
        SetExpr::SetOperation { left, right, .. } => {
            name_items(left, &[]);
            name_items(right, &[]);
        }
        _ => {}
    }
}

fn name_fields_of(select: &mut Select, sorted: &[Expr]) {
    // What has no name is not told from a column, and a wildcard may have any name.
    let Some(tables) = own::tables(&select.from).map(names).collect::<Option<Vec<_>>>() else { return };
    let is_column =
        |expr: &&Expr| matches!(expr, Expr::CompoundIdentifier(_)) && field(expr, &tables).is_none();
    let mut taken: HashSet<String> = sorted.iter().filter(is_column).filter_map(column).map(spelt).collect();
    for item in &select.projection {
        match item {
            SelectItem::UnnamedExpr(expr) if field(expr, &tables).is_some() => {}
            SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. } => taken.extend(name(item)),
            _ => return,
        }
    }
    for item in &mut select.projection {
        let SelectItem::UnnamedExpr(expr) = item else { continue };
        let Some(plain) = field(expr, &tables) else { continue };
        let numbered = (1_usize..).map(|number| format!("{plain}_{number}"));
        let free = std::iter::once(plain.clone()).chain(numbered).find(|name| taken.insert(name.clone()));
        let Some(name) = free else { continue };
        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias: Ident::with_quote('"', name) };
    }
}

/// The last part of a path to a field.
fn field(expr: &Expr, tables: &[Vec<String>]) -> Option<String> {
    let Expr::CompoundIdentifier(parts) = expr else { return None };
    let parts: Vec<String> = parts.iter().map(spelt).collect();
    let of_table = tables.iter().filter_map(|table| {
        let last = (1..=table.len()).map(|length| table.get(table.len() - length..).unwrap_or_default());
        last.filter(|name| parts.starts_with(name)).map(<[String]>::len).max()
    });
    // Behind the table comes the column.
    (parts.len() > of_table.max().unwrap_or(0) + 1).then(|| parts.last().cloned()).flatten()
}

/// The parts of the name by which the columns of a table are told.
fn names(table: &TableFactor) -> Option<Vec<String>> {
    match table {
        TableFactor::Table { alias: Some(alias), .. }
        | TableFactor::Derived { alias: Some(alias), .. }
        | TableFactor::UNNEST { alias: Some(alias), .. } => Some(vec![spelt(&alias.name)]),
        TableFactor::Table { name, .. } => {
            // Under its own name a table of the past is known without its version.
            let plain =
                |part: &ObjectNamePart| part.as_ident().map(|part| travel::decode(&spelt(part)).0.to_owned());
            name.0.iter().map(plain).collect()
        }
        _ => None,
    }
}
