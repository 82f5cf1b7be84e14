//! DuckDB's names of Arrow types, and its literals.

use arrow_array::cast::AsArray;
use arrow_array::types::{
    Date32Type, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow_schema::{DataType, TimeUnit};
use stitchwork_core::{Result, Scalar};

use crate::dialect::{quote, text};

/// The type in DuckDB; `None` for one that it does not have, or only with other values.
pub(crate) fn sql_type(data_type: &DataType) -> Option<String> {
    let simple = match data_type {
        DataType::Boolean => "BOOLEAN",
        DataType::Int8 => "TINYINT",
        DataType::Int16 => "SMALLINT",
        DataType::Int32 => "INTEGER",
        DataType::Int64 => "BIGINT",
        DataType::UInt8 => "UTINYINT",
        DataType::UInt16 => "USMALLINT",
        DataType::UInt32 => "UINTEGER",
        DataType::UInt64 => "UBIGINT",
        DataType::Float32 => "FLOAT",
        DataType::Float64 => "DOUBLE",
        DataType::Date32 => "DATE",
        DataType::Time64(TimeUnit::Microsecond) => "TIME",
        DataType::Timestamp(TimeUnit::Second, None) => "TIMESTAMP_S",
        DataType::Timestamp(TimeUnit::Millisecond, None) => "TIMESTAMP_MS",
        DataType::Timestamp(TimeUnit::Microsecond, None) => "TIMESTAMP",
        DataType::Timestamp(TimeUnit::Nanosecond, None) => "TIMESTAMP_NS",
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => "TIMESTAMPTZ",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "VARCHAR",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "BLOB",
        _ => "",
    };
    if !simple.is_empty() {
        return Some(simple.to_owned());
    }
    match data_type {
        DataType::Decimal128(p, s) if *s >= 0 && i16::from(*s) <= i16::from(*p) => {
            Some(format!("DECIMAL({p}, {s})"))
        }
        DataType::Dictionary(_, value) => sql_type(value),
        DataType::List(element) | DataType::LargeList(element) => {
            Some(format!("{}[]", sql_type(element.data_type())?))
        }
        DataType::Struct(fields) if !fields.is_empty() => {
            let fields: Option<Vec<String>> = fields
                .iter()
                .map(|field| Some(format!("{} {}", quote(field.name()), sql_type(field.data_type())?)))
                .collect();
            Some(format!("STRUCT({})", fields?.join(", ")))
        }
        DataType::Map(entries, _) => {
            let DataType::Struct(fields) = entries.data_type() else { return None };
            let [key, value] = fields.as_ref() else { return None };
            Some(format!("MAP({}, {})", sql_type(key.data_type())?, sql_type(value.data_type())?))
        }
        _ => None,
    }
}

/// The value as an expression of its type; `None` for a type without literals here.
///
/// # Errors
/// As [`text`].
pub(crate) fn literal(value: &Scalar) -> Result<Option<String>> {
    let Some(name) = sql_type(value.data_type()) else { return Ok(None) };
    if value.is_null() {
        return Ok(Some(format!("CAST(NULL AS {name})")));
    }
    let array = value.array();
    // Not by their text: arrow's spelling of years beyond 9999 is not DuckDB's.
    let inner = match value.data_type() {
        DataType::Date32 => {
            format!("DATE '1970-01-01' + CAST({} AS INTEGER)", array.as_primitive::<Date32Type>().value(0))
        }
        DataType::Timestamp(unit, _) => {
            let (make, number) = match unit {
                TimeUnit::Second => (
                    "make_timestamp_ms",
                    array.as_primitive::<TimestampSecondType>().value(0).checked_mul(1000),
                ),
                TimeUnit::Millisecond => {
                    ("make_timestamp_ms", Some(array.as_primitive::<TimestampMillisecondType>().value(0)))
                }
                TimeUnit::Microsecond => {
                    ("make_timestamp", Some(array.as_primitive::<TimestampMicrosecondType>().value(0)))
                }
                TimeUnit::Nanosecond => {
                    ("make_timestamp_ns", Some(array.as_primitive::<TimestampNanosecondType>().value(0)))
                }
            };
            let Some(number) = number else { return Ok(None) };
            format!("{make}(CAST({number} AS BIGINT))")
        }
        DataType::Binary => format!("unhex('{}')", hex(array.as_binary::<i32>().value(0))),
        DataType::LargeBinary => format!("unhex('{}')", hex(array.as_binary::<i64>().value(0))),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
            let Ok(utf8) = value.cast(&DataType::Utf8) else { return Ok(None) };
            text(utf8.array().as_string::<i32>().value(0))?
        }
        DataType::Boolean
        | DataType::Int8
        | DataType::Int16
        | DataType::Int32
        | DataType::Int64
        | DataType::UInt8
        | DataType::UInt16
        | DataType::UInt32
        | DataType::UInt64
        | DataType::Float32
        | DataType::Float64
        | DataType::Decimal128(..)
        | DataType::Time64(_) => text(&value.to_string())?,
        _ => return Ok(None),
    };
    Ok(Some(format!("CAST({inner} AS {name})")))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}
