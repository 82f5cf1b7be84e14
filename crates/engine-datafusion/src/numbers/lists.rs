//! A number that is looked for in a list of decimals, or a decimal in a list of floating-point numbers.

use std::sync::Arc;

use arrow_schema::DataType;
use datafusion::common::Result;
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::simplify::{ExprSimplifyResult, SimplifyContext};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::is_decimal;
use crate::convert::coerced;

/// Puts the functions in the place of DataFusion's.
pub(crate) fn install(state: &mut SessionState) -> Result<()> {
    for name in ["array_has", "array_position", "array_positions", "array_remove", "array_remove_all"] {
        let inner = state.udf(name)?;
        let signature = Signature::user_defined(Volatility::Immutable);
        state.register_udf(Arc::new(Floating { inner, signature }.into()))?;
    }
    Ok(())
}

/// A function of a list and a value: both float where one does and the other is a decimal, as they do everywhere.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Floating {
    inner: Arc<ScalarUDF>,
    signature: Signature,
}

impl ScalarUDFImpl for Floating {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        let types = match types {
            [DataType::List(element), value]
                if (is_decimal(element.data_type()) && value.is_floating())
                    || (element.data_type().is_floating() && is_decimal(value)) =>
            {
                let element = element.as_ref().clone().with_data_type(DataType::Float64);
                vec![DataType::List(Arc::new(element)), DataType::Float64]
            }
            other => other.to_vec(),
        };
        coerced(types, &self.inner)
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(types)
    }

    fn simplify(&self, args: Vec<Expr>, context: &SimplifyContext) -> Result<ExprSimplifyResult> {
        self.inner.simplify(args, context)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        self.inner.invoke_with_args(args)
    }
}
