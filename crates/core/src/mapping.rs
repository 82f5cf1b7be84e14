//! How the columns of a table are found in its files, and the metadata of fields that says so.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::{
    Array, ArrayRef, GenericListArray, MapArray, OffsetSizeTrait, RecordBatch, RecordBatchOptions,
    StructArray, new_null_array,
};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::{DataType, Field, FieldRef, Fields, SchemaRef};

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
#[must_use]
pub fn field_id(field: &Field) -> Option<i32> {
    field.metadata().get(FIELD_ID).and_then(|id| id.parse().ok())
}

/// The field with this id.
#[must_use]
pub fn with_field_id(field: Field, id: i32) -> Field {
    let mut metadata: HashMap<String, String> = field.metadata().clone();
    metadata.insert(FIELD_ID.to_owned(), id.to_string());
    field.with_metadata(metadata)
}

impl FieldMapping {
    /// Matches by name.
    #[must_use]
    pub fn by_name() -> Self {
        Self::default()
    }

    /// Matches by `by`.
    #[must_use]
    pub fn new(by: MapBy) -> Self {
        Self { by, names: BTreeMap::new() }
    }

    /// The name that a field of the table has in files that we write.
    #[must_use]
    pub fn physical_name<'a>(&self, field: &'a Field) -> &'a str {
        match self.by {
            MapBy::Name => field.name(),
            // Delta's tables that are mapped by id have physical names as well.
            MapBy::PhysicalName | MapBy::FieldId => {
                field.metadata().get(PHYSICAL_NAME).map_or(field.name(), String::as_str)
            }
        }
    }

    /// The place of a table's field among the fields of a file (at the top or inside a struct).
    #[must_use]
    pub fn find(&self, wanted: &Field, file: &Fields) -> Option<usize> {
        let by_name = |name: &str| file.iter().position(|field| field.name() == name);
        match self.by {
            MapBy::Name => by_name(wanted.name()),
            MapBy::PhysicalName => by_name(self.physical_name(wanted)),
            MapBy::FieldId => {
                let Some(id) = field_id(wanted) else { return by_name(wanted.name()) };
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
    ///
    /// # Errors
    /// `InvalidData` when a value does not fit its field's type, or a field that must not be null is absent.
    pub fn adapt(&self, batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
        if Arc::ptr_eq(batch.schema_ref(), schema) {
            return Ok(batch.clone());
        }
        let columns = self.adapt_fields(
            batch.columns(),
            batch.schema_ref().fields(),
            schema.fields(),
            batch.num_rows(),
        )?;
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        Ok(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
    }

    fn adapt_fields(
        &self,
        columns: &[ArrayRef],
        have: &Fields,
        want: &Fields,
        rows: usize,
    ) -> Result<Vec<ArrayRef>> {
        want.iter()
            .map(|field| match self.find(field, have).and_then(|place| columns.get(place)) {
                Some(column) => self.adapt_array(column, field),
                None => default_array(field, rows),
            })
            .collect()
    }

    /// One column in the shape of `field`; see [`FieldMapping::adapt`].
    ///
    /// # Errors
    /// As [`FieldMapping::adapt`].
    pub fn adapt_array(&self, array: &ArrayRef, field: &FieldRef) -> Result<ArrayRef> {
        if array.data_type() == field.data_type() {
            return Ok(array.clone());
        }
        match (array.data_type(), field.data_type()) {
            (DataType::Struct(have), DataType::Struct(want)) => {
                let array = array.as_struct();
                let columns = self.adapt_fields(array.columns(), have, want, array.len())?;
                let columns = columns
                    .into_iter()
                    .zip(want)
                    .map(|(c, f)| self.hide(c, f, array))
                    .collect::<Result<_>>()?;
                Ok(Arc::new(StructArray::try_new_with_length(
                    want.clone(),
                    columns,
                    array.nulls().cloned(),
                    array.len(),
                )?))
            }
            (DataType::List(_), DataType::List(element)) => self.adapt_list::<i32>(array, element),
            (DataType::LargeList(_), DataType::LargeList(element)) => self.adapt_list::<i64>(array, element),
            (DataType::Map(..), DataType::Map(entries, sorted)) => {
                let array = array.as_map();
                let (_, offsets, inner, nulls, _) = array.clone().into_parts();
                let DataType::Struct(want) = entries.data_type() else {
                    return Err(Error::invalid_data("the entries of a map are no struct"));
                };
                // Keys and values are matched by place: their names differ between writers.
                let columns = inner
                    .columns()
                    .iter()
                    .zip(want)
                    .map(|(c, f)| self.adapt_array(c, f))
                    .collect::<Result<_>>()?;
                let inner = StructArray::try_new(want.clone(), columns, inner.nulls().cloned())?;
                Ok(Arc::new(MapArray::try_new(entries.clone(), offsets, inner, nulls, *sorted)?))
            }
            _ => {
                let options = CastOptions { safe: false, ..CastOptions::default() };
                cast_with_options(array, field.data_type(), &options).map_err(|e| {
                    Error::invalid_data("a column of the file does not fit the table")
                        .with_context("column", field.name())
                        .with_context("file_type", array.data_type())
                        .with_context("table_type", field.data_type())
                        .with_source(e)
                })
            }
        }
    }

    fn adapt_list<O: OffsetSizeTrait>(&self, array: &ArrayRef, element: &FieldRef) -> Result<ArrayRef> {
        let (_, offsets, values, nulls) = array.as_list::<O>().clone().into_parts();
        let values = self.adapt_array(&values, element)?;
        Ok(Arc::new(GenericListArray::<O>::try_new(element.clone(), offsets, values, nulls)?))
    }

    /// A default that was filled in under a null parent is null there.
    fn hide(&self, child: ArrayRef, field: &FieldRef, parent: &StructArray) -> Result<ArrayRef> {
        let filled =
            field.metadata().contains_key(INITIAL_DEFAULT) && self.find(field, parent.fields()).is_none();
        match parent.nulls() {
            Some(nulls) if filled => {
                let data = child.to_data().into_builder().nulls(Some(nulls.clone())).build()?;
                Ok(arrow_array::make_array(data))
            }
            _ => Ok(child),
        }
    }
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
///
/// # Errors
/// `InvalidInput` when arrow cannot repeat values of the type.
pub fn repeat(value: &Scalar, rows: usize) -> Result<ArrayRef> {
    if value.is_null() {
        return Ok(new_null_array(value.data_type(), rows));
    }
    // A dictionary whose every key is the one value, unpacked: works for values of every type.
    let keys = arrow_array::Int32Array::from(vec![0; rows]);
    let dictionary: ArrayRef = Arc::new(arrow_array::DictionaryArray::try_new(keys, value.array().clone())?);
    Ok(arrow_cast::cast(&dictionary, value.data_type())?)
}

#[cfg(test)]
mod tests {
    use arrow_array::{Int32Array, Int64Array, StringArray};
    use arrow_schema::Schema;

    use super::*;

    fn id(name: &str, data_type: DataType, id: i32) -> Field {
        with_field_id(Field::new(name, data_type, true), id)
    }

    #[test]
    fn fields_are_renamed_widened_and_defaulted_by_id_at_every_depth() {
        let inner = Fields::from(vec![id("x", DataType::Int32, 3)]);
        let file =
            Schema::new(vec![id("old", DataType::Int32, 1), id("s", DataType::Struct(inner.clone()), 2)]);
        let x: ArrayRef = Arc::new(Int32Array::from(vec![7, 8]));
        let s = StructArray::new(inner, vec![x.clone()], Some(vec![true, false].into()));
        let batch = RecordBatch::try_new(Arc::new(file), vec![x, Arc::new(s)]).unwrap();

        let default = HashMap::from([(INITIAL_DEFAULT.to_owned(), "dd".to_owned())]);
        let d = id("d", DataType::Utf8, 4);
        let metadata = d.metadata().clone().into_iter().chain(default).collect();
        let inner = Fields::from(vec![d.with_metadata(metadata), id("y", DataType::Int64, 3)]);
        let table = Schema::new(vec![
            id("s", DataType::Struct(inner), 2),
            id("new", DataType::Int64, 1),
            id("old", DataType::Int64, 9),
        ]);
        let out = FieldMapping::new(MapBy::FieldId).adapt(&batch, &Arc::new(table)).unwrap();
        assert_eq!(out.column(1).as_ref(), &Int64Array::from(vec![7, 8]));
        assert_eq!(
            out.column(2).null_count(),
            2,
            "a name that is used again under a new id is another column"
        );
        let s = out.column(0).as_struct();
        assert_eq!(s.column(0).as_ref(), &StringArray::from(vec![Some("dd"), None]));
        assert_eq!(s.column(1).as_ref(), &Int64Array::from(vec![7, 8]));
    }

    #[test]
    fn a_column_that_fits_is_not_copied_and_one_that_does_not_is_named() {
        let a: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
        let batch = RecordBatch::try_from_iter(vec![("a", a.clone())]).unwrap();
        let same = Arc::new(Schema::new(vec![Field::new("a", DataType::Utf8, true)]));
        let out = FieldMapping::by_name().adapt(&batch, &same).unwrap();
        assert!(Arc::ptr_eq(out.column(0), &a));
        let number = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, true)]));
        let error = FieldMapping::by_name().adapt(&batch, &number).unwrap_err();
        assert_eq!(error.context("column"), Some("a"));
    }
}
