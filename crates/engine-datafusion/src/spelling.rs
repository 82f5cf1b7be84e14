//! What a statement says in other words than the planner knows.

use datafusion::sql::sqlparser::ast::{
    BinaryOperator, Distinct, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, Ident, ObjectName, OrderByKind, Query, SelectItem, SetExpr, Value,
};

/// Spells `a // b`, `a ^ b` and `mod(a, b)` as the planner does.
pub(crate) fn respell(expr: &mut Expr) {
    match expr {
        // Whole numbers are divided by both without a remainder, and DuckDB divides others by both with one.
        Expr::BinaryOp { op: op @ BinaryOperator::DuckIntegerDivide, .. } => *op = BinaryOperator::Divide,
        // The planner takes it for XOR, or does not know it.
        Expr::BinaryOp { op: BinaryOperator::PGExp, left, right } => {
            let nothing = || Expr::value(Value::Null);
            let base = std::mem::replace(left.as_mut(), nothing());
            let exponent = std::mem::replace(right.as_mut(), nothing());
            *expr = call("power", [base, exponent]);
        }
        Expr::Function(function) if function.name.to_string().eq_ignore_ascii_case("mod") => {
            let FunctionArguments::List(list) = &function.args else { return };
            if let [
                FunctionArg::Unnamed(FunctionArgExpr::Expr(left)),
                FunctionArg::Unnamed(FunctionArgExpr::Expr(right)),
            ] = list.args.as_slice()
            {
                let nested = |expr: &Expr| Box::new(Expr::Nested(Box::new(expr.clone())));
                let (left, right) = (nested(left), nested(right));
                let rest = Expr::BinaryOp { left, op: BinaryOperator::Modulo, right };
                *expr = Expr::Nested(Box::new(rest));
            }
        }
        _ => {}
    }
}

/// A call of a function of ours.
pub(crate) fn call(name: &str, args: impl IntoIterator<Item = Expr>) -> Expr {
    let args = args.into_iter().map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg))).collect();
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::with_quote('"', name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args,
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

/// Sorts different rows by the place of a column that is calculated or a field, for which the planner looks among the columns of the
/// table alone.
pub(crate) fn sort_by_place(query: &mut Query) {
    let SetExpr::Select(select) = query.body.as_ref() else { return };
    let Some(OrderByKind::Expressions(sorts)) = query.order_by.as_mut().map(|order_by| &mut order_by.kind)
    else {
        return;
    };
    if !matches!(select.distinct, Some(Distinct::Distinct)) {
        return;
    }
    let mut places: Vec<&Expr> = Vec::new();
    for item in &select.projection {
        match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => places.push(expr),
            // Nobody knows by now how many columns these are.
            _ => break,
        }
    }
    for sort in sorts {
        if matches!(sort.expr, Expr::Identifier(_) | Expr::Value(_)) {
            continue;
        }
        if let Some(place) = places.iter().position(|expr| **expr == sort.expr) {
            sort.expr = Expr::value(Value::Number((place + 1).to_string(), false));
        }
    }
}
