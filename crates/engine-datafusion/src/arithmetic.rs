//! Calculations with whole numbers that fail where the result is beyond their type, and do not begin at its other end.

use std::fmt;
use std::sync::Arc;

use arrow::compute::kernels::numeric::{add, mul, neg, sub};
use arrow_schema::{ArrowError, DataType};
use datafusion::common::{DFSchema, DataFusionError, Result, internal_err};
use datafusion::logical_expr::expr::{BinaryExpr, ScalarFunction};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use datafusion::physical_expr_common::datum::apply;
use stitchwork_core::Error;

use crate::convert::{declared_type, operand};
use crate::error::to_datafusion;

/// The expression, checked if it calculates with whole numbers. Its operands have one type.
pub(crate) fn checked(expr: Expr, schema: &DFSchema) -> Expr {
    let whole = |expr: &Expr| expr.get_type(schema).is_ok_and(|data_type| data_type.is_integer());
    match expr {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) if whole(&left) && whole(&right) => match kind(op) {
            Some(kind) => call(kind, vec![*left, *right]),
            None => Expr::BinaryExpr(BinaryExpr { left, op, right }),
        },
        // The least number is written so, and is no calculation.
        Expr::Negative(operand) if whole(&operand) && !matches!(*operand, Expr::Literal(..)) => {
            call(Kind::Negate, vec![*operand])
        }
        other => other,
    }
}

const fn kind(op: Operator) -> Option<Kind> {
    match op {
        Operator::Plus => Some(Kind::Add),
        Operator::Minus => Some(Kind::Subtract),
        Operator::Multiply => Some(Kind::Multiply),
        _ => None,
    }
}

fn call(kind: Kind, args: Vec<Expr>) -> Expr {
    let signature = Signature::any(args.len(), Volatility::Immutable);
    Expr::ScalarFunction(ScalarFunction {
        func: Arc::new(ScalarUDF::from(Checked { kind, signature })),
        args,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Add,
    Subtract,
    Multiply,
    Negate,
}

impl Kind {
    const fn sign(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract | Self::Negate => "-",
            Self::Multiply => "*",
        }
    }
}

#[derive(Debug, PartialEq, Eq, Hash)]
struct Checked {
    kind: Kind,
    signature: Signature,
}

impl ScalarUDFImpl for Checked {
    fn name(&self) -> &'static str {
        match self.kind {
            Kind::Add => "checked_add",
            Kind::Subtract => "checked_subtract",
            Kind::Multiply => "checked_multiply",
            Kind::Negate => "checked_negate",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        match types.first() {
            Some(data_type) => Ok(data_type.clone()),
            None => internal_err!("a calculation has operands"),
        }
    }

    fn schema_name(&self, args: &[Expr]) -> Result<String> {
        let names = args.iter().map(Expr::schema_name);
        Ok(spell(self.kind, &names.collect::<Vec<_>>()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let result = match (self.kind, args.args.as_slice()) {
            (Kind::Add, [left, right]) => apply(left, right, add),
            (Kind::Subtract, [left, right]) => apply(left, right, sub),
            (Kind::Multiply, [left, right]) => apply(left, right, mul),
            (Kind::Negate, [value]) => operand(value, |array| Ok(neg(array)?)),
            _ => return internal_err!("a calculation has one or two operands"),
        };
        result.map_err(|error| self.beyond(args.return_field.data_type(), error))
    }
}

impl Checked {
    fn beyond(&self, data_type: &DataType, error: DataFusionError) -> DataFusionError {
        let DataFusionError::ArrowError(arrow, _) = &error else { return error };
        let ArrowError::ArithmeticOverflow(reason) = arrow.as_ref() else { return error };
        let beyond = Error::invalid_input(
            "the result of a calculation is beyond its type; cast an operand to a wider one, such as `decimal(38, 0)`",
        );
        let beyond =
            beyond.with_context("type", declared_type(data_type)).with_context("operator", self.kind.sign());
        // The values are all that is left of Arrow's words.
        let values = reason.rsplit_once(": ").map_or(reason.as_str(), |(_, values)| values).to_owned();
        to_datafusion(beyond.with_context("values", values))
    }
}

fn spell(kind: Kind, args: &[impl fmt::Display]) -> String {
    match args {
        [left, right] => format!("{left} {} {right}", kind.sign()),
        [operand] => format!("(- {operand})"),
        _ => String::new(),
    }
}
