//! The leaves of a schema: what Parquet calls columns.

use arrow_schema::{DataType, FieldRef, Fields};

/// A leaf of a schema.
#[derive(Debug, Clone)]
pub(crate) struct Leaf {
    /// The names on the way down; the elements of lists are `element`, those of maps `key` and `value`.
    pub(crate) path: Vec<String>,
    /// The field of the leaf.
    pub(crate) field: FieldRef,
    /// Whether the leaf lies inside of a list or map, so that a row may have many values.
    pub(crate) repeated: bool,
}

/// Every leaf, in the order of a Parquet file's columns.
pub(crate) fn leaves(fields: &Fields) -> Vec<Leaf> {
    let mut found = Vec::new();
    for field in fields {
        walk(field, &mut vec![field.name().clone()], false, &mut found);
    }
    found
}

fn walk(field: &FieldRef, path: &mut Vec<String>, repeated: bool, found: &mut Vec<Leaf>) {
    let mut down = |child: &FieldRef, name: &str, repeated| {
        path.push(name.to_owned());
        walk(child, path, repeated, found);
        path.pop();
    };
    match field.data_type() {
        DataType::Struct(fields) => fields.iter().for_each(|child| down(child, child.name(), repeated)),
        DataType::Map(entries, _) => {
            if let DataType::Struct(fields) = entries.data_type() {
                for (child, name) in fields.iter().zip(["key", "value"]) {
                    down(child, name, true);
                }
            }
        }
        other => match element(other) {
            Some(child) => down(child, "element", true),
            None => found.push(Leaf { path: path.clone(), field: field.clone(), repeated }),
        },
    }
}

/// The number of leaves below a type.
pub(crate) fn count(data_type: &DataType) -> usize {
    match data_type {
        DataType::Struct(fields) => fields.iter().map(|child| count(child.data_type())).sum(),
        DataType::Map(entries, _) => count(entries.data_type()),
        other => element(other).map_or(1, |child| count(child.data_type())),
    }
}

/// The field of a list's elements, whatever the kind of list.
pub(crate) fn element(data_type: &DataType) -> Option<&FieldRef> {
    match data_type {
        DataType::List(child)
        | DataType::LargeList(child)
        | DataType::ListView(child)
        | DataType::LargeListView(child)
        | DataType::FixedSizeList(child, _) => Some(child),
        _ => None,
    }
}

/// The place of the first leaf of each field.
pub(crate) fn first_leaf(fields: &Fields, place: usize) -> usize {
    fields.iter().take(place).map(|field| count(field.data_type())).sum()
}

/// The first part of a schema that Parquet has no place for, by its path and type.
pub(crate) fn unsupported(field: &FieldRef) -> Option<(String, DataType)> {
    let below = |child: &FieldRef| {
        unsupported(child).map(|(path, data_type)| (format!("{}.{path}", field.name()), data_type))
    };
    match field.data_type() {
        DataType::Struct(fields) if fields.is_empty() => {
            Some((field.name().clone(), field.data_type().clone()))
        }
        DataType::Struct(fields) => fields.iter().find_map(below),
        DataType::Map(entries, _) => below(entries),
        DataType::Union(..)
        | DataType::RunEndEncoded(..)
        | DataType::Interval(arrow_schema::IntervalUnit::MonthDayNano) => {
            Some((field.name().clone(), field.data_type().clone()))
        }
        other => element(other).and_then(below),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow_schema::Field;

    use super::*;

    #[test]
    fn leaves_come_in_the_order_of_columns() {
        let list = DataType::List(Arc::new(Field::new("item", DataType::Int32, true)));
        let inner = Fields::from(vec![Field::new("x", DataType::Utf8, true), Field::new("l", list, true)]);
        let entries = DataType::Struct(Fields::from(vec![
            Field::new("keys", DataType::Utf8, false),
            Field::new("values", DataType::Int64, true),
        ]));
        let fields = Fields::from(vec![
            Field::new("a", DataType::Int32, true),
            Field::new("s", DataType::Struct(inner), true),
            Field::new("m", DataType::Map(Arc::new(Field::new("entries", entries, false)), false), true),
        ]);
        let found: Vec<_> = leaves(&fields).into_iter().map(|l| (l.path.join("."), l.repeated)).collect();
        let expected =
            [("a", false), ("s.x", false), ("s.l.element", true), ("m.key", true), ("m.value", true)];
        assert_eq!(found, expected.map(|(path, repeated)| (path.to_owned(), repeated)));
        assert_eq!((first_leaf(&fields, 2), count(fields[2].data_type())), (3, 2));
    }
}
