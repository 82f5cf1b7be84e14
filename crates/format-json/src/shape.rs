//! The schema in which records are decoded, so that what was asked for can be made of it.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use stitchwork_core::{FieldMapping, INITIAL_DEFAULT, MapBy, field_id};

/// Whether the keys of the object must be known before it can be decoded: a column with a default has it only
/// where the object knows no such key, and a column with several possible names has the one that is there.
pub(crate) fn needs_keys(wanted: &SchemaRef, mapping: &FieldMapping) -> bool {
    (mapping.by == MapBy::FieldId && !mapping.names.is_empty())
        || wanted.fields().iter().any(|f| has_default(f))
}

fn has_default(field: &Field) -> bool {
    field.metadata().contains_key(INITIAL_DEFAULT)
        || children(field.data_type()).any(|child| has_default(child))
}

/// The fields right below a type.
pub(crate) fn children(data_type: &DataType) -> Box<dyn Iterator<Item = &FieldRef> + '_> {
    match data_type {
        DataType::Struct(fields) => Box::new(fields.iter()),
        DataType::Map(child, _)
        | DataType::List(child)
        | DataType::LargeList(child)
        | DataType::ListView(child)
        | DataType::LargeListView(child)
        | DataType::FixedSizeList(child, _) => Box::new(std::iter::once(child)),
        _ => Box::new(std::iter::empty()),
    }
}

/// The schema in which to decode, under the names that the columns have in the object.
pub(crate) fn decoded(wanted: &SchemaRef, mapping: &FieldMapping, keys: Option<&SchemaRef>) -> SchemaRef {
    let fields = decoded_fields(wanted.fields(), mapping, keys.map(|keys| keys.fields()));
    Arc::new(Schema::new(fields))
}

fn decoded_fields(wanted: &Fields, mapping: &FieldMapping, keys: Option<&Fields>) -> Fields {
    let one = |field: &FieldRef| {
        let key = keys.and_then(|keys| keys.get(mapping.find(field, keys)?));
        if key.is_none() && keys.is_some() && field.metadata().contains_key(INITIAL_DEFAULT) {
            return None;
        }
        let name = match key {
            Some(key) => key.name().clone(),
            None => name(field, mapping),
        };
        let data_type = decoded_type(field.data_type(), mapping, key.map(|key| key.data_type()));
        Some(Arc::new(field.as_ref().clone().with_name(name).with_data_type(data_type)))
    };
    wanted.iter().filter_map(one).collect()
}

/// The name that a field has in objects, as far as the field itself tells.
fn name(field: &Field, mapping: &FieldMapping) -> String {
    let listed = match mapping.by {
        MapBy::FieldId => field_id(field).and_then(|id| mapping.names.get(&id)?.first()),
        _ => None,
    };
    listed.map_or_else(|| mapping.physical_name(field).to_owned(), Clone::clone)
}

fn decoded_type(wanted: &DataType, mapping: &FieldMapping, key: Option<&DataType>) -> DataType {
    let element = |field: &FieldRef| {
        let key = key.and_then(|key| children(key).next()).map(|child| child.data_type());
        let data_type = decoded_type(field.data_type(), mapping, key);
        Arc::new(field.as_ref().clone().with_data_type(data_type))
    };
    match wanted {
        DataType::Struct(fields) => {
            let keys = match key {
                Some(DataType::Struct(keys)) => Some(keys),
                _ => None,
            };
            DataType::Struct(decoded_fields(fields, mapping, keys))
        }
        DataType::List(field) => DataType::List(element(field)),
        DataType::LargeList(field) => DataType::LargeList(element(field)),
        DataType::ListView(field) => DataType::ListView(element(field)),
        DataType::LargeListView(field) => DataType::LargeListView(element(field)),
        DataType::FixedSizeList(field, size) => DataType::FixedSizeList(element(field), *size),
        // The decoder knows no dictionaries: the adapted column becomes one.
        DataType::Dictionary(_, values) => decoded_type(values, mapping, key),
        other => other.clone(),
    }
}
