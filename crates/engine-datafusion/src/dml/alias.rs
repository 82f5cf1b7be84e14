//! A name that a delete gives its table, of which the planner knows nothing.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    Delete, Expr, FromTable, ObjectNamePart, TableFactor, visit_expressions, visit_expressions_mut,
};
use stitchwork_core::{Error, Result};

use crate::guard::spelt;

/// Names the columns of `delete from t as q where q.a = 1` by their table.
///
/// # Errors
/// `Unsupported` for a condition with a query, in which the table's own name may be that of another one.
pub(crate) fn resolve(delete: &mut Delete) -> Result<()> {
    let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = &mut delete.from;
    let [table] = tables.as_mut_slice() else { return Ok(()) };
    let TableFactor::Table { name, alias, .. } = &mut table.relation else { return Ok(()) };
    let Some(own) = name.0.last().and_then(ObjectNamePart::as_ident).cloned() else { return Ok(()) };
    let Some(given) = alias.take() else { return Ok(()) };
    let given = spelt(&given.name);
    let Some(selection) = delete.selection.as_mut().filter(|_| given != spelt(&own)) else { return Ok(()) };
    let query = visit_expressions(selection, |part| match part {
        Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    if query.is_break() {
        return Err(Error::unsupported(
            "a delete whose condition has a query takes its table by its own name alone; leave the other name out",
        )
        .with_context("table", &*name)
        .with_context("alias", given));
    }
    let _ = visit_expressions_mut(selection, |part| {
        if let Expr::CompoundIdentifier(parts) = part
            && let [first, _, ..] = parts.as_mut_slice()
            && spelt(first) == given
        {
            *first = own.clone();
        }
        ControlFlow::<()>::Continue(())
    });
    Ok(())
}
