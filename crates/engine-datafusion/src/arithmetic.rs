//! Calculations with whole numbers that fail where the result is beyond their type, and do not begin at its other end.

use std::fmt;

use arrow::compute::kernels::numeric::{add, mul, neg, sub};
use arrow_array::{ArrayRef, Datum};
use arrow_schema::{ArrowError, DataType};
use datafusion::common::{DFSchema, Result, internal_err};
use datafusion::logical_expr::expr::{BinaryExpr, ScalarFunction};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ExprSchemable, Operator, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};
use std::sync::Arc;
use stitchwork_core::Error;

use crate::convert::declared_type;
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

    fn calculate(self, left: &dyn Datum, right: &dyn Datum) -> std::result::Result<ArrayRef, ArrowError> {
        match self {
            Self::Add => add(left, right),
            Self::Subtract => sub(left, right),
            Self::Multiply => mul(left, right),
            Self::Negate => neg(left.get().0),
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
        let (left, right) = match args.args.as_slice() {
            [left, right] => (left, right),
            [operand] => (operand, operand),
            _ => return internal_err!("a calculation has one or two operands"),
        };
        let constant = |value: &ColumnarValue| matches!(value, ColumnarValue::Scalar(_));
        let datum = |value: &ColumnarValue| -> Result<Box<dyn Datum>> {
            Ok(match value {
                ColumnarValue::Array(array) => Box::new(array.clone()),
                ColumnarValue::Scalar(value) => Box::new(value.to_scalar()?),
            })
        };
        let result = self.kind.calculate(datum(left)?.as_ref(), datum(right)?.as_ref());
        let result = result.map_err(|error| self.beyond(&left.data_type(), error))?;
        if constant(left) && constant(right) {
            let value = datafusion::common::ScalarValue::try_from_array(&result, 0)?;
            return Ok(ColumnarValue::Scalar(value));
        }
        Ok(ColumnarValue::Array(result))
    }
}

impl Checked {
    fn beyond(&self, data_type: &DataType, error: ArrowError) -> datafusion::common::DataFusionError {
        let ArrowError::ArithmeticOverflow(reason) = &error else { return error.into() };
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
