//! The columns of a table as expressions over those of a file: renamed, widened, filled in, at every depth.

use std::collections::HashSet;

use arrow_schema::{DataType, Field, Fields, SchemaRef, TimeUnit};
use stitchwork_core::{FieldMapping, INITIAL_DEFAULT, Result, Scalar};

use super::files::Ready;
use super::{hides, nan};
use crate::dialect::{quote, text};
use crate::literal::{literal, sql_type};

/// The metadata key by which Arrow says that a column is more than its type.
const EXTENSION: &str = "ARROW:extension:name";

/// What columns are wanted.
pub(crate) struct Columns<'a> {
    pub(crate) schema: &'a SchemaRef,
    pub(crate) mapping: &'a FieldMapping,
}

/// The columns of the table over one file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// The list of a `select`.
    pub(crate) expressions: String,
    /// The types in the file of the columns that are read, to our reader and to DuckDB, which gives the files of one
    /// read the types of the first.
    pub(crate) types: String,
    /// The places in the file of those columns.
    pub(crate) places: Vec<usize>,
    /// A column that is read may hold a NaN that its bounds leave out.
    pub(crate) hides_nan: bool,
}

impl Columns<'_> {
    /// The columns over a file; `None` where an expression would mean something else than the mapping does.
    pub(crate) fn of_file(&self, file: &Ready) -> Result<Option<Listed>> {
        let fields = file.schema.fields();
        if !distinct(fields) || hides(file) {
            return Ok(None);
        }
        let mut list = Vec::with_capacity(self.schema.fields().len());
        let (mut types, mut places, mut hides_nan) = (Vec::new(), Vec::new(), false);
        for (place, field) in self.schema.fields().iter().enumerate() {
            let constant = file.constants.iter().find(|(at, _)| *at == place).map(|(_, value)| value);
            let expression = match constant {
                Some(value) => literal(&value.cast(field.data_type())?)?,
                None => {
                    let found = self.mapping.find(field, fields).filter(|found| *found < fields.len());
                    places.extend(found);
                    types.extend(found.and_then(|found| fields.get(found)).map(|f| type_text(f.data_type())));
                    hides_nan |= found.is_some() && nan::hidden(file.stats.as_deref(), field);
                    self.child("f", true, fields, field, 0)?
                }
            };
            let Some(expression) = expression else { return Ok(None) };
            list.push(format!("{expression} AS {}", quote(field.name())));
        }
        let (expressions, types) = (list.join(", "), types.join(", "));
        Ok(Some(Listed { expressions, types, places, hides_nan }))
    }

    /// The field `want` inside of `parent`, a table at the top and a struct below.
    fn child(
        &self,
        parent: &str,
        top: bool,
        have: &Fields,
        want: &Field,
        depth: usize,
    ) -> Result<Option<String>> {
        let Some(found) = self.mapping.find(want, have).and_then(|place| have.get(place)) else {
            return absent(want);
        };
        let source = if top {
            format!("{parent}.{}", quote(found.name()))
        } else {
            format!("struct_extract({parent}, {})", text(found.name())?)
        };
        self.value(&source, found, want, depth)
    }

    /// The value of `source` in the type of `want`.
    fn value(&self, source: &str, have: &Field, want: &Field, depth: usize) -> Result<Option<String>> {
        let Some(target) = sql_type(want.data_type()) else { return Ok(None) };
        if self.identical(have, want) {
            return Ok(Some(format!("CAST({source} AS {target})")));
        }
        let element = format!("e{depth}");
        Ok(match (have.data_type(), want.data_type()) {
            (DataType::Struct(inner), DataType::Struct(wanted)) if distinct(inner) && distinct(wanted) => {
                let mut parts = Vec::with_capacity(wanted.len());
                for field in wanted {
                    let Some(part) = self.child(source, false, inner, field, depth)? else { return Ok(None) };
                    parts.push(format!("{} := {part}", quote(field.name())));
                }
                let packed = format!("struct_pack({})", parts.join(", "));
                Some(format!("CASE WHEN {source} IS NULL THEN NULL ELSE {packed} END"))
            }
            (
                DataType::List(inner) | DataType::LargeList(inner),
                DataType::List(wanted) | DataType::LargeList(wanted),
            ) => {
                let item = self.value(&element, inner, wanted, depth + 1)?;
                item.map(|item| format!("list_transform({source}, lambda {element}: {item})"))
            }
            (DataType::Map(inner, _), DataType::Map(wanted, _)) => {
                let (DataType::Struct(inner), DataType::Struct(wanted)) =
                    (inner.data_type(), wanted.data_type())
                else {
                    return Ok(None);
                };
                let ([key, value], [want_key, want_value]) = (inner.as_ref(), wanted.as_ref()) else {
                    return Ok(None);
                };
                let key = self.value(&format!("{element}.key"), key, want_key, depth + 1)?;
                let value = self.value(&format!("{element}.value"), value, want_value, depth + 1)?;
                let (Some(key), Some(value)) = (key, value) else { return Ok(None) };
                let entry = format!("struct_pack(key := {key}, value := {value})");
                let entries = format!("list_transform(map_entries({source}), lambda {element}: {entry})");
                Some(format!("CASE WHEN {source} IS NULL THEN NULL ELSE map_from_entries({entries}) END"))
            }
            (have, wanted) => casts(have, wanted).then(|| format!("CAST({source} AS {target})")),
        })
    }

    /// Whether nothing but the names of types may differ, so that one cast does.
    fn identical(&self, have: &Field, want: &Field) -> bool {
        let fields = |inner: &Fields, wanted: &Fields| {
            inner.len() == wanted.len()
                && wanted.iter().enumerate().all(|(place, field)| {
                    self.mapping.find(field, inner) == Some(place)
                        && inner
                            .get(place)
                            .is_some_and(|found| found.name() == field.name() && self.identical(found, field))
                })
        };
        match (have.data_type(), want.data_type()) {
            (DataType::Struct(inner), DataType::Struct(wanted)) => distinct(inner) && fields(inner, wanted),
            (
                DataType::List(inner) | DataType::LargeList(inner),
                DataType::List(wanted) | DataType::LargeList(wanted),
            ) => self.identical(inner, wanted),
            (DataType::Map(inner, _), DataType::Map(wanted, _)) => {
                let (DataType::Struct(inner), DataType::Struct(wanted)) =
                    (inner.data_type(), wanted.data_type())
                else {
                    return false;
                };
                inner.iter().zip(wanted).all(|(inner, wanted)| self.identical(inner, wanted))
            }
            (have, wanted) => match (sql_type(have), sql_type(wanted)) {
                (Some(have), Some(wanted)) => have == wanted,
                _ => false,
            },
        }
    }
}

/// Whether names differ also where case is not regarded.
pub(super) fn distinct(fields: &Fields) -> bool {
    let mut names = HashSet::new();
    fields.iter().all(|field| names.insert(field.name().to_lowercase()))
}

/// The value of rows that are older than the field.
fn absent(want: &Field) -> Result<Option<String>> {
    match want.metadata().get(INITIAL_DEFAULT) {
        Some(default) => literal(&Scalar::parse(default, want.data_type())?),
        // The relation's own reader says what is wrong with the file.
        None if !want.is_nullable() => Ok(None),
        None => Ok(sql_type(want.data_type()).map(|name| format!("CAST(NULL AS {name})"))),
    }
}

/// The type as DuckDB calls it; where it has no name for it, as Arrow does.
fn type_text(data_type: &DataType) -> String {
    sql_type(data_type).unwrap_or_else(|| data_type.to_string())
}

/// Whether DuckDB means by its column what our reader says of the file: `seen` is the type that DuckDB gives it.
///
/// A file may have a type only by the Arrow schema that is written beside its own, which DuckDB does not read: seconds
/// lie there as bare integers. And DuckDB knows types that Arrow has as plain ones, such as geometries.
pub(crate) fn seen_alike(seen: &Field, have: &Field) -> bool {
    let children = |inner: &Fields, wanted: &Fields| {
        let called = |field: &Field| inner.iter().find(|other| other.name() == field.name());
        wanted.iter().all(|field| called(field).is_some_and(|other| seen_alike(other, field)))
    };
    match (seen.data_type(), have.data_type()) {
        (_, DataType::Dictionary(_, value)) => {
            seen_alike(seen, &Field::new(have.name(), value.as_ref().clone(), true))
        }
        (DataType::Struct(inner), DataType::Struct(wanted)) => children(inner, wanted),
        (
            DataType::List(inner) | DataType::LargeList(inner),
            DataType::List(wanted) | DataType::LargeList(wanted),
        ) => seen_alike(inner, wanted),
        (DataType::Map(inner, _), DataType::Map(wanted, _)) => {
            match (inner.data_type(), wanted.data_type()) {
                (DataType::Struct(inner), DataType::Struct(wanted)) => {
                    inner.iter().zip(wanted).all(|(inner, wanted)| seen_alike(inner, wanted))
                }
                _ => false,
            }
        }
        // DuckDB reads milliseconds as microseconds.
        (
            DataType::Timestamp(TimeUnit::Microsecond, None),
            DataType::Timestamp(TimeUnit::Millisecond, None),
        ) => true,
        // The old timestamps of 96 bits have a zone only by the Arrow schema; the session's is UTC.
        (data_type, DataType::Timestamp(_, Some(_))) => {
            matches!(data_type, DataType::Timestamp(TimeUnit::Microsecond, _))
        }
        (DataType::Binary, DataType::Binary | DataType::LargeBinary | DataType::BinaryView) => {
            !seen.metadata().contains_key(EXTENSION)
        }
        // What DuckDB has no name for is not read by any expression.
        (data_type, wanted) => sql_type(wanted).is_none_or(|wanted| sql_type(data_type) == Some(wanted)),
    }
}

/// Whether a cast loses nothing, and means the same in DuckDB as in Arrow.
fn casts(from: &DataType, to: &DataType) -> bool {
    use DataType as T;
    /// Whether an integer has a sign, and its bits without that.
    fn bits(data_type: &T) -> Option<(bool, usize)> {
        let bytes = data_type.primitive_width().filter(|_| data_type.is_integer())?;
        let signed = data_type.is_signed_integer();
        Some((signed, 8 * bytes - usize::from(signed)))
    }
    if let Some((signed, width)) = bits(from) {
        return match to {
            T::Float64 => width <= 32,
            T::Decimal128(precision, scale) => {
                i16::from(*precision) - i16::from(*scale) >= if width > 32 { 20 } else { 10 }
            }
            _ => bits(to).is_some_and(|(to_signed, to_width)| width <= to_width && (to_signed || !signed)),
        };
    }
    match (from, to) {
        (T::Float32, T::Float64) => true,
        (T::Date32, T::Timestamp(_, zone)) => zone.as_deref().is_none_or(is_utc),
        (T::Timestamp(unit, from), T::Timestamp(to_unit, to)) => {
            let micros = *to_unit == TimeUnit::Microsecond;
            // To microseconds both cut off, which DuckDB does with nanoseconds in a zone whatever is wanted; to coarser
            // units it rounds, or has no cast.
            let kept = micros || (to_unit >= unit && !(*unit == TimeUnit::Nanosecond && from.is_some()));
            kept && (from.is_some() == to.is_some() || to.as_deref().or(from.as_deref()).is_none_or(is_utc))
        }
        (T::Decimal128(p, s), T::Decimal128(to_p, to_s)) => {
            to_s >= s && i16::from(*to_p) - i16::from(*to_s) >= i16::from(*p) - i16::from(*s)
        }
        (T::Dictionary(_, value), to) => casts(value, to),
        _ => false,
    }
}

fn is_utc(zone: &str) -> bool {
    ["UTC", "Etc/UTC", "Z", "+00:00", "+0000", "+00", "-00:00"]
        .iter()
        .any(|utc| zone.eq_ignore_ascii_case(utc))
}
