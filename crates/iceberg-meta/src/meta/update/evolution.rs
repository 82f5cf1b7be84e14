//! Which schema may follow which (specification, "Schema Evolution").

use super::TableMeta;
use crate::error::{MetaError, Result};
use crate::schema::IceSchema;
use crate::types::{IceField, IceType};

/// Checks that files written with earlier schemas stay readable with `next`.
pub(super) fn check(base: &TableMeta, current: &IceSchema, next: &IceSchema, version: u8) -> Result<()> {
    next.fields.iter().try_for_each(|field| check_field(base, current, field, version))
}

fn check_field(base: &TableMeta, current: &IceSchema, field: &IceField, version: u8) -> Result<()> {
    let known = current
        .field_by_id(field.id)
        .or_else(|| base.schemas().iter().rev().find_map(|schema| schema.field_by_id(field.id)));
    match known {
        Some(old) if !promotes(&old.ty, &field.ty, version) => {
            return Err(MetaError::invalid(format!(
                "field {:?} changes from {} to {}, which older files do not allow; add a new column instead",
                field.name, old.ty, field.ty
            )));
        }
        Some(old) if field.required && !old.required => {
            return Err(MetaError::invalid(format!(
                "field {:?} becomes required, but older rows may be null",
                field.name
            )));
        }
        Some(_) => {}
        None if field.id <= base.last_column_id() => {
            return Err(MetaError::invalid(format!(
                "new field {:?} has the id {}, which is not above the last assigned id {}",
                field.name,
                field.id,
                base.last_column_id()
            )));
        }
        None if field.required && field.initial_default.is_none() && base.current_snapshot_id().is_some() => {
            return Err(MetaError::invalid(format!(
                "new field {:?} is required but has no initial default for the rows that exist",
                field.name
            )));
        }
        None => {}
    }
    // A child of a new field is as new as the field, so its own nullability is free.
    field.ty.children().into_iter().try_for_each(|child| match known {
        Some(_) => check_field(base, current, child, version),
        None => check_new_child(base, child),
    })
}

fn check_new_child(base: &TableMeta, child: &IceField) -> Result<()> {
    if child.id <= base.last_column_id() {
        return Err(MetaError::invalid(format!(
            "new field {:?} has the id {}, which is not above the last assigned id {}",
            child.name,
            child.id,
            base.last_column_id()
        )));
    }
    child.ty.children().into_iter().try_for_each(|grandchild| check_new_child(base, grandchild))
}

/// Whether values of the old type can be read as the new one.
fn promotes(old: &IceType, new: &IceType, version: u8) -> bool {
    match (old, new) {
        (IceType::Int, IceType::Long) | (IceType::Float, IceType::Double) => true,
        (IceType::Date, IceType::Timestamp | IceType::TimestampNs) => version >= 3,
        (IceType::Decimal { precision: p, scale: s }, IceType::Decimal { precision, scale }) => {
            precision >= p && scale == s
        }
        (IceType::Struct(_), IceType::Struct(_)) => true,
        (IceType::List { element: a }, IceType::List { element: b }) => a.id == b.id,
        (IceType::Map { key: a, value: v }, IceType::Map { key: b, value: w }) => {
            a.id == b.id && v.id == w.id
        }
        _ => old == new,
    }
}
