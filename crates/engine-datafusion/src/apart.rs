//! Names for columns of a result that the planner would name alike. It refuses two of one name, and leaves casts out of names:
//! `select ts, ts::date` has `ts` twice.

use std::collections::HashSet;
use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Ident, Select, SelectItem, SelectItemQualifiedWildcardKind, WildcardAdditionalOptions,
    visit_expressions_mut,
};

use crate::guard::spelt;

/// Names a cast by its text where another column would have its name, and numbers what is there twice.
pub(crate) fn name_apart(select: &mut Select) {
    let wildcards: Vec<SelectItem> = select.projection.iter().filter(is_wildcard).cloned().collect();
    // Where there is one table, it is the one that columns are of.
    let is_one = matches!(select.from.as_slice(), [table] if table.joins.is_empty());
    let planned: Vec<Option<Planned>> =
        select.projection.iter().map(|item| Planned::new(item, is_one)).collect();
    let mut taken: HashSet<String> = select.projection.iter().filter_map(name).collect();
    let given: HashSet<String> = select.projection.iter().filter_map(alias).collect();
    for (place, (item, own)) in select.projection.iter_mut().zip(&planned).enumerate() {
        let (SelectItem::UnnamedExpr(expr), Some(own)) = (&*item, own) else { continue };
        let before = || planned.iter().take(place).flatten();
        let is_alike = if own.is_cast {
            let others = before().chain(planned.iter().skip(place + 1).flatten());
            others.into_iter().any(|other| other.unqualified == own.unqualified)
                || own.is_column && !wildcards.is_empty()
        } else {
            // The first of equals keeps its name.
            before().any(|other| !other.is_cast && other.text == own.text)
                || own.is_column && given.contains(&own.unqualified)
                || wildcards.iter().any(|wildcard| covers(wildcard, expr, is_one))
        };
        if !is_alike {
            continue;
        }
        let text = if own.is_column && !own.is_cast { own.unqualified.clone() } else { expr.to_string() };
        let numbered = (1_usize..).map(|number| format!("{text}_{number}"));
        let itself = own.is_cast.then(|| text.clone());
        let Some(name) = itself.into_iter().chain(numbered).find(|name| !taken.contains(name)) else {
            continue;
        };
        let alias = Ident::with_quote('"', &name);
        taken.insert(name);
        *item = SelectItem::ExprWithAlias { expr: expr.clone(), alias };
    }
}

pub(crate) fn is_wildcard(item: &&SelectItem) -> bool {
    matches!(item, SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..))
}

/// Whether the column is one of those that the wildcard stands for.
fn covers(wildcard: &SelectItem, expr: &Expr, is_one: bool) -> bool {
    let whole = WildcardAdditionalOptions::default();
    match wildcard {
        SelectItem::Wildcard(options) => *options == whole && column(expr).is_some(),
        SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(table), options) => {
            let of_table = |parts: &[Ident]| {
                let of = table.0.iter().map(|part| part.as_ident().map(spelt));
                of.eq(parts.iter().map(|part| Some(spelt(part))))
            };
            let is_of = match expr {
                Expr::Identifier(_) => is_one,
                Expr::CompoundIdentifier(parts) => {
                    parts.split_last().is_some_and(|(_, table)| of_table(table))
                }
                _ => false,
            };
            *options == whole && is_of
        }
        _ => false,
    }
}

/// The name of an item that says it.
pub(crate) fn name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::UnnamedExpr(expr) => column(expr).map(spelt),
        item => alias(item),
    }
}

/// The name that a statement gives to an item.
fn alias(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(spelt(alias)),
        _ => None,
    }
}

/// The name of a column, without that of its table.
pub(crate) fn column(expr: &Expr) -> Option<&Ident> {
    match expr {
        Expr::Identifier(ident) => Some(ident),
        Expr::CompoundIdentifier(parts) => parts.last(),
        _ => None,
    }
}

/// What the planner names an item by that has no alias.
#[derive(Debug)]
struct Planned {
    /// The item without its casts, and without the table of its columns where there is but one.
    text: String,
    /// The same without the tables of its columns.
    unqualified: String,
    is_cast: bool,
    is_column: bool,
}

impl Planned {
    fn new(item: &SelectItem, is_one: bool) -> Option<Self> {
        let SelectItem::UnnamedExpr(expr) = item else { return None };
        let mut expr = expr.clone();
        let mut is_cast = false;
        let _ = visit_expressions_mut(&mut expr, |part| {
            while let Expr::Cast { expr: inner, .. } | Expr::Nested(inner) = part {
                let inner = inner.as_ref().clone();
                is_cast |= matches!(part, Expr::Cast { .. });
                *part = inner;
            }
            ControlFlow::<()>::Continue(())
        });
        let text = expr.to_string();
        let is_column = column(&expr).is_some();
        let _ = visit_expressions_mut(&mut expr, |part| {
            if let Some(ident) = column(part) {
                *part = Expr::Identifier(Ident::new(spelt(ident)));
            }
            ControlFlow::<()>::Continue(())
        });
        let unqualified = expr.to_string();
        Some(Self { text: if is_one { unqualified.clone() } else { text }, unqualified, is_cast, is_column })
    }
}
