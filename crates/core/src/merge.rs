//! The columns of several files as those of one relation.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, TimeUnit};

use crate::{Error, FIELD_ID, Result};

/// What the metadata of a field says of its type, beyond the type itself.
const EXTENSION: &str = "ARROW:extension:";

/// The columns of either: those of the first in their order, then those that only the second has, at every depth of
/// structs. A column that one of them lacks may be null. The type of one that both have is their [`common_type`].
///
/// Names, comments and the like are those of the first. Types, and what is refused, depend on no order: many lists of
/// columns have the same common types in whatever order they are merged, one after the other.
///
/// # Errors
/// `InvalidData` for a column whose types have nothing in common; the path of the column and both types are in the
/// context.
pub fn merge_fields(first: &Fields, second: &Fields) -> Result<Fields> {
    fields(first, second, "")
}

/// Refuses two columns of one name, at every depth: they would be found by it, and the second one never.
///
/// # Errors
/// `InvalidData`, with the path of the column.
pub fn require_unique(fields: &Fields) -> Result<()> {
    unique(fields, "")
}

fn unique(fields: &Fields, parent: &str) -> Result<()> {
    let mut names = HashSet::with_capacity(fields.len());
    for field in fields {
        let path = below(parent, field.name());
        if !names.insert(field.name()) {
            return Err(Error::invalid_data(
                "a file has two columns of one name, of which only one could be read; write it anew with names that differ",
            )
            .with_context("column", path));
        }
        let mut inner = plain(field.data_type());
        let mut at = path;
        while let Some((element, _)) = list(inner) {
            (inner, at) = (plain(element.data_type()), below(&at, "element"));
        }
        match inner {
            DataType::Struct(fields) => unique(fields, &at)?,
            DataType::Map(entries, _) => {
                if let DataType::Struct(entries) = entries.data_type() {
                    unique(entries, &at)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// The columns with text for `Null`, at every depth of structs, lists and maps: nothing is known of such a column but that
/// it is there, and text can hold whatever comes. What gets one may be null.
///
/// For columns whose types were found in values: once those of all files are merged, since `Null` gives way to any type
/// until then.
pub fn settle_fields(fields: &Fields) -> Fields {
    fields.iter().map(settle).collect()
}

fn settle(field: &FieldRef) -> FieldRef {
    use DataType as T;
    let data_type = match field.data_type() {
        T::Null => return Arc::new(field.as_ref().clone().with_data_type(T::Utf8).with_nullable(true)),
        T::Struct(fields) => T::Struct(settle_fields(fields)),
        T::List(element) => T::List(settle(element)),
        T::LargeList(element) => T::LargeList(settle(element)),
        T::ListView(element) => T::ListView(settle(element)),
        T::LargeListView(element) => T::LargeListView(settle(element)),
        T::FixedSizeList(element, size) => T::FixedSizeList(settle(element), *size),
        T::Map(entries, sorted) => T::Map(settle(entries), *sorted),
        _ => return field.clone(),
    };
    Arc::new(field.as_ref().clone().with_data_type(data_type))
}

/// The type that holds the values of both; `None` where there is none, so that somebody has to decide.
///
/// * Two integers become the smallest that holds both, a `Decimal128(20, 0)` where `UInt64` meets a signed one.
/// * A decimal beside decimals or integers gets the digits that it needs on either side of the point, up to 76.
/// * Two floats become the wider one. An integer of up to 32 bits beside a float becomes a float that holds it exactly.
///   **`Int64` beside a float becomes `Float64`, which is exact up to 2⁵³ only**: readers that find types in the
///   values say the one for `1`, and the other for `1.5`, and every SQL engine joins them so.
/// * Timestamps, times and durations get the finer unit. Timestamps either all have a zone or none; of different
///   zones they are in UTC, which is the same moment. `Date64` holds `Date32`.
/// * Texts of different layouts are `LargeUtf8`, bytes `LargeBinary`.
/// * Lists, structs and maps are merged by their children; lists of different layouts, views among them, are a `List`,
///   or a `LargeList` if one of them is large.
/// * Dictionaries and runs beside others are what their values are. `Null` is whatever the other is.
///
/// Nothing else has a common type: no integers beside texts or booleans, no dates beside timestamps, no decimals
/// beside floats. One would be cut, rounded or spelled in a way that its writer did not choose.
pub fn common_type(first: &DataType, second: &DataType) -> Option<DataType> {
    types(first, second, "").ok()
}

fn fields(first: &Fields, second: &Fields, parent: &str) -> Result<Fields> {
    let mut merged: Vec<FieldRef> = Vec::with_capacity(first.len().max(second.len()));
    for field in first {
        merged.push(match second.find(field.name()) {
            Some((_, other)) => both(field, other, &below(parent, field.name()))?,
            None => Arc::new(field.as_ref().clone().with_nullable(true)),
        });
    }
    merged.extend(second.iter().filter(|field| first.find(field.name()).is_none()).map(|field| {
        let mut field = field.as_ref().clone().with_nullable(true);
        // The id may be that of another field in the first file.
        field.metadata_mut().remove(FIELD_ID);
        Arc::new(field)
    }));
    Ok(merged.into())
}

/// One field of two.
fn both(first: &Field, second: &Field, path: &str) -> Result<FieldRef> {
    let data_type = types(first.data_type(), second.data_type(), path)?;
    let nullable = first.is_nullable() || second.is_nullable();
    let mut field = first.clone().with_nullable(nullable);
    if field.data_type() != &data_type {
        field.metadata_mut().retain(|key, _| !key.starts_with(EXTENSION));
        field.set_data_type(data_type);
    }
    Ok(Arc::new(field))
}

fn below(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

fn types(a: &DataType, b: &DataType, path: &str) -> Result<DataType> {
    use DataType as T;
    let element = |a: &Field, b: &Field| both(a, b, &below(path, "element"));
    let found = match (a, b) {
        (a, b) if a == b => Some(a.clone()),
        (T::Null, other) | (other, T::Null) => Some(other.clone()),
        (T::Dictionary(_, values), other) | (other, T::Dictionary(_, values)) => {
            return types(values, plain(other), path);
        }
        (T::RunEndEncoded(_, values), other) | (other, T::RunEndEncoded(_, values)) => {
            return types(values.data_type(), plain(other), path);
        }
        (T::Struct(a), T::Struct(b)) => Some(T::Struct(fields(a, b, path)?)),
        (T::Map(a, sorted), T::Map(b, also)) => Some(T::Map(entries(a, b, path)?, *sorted && *also)),
        (T::FixedSizeList(a, size), T::FixedSizeList(b, other)) if size == other => {
            Some(T::FixedSizeList(element(a, b)?, *size))
        }
        (T::ListView(a), T::ListView(b)) => Some(T::ListView(element(a, b)?)),
        (T::LargeListView(a), T::LargeListView(b)) => Some(T::LargeListView(element(a, b)?)),
        (a, b) => match (list(a), list(b)) {
            (Some((a, large)), Some((b, other))) if large || other => Some(T::LargeList(element(a, b)?)),
            (Some((a, _)), Some((b, _))) => Some(T::List(element(a, b)?)),
            _ => number(a, b).or_else(|| other(a, b)),
        },
    };
    found.ok_or_else(|| {
        Error::invalid_data(
            "a column has types without a common one in two files; give a schema that says which",
        )
        .with_context("column", path)
        .with_context("type", a)
        .with_context("other_type", b)
    })
}

/// The values of a dictionary or of runs.
fn plain(data_type: &DataType) -> &DataType {
    match data_type {
        DataType::Dictionary(_, values) => plain(values),
        DataType::RunEndEncoded(_, values) => plain(values.data_type()),
        other => other,
    }
}

/// The element of a list, and whether it is a large one.
fn list(data_type: &DataType) -> Option<(&FieldRef, bool)> {
    match data_type {
        DataType::List(element) | DataType::FixedSizeList(element, _) | DataType::ListView(element) => {
            Some((element, false))
        }
        DataType::LargeList(element) | DataType::LargeListView(element) => Some((element, true)),
        _ => None,
    }
}

/// The entries of maps: keys and values are known by their places, since their names differ between writers.
fn entries(a: &Field, b: &Field, path: &str) -> Result<FieldRef> {
    let (DataType::Struct(inner), DataType::Struct(others)) = (a.data_type(), b.data_type()) else {
        return Err(Error::invalid_data("the entries of a map are no struct").with_context("column", path));
    };
    let pairs = inner.iter().zip(others).zip(["key", "value"]);
    let merged = pairs.map(|((a, b), name)| both(a, b, &below(path, name))).collect::<Result<Fields>>()?;
    Ok(Arc::new(a.clone().with_data_type(DataType::Struct(merged))))
}

fn number(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType as T;
    match (a, b) {
        (a, b) if a.is_floating() || b.is_floating() => {
            let bytes = float_bytes(a)?.max(float_bytes(b)?);
            Some(
                [T::Float16, T::Float32]
                    .into_iter()
                    .find(|t| t.primitive_width() >= Some(bytes))
                    .unwrap_or(T::Float64),
            )
        }
        (a, b) if a.is_unsigned_integer() && b.is_unsigned_integer() => wider(a, b),
        (a, b) => match (signed(a), signed(b)) {
            (Some(a), Some(b)) => wider(&a, &b),
            _ => decimal(a, b),
        },
    }
}

fn wider(a: &DataType, b: &DataType) -> Option<DataType> {
    Some(if a.primitive_width()? >= b.primitive_width()? { a } else { b }.clone())
}

/// The smallest signed integer that holds an integer.
///
/// Wherever an unsigned integer meets another kind it is taken as this one, since the type would otherwise depend on
/// whom it meets first.
fn signed(data_type: &DataType) -> Option<DataType> {
    use DataType as T;
    match data_type {
        T::UInt8 => Some(T::Int16),
        T::UInt16 => Some(T::Int32),
        T::UInt32 => Some(T::Int64),
        other => other.is_signed_integer().then(|| other.clone()),
    }
}

/// The width of the smallest float that holds a number exactly, and of the widest for `Int64`.
fn float_bytes(data_type: &DataType) -> Option<usize> {
    if data_type.is_floating() {
        return data_type.primitive_width();
    }
    Some((signed(data_type)?.primitive_width()? * 2).min(8))
}

fn decimal(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType as T;
    let ((whole, scale), (other_whole, other_scale)) = (digits(a)?, digits(b)?);
    let scale = scale.max(other_scale);
    let precision = u8::try_from(whole.max(other_whole) + i16::from(scale)).ok()?;
    let bytes = |t: &T| if t.is_decimal() { t.primitive_width() } else { None };
    let needed = match precision {
        0 | 77.. => return None,
        1..=9 => 4,
        10..=18 => 8,
        19..=38 => 16,
        39..=76 => 32,
    };
    Some(match bytes(a).max(bytes(b)).max(Some(needed)) {
        Some(4) => T::Decimal32(precision, scale),
        Some(8) => T::Decimal64(precision, scale),
        Some(16) => T::Decimal128(precision, scale),
        _ => T::Decimal256(precision, scale),
    })
}

/// The digits before the point, and those behind it.
fn digits(data_type: &DataType) -> Option<(i16, i8)> {
    use DataType as T;
    Some(match data_type {
        T::Decimal32(precision, scale)
        | T::Decimal64(precision, scale)
        | T::Decimal128(precision, scale)
        | T::Decimal256(precision, scale) => (i16::from(*precision) - i16::from(*scale), *scale),
        T::UInt64 => (20, 0),
        other => match signed(other)? {
            T::Int8 => (3, 0),
            T::Int16 => (5, 0),
            T::Int32 => (10, 0),
            _ => (19, 0),
        },
    })
}

fn other(a: &DataType, b: &DataType) -> Option<DataType> {
    use DataType as T;
    let text = |t: &T| matches!(t, T::Utf8 | T::LargeUtf8 | T::Utf8View);
    let bytes = |t: &T| matches!(t, T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_));
    Some(match (a, b) {
        (a, b) if text(a) && text(b) => T::LargeUtf8,
        (a, b) if bytes(a) && bytes(b) => T::LargeBinary,
        (T::Date32, T::Date64) | (T::Date64, T::Date32) => T::Date64,
        (T::Timestamp(a, None), T::Timestamp(b, None)) => T::Timestamp(*a.max(b), None),
        (T::Timestamp(a, Some(zone)), T::Timestamp(b, Some(other))) => {
            let zone = if zone == other { zone.clone() } else { "UTC".into() };
            T::Timestamp(*a.max(b), Some(zone))
        }
        (T::Duration(a), T::Duration(b)) => T::Duration(*a.max(b)),
        (T::Time32(a) | T::Time64(a), T::Time32(b) | T::Time64(b)) => match a.max(b) {
            unit @ (TimeUnit::Second | TimeUnit::Millisecond) => T::Time32(*unit),
            unit => T::Time64(*unit),
        },
        _ => return None,
    })
}
