//! Partition specs in core's terms, and what a partition value says about the rows of its partition.

mod bounds;

use stitchwork_core::{Column, Error, PartitionField, PartitionSpec, Result, Scalar, Transform, folder_name};
use stitchwork_iceberg_meta::{IceField, IceSpec, IceTransform, IceType, IceValue, TableMeta};

use crate::{error, values};

pub(crate) use bounds::{bounds_of, succ_prefix};

/// A transform in Iceberg's terms.
pub(crate) fn to_iceberg(transform: &Transform) -> Result<IceTransform> {
    Ok(match transform {
        Transform::Identity => IceTransform::Identity,
        Transform::Year => IceTransform::Year,
        Transform::Month => IceTransform::Month,
        Transform::Day => IceTransform::Day,
        Transform::Hour => IceTransform::Hour,
        Transform::Bucket(n) => IceTransform::Bucket(*n),
        Transform::Truncate(w) => IceTransform::Truncate(*w),
        Transform::Void => IceTransform::Void,
        other => return Err(Error::unsupported("the transform is unknown").with_context("transform", other)),
    })
}

fn from_iceberg(transform: &IceTransform) -> Transform {
    match transform {
        IceTransform::Identity => Transform::Identity,
        IceTransform::Year => Transform::Year,
        IceTransform::Month => Transform::Month,
        IceTransform::Day => Transform::Day,
        IceTransform::Hour => Transform::Hour,
        IceTransform::Bucket(n) => Transform::Bucket(*n),
        IceTransform::Truncate(w) => Transform::Truncate(*w),
        IceTransform::Void => Transform::Void,
        IceTransform::Unknown(name) => Transform::Other(name.clone()),
    }
}

/// One field of a spec with all that is needed to read its values.
#[derive(Debug, Clone)]
pub(crate) struct SpecField {
    pub(crate) name: String,
    pub(crate) transform: IceTransform,
    /// The column in the schema of the snapshot; none when it was dropped.
    pub(crate) column: Option<Column>,
    /// The type of the column.
    pub(crate) source: IceType,
    /// The type of the partition values.
    pub(crate) result: IceType,
}

/// A spec whose columns are known.
#[derive(Debug, Clone)]
pub(crate) struct Spec {
    pub(crate) id: i32,
    pub(crate) fields: Vec<SpecField>,
    pub(crate) unpartitioned: bool,
}

impl Spec {
    /// The spec over the columns of a snapshot's schema.
    pub(crate) fn new(
        meta: &TableMeta,
        spec: &IceSpec,
        columns: &std::collections::HashMap<i32, (Column, IceType)>,
    ) -> Self {
        let fields = spec.fields.iter().map(|field| {
            let (column, source) = match columns.get(&field.source_id) {
                Some((column, ty)) => (Some(column.clone()), ty.clone()),
                // A column that was dropped, or is not there yet, still has its type in another schema.
                None => (None, elsewhere(meta, field.source_id).map_or(IceType::Int, |f| f.ty.clone())),
            };
            let result = field.transform.result_type(&source).unwrap_or_else(|_| source.clone());
            SpecField { name: field.name.clone(), transform: field.transform.clone(), column, source, result }
        });
        Self { id: spec.id, fields: fields.collect(), unpartitioned: spec.is_unpartitioned() }
    }

    /// The spec in core's terms.
    pub(crate) fn to_core(&self) -> PartitionSpec {
        let field = |field: &SpecField| PartitionField {
            source: field.column.clone().unwrap_or_else(|| Column::new(&field.name)),
            transform: match field.column {
                Some(_) => from_iceberg(&field.transform),
                None => Transform::Void,
            },
            name: field.name.clone(),
        };
        PartitionSpec { id: self.id, fields: self.fields.iter().map(field).collect() }
    }

    /// Partition values in Iceberg's terms, as they are keys of maps and parts of manifests.
    pub(crate) fn values(&self, partition: &[Scalar]) -> Result<Vec<Option<IceValue>>> {
        if partition.len() != self.fields.len() {
            return Err(Error::invalid_input(
                "the file has another number of partition values than its spec",
            )
            .with_context("values", partition.len())
            .with_context("fields", self.fields.len())
            .with_context("spec", self.id));
        }
        let value = |(scalar, field): (&Scalar, &SpecField)| match field.transform {
            IceTransform::Void => Ok(None),
            _ => values::from_scalar(scalar, &field.result)
                .map_err(|e| e.with_context("partition", &field.name)),
        };
        partition.iter().zip(&self.fields).map(value).collect()
    }

    /// Partition values in arrow's terms.
    pub(crate) fn scalars(&self, partition: &[Option<IceValue>]) -> Result<Vec<Scalar>> {
        let pad = std::iter::repeat(&None);
        let scalar = |(field, value): (&SpecField, &Option<IceValue>)| {
            values::to_scalar(value.as_ref(), &field.result)
        };
        self.fields.iter().zip(partition.iter().chain(pad)).map(scalar).collect()
    }

    /// The folder of a partition below the data of the table.
    pub(crate) fn folder(&self, spec: &IceSpec, meta: &TableMeta, partition: &[Scalar]) -> Result<String> {
        let values = self.values(partition)?;
        let path = spec.partition_path(meta.current_schema(), &values).map_err(error::argument)?;
        // Slashes of names and values are escaped.
        let segments = path.split('/').zip(&values).map(|(segment, value)| {
            let name = segment.split_once('=').map_or(segment, |(name, _)| name);
            folder_name(match value {
                Some(IceValue::Float(v)) => format!("{name}={}", shorter(v.to_string(), format!("{v:e}"))),
                Some(IceValue::Double(v)) => format!("{name}={}", shorter(v.to_string(), format!("{v:e}"))),
                _ => segment.to_owned(),
            })
        });
        Ok(segments.collect::<Vec<_>>().join("/"))
    }
}

fn shorter(plain: String, scientific: String) -> String {
    if scientific.len() < plain.len() { scientific } else { plain }
}

fn elsewhere(meta: &TableMeta, id: i32) -> Option<&IceField> {
    meta.schemas().iter().rev().find_map(|schema| schema.field_by_id(id))
}

/// The one of these that a manifest was written by.
pub(crate) fn spec_of(specs: &[Spec], id: i32) -> Result<&Spec> {
    specs.iter().find(|spec| spec.id == id).ok_or_else(|| {
        Error::invalid_data("a manifest has a partition spec that the table lacks").with_context("spec", id)
    })
}

/// All specs of a table, that of files written now last.
pub(crate) fn specs(
    meta: &TableMeta,
    columns: &std::collections::HashMap<i32, (Column, IceType)>,
) -> Vec<Spec> {
    let default = meta.default_spec().id;
    let mut specs: Vec<Spec> = meta.specs().iter().map(|spec| Spec::new(meta, spec, columns)).collect();
    specs.sort_by_key(|spec| (spec.id == default, spec.id));
    specs
}
