//! The rows of a checkpoint's Parquet files as actions.

use std::borrow::Cow;

use arrow_array::cast::AsArray;
use arrow_array::types::{Int8Type, Int16Type, Int32Type, Int64Type};
use arrow_array::{Array, Int32Array, Int64Array, MapArray, RecordBatch, StringArray, StructArray};
use arrow_schema::DataType;
use serde_json::{Map, Value};
use stitchwork_core::{Error, Result, Scalar};

use crate::actions::{Add, DeletionVector, StringMap};
use crate::values;

/// The `add` column of a batch, its fields found once.
#[derive(Debug)]
pub(crate) struct AddRows<'a> {
    add: &'a StructArray,
    path: &'a StringArray,
    size: &'a Int64Array,
    modification_time: Option<&'a Int64Array>,
    partition_values: Option<&'a MapArray>,
    tags: Option<&'a MapArray>,
    stats: Option<&'a StringArray>,
    stats_parsed: Option<&'a StructArray>,
    vector: Option<VectorRows<'a>>,
}

#[derive(Debug)]
struct VectorRows<'a> {
    whole: &'a StructArray,
    storage_type: &'a StringArray,
    path: &'a StringArray,
    offset: Option<&'a Int32Array>,
    size: &'a Int32Array,
    cardinality: &'a Int64Array,
}

fn broken(column: &str) -> Error {
    Error::invalid_data("a checkpoint lacks a column, or has it in another type")
        .with_context("column", column)
}

fn strings<'a>(array: &'a StructArray, name: &'static str) -> Result<&'a StringArray> {
    array.column_by_name(name).and_then(|c| c.as_string_opt()).ok_or_else(|| broken(name))
}

fn longs<'a>(array: &'a StructArray, name: &'static str) -> Result<&'a Int64Array> {
    array.column_by_name(name).and_then(|c| c.as_primitive_opt()).ok_or_else(|| broken(name))
}

impl<'a> AddRows<'a> {
    /// The adds of a batch; `None` where the file has no such column.
    pub(crate) fn try_new(batch: &'a RecordBatch) -> Result<Option<Self>> {
        let Some(column) = batch.column_by_name("add") else { return Ok(None) };
        let add = column.as_struct_opt().ok_or_else(|| broken("add"))?;
        let map = |name: &str| add.column_by_name(name).and_then(|c| c.as_map_opt());
        let vector = match add.column_by_name("deletionVector").and_then(|c| c.as_struct_opt()) {
            None => None,
            Some(whole) => Some(VectorRows {
                whole,
                storage_type: strings(whole, "storageType")?,
                path: strings(whole, "pathOrInlineDv")?,
                offset: whole.column_by_name("offset").and_then(|c| c.as_primitive_opt()),
                size: whole
                    .column_by_name("sizeInBytes")
                    .and_then(|c| c.as_primitive_opt())
                    .ok_or_else(|| broken("sizeInBytes"))?,
                cardinality: longs(whole, "cardinality")?,
            }),
        };
        Ok(Some(Self {
            add,
            path: strings(add, "path")?,
            size: longs(add, "size")?,
            modification_time: longs(add, "modificationTime").ok(),
            partition_values: map("partitionValues"),
            tags: map("tags"),
            stats: add.column_by_name("stats").and_then(|c| c.as_string_opt()),
            stats_parsed: add.column_by_name("stats_parsed").and_then(|c| c.as_struct_opt()),
            vector,
        }))
    }

    pub(crate) fn len(&self) -> usize {
        self.add.len()
    }

    /// Whether the row is an add. Its children cannot tell: they may have no nulls of their own.
    pub(crate) fn is_add(&self, row: usize) -> bool {
        self.add.is_valid(row) && self.path.is_valid(row)
    }

    pub(crate) fn path(&self, row: usize) -> &'a str {
        self.path.value(row)
    }

    /// Appends a text that differs between any two partitions.
    pub(crate) fn write_partition_key(&self, row: usize, out: &mut String) {
        for_each_entry(self.partition_values, row, &mut |key, value| {
            out.push_str(key);
            out.push('\0');
            // A null and an empty text are the same partition value.
            out.push_str(value.unwrap_or_default());
            out.push('\0');
        });
    }

    pub(crate) fn partition_values(&self, row: usize) -> StringMap {
        map_row(self.partition_values, row).unwrap_or_default()
    }

    pub(crate) fn vector(&self, row: usize) -> Option<DeletionVector> {
        let vector = self.vector.as_ref().filter(|v| v.whole.is_valid(row) && v.path.is_valid(row))?;
        Some(DeletionVector {
            storage_type: vector.storage_type.value(row).to_owned(),
            path_or_inline_dv: vector.path.value(row).to_owned(),
            offset: vector.offset.filter(|o| o.is_valid(row)).map(|o| o.value(row)),
            size_in_bytes: vector.size.value(row),
            cardinality: vector.cardinality.value(row),
        })
    }

    /// The statistics as JSON, made from the parsed ones where the checkpoint has only those.
    pub(crate) fn stats(&self, row: usize) -> Result<Option<Cow<'a, str>>> {
        if let Some(stats) = self.stats.filter(|stats| stats.is_valid(row)) {
            return Ok(Some(Cow::Borrowed(stats.value(row))));
        }
        match self.stats_parsed.filter(|stats| stats.is_valid(row)) {
            Some(parsed) => {
                let mut out = String::new();
                write_parsed(parsed, row, false, &mut out)?;
                Ok(Some(Cow::Owned(out)))
            }
            None => Ok(None),
        }
    }

    /// The action of a row, with statistics that are at hand already.
    pub(crate) fn add(&self, row: usize, vector: Option<DeletionVector>, stats: Option<Cow<'a, str>>) -> Add {
        Add {
            path: self.path(row).to_owned(),
            partition_values: self.partition_values(row),
            size: self.size.value(row),
            modification_time: self.modification_time.map_or(0, |times| times.value(row)),
            data_change: false,
            stats: stats.map(Cow::into_owned),
            tags: map_row(self.tags, row),
            deletion_vector: vector,
        }
    }
}

fn for_each_entry(map: Option<&MapArray>, row: usize, each: &mut dyn FnMut(&str, Option<&str>)) {
    let Some(map) = map.filter(|map| map.is_valid(row)) else { return };
    let (Some(keys), Some(values)) = (map.keys().as_string_opt::<i32>(), map.values().as_string_opt::<i32>())
    else {
        return;
    };
    let offsets = map.value_offsets();
    let (Some(start), Some(end)) = (offsets.get(row), offsets.get(row + 1)) else { return };
    for entry in *start..*end {
        let entry = usize::try_from(entry).unwrap_or_default();
        each(keys.value(entry), values.is_valid(entry).then(|| values.value(entry)));
    }
}

fn map_row(map: Option<&MapArray>, row: usize) -> Option<StringMap> {
    map.filter(|map| map.is_valid(row))?;
    let mut out = StringMap::new();
    for_each_entry(map, row, &mut |key, value| {
        out.insert(key.to_owned(), value.map(str::to_owned));
    });
    Some(out)
}

/// Writes a row of `stats_parsed` as the JSON of `stats`.
fn write_parsed(array: &StructArray, row: usize, upper: bool, out: &mut String) -> Result<()> {
    out.push('{');
    let mut comma = false;
    for (field, column) in array.fields().iter().zip(array.columns()) {
        if column.is_null(row) {
            continue;
        }
        let start = out.len();
        if comma {
            out.push(',');
        }
        out.push_str(&Value::String(field.name().clone()).to_string());
        out.push(':');
        let written = match column.data_type() {
            DataType::Struct(_) => {
                write_parsed(column.as_struct(), row, upper || field.name() == "maxValues", out)?;
                true
            }
            DataType::Boolean => {
                out.push_str(if column.as_boolean().value(row) { "true" } else { "false" });
                true
            }
            _ => values::write_bound(out, &Scalar::from_array(column, row)?, upper),
        };
        if written {
            comma = true;
        } else {
            out.truncate(start);
        }
    }
    out.push('}');
    Ok(())
}

/// A row of a column as JSON, nulls left out: for the few rows that are no files.
pub(crate) fn row_json(array: &dyn Array, row: usize) -> Value {
    if row >= array.len() || array.is_null(row) {
        return Value::Null;
    }
    match array.data_type() {
        DataType::Utf8 => Value::from(array.as_string::<i32>().value(row)),
        DataType::Boolean => Value::from(array.as_boolean().value(row)),
        DataType::Int8 => Value::from(array.as_primitive::<Int8Type>().value(row)),
        DataType::Int16 => Value::from(array.as_primitive::<Int16Type>().value(row)),
        DataType::Int32 => Value::from(array.as_primitive::<Int32Type>().value(row)),
        DataType::Int64 => Value::from(array.as_primitive::<Int64Type>().value(row)),
        DataType::List(_) => {
            let values = array.as_list::<i32>().value(row);
            Value::Array((0..values.len()).map(|i| row_json(&values, i)).collect())
        }
        DataType::Map(..) => {
            let map = map_row(Some(array.as_map()), row).unwrap_or_default();
            Value::Object(map.into_iter().map(|(k, v)| (k, v.map_or(Value::Null, Value::String))).collect())
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns();
            let object: Map<String, Value> = fields
                .iter()
                .zip(columns)
                .map(|(field, column)| (field.name().clone(), row_json(column, row)))
                .filter(|(_, value)| !value.is_null())
                .collect();
            Value::Object(object)
        }
        _ => Value::Null,
    }
}
