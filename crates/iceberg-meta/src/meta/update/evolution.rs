//! Which schema may follow which (specification, "Schema Evolution").

use std::cell::OnceCell;
use std::collections::HashMap;

use super::TableMeta;
use crate::error::{MetaError, Result};
use crate::schema::IceSchema;
use crate::types::{IceField, IceType};

/// Checks that files written with earlier schemas stay readable with `next`.
pub(super) fn check(base: &TableMeta, current: &IceSchema, next: &IceSchema, version: u8) -> Result<()> {
    let known = Known { base, current: current.fields_by_id(), older: OnceCell::new() };
    next.fields.iter().try_for_each(|field| check_field(&known, field, version))
}

/// The fields that the table has or had. A search per field would take long in tables of thousands of columns.
struct Known<'a> {
    base: &'a TableMeta,
    current: HashMap<i32, &'a IceField>,
    /// The newest form of each field of any schema.
    older: OnceCell<HashMap<i32, &'a IceField>>,
}

impl<'a> Known<'a> {
    fn field(&self, id: i32) -> Option<&'a IceField> {
        // An id that was never assigned is in no schema.
        let was_there = id <= self.base.last_column_id();
        let older = || self.base.schemas().iter().flat_map(IceSchema::fields_by_id).collect();
        let find_older = || was_there.then(|| self.older.get_or_init(older).get(&id).copied()).flatten();
        self.current.get(&id).copied().or_else(find_older)
    }
}

fn check_field(fields: &Known<'_>, field: &IceField, version: u8) -> Result<()> {
    let (base, known) = (fields.base, fields.field(field.id));
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
        Some(_) => check_field(fields, child, version),
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
