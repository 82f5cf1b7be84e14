//! `t.*`: the columns of a table, by whatever part of its name a statement calls it.
//!
//! The planner finds a column by any last parts of its table's name, but all columns of a table by the name that stands in
//! `from` alone. So that name is put in the place of its parts.

use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, ObjectNamePart, Query, Select,
    SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableFactor, TableWithJoins,
};
use stitchwork_core::At;

use crate::guard::{join_levels, spelt};
use crate::names::Namespace;
use crate::own;
use crate::travel;

/// The name by which the planner knows the columns of a table.
pub(crate) fn qualifier(table: &TableFactor, names: &Namespace) -> Option<Vec<Ident>> {
    match table {
        TableFactor::Table { alias: Some(alias), .. } | TableFactor::Derived { alias: Some(alias), .. } => {
            Some(vec![alias.name.clone()])
        }
        TableFactor::Table { name, args: Some(_), .. } => {
            let function = name.0.first().and_then(ObjectNamePart::as_ident)?;
            Some(vec![Ident::with_quote('"', format!("{function}()"))])
        }
        TableFactor::Table { name, .. } => {
            let mut name = name.clone();
            join_levels(&mut name, names);
            let parts = idents(&name)?;
            // Under its own name a table of the past is known without its version.
            match travel::decode(&parts.last()?.value) {
                (_, At::Latest) => Some(parts),
                (plain, _) => Some(vec![Ident::with_quote('"', plain)]),
            }
        }
        _ => None,
    }
}

/// Gives the wildcards of a select the names of their tables.
pub(crate) fn name_tables(select: &mut Select, names: &Namespace) {
    let tables = Tables::of(&select.from, names);
    for item in &mut select.projection {
        if let SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), _) = item {
            tables.name(name);
        }
    }
    own::change_select(select, |expr| tables.name_argument(expr));
}

/// Gives the wildcards by which a query is sorted the names of their tables: `order by count(t.*)`.
pub(crate) fn name_tables_of_order(query: &mut Query, names: &Namespace) {
    if let SetExpr::Select(select) = query.body.as_ref() {
        let tables = Tables::of(&select.from, names);
        own::change(&mut query.order_by, |expr| tables.name_argument(expr));
    }
}

fn idents(name: &ObjectName) -> Option<Vec<Ident>> {
    name.0.iter().map(|part| part.as_ident().cloned()).collect()
}

/// The tables of a select: the name that the planner knows, and every other that ends in what a statement may say.
struct Tables(Vec<(Vec<Ident>, Vec<Vec<String>>)>);

impl Tables {
    fn of(from: &[TableWithJoins], names: &Namespace) -> Self {
        let mut tables = Self(vec![]);
        tables.add(from, names);
        tables
    }

    fn add(&mut self, from: &[TableWithJoins], names: &Namespace) {
        for factor in own::tables(from) {
            if let TableFactor::NestedJoin { table_with_joins, alias: None } = factor {
                self.add(std::slice::from_ref(table_with_joins), names);
            }
            let Some(known) = qualifier(factor, names) else { continue };
            let mut whole = vec![known.iter().map(spelt).collect()];
            if let TableFactor::Table { name, alias: None, .. } = factor {
                let plain = |part: &Ident| travel::decode(&spelt(part)).0.to_owned();
                let mut joined = name.clone();
                join_levels(&mut joined, names);
                whole.extend(
                    [name, &joined]
                        .into_iter()
                        .filter_map(|name| Some(idents(name)?.iter().map(plain).collect())),
                );
            }
            self.0.push((known, whole));
        }
    }

    /// Puts the whole name of a table in the place of its last parts, if there is one such table.
    fn name(&self, name: &mut ObjectName) {
        let Some(parts) = idents(name) else { return };
        let parts: Vec<String> = parts.iter().map(spelt).collect();
        if self.0.iter().any(|(known, _)| known.iter().map(spelt).eq(parts.iter().cloned())) {
            return;
        }
        let mut alike = self.0.iter().filter(|(_, whole)| whole.iter().any(|whole| whole.ends_with(&parts)));
        if let (Some((known, _)), None) = (alike.next(), alike.next()) {
            name.0 = known.iter().cloned().map(ObjectNamePart::Identifier).collect();
        }
    }

    /// Does so in the argument of a function: `count(t.*)`.
    fn name_argument(&self, expr: &mut Expr) {
        let Expr::Function(function) = expr else { return };
        let FunctionArguments::List(list) = &mut function.args else { return };
        for arg in &mut list.args {
            if let FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name)) = arg {
                self.name(name);
            }
        }
    }
}
