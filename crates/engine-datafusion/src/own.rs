//! What is a select's own, and no matter of the queries inside of it.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Expr, Query, Select, TableFactor, TableWithJoins, VisitMut, VisitorMut,
};

/// Changes the expressions of a part of a statement, but for those of queries inside of it; what is in an expression before it.
pub(crate) fn change(part: &mut impl VisitMut, change: impl FnMut(&mut Expr)) {
    let _ = VisitMut::visit(part, &mut Own { change, depth: 0 });
}

/// Changes the expressions of a select, but for those of its tables.
pub(crate) fn change_select(select: &mut Select, with: impl FnMut(&mut Expr)) {
    // The rows of the tables are others' queries.
    let from = std::mem::take(&mut select.from);
    change(select, with);
    select.from = from;
}

/// The tables that a select names, in their order.
pub(crate) fn tables(from: &[TableWithJoins]) -> impl Iterator<Item = &TableFactor> {
    from.iter().flat_map(|table| {
        std::iter::once(&table.relation).chain(table.joins.iter().map(|join| &join.relation))
    })
}

struct Own<F> {
    change: F,
    /// How many queries are around what is visited.
    depth: usize,
}

impl<F: FnMut(&mut Expr)> VisitorMut for Own<F> {
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
        if self.depth == 0 {
            (self.change)(expr);
        }
        ControlFlow::Continue(())
    }
}
