//! Actions as the rows of a checkpoint (Delta protocol, "Checkpoint Schema").

use std::sync::Arc;

use arrow_array::builder::{ListBuilder, MapBuilder, MapFieldNames, StringBuilder};
use arrow_array::{
    ArrayRef, BooleanArray, Int32Array, Int64Array, RecordBatch, StringArray, StructArray, new_null_array,
};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};
use stitchwork_core::Result;

use crate::actions::{Add, DeletionVector, Remove, StringMap};
use crate::schema::string_map;
use crate::state::State;

fn list() -> DataType {
    DataType::List(Arc::new(Field::new("element", DataType::Utf8, true)))
}

fn structure(fields: &[(&str, DataType)]) -> DataType {
    DataType::Struct(fields.iter().map(|(name, t)| Field::new(*name, t.clone(), true)).collect())
}

fn vector_type() -> DataType {
    structure(&[
        ("storageType", DataType::Utf8),
        ("pathOrInlineDv", DataType::Utf8),
        ("offset", DataType::Int32),
        ("sizeInBytes", DataType::Int32),
        ("cardinality", DataType::Int64),
    ])
}

/// One column per action.
pub(super) fn schema() -> SchemaRef {
    use DataType::{Boolean, Int32, Int64, Utf8};
    let columns = [
        ("txn", structure(&[("appId", Utf8), ("version", Int64), ("lastUpdated", Int64)])),
        (
            "add",
            structure(&[
                ("path", Utf8),
                ("partitionValues", string_map()),
                ("size", Int64),
                ("modificationTime", Int64),
                ("dataChange", Boolean),
                ("stats", Utf8),
                ("tags", string_map()),
                ("deletionVector", vector_type()),
            ]),
        ),
        (
            "remove",
            structure(&[
                ("path", Utf8),
                ("deletionTimestamp", Int64),
                ("dataChange", Boolean),
                ("extendedFileMetadata", Boolean),
                ("partitionValues", string_map()),
                ("size", Int64),
                ("deletionVector", vector_type()),
            ]),
        ),
        (
            "metaData",
            structure(&[
                ("id", Utf8),
                ("name", Utf8),
                ("description", Utf8),
                ("format", structure(&[("provider", Utf8), ("options", string_map())])),
                ("schemaString", Utf8),
                ("partitionColumns", list()),
                ("configuration", string_map()),
                ("createdTime", Int64),
            ]),
        ),
        (
            "protocol",
            structure(&[
                ("minReaderVersion", Int32),
                ("minWriterVersion", Int32),
                ("readerFeatures", list()),
                ("writerFeatures", list()),
            ]),
        ),
        ("domainMetadata", structure(&[("domain", Utf8), ("configuration", Utf8), ("removed", Boolean)])),
    ];
    Arc::new(Schema::new(columns.map(|(name, t)| Field::new(name, t, true)).to_vec()))
}

/// A batch in which one column has rows and the others are null.
fn batch(column: &str, values: Vec<ArrayRef>) -> Result<RecordBatch> {
    let schema = schema();
    let rows = values.first().map_or(0, |values| values.len());
    let mut values = Some(values);
    let columns = schema
        .fields()
        .iter()
        .map(|field| match (field.data_type(), values.take_if(|_| field.name() == column)) {
            (DataType::Struct(fields), Some(values)) => structs(fields, values),
            (other, _) => Ok(new_null_array(other, rows)),
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(RecordBatch::try_new(schema, columns)?)
}

fn structs(fields: &Fields, values: Vec<ArrayRef>) -> Result<ArrayRef> {
    Ok(Arc::new(StructArray::try_new(fields.clone(), values, None)?))
}

fn text<'a>(values: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

fn long(values: impl Iterator<Item = Option<i64>>) -> ArrayRef {
    Arc::new(values.collect::<Int64Array>())
}

fn boolean(values: impl Iterator<Item = Option<bool>>) -> ArrayRef {
    Arc::new(values.collect::<BooleanArray>())
}

fn maps<'a>(values: impl Iterator<Item = Option<&'a StringMap>>) -> Result<ArrayRef> {
    let names =
        MapFieldNames { entry: "key_value".to_owned(), key: "key".to_owned(), value: "value".to_owned() };
    let mut builder = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new());
    for map in values {
        for (key, value) in map.into_iter().flatten() {
            builder.keys().append_value(key);
            builder.values().append_option(value.as_deref());
        }
        builder.append(map.is_some())?;
    }
    Ok(Arc::new(builder.finish()))
}

fn lists<'a>(values: impl Iterator<Item = Option<&'a Vec<String>>>) -> ArrayRef {
    let mut builder = ListBuilder::new(StringBuilder::new()).with_field(Arc::new(Field::new(
        "element",
        DataType::Utf8,
        true,
    )));
    for list in values {
        builder.append_option(list.map(|list| list.iter().map(Some)));
    }
    Arc::new(builder.finish())
}

fn vectors<'a>(values: impl Iterator<Item = Option<&'a DeletionVector>> + Clone) -> Result<ArrayRef> {
    let DataType::Struct(fields) = vector_type() else { return Ok(new_null_array(&vector_type(), 0)) };
    let columns: Vec<ArrayRef> = vec![
        text(values.clone().map(|v| v.map(|v| v.storage_type.as_str()))),
        text(values.clone().map(|v| v.map(|v| v.path_or_inline_dv.as_str()))),
        Arc::new(values.clone().map(|v| v.and_then(|v| v.offset)).collect::<Int32Array>()),
        Arc::new(values.clone().map(|v| v.map(|v| v.size_in_bytes)).collect::<Int32Array>()),
        long(values.clone().map(|v| v.map(|v| v.cardinality))),
    ];
    let valid: Vec<bool> = values.map(|v| v.is_some()).collect();
    Ok(Arc::new(StructArray::try_new(fields, columns, Some(valid.into()))?))
}

pub(super) fn adds(adds: &[Arc<Add>]) -> Result<RecordBatch> {
    let rows = || adds.iter();
    let columns = vec![
        text(rows().map(|a| Some(a.path.as_str()))),
        maps(rows().map(|a| Some(&a.partition_values)))?,
        long(rows().map(|a| Some(a.size))),
        long(rows().map(|a| Some(a.modification_time))),
        boolean(rows().map(|_| Some(false))),
        text(rows().map(|a| a.stats.as_deref())),
        maps(rows().map(|a| a.tags.as_ref()))?,
        vectors(rows().map(|a| a.deletion_vector.as_ref()))?,
    ];
    batch("add", columns)
}

pub(super) fn removes(removes: &[Remove]) -> Result<RecordBatch> {
    let rows = || removes.iter();
    let columns = vec![
        text(rows().map(|r| Some(r.path.as_str()))),
        long(rows().map(|r| r.deletion_timestamp)),
        boolean(rows().map(|_| Some(false))),
        boolean(rows().map(|r| r.extended_file_metadata)),
        maps(rows().map(|r| r.partition_values.as_ref()))?,
        long(rows().map(|r| r.size)),
        vectors(rows().map(|r| r.deletion_vector.as_ref()))?,
    ];
    batch("remove", columns)
}

/// The rows that are no files.
pub(super) fn head(state: &State) -> Result<Vec<RecordBatch>> {
    let protocol = state.protocol.as_ref();
    let metadata = &state.table.metadata;
    let format = vec![
        text([Some(metadata.format.provider.as_str())].into_iter()),
        maps([Some(&metadata.format.options)].into_iter())?,
    ];
    let DataType::Struct(format_fields) =
        structure(&[("provider", DataType::Utf8), ("options", string_map())])
    else {
        return Ok(vec![]);
    };
    let configuration: StringMap =
        metadata.configuration.iter().map(|(k, v)| (k.clone(), Some(v.clone()))).collect();
    let mut batches = vec![
        batch(
            "protocol",
            vec![
                Arc::new(Int32Array::from(vec![protocol.min_reader_version])),
                Arc::new(Int32Array::from(vec![protocol.min_writer_version])),
                lists([protocol.reader_features.as_ref()].into_iter()),
                lists([protocol.writer_features.as_ref()].into_iter()),
            ],
        )?,
        batch(
            "metaData",
            vec![
                text([Some(metadata.id.as_str())].into_iter()),
                text([metadata.name.as_deref()].into_iter()),
                text([metadata.description.as_deref()].into_iter()),
                structs(&format_fields, format)?,
                text([Some(metadata.schema_string.as_str())].into_iter()),
                lists([Some(&metadata.partition_columns)].into_iter()),
                maps([Some(&configuration)].into_iter())?,
                long([metadata.created_time].into_iter()),
            ],
        )?,
    ];
    if !state.txns.is_empty() {
        let rows = || state.txns.values().map(|state| &state.txn);
        let columns = vec![
            text(rows().map(|t| Some(t.app_id.as_str()))),
            long(rows().map(|t| Some(t.version))),
            long(rows().map(|t| t.last_updated)),
        ];
        batches.push(batch("txn", columns)?);
    }
    if !state.domains.is_empty() {
        let rows = || state.domains.values();
        let columns = vec![
            text(rows().map(|d| Some(d.domain.as_str()))),
            text(rows().map(|d| Some(d.configuration.as_str()))),
            boolean(rows().map(|d| Some(d.removed))),
        ];
        batches.push(batch("domainMetadata", columns)?);
    }
    Ok(batches)
}
