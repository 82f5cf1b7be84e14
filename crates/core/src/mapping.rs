//! How the columns of a table are found in its files, and the metadata of fields that says so.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    IntervalDayTime, IntervalDayTimeType, IntervalMonthDayNanoType, IntervalYearMonthType,
};
use arrow_array::{
    Array, ArrayRef, DictionaryArray, FixedSizeListArray, GenericListArray, Int32Array, MapArray,
    OffsetSizeTrait, RecordBatch, RecordBatchOptions, StructArray, make_array, new_null_array,
};
use arrow_cast::cast;
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields, IntervalUnit, SchemaRef};

use crate::scalar::cast_exactly;
use crate::{Error, Result, Scalar};

/// The metadata key under which a field has its id, the one that the parquet crate reads and writes.
pub const FIELD_ID: &str = "PARQUET:field_id";
/// The metadata key of a field's name inside files, where it differs (Delta column mapping).
pub const PHYSICAL_NAME: &str = "stitchwork.physical_name";
/// The metadata key of the value, in arrow's spelling, of rows in files that are older than the field.
pub const INITIAL_DEFAULT: &str = "stitchwork.initial_default";
/// The metadata key of a field's comment.
pub const COMMENT: &str = "stitchwork.comment";

/// What the fields of a table are matched by in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MapBy {
    /// The name of the field.
    #[default]
    Name,
    /// The field's [`PHYSICAL_NAME`], else its name.
    PhysicalName,
    /// The field's [`FIELD_ID`]. In a file without any id, [`FieldMapping::names`] and then names.
    FieldId,
}

/// How fields of the table are found in files.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FieldMapping {
    /// What fields are matched by.
    pub by: MapBy,
    /// For files without ids: the names under which each id may stand (Iceberg's name mapping).
    pub names: BTreeMap<i32, Vec<String>>,
}

/// The id of a field, if it has one.
pub fn field_id(field: &Field) -> Option<i32> {
    field.metadata().get(FIELD_ID).and_then(|id| id.parse().ok())
}

/// The field with this id.
pub fn with_field_id(mut field: Field, id: i32) -> Field {
    field.metadata_mut().insert(FIELD_ID.to_owned(), id.to_string());
    field
}

impl FieldMapping {
    /// Matches by name.
    pub fn by_name() -> Self {
        Self::default()
    }

    /// Matches by `by`.
    pub fn new(by: MapBy) -> Self {
        Self { by, names: BTreeMap::new() }
    }

    /// The name that a field of the table has in files that we write.
    pub fn physical_name<'a>(&self, field: &'a Field) -> &'a str {
        match self.by {
            MapBy::Name => field.name(),
            // Delta's tables that are mapped by id have physical names as well.
            _ => field.metadata().get(PHYSICAL_NAME).unwrap_or(field.name()),
        }
    }

    /// The place of a table's field among the fields of a file (at the top or inside a struct).
    pub fn find(&self, wanted: &Field, file: &Fields) -> Option<usize> {
        let by_name = |name: &str| file.iter().position(|field| field.name() == name);
        match self.by {
            MapBy::Name => by_name(wanted.name()),
            MapBy::PhysicalName => by_name(self.physical_name(wanted)),
            MapBy::FieldId => {
                let Some(id) = field_id(wanted) else { return by_name(wanted.name()) };
                // Ids mostly ascend, and looking at each of thousands for each of thousands takes long.
                let guess = file.partition_point(|field| field_id(field).is_some_and(|other| other < id));
                if file.get(guess).is_some_and(|field| field_id(field) == Some(id)) {
                    return Some(guess);
                }
                if file.iter().any(|field| field_id(field).is_some()) {
                    return file.iter().position(|field| field_id(field) == Some(id));
                }
                match self.names.get(&id) {
                    Some(names) => names.iter().find_map(|name| by_name(name)),
                    None if self.names.is_empty() => by_name(wanted.name()),
                    None => None,
                }
            }
        }
    }

    /// The rows of a file in the shape of `schema`: fields found by this mapping, in order, cast to their
    /// type, absent ones filled with their default or null, at every depth.
    ///
    /// A column that is there in its type already is passed on without a copy.
    /// # Errors
    /// `InvalidData` when a value does not fit its field's type, or a field that must not be null is absent.
    pub fn adapt(&self, batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
        if Arc::ptr_eq(batch.schema_ref(), schema) {
            return Ok(batch.clone());
        }
        let (have, rows) = (batch.schema_ref().fields(), batch.num_rows());
        let columns = self.adapt_fields(batch.columns(), have, schema.fields(), rows)?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
    }

    fn adapt_fields(
        &self,
        columns: &[ArrayRef],
        have: &Fields,
        want: &Fields,
        rows: usize,
    ) -> Result<Vec<ArrayRef>> {
        let adapted = want.iter().map(|field| match self.find(field, have).and_then(|i| columns.get(i)) {
            Some(column) => self.adapt_array(column, field),
            None => default_array(field, rows),
        });
        adapted.collect()
    }

    /// One column in the shape of `field`; see [`FieldMapping::adapt`].
    /// # Errors
    /// As [`FieldMapping::adapt`].
    pub fn adapt_array(&self, array: &ArrayRef, field: &FieldRef) -> Result<ArrayRef> {
        if array.data_type() == field.data_type() {
            return Ok(array.clone());
        }
        match (array.data_type(), field.data_type()) {
            (DataType::Struct(have), DataType::Struct(want)) => {
                let (array, rows) = (array.as_struct(), array.len());
                let mut columns = self.adapt_fields(array.columns(), have, want, rows)?;
                for (column, field) in columns.iter_mut().zip(want) {
                    // A default that was filled in under a null parent is null there.
                    if field.metadata().contains_key(INITIAL_DEFAULT) && self.find(field, have).is_none() {
                        *column = null_under(array, column)?;
                    }
                }
                let nulls = array.nulls().cloned();
                Ok(Arc::new(StructArray::try_new_with_length(want.clone(), columns, nulls, rows)?))
            }
            (DataType::List(_), DataType::List(element)) => self.adapt_list::<i32>(array, element),
            (DataType::LargeList(_), DataType::LargeList(element)) => self.adapt_list::<i64>(array, element),
            (DataType::FixedSizeList(_, have), DataType::FixedSizeList(element, size)) if have == size => {
                self.adapt_fixed_list(array, element)
            }
            // Another layout of the same values first, of which the values are then adapted.
            (
                DataType::FixedSizeList(element, _)
                | DataType::LargeList(element)
                | DataType::List(element)
                | DataType::ListView(element)
                | DataType::LargeListView(element),
                DataType::List(want)
                | DataType::LargeList(want)
                | DataType::ListView(want)
                | DataType::LargeListView(want),
            ) => {
                let to = field.data_type();
                let adapted = if matches!(to, DataType::LargeList(_) | DataType::LargeListView(_)) {
                    let array = cast_exactly(array, &DataType::LargeList(element.clone()))?;
                    self.adapt_list::<i64>(&array, want)?
                } else {
                    let array = cast_exactly(array, &DataType::List(element.clone()))?;
                    self.adapt_list::<i32>(&array, want)?
                };
                // A view over the same values, or what it is already.
                Ok(cast_exactly(&adapted, to)?)
            }
            (DataType::Dictionary(_, values), _) if values.is_nested() => {
                self.adapt_array(&cast_exactly(array, values)?, field)
            }
            (DataType::Map(..), DataType::Map(entries, sorted)) => self.adapt_map(array, entries, *sorted),
            (have, want) => match (have, want) {
                (DataType::Interval(IntervalUnit::MonthDayNano), DataType::Interval(unit)) => {
                    interval(array, *unit)
                }
                _ => cast_exactly(array, want),
            }
            .map_err(|e| {
                Error::invalid_data("a column of the file does not fit the table")
                    .with_context("column", field.name())
                    .with_context("file_type", array.data_type())
                    .with_context("table_type", field.data_type())
                    .with_source(e)
            }),
        }
    }

    fn adapt_fixed_list(&self, array: &ArrayRef, element: &FieldRef) -> Result<ArrayRef> {
        let (_, size, values, nulls) = array.as_fixed_size_list().clone().into_parts();
        let values = self.adapt_array(&values, element)?;
        let (element, rows) = (element.clone(), array.len());
        Ok(Arc::new(FixedSizeListArray::try_new_with_length(element, size, values, nulls, rows)?))
    }

    fn adapt_map(&self, array: &ArrayRef, entries: &FieldRef, sorted: bool) -> Result<ArrayRef> {
        let (_, offsets, inner, nulls, _) = array.as_map().clone().into_parts();
        let DataType::Struct(want) = entries.data_type() else {
            return Err(Error::invalid_data("the entries of a map are no struct"));
        };
        // Keys and values are matched by place: their names differ between writers.
        let columns = inner.columns().iter().zip(want).map(|(c, f)| self.adapt_array(c, f));
        let columns = columns.collect::<Result<_>>()?;
        let inner = StructArray::try_new(want.clone(), columns, inner.nulls().cloned())?;
        Ok(Arc::new(MapArray::try_new(entries.clone(), offsets, inner, nulls, sorted)?))
    }

    fn adapt_list<O: OffsetSizeTrait>(&self, array: &ArrayRef, element: &FieldRef) -> Result<ArrayRef> {
        let (_, offsets, values, nulls) = array.as_list::<O>().clone().into_parts();
        let values = self.adapt_array(&values, element)?;
        Ok(Arc::new(GenericListArray::<O>::try_new(element.clone(), offsets, values, nulls)?))
    }
}

/// Intervals of months, days and nanoseconds in a unit that has fewer parts, for which arrow has no cast.
fn interval(array: &dyn Array, unit: IntervalUnit) -> Result<ArrayRef, ArrowError> {
    let spans = array.as_primitive::<IntervalMonthDayNanoType>();
    let misfit = || ArrowError::CastError("an interval has parts that the type has not".to_owned());
    Ok(match unit {
        IntervalUnit::YearMonth => Arc::new(spans.try_unary::<_, IntervalYearMonthType, _>(|span| {
            if span.days == 0 && span.nanoseconds == 0 { Ok(span.months) } else { Err(misfit()) }
        })?),
        IntervalUnit::DayTime => Arc::new(spans.try_unary::<_, IntervalDayTimeType, _>(|span| {
            let whole = span.months == 0 && span.nanoseconds % 1_000_000 == 0;
            let millis = i32::try_from(span.nanoseconds / 1_000_000).ok().filter(|_| whole);
            millis.map(|millis| IntervalDayTime::new(span.days, millis)).ok_or_else(misfit)
        })?),
        IntervalUnit::MonthDayNano => Arc::new(spans.clone()),
    })
}

/// A field of a struct, null also where the struct is.
pub(crate) fn null_under(parent: &StructArray, child: &ArrayRef) -> Result<ArrayRef> {
    let Some(outer) = parent.nulls() else { return Ok(child.clone()) };
    let nulls = match child.nulls() {
        Some(inner) => (inner.inner() & outer.inner()).into(),
        None => outer.clone(),
    };
    Ok(make_array(child.to_data().into_builder().nulls(Some(nulls)).build()?))
}

/// `rows` times the value of rows that are older than the field.
fn default_array(field: &Field, rows: usize) -> Result<ArrayRef> {
    match field.metadata().get(INITIAL_DEFAULT) {
        Some(text) => repeat(&Scalar::parse(text, field.data_type())?, rows),
        None if field.is_nullable() || rows == 0 => Ok(new_null_array(field.data_type(), rows)),
        None => Err(Error::invalid_data("the file lacks a column that must not be null")
            .with_context("column", field.name())),
    }
}

/// A column that holds `value` in each of `rows` rows.
/// # Errors
/// `InvalidInput` when arrow cannot repeat values of the type.
pub fn repeat(value: &Scalar, rows: usize) -> Result<ArrayRef> {
    if value.is_null() {
        return Ok(new_null_array(value.data_type(), rows));
    }
    // A dictionary whose every key is the one value, unpacked: works for values of every type.
    let keys = Int32Array::from(vec![0; rows]);
    let dictionary = DictionaryArray::try_new(keys, value.array().clone())?;
    Ok(cast(&dictionary, value.data_type())?)
}
