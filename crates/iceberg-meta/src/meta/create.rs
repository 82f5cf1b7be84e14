//! The metadata of a new table.

use std::collections::BTreeMap;

use iceberg::spec::{FormatVersion, SortOrder, TableMetadataBuilder};
use uuid::Uuid;

use super::TableMeta;
use super::kept::Kept;
use super::update::{at_time, schema_to_keep};
use crate::bridge;
use crate::error::{MetaError, Result};
use crate::partition::{IceSortOrder, IceSpec};
use crate::schema::IceSchema;
use crate::types::{IceField, IceType};

/// What a new table is made of.
#[derive(Debug, Clone)]
pub struct CreateTable {
    /// The location.
    pub location: String,
    /// The schema. Its ids only connect the parts of this struct: the table assigns its own, which
    /// [`TableMeta::current_schema`] gives.
    pub schema: IceSchema,
    /// The partition spec, with source ids of `schema`; its field ids are ignored.
    pub spec: IceSpec,
    /// The sort order, with source ids of `schema`.
    pub sort_order: Option<IceSortOrder>,
    /// The table properties.
    pub properties: BTreeMap<String, String>,
    /// The format version, 1 to 3.
    pub format_version: u8,
    /// The UUID; a random one if none.
    pub uuid: Option<Uuid>,
    /// The time of creation in milliseconds since 1970.
    pub timestamp_ms: i64,
}

impl CreateTable {
    /// An unpartitioned, unsorted table of format version 2 without properties.
    pub fn new(location: impl Into<String>, schema: IceSchema, timestamp_ms: i64) -> Self {
        Self {
            location: location.into(),
            schema,
            spec: IceSpec::unpartitioned(),
            sort_order: None,
            properties: BTreeMap::new(),
            format_version: 2,
            uuid: None,
            timestamp_ms,
        }
    }
}

impl TableMeta {
    /// The metadata of a new, empty table. Field ids are assigned anew, from 1 on.
    ///
    /// # Errors
    /// [`MetaError::Unsupported`] for a type or default that the format version lacks and for an unknown transform;
    /// [`MetaError::Invalid`] for a schema, spec or order that breaks the rules.
    pub fn create(args: CreateTable) -> Result<Self> {
        let version = format_version(args.format_version)?;
        args.schema.validate(args.format_version)?;
        let fields = args.spec.fields.iter().map(|f| (f.source_id, f.name.as_str(), &f.transform));
        let spec = bridge::unbound_spec(fields, &args.schema)?;
        let order = match &args.sort_order {
            Some(order) => bridge::sort_order(order)?,
            None => SortOrder::unsorted_order(),
        };
        let schema = bridge::schema(&args.schema)?;
        let build = || -> iceberg::Result<_> {
            TableMetadataBuilder::new(
                schema,
                spec,
                order,
                args.location,
                version,
                args.properties.into_iter().collect(),
            )?
            .assign_uuid(args.uuid.unwrap_or_else(Uuid::new_v4))
            .build()
        };
        let built = build().map_err(|e| MetaError::from_iceberg("creating table metadata", &e))?;
        let meta = at_time(built.metadata, args.timestamp_ms, false)?;

        let current = meta.current_schema();
        let mut assigned = IceSchema::from_json(&super::to_value(current.as_ref())?)?;
        copy_defaults(&args.schema.fields, &mut assigned.fields);
        let mut kept = Kept::default();
        if let Some(json) = schema_to_keep(&assigned, current)? {
            kept.schemas.insert(assigned.id.into(), json);
        }
        Self::assemble(meta, BTreeMap::new(), kept)
    }
}

/// The library's format version.
pub(super) fn format_version(version: u8) -> Result<FormatVersion> {
    match version {
        1 => Ok(FormatVersion::V1),
        2 => Ok(FormatVersion::V2),
        3 => Ok(FormatVersion::V3),
        other => {
            Err(MetaError::unsupported(format!("format version {other}; versions 1 to 3 are supported")))
        }
    }
}

/// Copies defaults between two schemas that differ in ids only; the library does not keep all of them.
fn copy_defaults(from: &[IceField], to: &mut [IceField]) {
    for (from, to) in from.iter().zip(to) {
        copy_field_defaults(from, to);
    }
}

fn copy_field_defaults(from: &IceField, to: &mut IceField) {
    to.initial_default.clone_from(&from.initial_default);
    to.write_default.clone_from(&from.write_default);
    match (&from.ty, &mut to.ty) {
        (IceType::Struct(from), IceType::Struct(to)) => copy_defaults(from, to),
        (IceType::List { element: from }, IceType::List { element: to }) => copy_field_defaults(from, to),
        (IceType::Map { key: k, value: v }, IceType::Map { key, value }) => {
            copy_field_defaults(k, key);
            copy_field_defaults(v, value);
        }
        _ => {}
    }
}
