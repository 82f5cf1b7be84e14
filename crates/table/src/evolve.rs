//! New columns.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use stitchwork_core::{Error, Result};

/// The table's schema with the columns of `input` that it lacks added at the end, nullable, at every depth
/// of structs. `None` where nothing is new.
///
/// # Errors
/// `InvalidInput` for a column whose kinds differ (a struct against a number).
pub fn merge_schemas(table: &SchemaRef, input: &SchemaRef) -> Result<Option<SchemaRef>> {
    let fields = merge_fields("", table.fields(), input.fields())?;
    Ok(fields.map(|fields| Arc::new(Schema::new_with_metadata(fields, table.metadata().clone()))))
}

fn merge_fields(prefix: &str, table: &Fields, input: &Fields) -> Result<Option<Fields>> {
    let mut merged: Vec<FieldRef> = table.iter().cloned().collect();
    let mut changed = false;
    for field in input {
        match merged.iter().position(|have| have.name() == field.name()) {
            None => {
                merged.push(Arc::new(plain(field)));
                changed = true;
            }
            Some(place) => {
                let path = format!("{prefix}{}", field.name());
                if let Some(new) = merge_types(&path, merged[place].data_type(), field.data_type())? {
                    merged[place] = Arc::new(merged[place].as_ref().clone().with_data_type(new));
                    changed = true;
                }
            }
        }
    }
    Ok(changed.then(|| merged.into()))
}

fn merge_types(path: &str, table: &DataType, input: &DataType) -> Result<Option<DataType>> {
    match (table, input) {
        (DataType::Struct(a), DataType::Struct(b)) => {
            Ok(merge_fields(&format!("{path}."), a, b)?.map(DataType::Struct))
        }
        (
            DataType::List(a),
            DataType::List(b)
            | DataType::LargeList(b)
            | DataType::FixedSizeList(b, _)
            | DataType::ListView(b)
            | DataType::LargeListView(b),
        ) => {
            let element = merge_types(&format!("{path}.element"), a.data_type(), b.data_type())?;
            Ok(element.map(|element| DataType::List(Arc::new(a.as_ref().clone().with_data_type(element)))))
        }
        (a, b) if a.is_nested() != b.is_nested() && *b != DataType::Null => {
            Err(Error::invalid_input("a column cannot change between nested and plain")
                .with_context("column", path)
                .with_context("table_type", a)
                .with_context("rows_type", b))
        }
        _ => Ok(None),
    }
}

/// A new column: nullable, since older rows have no value for it, and without another table's ids.
fn plain(field: &Field) -> Field {
    let data_type = match field.data_type() {
        // Nothing is known of the column but that it is there; text can hold whatever comes.
        DataType::Null => DataType::Utf8,
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(|f| Arc::new(plain(f))).collect()),
        DataType::List(element) => DataType::List(Arc::new(plain(element))),
        other => other.clone(),
    };
    Field::new(field.name(), data_type, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema(fields: Vec<Field>) -> SchemaRef {
        Arc::new(Schema::new(fields))
    }

    #[test]
    fn new_columns_come_last_and_nullable_at_every_depth() {
        let inner = |names: &[&str]| {
            DataType::Struct(names.iter().map(|n| Field::new(*n, DataType::Int64, true)).collect())
        };
        let table =
            schema(vec![Field::new("a", DataType::Int64, false), Field::new("s", inner(&["x"]), true)]);
        let input =
            schema(vec![Field::new("b", DataType::Null, false), Field::new("s", inner(&["y", "x"]), true)]);
        let merged = merge_schemas(&table, &input).unwrap().unwrap();
        assert_eq!(merged.field(1).data_type(), &inner(&["x", "y"]));
        assert_eq!(merged.field(2), &Field::new("b", DataType::Utf8, true));
        assert_eq!(merge_schemas(&merged, &input).unwrap(), None);
    }

    #[test]
    fn new_fields_are_found_in_lists_of_every_layout() {
        let element = |names: &[&str]| {
            let fields = names.iter().map(|n| Field::new(*n, DataType::Int64, true)).collect();
            Arc::new(Field::new("element", DataType::Struct(fields), true))
        };
        let column = |data_type| schema(vec![Field::new("l", data_type, true)]);
        let (table, new) = (column(DataType::List(element(&["x"]))), element(&["x", "y"]));
        for input in [
            DataType::List(new.clone()),
            DataType::LargeList(new.clone()),
            DataType::FixedSizeList(new.clone(), 2),
            DataType::ListView(new.clone()),
            DataType::LargeListView(new.clone()),
        ] {
            let merged = merge_schemas(&table, &column(input.clone())).unwrap();
            assert_eq!(merged, Some(column(DataType::List(new.clone()))), "{input}");
        }
    }

    #[test]
    fn nested_against_plain_is_refused_with_its_path() {
        let table = schema(vec![Field::new("a", DataType::Int64, true)]);
        let list = DataType::new_list(DataType::Int64, true);
        let error = merge_schemas(&table, &schema(vec![Field::new("a", list, true)])).unwrap_err();
        assert_eq!(error.context("column"), Some("a"));
    }
}
