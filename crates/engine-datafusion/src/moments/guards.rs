//! Functions that reckon in nanoseconds alone: held to what they can, where they would make null of the rest.

use std::sync::Arc;

use arrow::buffer::NullBuffer;
use arrow_array::Array;
use arrow_schema::{DataType, FieldRef, TimeUnit};
use datafusion::catalog::{TableFunction, TableFunctionArgs, TableFunctionImpl, TableProvider};
use datafusion::common::{Result, exec_err, plan_err};
use datafusion::execution::{FunctionRegistry, SessionState};
use datafusion::logical_expr::sort_properties::{ExprProperties, SortProperties};
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility, lit,
};

use crate::convert::coerced;

const NANOSECOND: TimeUnit = TimeUnit::Nanosecond;

/// Puts the functions in the place of DataFusion's.
pub(super) fn install(state: &mut SessionState) -> Result<()> {
    let inner = state.udf("date_bin")?;
    let signature = Signature::user_defined(Volatility::Immutable);
    state.register_udf(Arc::new(Guarded { inner, signature, bins: true }.into()))?;
    for name in ["generate_series", "range"] {
        let inner = state.udf(name)?;
        let signature = inner.signature().clone();
        state.register_udf(Arc::new(Guarded { inner, signature, bins: false }.into()))?;
        if let Some(inner) = state.table_functions().get(name).cloned() {
            state.register_udtf(name, Arc::new(Series(inner)));
        }
    }
    Ok(())
}

/// A function that gives null where nanoseconds do not reach, which nobody would notice.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Guarded {
    inner: Arc<ScalarUDF>,
    signature: Signature,
    /// Whether it is `date_bin`.
    bins: bool,
}

impl ScalarUDFImpl for Guarded {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn aliases(&self) -> &[String] {
        self.inner.aliases()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, arg_types: &[DataType]) -> Result<Vec<DataType>> {
        if !self.bins {
            return self.inner.coerce_types(arg_types);
        }
        // The moments keep their unit; the origin is one of nanoseconds, whatever unit it is written in.
        let types = arg_types
            .iter()
            .enumerate()
            .map(|(place, own)| match (place, own) {
                (1, DataType::Date32 | DataType::Date64 | DataType::Utf8 | DataType::Utf8View) => {
                    DataType::Timestamp(TimeUnit::Microsecond, None)
                }
                (2, DataType::Timestamp(_, zone)) => DataType::Timestamp(NANOSECOND, zone.clone()),
                (_, own) => own.clone(),
            })
            .collect();
        coerced(types, &self.inner)
    }

    fn return_type(&self, arg_types: &[DataType]) -> Result<DataType> {
        self.inner.return_type(arg_types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        self.inner.return_field_from_args(args)
    }

    fn output_ordering(&self, inputs: &[ExprProperties]) -> Result<SortProperties> {
        self.inner.output_ordering(inputs)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let mut known: Option<NullBuffer> = None;
        for value in &args.args {
            match value {
                ColumnarValue::Scalar(value) if value.is_null() => return self.inner.invoke_with_args(args),
                ColumnarValue::Scalar(_) => {}
                ColumnarValue::Array(array) => {
                    known = NullBuffer::union(known.as_ref(), array.logical_nulls().as_ref());
                }
            }
        }
        let done = self.inner.invoke_with_args(args)?;
        let nulls = match &done {
            ColumnarValue::Array(array) => array.logical_null_count(),
            ColumnarValue::Scalar(value) => usize::from(value.is_null()),
        };
        if nulls > known.map_or(0, |known| known.null_count()) {
            let name = self.name();
            return exec_err!(
                "{name} reckons in nanoseconds, and a moment is outside of the years that these reach, 1677 to 2262; \
                 leave such moments out, or use date_trunc"
            );
        }
        Ok(done)
    }
}

/// A series of moments, which DataFusion makes of nanoseconds alone.
#[derive(Debug)]
struct Series(Arc<TableFunction>);

impl TableFunctionImpl for Series {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let name = self.0.name();
        let bounds = args.exprs().iter().map(|bound| match bound {
            Expr::Literal(value, _) => match value.data_type() {
                DataType::Timestamp(NANOSECOND, _) => Ok(bound.clone()),
                DataType::Timestamp(_, zone) => match value.cast_to(&DataType::Timestamp(NANOSECOND, zone)) {
                    Ok(value) => Ok(lit(value)),
                    Err(_) => plan_err!("{name} counts nanoseconds, which reach from 1677 to 2262"),
                },
                _ => Ok(bound.clone()),
            },
            _ => Ok(bound.clone()),
        });
        let bounds = bounds.collect::<Result<Vec<_>>>()?;
        self.0.create_table_provider_with_args(TableFunctionArgs::new(&bounds, args.session()))
    }
}
