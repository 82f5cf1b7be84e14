//! Columns under construction.

use std::sync::Arc;

use arrow_array::builder::{
    ArrayBuilder, BooleanBuilder, Date32Builder, Decimal128Builder, Float64Builder, Int64Builder,
    StringBuilder, TimestampMicrosecondBuilder,
};
use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, Int64Array, LargeStringArray, PrimitiveArray, StringArray, StringViewArray};
use arrow_schema::{DataType, Field, FieldRef, TimeUnit};

use crate::number::EXACT_AS_FLOAT;

/// What the decimal columns hold: every integer of up to 38 digits.
pub(crate) const DECIMAL: DataType = DataType::Decimal128(38, 0);

/// The time zone of the instants.
const UTC: &str = "UTC";

/// The kinds of values that have columns of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Bool,
    Int,
    Float,
    Decimal,
    Text,
    Json,
    Instant,
    Date,
}

impl Kind {
    /// How many kinds can be variants: the ones up to `Json`.
    pub(crate) const VARIANTS: usize = Self::Json as usize + 1;

    /// The names of the kinds that can be variants.
    pub(crate) fn names() -> impl Iterator<Item = &'static str> {
        [Self::Bool, Self::Int, Self::Float, Self::Decimal, Self::Text, Self::Json]
            .map(Self::name)
            .into_iter()
    }

    /// The part of a variant column's name that says its type.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Int => "bigint",
            Self::Float => "double",
            Self::Decimal => "decimal",
            Self::Text => "text",
            Self::Json => "json",
            Self::Instant => "timestamp",
            Self::Date => "date",
        }
    }

    fn data_type(self) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::Int => DataType::Int64,
            Self::Float => DataType::Float64,
            Self::Decimal => DECIMAL,
            Self::Text | Self::Json => DataType::Utf8,
            Self::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
            Self::Date => DataType::Date32,
        }
    }
}

/// The values of one column, as far as the column has been told; rows after the last value are null.
#[derive(Debug)]
pub(crate) enum Values {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    Float(Float64Builder),
    Decimal(Decimal128Builder),
    Text(StringBuilder),
    Instant(TimestampMicrosecondBuilder),
    Date(Date32Builder),
    /// A column of a type that JSON values do not have here: it stays null.
    Foreign,
}

/// Brings the builder to the row, and appends.
macro_rules! append {
    ($builder:expr, $row:expr, $value:expr) => {{
        let missing = $row.saturating_sub($builder.len());
        if missing > 0 {
            $builder.append_nulls(missing);
        }
        $builder.append_value($value);
        true
    }};
}

/// A column of a table.
#[derive(Debug)]
pub(crate) struct Column {
    field: FieldRef,
    values: Values,
    /// The column stands in a batch or in a table already, so its type stays.
    pub(crate) committed: bool,
    /// An integer came that a double would not hold.
    wide_integers: bool,
    /// The table's integers have 32 bits.
    narrow: bool,
}

impl Column {
    /// A new column.
    pub(crate) fn new(name: &str, kind: Kind) -> Self {
        let field = Field::new(name, kind.data_type(), true);
        Self { committed: false, ..Self::existing(Arc::new(field)) }
    }

    /// A column that a table has already.
    pub(crate) fn existing(field: FieldRef) -> Self {
        Self {
            values: values_of(&field),
            narrow: field.data_type() == &DataType::Int32,
            field,
            committed: true,
            wide_integers: false,
        }
    }

    pub(crate) fn field(&self) -> &FieldRef {
        &self.field
    }

    /// Whether the column, met as an existing one, can be the variant of that kind.
    pub(crate) fn holds(&self, kind: Kind) -> bool {
        match kind {
            Kind::Bool => matches!(self.values, Values::Bool(_)),
            Kind::Int => self.field.data_type() == &DataType::Int64,
            Kind::Float => matches!(self.values, Values::Float(_)),
            Kind::Decimal => matches!(self.values, Values::Decimal(_)),
            Kind::Text | Kind::Json => matches!(self.values, Values::Text(_)),
            Kind::Instant => matches!(self.values, Values::Instant(_)),
            Kind::Date => matches!(self.values, Values::Date(_)),
        }
    }

    /// The bytes that a row takes in this column, text aside.
    pub(crate) fn width(&self) -> usize {
        match self.values {
            Values::Bool(_) | Values::Foreign => 1,
            Values::Text(_) | Values::Date(_) => 5,
            Values::Int(_) | Values::Float(_) | Values::Instant(_) => 9,
            Values::Decimal(_) => 17,
        }
    }

    /// Appends the value for the row, where the column holds such values exactly; false where it does not.
    pub(crate) fn bool(&mut self, row: usize, value: bool) -> bool {
        match &mut self.values {
            Values::Bool(builder) => append!(builder, row, value),
            _ => false,
        }
    }

    /// As [`Column::bool`].
    pub(crate) fn int(&mut self, row: usize, value: i64) -> bool {
        match &mut self.values {
            Values::Int(builder) => {
                if self.narrow && i32::try_from(value).is_err() {
                    return false;
                }
                self.wide_integers |= value.unsigned_abs() > EXACT_AS_FLOAT;
                append!(builder, row, value)
            }
            Values::Float(builder) if value.unsigned_abs() <= EXACT_AS_FLOAT => {
                append!(builder, row, value as f64)
            }
            Values::Decimal(builder) => append!(builder, row, i128::from(value)),
            _ => false,
        }
    }

    /// As [`Column::bool`]. Integers that are in no batch yet become doubles, where none of them changes.
    pub(crate) fn float(&mut self, row: usize, value: f64) -> bool {
        if !self.committed && !self.wide_integers {
            self.widen(Kind::Float);
        }
        match &mut self.values {
            Values::Float(builder) => append!(builder, row, value),
            _ => false,
        }
    }

    /// As [`Column::bool`]. Integers that are in no batch yet become decimals.
    pub(crate) fn decimal(&mut self, row: usize, value: i128) -> bool {
        if !self.committed {
            self.widen(Kind::Decimal);
        }
        match &mut self.values {
            Values::Decimal(builder) => append!(builder, row, value),
            _ => false,
        }
    }

    /// As [`Column::bool`].
    pub(crate) fn text(&mut self, row: usize, value: &str) -> bool {
        match &mut self.values {
            Values::Text(builder) => append!(builder, row, value),
            Values::Instant(builder) => match crate::time::parse_instant(value) {
                Some(instant) => append!(builder, row, instant),
                None => false,
            },
            Values::Date(builder) => match crate::time::parse_date(value) {
                Some(date) => append!(builder, row, date),
                None => false,
            },
            _ => false,
        }
    }

    /// Turns a column of integers into one of a wider kind.
    fn widen(&mut self, kind: Kind) {
        let Values::Int(builder) = &mut self.values else { return };
        let integers = builder.finish();
        self.field = Arc::new(Field::new(self.field.name(), kind.data_type(), true));
        self.values = values_of(&self.field);
        match &mut self.values {
            Values::Float(floats) => {
                integers.iter().for_each(|value| floats.append_option(value.map(|v| v as f64)))
            }
            Values::Decimal(decimals) => {
                integers.iter().for_each(|value| decimals.append_option(value.map(i128::from)));
            }
            _ => {}
        }
    }

    /// The array of the first `rows` rows; the column is empty then, and its type is settled.
    pub(crate) fn finish(&mut self, rows: usize) -> ArrayRef {
        self.committed = true;
        macro_rules! finish {
            ($builder:expr) => {{
                let missing = rows.saturating_sub($builder.len());
                $builder.append_nulls(missing);
                $builder.finish()
            }};
        }
        match &mut self.values {
            Values::Bool(builder) => Arc::new(finish!(builder)),
            Values::Int(builder) => narrow(finish!(builder), self.field.data_type()),
            Values::Float(builder) => Arc::new(finish!(builder)),
            Values::Decimal(builder) => Arc::new(finish!(builder)),
            Values::Text(builder) => encode(finish!(builder), self.field.data_type()),
            Values::Instant(builder) => Arc::new(finish!(builder)),
            Values::Date(builder) => Arc::new(finish!(builder)),
            Values::Foreign => arrow_array::new_null_array(self.field.data_type(), rows),
        }
    }
}

/// Builders for the values of a field.
fn values_of(field: &Field) -> Values {
    match field.data_type() {
        DataType::Boolean => Values::Bool(BooleanBuilder::new()),
        DataType::Int64 | DataType::Int32 => Values::Int(Int64Builder::new()),
        DataType::Float64 => Values::Float(Float64Builder::new()),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Values::Text(StringBuilder::new()),
        DataType::Date32 => Values::Date(Date32Builder::new()),
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if matches!(&**zone, UTC | "+00:00" | "Z") => {
            Values::Instant(TimestampMicrosecondBuilder::new().with_timezone(Arc::clone(zone)))
        }
        kind if kind == &DECIMAL => Values::Decimal(Decimal128Builder::new().with_data_type(DECIMAL)),
        _ => Values::Foreign,
    }
}

/// The integers in the type of the table; `Column::int` let in only what fits.
fn narrow(integers: Int64Array, data_type: &DataType) -> ArrayRef {
    match data_type {
        DataType::Int32 => {
            let narrow: PrimitiveArray<Int32Type> = integers.unary(|value| value as i32);
            Arc::new(narrow)
        }
        _ => Arc::new(integers),
    }
}

/// The texts in the layout of the table.
fn encode(texts: StringArray, data_type: &DataType) -> ArrayRef {
    match data_type {
        DataType::LargeUtf8 => Arc::new(texts.iter().collect::<LargeStringArray>()),
        DataType::Utf8View => Arc::new(texts.iter().collect::<StringViewArray>()),
        _ => Arc::new(texts),
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::Array;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Decimal128Type, Float64Type};

    use super::*;

    #[test]
    fn integers_widen_before_the_first_batch_only() {
        let mut column = Column::new("a", Kind::Int);
        assert!(column.int(0, 7) && column.float(2, 1.5));
        let array = column.finish(4);
        assert_eq!(
            array.as_primitive::<Float64Type>().iter().collect::<Vec<_>>(),
            [Some(7.0), None, Some(1.5), None]
        );
        let mut column = Column::new("a", Kind::Int);
        assert!(column.int(0, 7));
        column.finish(1);
        assert!(!column.float(0, 1.5) && !column.decimal(0, 1));
    }

    #[test]
    fn integers_that_would_change_do_not_widen_to_doubles() {
        let mut column = Column::new("a", Kind::Int);
        assert!(column.int(0, (1 << 53) + 1));
        assert!(!column.float(1, 1.5));
        assert!(column.decimal(1, 1 << 70));
        let array = column.finish(2);
        assert_eq!(array.as_primitive::<Decimal128Type>().values().to_vec(), [(1 << 53) + 1, 1 << 70]);
    }

    #[test]
    fn kinds_do_not_mix() {
        assert!(!Column::new("a", Kind::Bool).int(0, 1));
        assert!(!Column::new("a", Kind::Int).bool(0, true));
        assert!(!Column::new("a", Kind::Text).int(0, 1));
        assert!(!Column::new("a", Kind::Instant).text(0, "soon"));
        assert!(!Column::new("a", Kind::Float).int(0, (1 << 53) + 1));
        let narrow = Arc::new(Field::new("a", DataType::Int32, true));
        assert!(!Column::existing(narrow).int(0, 1 << 31));
    }

    #[test]
    fn existing_columns_keep_their_layout() {
        for data_type in [
            DataType::Int32,
            DataType::LargeUtf8,
            DataType::Utf8View,
            DataType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
            DataType::Timestamp(TimeUnit::Second, None),
            DataType::Binary,
        ] {
            let mut column = Column::existing(Arc::new(Field::new("a", data_type.clone(), true)));
            let array = column.finish(3);
            assert_eq!((array.data_type(), array.len(), array.logical_null_count()), (&data_type, 3, 3));
        }
    }
}
