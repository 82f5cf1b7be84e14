//! Casts that a statement does not ask for: of what it gives to the type of the column that gets it.

use std::sync::Arc;

use arrow::compute::CastOptions;
use arrow::util::display::array_value_to_string;
use arrow_array::{Array, ArrayRef, new_null_array};
use arrow_schema::{DataType, Field, FieldRef};
use datafusion::common::{Result, internal_err};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use stitchwork_core::Error;

use super::lossless::first_lost;
use super::pairs::{Refusal, refused};
use crate::convert::{declared_type, operand};
use crate::error::to_datafusion;
use crate::numbers;

/// The expression in the type of the column, each value of which must fit exactly.
pub(super) fn exact(expr: Expr, data_type: &DataType, column: &str) -> Expr {
    let cast = ExactCast {
        signature: Signature::any(1, Volatility::Immutable),
        column: column.to_owned(),
        target: data_type.clone(),
    };
    let expr = numbers::as_type(expr, data_type);
    Expr::ScalarFunction(ScalarFunction { func: Arc::new(ScalarUDF::from(cast)), args: vec![expr] })
}

/// A cast that fails where a value would become another one.
#[derive(Debug, PartialEq, Eq, Hash)]
struct ExactCast {
    signature: Signature,
    column: String,
    target: DataType,
}

impl ScalarUDFImpl for ExactCast {
    fn name(&self) -> &'static str {
        "exact_cast"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.target.clone())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(&self.column, self.target.clone(), true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let [value] = args.args.as_slice() else { return internal_err!("a cast has one operand") };
        if value.data_type() == self.target {
            return Ok(value.clone());
        }
        operand(value, |array| self.cast(array))
    }
}

impl ExactCast {
    fn cast(&self, array: &ArrayRef) -> Result<ArrayRef> {
        if let Some(refusal) = refused(array.data_type(), &self.target) {
            let nulls = array.logical_nulls();
            // A null is the same in all types.
            return match (0..array.len()).find(|row| nulls.as_ref().is_none_or(|nulls| nulls.is_valid(*row)))
            {
                Some(row) => Err(to_datafusion(self.refusal(array, row, refusal))),
                None => Ok(new_null_array(&self.target, array.len())),
            };
        }
        let cast = |safe| {
            let options = CastOptions { safe, ..CastOptions::default() };
            ColumnarValue::Array(array.clone()).cast_to(&self.target, Some(&options))?.into_array(array.len())
        };
        let done = match cast(false) {
            Ok(done) => done,
            Err(reason) => {
                // Which value it was is seen from the nulls that a cast leaves which may fail.
                let row = cast(true)
                    .ok()
                    .and_then(|done| (0..array.len()).find(|row| done.is_null(*row) && !array.is_null(*row)));
                let error = self.misfit(array, row).with_context("reason", reason.strip_backtrace());
                return Err(to_datafusion(error));
            }
        };
        match first_lost(array, &done).map_err(to_datafusion)? {
            None => Ok(done),
            row => Err(to_datafusion(self.misfit(array, row))),
        }
    }

    fn misfit(&self, array: &ArrayRef, row: Option<usize>) -> Error {
        let error = Error::invalid_input(
            "a value does not fit the type of its column exactly; cast it in the statement to what is meant",
        );
        self.located(error, array, row)
    }

    fn refusal(&self, array: &ArrayRef, row: usize, refusal: Refusal) -> Error {
        let error = match refusal.field {
            Some(field) => Error::invalid_input(refusal.message).with_context("field", field),
            None => Error::invalid_input(refusal.message),
        };
        self.located(error, array, Some(row)).with_context("from", declared_type(array.data_type()))
    }

    fn located(&self, error: Error, array: &ArrayRef, row: Option<usize>) -> Error {
        /// A longer value would hide what else there is to read.
        const MOST_CHARACTERS: usize = 100;
        let error = error.with_context("column", &self.column);
        let value = row.and_then(|row| array_value_to_string(array, row).ok());
        let error = match value {
            Some(value) if value.chars().count() > MOST_CHARACTERS => {
                let start: String = value.chars().take(MOST_CHARACTERS).collect();
                error.with_context("value", format!("{start}…"))
            }
            Some(value) => error.with_context("value", value),
            None => error,
        };
        error.with_context("type", declared_type(&self.target))
    }
}
