//! The Avro schema of manifests (specification, "Manifests" and Appendix A).

use serde_json::{Value, json};

use crate::avro::{Encoder, field, optional_field, valid_name};
use crate::error::{MetaError, Result};
use crate::partition::IceSpecField;
use crate::types::IceType;
use crate::value::IceValue;

/// The schema of the entries of a manifest of format version 2 or 3.
pub(super) fn entry_schema(version: u8, partition: &[(&IceSpecField, IceType)]) -> Value {
    let map = |key_id: i32, value_id: i32, value: &str| {
        json!({
            "type": "array",
            "logicalType": "map",
            "items": {
                "type": "record",
                "name": format!("k{key_id}_v{value_id}"),
                "fields": [field("key", key_id, json!("int")), field("value", value_id, json!(value))],
            },
        })
    };
    let array =
        |element_id: i32, items: &str| json!({"type": "array", "items": items, "element-id": element_id});
    let partition_fields: Vec<Value> =
        partition.iter().map(|(field, ty)| partition_field(field, ty)).collect();
    let partition = json!({"type": "record", "name": "r102", "fields": partition_fields});
    let mut file = vec![
        field("content", 134, json!("int")),
        field("file_path", 100, json!("string")),
        field("file_format", 101, json!("string")),
        field("partition", 102, partition),
        field("record_count", 103, json!("long")),
        field("file_size_in_bytes", 104, json!("long")),
        optional_field("column_sizes", 108, map(117, 118, "long")),
        optional_field("value_counts", 109, map(119, 120, "long")),
        optional_field("null_value_counts", 110, map(121, 122, "long")),
        optional_field("nan_value_counts", 137, map(138, 139, "long")),
        optional_field("lower_bounds", 125, map(126, 127, "bytes")),
        optional_field("upper_bounds", 128, map(129, 130, "bytes")),
        optional_field("key_metadata", 131, json!("bytes")),
        optional_field("split_offsets", 132, array(133, "long")),
        optional_field("equality_ids", 135, array(136, "int")),
        optional_field("sort_order_id", 140, json!("int")),
    ];
    if version >= 3 {
        file.push(optional_field("first_row_id", 142, json!("long")));
    }
    file.push(optional_field("referenced_data_file", 143, json!("string")));
    if version >= 3 {
        file.push(optional_field("content_offset", 144, json!("long")));
        file.push(optional_field("content_size_in_bytes", 145, json!("long")));
    }
    json!({
        "type": "record",
        "name": "manifest_entry",
        "fields": [
            field("status", 0, json!("int")),
            optional_field("snapshot_id", 1, json!("long")),
            optional_field("sequence_number", 3, json!("long")),
            optional_field("file_sequence_number", 4, json!("long")),
            field("data_file", 2, json!({"type": "record", "name": "r2", "fields": file})),
        ],
    })
}

fn partition_field(field: &IceSpecField, ty: &IceType) -> Value {
    let name = valid_name(&field.name);
    let mut json = optional_field(&name, field.field_id, partition_type(field, ty));
    if let (true, Some(object)) = (name != field.name, json.as_object_mut()) {
        object.insert("iceberg-field-name".into(), field.name.clone().into());
    }
    json
}

/// The Avro type of a partition value; a named type carries the field id, since a name may be defined only once.
fn partition_type(field: &IceSpecField, ty: &IceType) -> Value {
    let logical = |base: &str, logical: &str| json!({"type": base, "logicalType": logical});
    let timestamp =
        |logical: &str, utc: bool| json!({"type": "long", "logicalType": logical, "adjust-to-utc": utc});
    let id = field.field_id;
    match ty {
        IceType::Boolean => json!("boolean"),
        IceType::Int => json!("int"),
        IceType::Long => json!("long"),
        IceType::Float => json!("float"),
        IceType::Double => json!("double"),
        IceType::Date => logical("int", "date"),
        IceType::Time => logical("long", "time-micros"),
        IceType::Timestamp => timestamp("timestamp-micros", false),
        IceType::Timestamptz => timestamp("timestamp-micros", true),
        IceType::TimestampNs => timestamp("timestamp-nanos", false),
        IceType::TimestamptzNs => timestamp("timestamp-nanos", true),
        IceType::String => json!("string"),
        IceType::Uuid => {
            json!({"type": "fixed", "name": format!("uuid_fixed_{id}"), "size": 16, "logicalType": "uuid"})
        }
        IceType::Fixed(size) => json!({"type": "fixed", "name": format!("fixed_{size}_{id}"), "size": size}),
        IceType::Decimal { precision, scale } => json!({
            "type": "fixed",
            "name": format!("decimal_{precision}_{scale}_{id}"),
            "size": decimal_size(*precision),
            "logicalType": "decimal",
            "precision": precision,
            "scale": scale,
        }),
        _ => json!("bytes"),
    }
}

/// The fewest bytes that hold every decimal of this precision.
fn decimal_size(precision: u32) -> usize {
    let limit = 10u128.pow(precision.min(38)) - 1;
    // One bit more than the magnitude, for the sign.
    (129 - limit.leading_zeros() as usize).div_ceil(8)
}

/// Writes a partition value that [`IceValue::fits`] its type.
pub(super) fn encode_partition_value(out: &mut Encoder, value: &IceValue, ty: &IceType) -> Result<()> {
    match value {
        IceValue::Boolean(v) => out.boolean(*v),
        IceValue::Int(v) | IceValue::Date(v) => out.long(i64::from(*v)),
        IceValue::Long(v) | IceValue::Time(v) | IceValue::Timestamp(v) | IceValue::TimestampNs(v) => {
            out.long(*v)
        }
        IceValue::Float(v) => out.raw(&v.to_le_bytes()),
        IceValue::Double(v) => out.raw(&v.to_le_bytes()),
        IceValue::String(v) => out.string(v),
        IceValue::Uuid(v) => out.raw(v),
        IceValue::Fixed(v) => out.raw(v),
        IceValue::Binary(v) => out.bytes(v),
        IceValue::Decimal { unscaled, .. } => {
            let IceType::Decimal { precision, .. } = ty else {
                return Err(MetaError::invalid(format!("a decimal is no {ty}")));
            };
            let bytes = unscaled.to_be_bytes();
            let size = decimal_size(*precision);
            out.raw(bytes.get(bytes.len().saturating_sub(size)..).unwrap_or(&bytes));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::decimal_size;

    #[test]
    fn decimal_sizes_are_those_of_the_specification() {
        for (precision, size) in [(1, 1), (2, 1), (3, 2), (4, 2), (9, 4), (10, 5), (18, 8), (19, 9), (38, 16)]
        {
            assert_eq!(decimal_size(precision), size, "{precision}");
        }
    }
}
