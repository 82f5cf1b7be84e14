//! From the columns that are wanted to the columns of the file that are read.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use stitchwork_core::{Error, FieldMapping, Result};

use crate::columns::{count, element, first_leaf};

/// What is read of a file.
#[derive(Debug)]
pub(crate) struct Projection {
    /// The wanted columns that are projected.
    pub(crate) schema: SchemaRef,
    /// The leaves of the file to read, in order, each once.
    pub(crate) leaves: Vec<usize>,
    /// The file's schema with the types in which the reader can decode right away what is wanted; `None` where
    /// that changes nothing.
    pub(crate) decode_as: Option<SchemaRef>,
}

impl Projection {
    pub(crate) fn new(
        wanted: &SchemaRef,
        places: Option<&[usize]>,
        file: &SchemaRef,
        mapping: &FieldMapping,
    ) -> Result<Self> {
        let schema = match places {
            None => wanted.clone(),
            Some(places) => Arc::new(wanted.project(places).map_err(|e| {
                Error::invalid_input("the projection names a column that the schema has not")
                    .with_context("columns", wanted.fields().len())
                    .with_source(e)
            })?),
        };
        let mut leaves = Vec::new();
        let mut decode_as = file.fields().to_vec();
        for field in schema.fields() {
            if let Some(place) = mapping.find(field, file.fields())
                && let Some(have) = file.fields().get(place)
            {
                collect(mapping, field, have, first_leaf(file.fields(), place), &mut leaves);
                if let Some(slot) = decode_as.get_mut(place) {
                    *slot = decoded(mapping, field, slot);
                }
            }
        }
        leaves.sort_unstable();
        leaves.dedup();
        let decode_as = Schema::new_with_metadata(decode_as, file.metadata().clone());
        let decode_as = (decode_as.fields() != file.fields()).then(|| Arc::new(decode_as));
        Ok(Self { schema, leaves, decode_as })
    }
}

/// Adds the leaves below `have` that `want` has a use for.
fn collect(mapping: &FieldMapping, want: &Field, have: &Field, first: usize, leaves: &mut Vec<usize>) {
    let before = leaves.len();
    match (have.data_type(), want.data_type()) {
        (DataType::Struct(have), DataType::Struct(want)) => {
            for field in want {
                if let Some(place) = mapping.find(field, have)
                    && let Some(child) = have.get(place)
                {
                    collect(mapping, field, child, first + first_leaf(have, place), leaves);
                }
            }
            if leaves.len() == before {
                // Some leaf must tell where the struct itself is null.
                leaves.push(first);
            }
        }
        (DataType::Map(have, _), DataType::Map(want, _)) => match (entries(have), entries(want)) {
            (Some((have_key, have_value)), Some((_, want_value))) => {
                let keys = count(have_key.data_type());
                leaves.extend(first..first + keys);
                collect(mapping, want_value, have_value, first + keys, leaves);
            }
            _ => leaves.extend(first..first + count(have.data_type())),
        },
        (DataType::List(have), DataType::List(want))
        | (DataType::LargeList(have), DataType::LargeList(want)) => {
            collect(mapping, want, have, first, leaves);
        }
        (have, _) => leaves.extend(first..first + count(have)),
    }
}

/// The fields of a map's keys and values.
fn entries(entries: &Field) -> Option<(&FieldRef, &FieldRef)> {
    match entries.data_type() {
        DataType::Struct(fields) => Some((fields.first()?, fields.get(1)?)),
        _ => None,
    }
}

/// `have` with the types that the reader can decode into by itself, which saves a cast of every value.
fn decoded(mapping: &FieldMapping, want: &Field, have: &FieldRef) -> FieldRef {
    let with = |data_type: DataType| Arc::new(have.as_ref().clone().with_data_type(data_type));
    match (have.data_type(), want.data_type()) {
        (have_type, want_type) if have_type == want_type => have.clone(),
        (DataType::Struct(have), DataType::Struct(want)) => {
            let mut children = have.to_vec();
            for field in want {
                if let Some(place) = mapping.find(field, have)
                    && let (Some(child), Some(slot)) = (have.get(place), children.get_mut(place))
                {
                    *slot = decoded(mapping, field, child);
                }
            }
            with(DataType::Struct(Fields::from(children)))
        }
        (DataType::List(a), DataType::List(b)) => with(DataType::List(decoded(mapping, b, a))),
        (DataType::LargeList(a), DataType::LargeList(b)) => with(DataType::LargeList(decoded(mapping, b, a))),
        (have_type, want_type) if element(have_type).is_none() && decodes(have_type, want_type) => {
            with(want_type.clone())
        }
        _ => have.clone(),
    }
}

/// Whether values of a file's type can be decoded as another type without a cast.
fn decodes(have: &DataType, want: &DataType) -> bool {
    use DataType::{Binary, BinaryView, LargeBinary, LargeUtf8, Timestamp, Utf8, Utf8View};
    match (have, want) {
        (Utf8 | LargeUtf8 | Utf8View, Utf8 | LargeUtf8 | Utf8View)
        | (Binary | LargeBinary | BinaryView, Binary | LargeBinary | BinaryView) => true,
        // The old INT96 has no zone of its own, means UTC, and can be decoded so; in nanoseconds far dates would not
        // fit. For any other timestamp the reader refuses, and the file's own types are used.
        (Timestamp(TimeUnit::Microsecond, None), Timestamp(unit, Some(_))) => *unit != TimeUnit::Nanosecond,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn structure(name: &str, children: Vec<Field>) -> Field {
        Field::new(name, DataType::Struct(children.into()), true)
    }

    fn int(name: &str) -> Field {
        Field::new(name, DataType::Int32, true)
    }

    #[test]
    fn only_the_leaves_that_are_wanted_are_read() {
        let inner = structure("s", vec![int("x"), int("y")]);
        let list =
            Field::new("l", DataType::List(Arc::new(structure("element", vec![int("p"), int("q")]))), true);
        let file = Arc::new(Schema::new(vec![int("a"), inner, list, int("z")]));
        let list = Field::new("l", DataType::List(Arc::new(structure("element", vec![int("q")]))), true);
        let wanted = Arc::new(Schema::new(vec![
            structure("s", vec![int("y"), int("new")]),
            list,
            int("absent"),
            int("a"),
        ]));
        let read = |places: &[usize]| {
            Projection::new(&wanted, Some(places), &file, &FieldMapping::by_name()).unwrap().leaves
        };
        assert_eq!(read(&[0, 1, 2, 3]), [0, 2, 4]);
        assert_eq!(read(&[2]), [] as [usize; 0]);
        assert_eq!(read(&[1]), [4]);
        assert!(Projection::new(&wanted, Some(&[4]), &file, &FieldMapping::by_name()).is_err());
        let news = Arc::new(Schema::new(vec![structure("s", vec![int("new")])]));
        let projection = Projection::new(&news, None, &file, &FieldMapping::by_name()).unwrap();
        assert_eq!(projection.leaves, [1], "one leaf tells where the struct is null");
    }

    #[test]
    fn texts_are_decoded_as_wanted() {
        let text = |data_type| Arc::new(Schema::new(vec![Field::new("t", data_type, true)]));
        let (file, wanted) = (text(DataType::Utf8), text(DataType::Utf8View));
        let projection = Projection::new(&wanted, None, &file, &FieldMapping::by_name()).unwrap();
        assert_eq!(projection.decode_as.unwrap().field(0).data_type(), &DataType::Utf8View);
        let same = Projection::new(&file, None, &file, &FieldMapping::by_name()).unwrap();
        assert!(same.decode_as.is_none());
    }
}
