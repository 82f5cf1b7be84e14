//! Sums of decimals, which fail where they have more digits than their type.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use arrow::compute::sum_checked;
use arrow::datatypes::{DecimalType, i256};
use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal32Type, Decimal64Type, Decimal128Type, Decimal256Type};
use arrow_array::{Array, ArrayRef, ArrowNativeTypeOp, ArrowNumericType};
use arrow_schema::DataType;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::{Accumulator, GroupsAccumulator};

use super::beyond;

/// The sums of groups, which raise the flag where one of them has more than so many digits.
pub(super) fn groups<T>(data_type: &DataType, flag: Arc<AtomicBool>, digits: u8) -> Box<dyn GroupsAccumulator>
where
    T: DecimalType + Send,
    T::Native: ArrowNativeTypeOp,
{
    super::groups::<T>(data_type, flag, move |sum| T::is_valid_decimal_precision(sum, digits))
}

/// The sum of all rows, which is looked at when it is asked for.
#[derive(Debug)]
pub(super) struct Total {
    data_type: DataType,
    /// Has room for more numbers of 128 bits than there can be, so that what leaves a frame leaves no trace.
    sum: i256,
    /// How many values there are.
    rows: usize,
}

impl Total {
    pub(super) const fn new(data_type: DataType) -> Self {
        Self { data_type, sum: i256::ZERO, rows: 0 }
    }

    /// The sum of a part and the number of its values.
    fn part(&self, values: &[ArrayRef]) -> Result<(i256, usize)> {
        let Some(values) = values.first() else { return internal_err!("a sum has an argument") };
        let small = |value: i128| i256::from_i128(value);
        let total = match values.data_type() {
            DataType::Decimal32(..) => total::<Decimal32Type>(values, |value| small(value.into())),
            DataType::Decimal64(..) => total::<Decimal64Type>(values, |value| small(value.into())),
            DataType::Decimal128(..) => total::<Decimal128Type>(values, small),
            DataType::Decimal256(..) => total::<Decimal256Type>(values, |value| value),
            _ => return internal_err!("the sum is none of decimals"),
        };
        let total = total.ok_or_else(|| beyond(&self.data_type))?;
        Ok((total, values.len() - values.null_count()))
    }

    fn set(&mut self, sum: Option<i256>, rows: usize) -> Result<()> {
        self.sum = sum.ok_or_else(|| beyond(&self.data_type))?;
        self.rows = rows;
        Ok(())
    }
}

/// The sum of an array, in the type of its numbers as long as they have room there; `None` if it is beyond 256 bits.
fn total<T>(values: &ArrayRef, wide: impl Fn(T::Native) -> i256) -> Option<i256>
where
    T: ArrowNumericType,
{
    let values = values.as_primitive::<T>();
    match sum_checked(values) {
        Ok(sum) => Some(sum.map_or(i256::ZERO, wide)),
        Err(_) => values.iter().flatten().try_fold(i256::ZERO, |sum, value| sum.checked_add(wide(value))),
    }
}

impl Accumulator for Total {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (sum, rows) = self.part(values)?;
        self.set(self.sum.checked_add(sum), self.rows + rows)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let (sum, rows) = self.part(values)?;
        self.set(self.sum.checked_sub(sum), self.rows.saturating_sub(rows))
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        if self.rows == 0 {
            return ScalarValue::try_new_null(&self.data_type);
        }
        let beyond = || beyond(&self.data_type);
        let has_room = |digits| Decimal256Type::is_valid_decimal_precision(self.sum, digits);
        // What has so many digits has room in the type that holds them.
        let small = self.sum.to_i128();
        match self.data_type {
            DataType::Decimal32(digits, scale) if has_room(digits) => {
                let sum = small.and_then(|sum| sum.try_into().ok()).ok_or_else(beyond)?;
                Ok(ScalarValue::Decimal32(Some(sum), digits, scale))
            }
            DataType::Decimal64(digits, scale) if has_room(digits) => {
                let sum = small.and_then(|sum| sum.try_into().ok()).ok_or_else(beyond)?;
                Ok(ScalarValue::Decimal64(Some(sum), digits, scale))
            }
            DataType::Decimal128(digits, scale) if has_room(digits) => {
                Ok(ScalarValue::Decimal128(Some(small.ok_or_else(beyond)?), digits, scale))
            }
            DataType::Decimal256(digits, scale) if has_room(digits) => {
                Ok(ScalarValue::Decimal256(Some(self.sum), digits, scale))
            }
            _ => Err(beyond()),
        }
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        self.update_batch(states)
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}
