//! Columns that two sides of a join share by `using`: what they are where the left side has no row.
//!
//! The planner takes the column of the left side for that of both, which is null for rows of the right side alone, and does not
//! find it in conditions. So the column is written out: as that of the one side that always has it, or as what either has.

mod all;

use std::collections::{BTreeMap, HashSet};

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Expr, Ident, JoinConstraint, JoinOperator, ObjectNamePart, OrderByKind, Query, Select,
    SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableFactor, TableWithJoins,
};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::Parser;
use stitchwork_core::{Error, Result};

use crate::apart;
use crate::guard::spelt;
use crate::names::Namespace;
use crate::own;
use crate::qualified::qualifier;
pub(crate) use all::{write_out_all, write_out_options};

/// Writes out the shared columns of a select that it names.
///
/// # Errors
/// `Unsupported` where it cannot be told what such a column is.
pub(crate) fn write_out(select: &mut Select, names: &Namespace) -> Result<()> {
    let shared = Shared::of(&mut select.from, names)?;
    if shared.columns.is_empty() {
        return Ok(());
    }
    let wildcards: Vec<SelectItem> = select.projection.iter().filter(apart::is_wildcard).cloned().collect();
    let mut taken: HashSet<String> = select.projection.iter().filter_map(apart::name).collect();
    for item in &mut select.projection {
        let SelectItem::UnnamedExpr(Expr::Identifier(ident)) = item else { continue };
        let plain = spelt(ident);
        let Some(expr) = shared.columns.get(&plain).cloned() else { continue };
        // Beside its table's `*` it is there a second time.
        let is_twice = wildcards.iter().any(|wildcard| holds(wildcard, &expr));
        let numbered = (1_usize..).map(|number| format!("{plain}_{number}"));
        let free = numbered.take_while(|_| is_twice).find(|name| taken.insert(name.clone()));
        let alias = Ident::with_quote('"', free.unwrap_or(plain));
        *item = SelectItem::ExprWithAlias { expr, alias };
    }
    own::change_select(select, |expr| shared.write_out(expr));
    Ok(())
}

/// Whether a shared column may be among those of the wildcard.
fn holds(wildcard: &SelectItem, shared: &Expr) -> bool {
    match (wildcard, shared) {
        (
            SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(table), _),
            Expr::CompoundIdentifier(parts),
        ) => {
            let table = table.0.last().and_then(ObjectNamePart::as_ident).map(spelt);
            parts.iter().rev().nth(1).map(spelt) == table
        }
        _ => true,
    }
}

/// Writes out what a query is sorted by, unless it is a column of the result.
///
/// # Errors
/// As [`write_out`].
pub(crate) fn write_out_order(query: &mut Query, names: &Namespace) -> Result<()> {
    let SetExpr::Select(select) = query.body.as_mut() else { return Ok(()) };
    let Some(OrderByKind::Expressions(sorts)) = query.order_by.as_mut().map(|order_by| &mut order_by.kind)
    else {
        return Ok(());
    };
    let mut shared = Shared::of(&mut select.from, names)?;
    for item in &select.projection {
        match item {
            SelectItem::Wildcard(_) => shared.columns.clear(),
            SelectItem::QualifiedWildcard(_, options) => {
                let replaced = options.opt_replace.iter().flat_map(|replace| &replace.items);
                replaced.for_each(|element| drop(shared.columns.remove(&spelt(&element.column_name))));
            }
            SelectItem::ExprWithAlias { alias: name, .. }
            | SelectItem::UnnamedExpr(Expr::Identifier(name)) => {
                shared.columns.remove(&spelt(name));
            }
            _ => {}
        }
    }
    for sort in sorts {
        own::change(&mut sort.expr, |expr| shared.write_out(expr));
    }
    Ok(())
}

/// Says by `on` what further joins share: where more than three tables share a column, the planner does not know whose it is. All
/// that is named without its table has been written out before.
pub(crate) fn say_by_on(select: &mut Select, names: &Namespace) {
    for table in &mut select.from {
        let first = qualifier(&table.relation, names);
        let mut usings = 0;
        let mut is_outer = false;
        for join in &mut table.joins {
            is_outer |= matches!(
                join.join_operator,
                JoinOperator::FullOuter(_) | JoinOperator::Right(_) | JoinOperator::RightOuter(_)
            );
            usings +=
                u32::from(matches!(constraint(&mut join.join_operator), Some(JoinConstraint::Using(_))));
        }
        let Some(first) = first.filter(|_| usings > 2 && !is_outer) else { continue };
        let mut known: BTreeMap<String, Expr> = BTreeMap::new();
        for (place, join) in table.joins.iter_mut().enumerate() {
            let right = qualifier(&join.relation, names);
            let Some(on @ JoinConstraint::Using(_)) = constraint(&mut join.join_operator) else { continue };
            let JoinConstraint::Using(columns) = &*on else { continue };
            let columns: Option<Vec<Ident>> =
                columns.iter().map(|column| column.0.last()?.as_ident().cloned()).collect();
            let (Some(columns), Some(right)) = (columns, right) else { continue };
            if place == 0 {
                known.extend(columns.iter().map(|column| (spelt(column), of_table(&first, column))));
                continue;
            }
            let equal = |column: &Ident| {
                let left = Box::new(known.get(&spelt(column))?.clone());
                Some(Expr::BinaryOp {
                    left,
                    op: BinaryOperator::Eq,
                    right: Box::new(of_table(&right, column)),
                })
            };
            let equals: Option<Vec<Expr>> = columns.iter().map(equal).collect();
            let all = equals.and_then(|equals| {
                equals.into_iter().reduce(|left, right| Expr::BinaryOp {
                    left: Box::new(left),
                    op: BinaryOperator::And,
                    right: Box::new(right),
                })
            });
            if let Some(all) = all {
                *on = JoinConstraint::On(all);
            }
        }
    }
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
    tables: Vec<Side>,
}

/// A table of a select.
#[derive(Debug, Default)]
struct Side {
    name: Option<Vec<Ident>>,
    /// Its columns that are others' as well.
    others: Vec<String>,
    /// Those that an outer join has made other than its own.
    outer: Vec<String>,
    /// Whether a join leaves none of its columns.
    is_gone: bool,
}

impl Shared {
    /// Those of the tables, whose conditions are written out on the way: each knows the joins before it.
    fn of(from: &mut [TableWithJoins], names: &Namespace) -> Result<Self> {
        let mut shared = Self::default();
        let side = |table: &TableFactor| Side { name: qualifier(table, names), ..Side::default() };
        for table in from {
            let first = shared.tables.len();
            shared.tables.push(side(&table.relation));
            for join in &mut table.joins {
                let right = side(&join.relation);
                let name = right.name.clone();
                shared.tables.push(right);
                if let Some(JoinConstraint::On(condition)) = constraint(&mut join.join_operator) {
                    own::change(condition, |expr| shared.write_out(expr));
                }
                shared.add(&mut join.join_operator, first, name.as_deref())?;
            }
        }
        Ok(shared)
    }

    fn add(&mut self, operator: &mut JoinOperator, first: usize, right: Option<&[Ident]>) -> Result<()> {
        use JoinOperator::{
            Anti, FullOuter, LeftAnti, LeftSemi, Right, RightAnti, RightOuter, RightSemi, Semi,
        };
        let last = self.tables.len().saturating_sub(1);
        let gone = match operator {
            Semi(_) | LeftSemi(_) | Anti(_) | LeftAnti(_) => last..last + 1,
            RightSemi(_) | RightAnti(_) => first..last,
            _ => last..last,
        };
        self.tables.iter_mut().take(gone.end).skip(gone.start).for_each(|table| table.is_gone = true);
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
            let is_first = last == first + 1;
            let left = match (self.columns.get(&plain), self.tables.get(first)) {
                (Some(known), _) => Some(known.clone()),
                (None, Some(Side { name: Some(table), .. })) if is_first => Some(of_table(table, column)),
                _ => None,
            };
            if let Some(side) = self.tables.last_mut() {
                side.others.push(plain.clone());
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
                if let Some(side) = self.tables.get_mut(first) {
                    side.outer.push(plain.clone());
                }
            }
            self.columns.insert(plain, shared);
        }
        Ok(())
    }

    /// Writes an expression out that is the name of a shared column.
    fn write_out(&self, expr: &mut Expr) {
        if let Expr::Identifier(ident) = expr
            && let Some(shared) = self.columns.get(&spelt(ident))
        {
            *expr = shared.clone();
        }
    }
}

/// What two sides of a join have in common, where both come out of it.
pub(crate) fn constraint(operator: &mut JoinOperator) -> Option<&mut JoinConstraint> {
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

fn of_table(table: &[Ident], column: &Ident) -> Expr {
    Expr::CompoundIdentifier(table.iter().chain([column]).cloned().collect())
}

/// The first of two that is no null.
fn either(left: &Expr, right: &Expr) -> Result<Expr> {
    let text = format!("coalesce({left}, {right})");
    let parsed = Parser::new(&GenericDialect).try_with_sql(&text).and_then(|mut parser| parser.parse_expr());
    parsed.map_err(|e| Error::unexpected("a shared column cannot be written out").with_source(e))
}
