//! The check that a batch belongs into a file.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Fields, SchemaRef};
use stitchwork_core::{Error, FieldMapping, Result};

/// The batch with exactly the writer's schema; only metadata may differ.
///
/// # Errors
/// `InvalidInput` for a batch with other names, types or nullability, which tells both schemas.
pub fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.schema_ref().fields() == schema.fields() {
        return Ok(batch.clone());
    }
    if same_fields(batch.schema_ref().fields(), schema.fields()) {
        return FieldMapping::by_name().adapt(batch, schema);
    }
    Err(Error::invalid_input("the batch has another schema than the file")
        .with_context("file", fields_in_words(schema.fields()))
        .with_context("batch", fields_in_words(batch.schema_ref().fields())))
}

fn same_fields(a: &Fields, b: &Fields) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_field(a, b))
}

fn same_field(a: &Field, b: &Field) -> bool {
    let types = match (a.data_type(), b.data_type()) {
        (DataType::Struct(a), DataType::Struct(b)) => same_fields(a, b),
        (DataType::List(a), DataType::List(b)) | (DataType::LargeList(a), DataType::LargeList(b)) => {
            same_field(a, b)
        }
        (DataType::Map(a, x), DataType::Map(b, y)) => x == y && same_field(a, b),
        (a, b) => a == b,
    };
    types && a.name() == b.name() && a.is_nullable() == b.is_nullable()
}

fn fields_in_words(fields: &Fields) -> String {
    let one = |field: &Arc<Field>| {
        let null = if field.is_nullable() { "" } else { " not null" };
        format!("{} {}{null}", field.name(), field.data_type())
    };
    fields.iter().map(one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Int64Array, StructArray};
    use arrow_schema::Schema;
    use stitchwork_core::{ErrorKind, with_field_id};

    use super::*;

    #[test]
    fn metadata_is_adapted_and_all_else_refused() {
        let inner = Fields::from(vec![Field::new("x", DataType::Int64, true)]);
        let column: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        let column: ArrayRef = Arc::new(StructArray::new(inner, vec![column], None));
        let batch = RecordBatch::try_from_iter([("s", column)]).unwrap();
        let with_ids = Fields::from(vec![with_field_id(Field::new("x", DataType::Int64, true), 7)]);
        let nullable = batch.schema().field(0).is_nullable();
        let schema = |fields, name, null| {
            Arc::new(Schema::new(vec![Field::new(name, DataType::Struct(fields), null)]))
        };
        let wanted = schema(with_ids.clone(), "s", nullable);
        assert_eq!(conform(&batch, &wanted).unwrap().schema(), wanted);
        let other = Fields::from(vec![Field::new("x", DataType::Int32, true)]);
        for wanted in [
            schema(with_ids.clone(), "t", nullable),
            schema(with_ids, "s", !nullable),
            schema(other, "s", nullable),
        ] {
            assert_eq!(conform(&batch, &wanted).unwrap_err().kind(), ErrorKind::InvalidInput);
        }
    }
}
