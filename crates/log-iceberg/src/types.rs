//! Iceberg's types and arrow's (Iceberg spec, "Schemas and Data Types").

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use stitchwork_core::{COMMENT, Column, Error, FIELD_ID, INITIAL_DEFAULT, Result, field_id};
use stitchwork_iceberg_meta::{IceField, IceSchema, IceType, IceValue};

use crate::{error, values};

/// The metadata key by which arrow's extension types are named; a UUID is bytes otherwise.
const EXTENSION: &str = "ARROW:extension:name";
const UUID: &str = "arrow.uuid";
const UTC: &str = "UTC";

/// The table's schema in arrow's terms, with ids at every depth.
pub(crate) fn to_arrow(schema: &IceSchema) -> Result<SchemaRef> {
    let fields = schema.fields.iter().map(field_to_arrow).collect::<Result<Fields>>()?;
    Ok(Arc::new(Schema::new(fields)))
}

fn field_to_arrow(field: &IceField) -> Result<FieldRef> {
    let mut metadata = HashMap::from([(FIELD_ID.to_owned(), field.id.to_string())]);
    if let Some(doc) = &field.doc {
        metadata.insert(COMMENT.to_owned(), doc.clone());
    }
    if let Some(default) = &field.initial_default {
        metadata.insert(INITIAL_DEFAULT.to_owned(), default_text(field, default)?);
    }
    if field.ty == IceType::Uuid {
        metadata.insert(EXTENSION.to_owned(), UUID.to_owned());
    }
    let arrow = Field::new(&field.name, type_to_arrow(&field.ty)?, !field.required);
    Ok(Arc::new(arrow.with_metadata(metadata)))
}

/// The default of rows older than the column, as core reads it back.
fn default_text(field: &IceField, default: &serde_json::Value) -> Result<String> {
    match IceValue::from_json(&field.ty, default).map_err(error::meta)? {
        Some(value) => Ok(values::to_scalar(Some(&value), &field.ty)?.to_string()),
        None => Err(Error::unsupported("the default of the column cannot be told to readers")
            .with_context("column", &field.name)
            .with_context("type", &field.ty)),
    }
}

/// The arrow type of a column.
pub(crate) fn type_to_arrow(ty: &IceType) -> Result<DataType> {
    Ok(match ty {
        IceType::Boolean => DataType::Boolean,
        IceType::Int => DataType::Int32,
        IceType::Long => DataType::Int64,
        IceType::Float => DataType::Float32,
        IceType::Double => DataType::Float64,
        IceType::Decimal { precision, scale } => {
            let precision = u8::try_from(*precision).map_err(|_| too_long(ty))?;
            DataType::Decimal128(precision, i8::try_from(*scale).map_err(|_| too_long(ty))?)
        }
        IceType::Date => DataType::Date32,
        IceType::Time => DataType::Time64(TimeUnit::Microsecond),
        IceType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
        IceType::Timestamptz => DataType::Timestamp(TimeUnit::Microsecond, Some(UTC.into())),
        IceType::TimestampNs => DataType::Timestamp(TimeUnit::Nanosecond, None),
        IceType::TimestamptzNs => DataType::Timestamp(TimeUnit::Nanosecond, Some(UTC.into())),
        IceType::String => DataType::Utf8,
        IceType::Uuid => DataType::FixedSizeBinary(16),
        IceType::Fixed(length) => {
            DataType::FixedSizeBinary(i32::try_from(*length).map_err(|_| too_long(ty))?)
        }
        IceType::Binary => DataType::Binary,
        IceType::Struct(fields) => {
            DataType::Struct(fields.iter().map(field_to_arrow).collect::<Result<_>>()?)
        }
        IceType::List { element } => DataType::List(field_to_arrow(element)?),
        IceType::Map { key, value } => {
            let entries = Fields::from(vec![field_to_arrow(key)?, field_to_arrow(value)?]);
            DataType::Map(Arc::new(Field::new("key_value", DataType::Struct(entries), false)), false)
        }
    })
}

fn too_long(ty: &IceType) -> Error {
    Error::unsupported("arrow has no such type").with_context("type", ty)
}

/// Gives ids to fields, counting on from the last one that the table has used.
#[derive(Debug)]
pub(crate) struct Ids {
    /// The last id that is taken.
    pub(crate) last: i32,
    /// Whether ids that fields have already are kept.
    pub(crate) keep: bool,
    /// The format version, on which the types depend.
    pub(crate) version: u8,
}

impl Ids {
    fn id_of(&mut self, field: &Field) -> i32 {
        match field_id(field).filter(|_| self.keep) {
            Some(id) => id,
            None => {
                self.last = self.last.saturating_add(1);
                self.last
            }
        }
    }

    /// The fields of a table in Iceberg's terms.
    ///
    /// # Errors
    /// `Unsupported` for a type that Iceberg lacks, naming the column.
    pub(crate) fn fields(&mut self, fields: &Fields, parent: &str) -> Result<Vec<IceField>> {
        check_names(fields, parent)?;
        // The ids of siblings come before those of their children, as in the tables of other writers.
        let ids: Vec<i32> = fields.iter().map(|field| self.id_of(field)).collect();
        fields.iter().zip(ids).map(|(field, id)| self.field(field, id, field.name(), parent)).collect()
    }

    fn field(&mut self, field: &Field, id: i32, name: &str, parent: &str) -> Result<IceField> {
        let path = if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") };
        let ty = self.ty(field, &path)?;
        let mut out = IceField::new(id, name, ty, !field.is_nullable());
        out.doc = field.metadata().get(COMMENT).cloned();
        if let Some(text) = field.metadata().get(INITIAL_DEFAULT) {
            let scalar = stitchwork_core::Scalar::parse(text, &type_to_arrow(&out.ty)?)?;
            let value = values::from_scalar(&scalar, &out.ty)?;
            let json = value.map(|v| v.to_json(&out.ty)).transpose().map_err(error::argument)?;
            out.initial_default.clone_from(&json);
            out.write_default = json;
        }
        Ok(out)
    }

    fn child(&mut self, field: &Field, name: &str, path: &str) -> Result<Box<IceField>> {
        let id = self.id_of(field);
        Ok(Box::new(self.field(field, id, name, path)?))
    }

    fn ty(&mut self, field: &Field, path: &str) -> Result<IceType> {
        use DataType as T;
        let refuse = |why: &str| {
            Error::unsupported(why).with_context("column", path).with_context("type", field.data_type())
        };
        Ok(match field.data_type() {
            T::Boolean => IceType::Boolean,
            T::Int8 | T::Int16 | T::Int32 | T::UInt8 | T::UInt16 => IceType::Int,
            T::Int64 | T::UInt32 => IceType::Long,
            T::UInt64 => IceType::Decimal { precision: 20, scale: 0 },
            T::Float16 | T::Float32 => IceType::Float,
            T::Float64 => IceType::Double,
            T::Decimal32(precision, scale)
            | T::Decimal64(precision, scale)
            | T::Decimal128(precision, scale)
            | T::Decimal256(precision, scale) => {
                let scale = u32::try_from(*scale).map_err(|_| refuse("Iceberg has no negative scale"))?;
                if *precision > 38 || scale > u32::from(*precision) {
                    return Err(refuse("Iceberg's decimals have at most 38 digits"));
                }
                IceType::Decimal { precision: u32::from(*precision), scale }
            }
            T::Date32 => IceType::Date,
            T::Date64 => {
                return Err(refuse(
                    "milliseconds that are called a date may lose their time of day: use date32, or a timestamp",
                ));
            }
            T::Time64(TimeUnit::Nanosecond) => {
                return Err(refuse(
                    "Iceberg's times have microseconds: cast the column before it is written",
                ));
            }
            T::Time32(_) | T::Time64(_) => IceType::Time,
            T::Timestamp(TimeUnit::Nanosecond, _) if self.version < 3 => {
                return Err(refuse(
                    "timestamps in nanoseconds need Iceberg's format version 3: create the table with the \
                     property format-version=3, or use microseconds",
                ));
            }
            T::Timestamp(TimeUnit::Nanosecond, None) => IceType::TimestampNs,
            T::Timestamp(TimeUnit::Nanosecond, Some(_)) => IceType::TimestamptzNs,
            T::Timestamp(_, None) => IceType::Timestamp,
            T::Timestamp(_, Some(_)) => IceType::Timestamptz,
            T::Utf8 | T::LargeUtf8 | T::Utf8View => IceType::String,
            T::Binary | T::LargeBinary | T::BinaryView => IceType::Binary,
            T::FixedSizeBinary(16) if field.metadata().get(EXTENSION).is_some_and(|e| e == UUID) => {
                IceType::Uuid
            }
            T::FixedSizeBinary(length) => {
                IceType::Fixed(u64::try_from(*length).map_err(|_| refuse("the length is negative"))?)
            }
            T::Dictionary(_, inner) => {
                let plain = Field::new(field.name(), inner.as_ref().clone(), field.is_nullable());
                return self.ty(&plain, path);
            }
            // What a table of others has already may stay.
            T::Struct(fields) if fields.is_empty() && !(self.keep && field_id(field).is_some()) => {
                return Err(refuse("a struct needs a field, since Parquet has no groups without any"));
            }
            T::Struct(fields) => IceType::Struct(self.fields(fields, path)?),
            T::List(inner)
            | T::LargeList(inner)
            | T::FixedSizeList(inner, _)
            | T::ListView(inner)
            | T::LargeListView(inner) => IceType::List { element: self.child(inner, "element", path)? },
            T::Map(entries, _) => match entries.data_type() {
                T::Struct(pair) if pair.len() == 2 => {
                    let (Some(key), Some(value)) = (pair.first(), pair.last()) else {
                        return Err(refuse("the entries of a map are a key and a value"));
                    };
                    let mut key = self.child(key, "key", path)?;
                    key.required = true;
                    IceType::Map { key, value: self.child(value, "value", path)? }
                }
                _ => return Err(refuse("the entries of a map are a key and a value")),
            },
            T::Interval(_) | T::Duration(_) => {
                return Err(refuse("Iceberg has no durations: store a number instead"));
            }
            _ => return Err(refuse("Iceberg has no such type")),
        })
    }
}

/// Refuses names that are empty, or the same as another one but for case: readers may look at names so.
fn check_names(fields: &Fields, parent: &str) -> Result<()> {
    let mut seen: HashMap<String, &str> = HashMap::new();
    for (field, place) in fields.iter().zip(1..) {
        let name = field.name();
        let path = if parent.is_empty() { name.clone() } else { format!("{parent}.{name}") };
        if name.is_empty() {
            return Err(Error::invalid_input("a column of an Iceberg table needs a name")
                .with_context("column", path)
                .with_context("place", place));
        }
        match seen.insert(name.to_lowercase(), name) {
            None => {}
            Some(other) if other == name => {
                return Err(
                    Error::invalid_input("the schema has a column twice").with_context("column", path)
                );
            }
            Some(other) => {
                return Err(Error::unsupported(
                    "two columns have names that differ in case only: rename one of them",
                )
                .with_context("column", path)
                .with_context("other", other));
            }
        }
    }
    Ok(())
}

/// The columns of a schema by id: top-level ones and the fields inside structs. Elements of lists and maps have
/// no column of their own.
pub(crate) fn columns_by_id(schema: &IceSchema) -> HashMap<i32, (Column, IceType)> {
    fn visit(fields: &[IceField], parent: Option<&Column>, found: &mut HashMap<i32, (Column, IceType)>) {
        for field in fields {
            let column = match parent {
                Some(parent) => parent.clone().field(&field.name),
                None => Column::new(&field.name),
            };
            if let IceType::Struct(children) = &field.ty {
                visit(children, Some(&column), found);
            }
            found.insert(field.id, (column, field.ty.clone()));
        }
    }
    let mut found = HashMap::new();
    visit(&schema.fields, None, &mut found);
    found
}

#[cfg(test)]
mod tests;
