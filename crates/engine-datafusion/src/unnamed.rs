//! Names for queries that are joined and have none: without one, the planner tells their columns from those of others by the tables
//! inside of them, which may be joined as well.

use datafusion::sql::sqlparser::ast::{Ident, Select, TableAlias, TableFactor};

/// Names the queries among several tables that have no name.
pub(crate) fn name_queries(select: &mut Select) {
    let tables = select.from.iter_mut().flat_map(|table| {
        std::iter::once(&mut table.relation).chain(table.joins.iter_mut().map(|join| &mut join.relation))
    });
    let mut tables: Vec<&mut TableFactor> = tables.collect();
    if tables.len() < 2 {
        return;
    }
    for (place, table) in tables.iter_mut().enumerate() {
        if let TableFactor::Derived { alias: alias @ None, .. } = table {
            let name = Ident::with_quote('"', format!("unnamed_subquery_{}", place + 1));
            *alias = Some(TableAlias { explicit: true, name, columns: vec![], at: None });
        }
    }
}
