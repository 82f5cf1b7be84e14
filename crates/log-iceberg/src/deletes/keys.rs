//! Equality deletes by columns that no reader of the table knows, resolved to positions here.
//!
//! A delete goes by field ids (Iceberg spec, "Equality Delete Files"): by that of a column which was dropped since as
//! well, and by that of a field inside of a struct. Data files still hold such a column, which the older schemas in the
//! table's metadata tell of; so the keys of both files are read by id and compared.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::row::{RowConverter, Rows, SortField};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, FieldRef, SchemaRef};
use futures::TryStreamExt;
use roaring::RoaringTreemap;
use stitchwork_core::{
    BatchStream, Column, DataFile, Error, FieldMapping, MapBy, Object, ROW_POSITION, ReadArgs, Result,
    Scalar, as_keys, repeat,
};
use stitchwork_iceberg_meta::{IceField, IceSchema, IceTransform, IceType};

use super::DeleteEntry;
use crate::snapshot::Inner;
use crate::types;

/// The rows of an equality delete file, in memory; their number follows the deletes, not the table.
#[derive(Debug)]
pub(super) struct Keys {
    columns: KeyColumns,
    converter: RowConverter,
    rows: HashSet<Box<[u8]>>,
}

impl Keys {
    /// Reads a delete file.
    pub(super) async fn load(inner: &Inner, delete: &DeleteEntry) -> Result<Self> {
        let fail = |e: Error| e.with_context("delete_file", &delete.path);
        let columns = KeyColumns::new(inner, &delete.equality_ids).map_err(fail)?;
        let fields = columns.keys.iter().map(|key| SortField::new(key.data_type.clone()));
        let mut keys =
            Self { converter: RowConverter::new(fields.collect())?, columns, rows: HashSet::new() };
        let object = inner.shared.files.object(&delete.path)?.with_size(delete.size);
        let mapping = Arc::new(FieldMapping::new(MapBy::FieldId));
        let mut batches = keys.read(inner, &delete.format, object, mapping, None).await.map_err(fail)?;
        while let Some(batch) = batches.try_next().await.map_err(fail)? {
            let rows = keys.convert(&batch, &[])?;
            keys.rows.extend(rows.iter().map(|row| Box::from(row.as_ref())));
        }
        Ok(keys)
    }

    /// The positions of a data file at which one of the keys is.
    pub(super) async fn positions(&self, inner: &Inner, file: &DataFile) -> Result<RoaringTreemap> {
        let mut found = RoaringTreemap::new();
        if self.rows.is_empty() {
            return Ok(found);
        }
        let constants = self.columns.constants(inner, file)?;
        let object = inner.shared.files.object(&file.location)?.with_size(file.size);
        let number = Some(ROW_POSITION.to_owned());
        let mut batches = self.read(inner, &file.format, object, inner.mapping(), number).await?;
        while let Some(batch) = batches.try_next().await? {
            let rows = self.convert(&batch, &constants)?;
            let positions = batch.columns().last().and_then(|column| column.as_primitive_opt::<Int64Type>());
            let positions = positions
                .ok_or_else(|| Error::unexpected("the format did not number the rows of the file"))?;
            for (row, position) in rows.iter().zip(positions.values()) {
                if self.rows.contains(row.as_ref()) {
                    let position = u64::try_from(*position)
                        .map_err(|e| Error::unexpected("a row has a negative position").with_source(e))?;
                    found.insert(position);
                }
            }
        }
        Ok(found)
    }

    async fn read(
        &self,
        inner: &Inner,
        format: &str,
        object: Object,
        mapping: Arc<FieldMapping>,
        row_number: Option<String>,
    ) -> Result<BatchStream> {
        let args = ReadArgs {
            schema: Some(self.columns.schema.clone()),
            mapping: Some(mapping),
            row_number,
            ..ReadArgs::default()
        };
        inner.shared.formats.get(format)?.read(&object, args).await
    }

    /// The keys of a batch; those columns that a partition makes constant are the same in all rows.
    fn convert(&self, batch: &RecordBatch, constants: &[(usize, Scalar)]) -> Result<Rows> {
        let column = |(place, key): (usize, &Key)| match constants.iter().find(|(at, _)| *at == place) {
            Some((_, value)) => Ok(as_keys(&repeat(value, batch.num_rows())?)),
            None => key.column.find(batch)?.as_ref().map(as_keys).ok_or_else(|| {
                Error::unexpected("a column of a delete is not among those read")
                    .with_context("column", &key.column)
            }),
        };
        let columns: Vec<ArrayRef> =
            self.columns.keys.iter().enumerate().map(column).collect::<Result<_>>()?;
        Ok(self.converter.convert_columns(&columns)?)
    }
}

/// The columns that keys are made of, as they are read from files.
#[derive(Debug)]
struct KeyColumns {
    /// Just them, with the structs around them.
    schema: SchemaRef,
    /// One per id, in their order.
    keys: Vec<Key>,
}

#[derive(Debug)]
struct Key {
    id: i32,
    /// Where it is in the schema.
    column: Column,
    data_type: DataType,
}

impl KeyColumns {
    fn new(inner: &Inner, ids: &[i32]) -> Result<Self> {
        let mut fields = Vec::new();
        let mut columns = Vec::with_capacity(ids.len());
        for id in ids {
            let path = find(inner, *id).map_err(|e| e.with_context("field_id", id))?;
            let mut column = Column { path: vec![] };
            insert(&mut fields, &path, &mut column);
            columns.push((*id, column));
        }
        let schema = types::to_arrow(&IceSchema::new(fields))?;
        let keys = columns.into_iter().map(|(id, column)| {
            let data_type = data_type(&schema, &column).ok_or_else(|| {
                Error::unexpected("a column of a delete has got lost").with_context("column", &column)
            })?;
            Ok(Key { id, column, data_type })
        });
        Ok(Self { keys: keys.collect::<Result<_>>()?, schema })
    }

    /// The keys that identity partitioning makes constant in a file: it need not hold them (Iceberg spec, "Column
    /// Projection").
    fn constants(&self, inner: &Inner, file: &DataFile) -> Result<Vec<(usize, Scalar)>> {
        let spec = inner.state.meta.specs().iter().find(|spec| spec.id == file.spec);
        let fields = spec.into_iter().flat_map(|spec| spec.fields.iter().zip(&file.partition));
        fields
            .filter(|(field, _)| field.transform == IceTransform::Identity)
            .filter_map(|(field, value)| {
                let (place, key) = self.keys.iter().enumerate().find(|(_, k)| k.id == field.source_id)?;
                Some(value.cast(&key.data_type).map(|value| (place, value)))
            })
            .collect()
    }
}

/// The fields on the way down to the one with this id: as the snapshot has it, else as the newest schema that had it.
/// Its type is the widest that it ever had, since types only widen.
fn find(inner: &Inner, id: i32) -> Result<Vec<&IceField>> {
    let schemas = || std::iter::once(&inner.ice_schema).chain(inner.state.meta.schemas().iter().rev());
    if let Some(path) = schemas().find_map(|schema| path_to(&schema.fields, id)) {
        return Ok(path);
    }
    Err(match schemas().any(|schema| schema.field_by_id(id).is_some()) {
        true => {
            Error::invalid_data("rows are deleted by a field inside of a list or map, which has no one value")
        }
        false => Error::invalid_data(
            "rows are deleted by a column that no schema in the table's metadata has: let the program that deleted \
             them rewrite the table's data files, or restore the schema",
        ),
    })
}

fn path_to(fields: &[IceField], id: i32) -> Option<Vec<&IceField>> {
    fields.iter().find_map(|field| {
        if field.id == id {
            return Some(vec![field]);
        }
        let IceType::Struct(inner) = &field.ty else { return None };
        let mut path = path_to(inner, id)?;
        path.insert(0, field);
        Some(path)
    })
}

/// Adds a field to those that are read, inside of the structs that it is in, and tells the way to it.
fn insert(fields: &mut Vec<IceField>, path: &[&IceField], way: &mut Column) {
    let Some((first, rest)) = path.split_first() else { return };
    let place = fields.iter().position(|field| field.id == first.id).unwrap_or_else(|| {
        let mut field = (*first).clone();
        // A dropped column may have the name of one that came after it.
        if fields.iter().any(|other| other.name == field.name) {
            field.name = format!("{} {}", field.name, field.id);
        }
        field.required = false;
        if !rest.is_empty() {
            field.ty = IceType::Struct(vec![]);
        }
        fields.push(field);
        fields.len() - 1
    });
    let Some(field) = fields.get_mut(place) else { return };
    way.path.push(field.name.clone());
    if let IceType::Struct(inner) = &mut field.ty {
        insert(inner, rest, way);
    }
}

fn data_type(schema: &SchemaRef, column: &Column) -> Option<DataType> {
    let (root, rest) = column.path.split_first()?;
    let mut field: &FieldRef = schema.fields().find(root)?.1;
    for name in rest {
        let DataType::Struct(inner) = field.data_type() else { return None };
        field = inner.find(name)?.1;
    }
    Some(field.data_type().clone())
}

#[cfg(test)]
mod tests {
    use arrow_array::{Float64Array, Int64Array};
    use arrow_schema::{Field, Schema};

    use super::*;

    #[test]
    fn keys_have_one_zero_and_one_nan() {
        let data_type = DataType::Float64;
        let schema = Arc::new(Schema::new(vec![Field::new("k", data_type.clone(), true)]));
        let key = Key { id: 1, column: Column::from("k"), data_type: data_type.clone() };
        let keys = Keys {
            converter: RowConverter::new(vec![SortField::new(data_type)]).unwrap(),
            columns: KeyColumns { schema: schema.clone(), keys: vec![key] },
            rows: HashSet::new(),
        };
        let values = Float64Array::from(vec![0.0, -0.0, f64::NAN, -f64::NAN]);
        let batch = RecordBatch::try_new(schema, vec![Arc::new(values)]).unwrap();
        let rows = keys.convert(&batch, &[]).unwrap();
        assert_eq!(rows.row(0), rows.row(1));
        assert_eq!(rows.row(2), rows.row(3));
        assert_ne!(rows.row(0), rows.row(2));
        // The value of a partition.
        let batch = RecordBatch::try_from_iter([("n", Arc::new(Int64Array::from(vec![7])) as ArrayRef)]);
        let constant = keys.convert(&batch.unwrap(), &[(0, Scalar::from(-0.0))]).unwrap();
        assert_eq!(constant.row(0), rows.row(0));
    }
}
