//! What PostgreSQL's driver reads as the database means it. It gives other types, too, but as the bytes of the wire, or as
//! whatever number these are; and it does not know that some moments are infinite.

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Time64MicrosecondType, TimestampMicrosecondType};
use arrow_array::{Array, ArrowPrimitiveType, RecordBatch};
use arrow_schema::extension::EXTENSION_TYPE_NAME_KEY;
use arrow_schema::{DataType, Field, IntervalUnit, Schema, TimeUnit};
use futures::StreamExt;
use stitchwork_core::{BatchStream, BatchStreamAdapter, Error, Result};

use crate::session::Session;

/// The metadata key by which the driver says what a type is called there.
const TYPE: &str = "POSTGRESQL:type";
/// What rows of no type are called, and arrays of them.
const RECORDS: [&str; 2] = ["record", "_record"];
/// What the driver calls types whose number is all that it knows, as `unnamed<oid:3904>`.
const UNNAMED: &str = "unnamed<oid:";
/// November 24th in the year 4714 before Christ, the first day that PostgreSQL has, in days since 1970. The driver counts
/// on from 2000 in wrapping arithmetic, so that all it gives from before is too large for it, or infinite.
const FIRST_DAY: i32 = -2_440_588;
const DAY_MICROS: i64 = 86_400_000_000;

/// Whether values are numbers of objects, which have 32 bits without a sign, and become negative in the driver's type.
pub(crate) fn is_oid(field: &Field) -> bool {
    match field.data_type() {
        DataType::List(item) => is_oid(item),
        DataType::Int32 => name(field) == "oid",
        _ => false,
    }
}

/// Refuses a result with a column of a type that the driver does not read as the database means it.
///
/// # Errors
/// `Unsupported`, with the column and its type.
pub(crate) async fn check(session: &Session, schema: &Schema) -> Result<()> {
    for field in schema.fields().iter().filter(|field| !is_oid(field)) {
        let Some(part) = misread(field) else { continue };
        let (name, message) = if RECORDS.contains(&name(part)) {
            let message = "the database does not tell what a row in a column consists of; select its parts, or cast it to text";
            (name(part).to_owned(), message)
        } else {
            let message =
                "the database's driver does not read the type of a column; cast it to text in the query";
            (full_name(session, name(part)).await, message)
        };
        return Err(Error::unsupported(message)
            .with_operation("engine::query")
            .with_context("column", field.name())
            .with_context("type", name));
    }
    Ok(())
}

fn name(field: &Field) -> &str {
    field.metadata().get(TYPE).map_or("", String::as_str)
}

/// The name of a type; the database knows those that the driver does not.
async fn full_name(session: &Session, name: &str) -> String {
    let Some(oid) =
        name.strip_prefix(UNNAMED).and_then(|rest| rest.trim_end_matches('>').parse::<u32>().ok())
    else {
        return name.to_owned();
    };
    // The name is for people; without it, they are told the number.
    let batches = session.rows(&format!("SELECT format_type({oid}, NULL)")).await.unwrap_or_default();
    let found =
        batches.first().and_then(|batch| batch.columns().first()?.as_string_opt::<i32>()?.iter().next()?);
    found.unwrap_or(name).to_owned()
}

/// The field itself, or the first part of it, that the driver does not read as the database means it.
fn misread(field: &Field) -> Option<&Field> {
    let name = name(field);
    let right = match field.data_type() {
        _ if RECORDS.contains(&name) => false,
        DataType::Struct(fields) => return fields.iter().find_map(|field| misread(field)),
        // Its elements have no type of their own.
        DataType::List(item) if name == "int2vector" => *item.data_type() == DataType::Int16,
        DataType::List(item) => return misread(item),
        // Enums have names of their own. What has none of the driver's readers is opaque, but numbers are as well.
        DataType::Utf8 => match field.metadata().get(EXTENSION_TYPE_NAME_KEY).map(String::as_str) {
            None | Some("arrow.json") => true,
            Some(_) => name == "numeric",
        },
        DataType::Boolean => name == "bool",
        DataType::Int16 => name == "int2",
        DataType::Int32 => name == "int4",
        DataType::Int64 => name == "int8",
        DataType::Float32 => name == "float4",
        DataType::Float64 => name == "float8",
        DataType::Binary => name == "bytea",
        DataType::FixedSizeBinary(16) => name == "uuid",
        DataType::Date32 => name == "date",
        DataType::Time64(TimeUnit::Microsecond) => name == "time",
        DataType::Timestamp(TimeUnit::Microsecond, None) => name == "timestamp",
        DataType::Timestamp(TimeUnit::Microsecond, Some(_)) => name == "timestamptz",
        DataType::Interval(IntervalUnit::MonthDayNano) => name == "interval",
        _ => false,
    };
    (!right).then_some(field)
}

/// The rows, which end with an error at the first date or time that is not the database's.
pub(crate) fn rows(rows: BatchStream) -> BatchStream {
    let schema = rows.schema();
    if !schema.fields().iter().any(|field| has_times(field.data_type())) {
        return rows;
    }
    let mut seen = 0_u64;
    let rows = rows.map(move |batch| {
        let batch = batch?;
        check_times(&batch, seen)?;
        seen += batch.num_rows() as u64;
        Ok(batch)
    });
    BatchStreamAdapter::new(schema, rows)
}

fn has_times(data_type: &DataType) -> bool {
    match data_type {
        DataType::Date32 | DataType::Time64(_) | DataType::Timestamp(..) => true,
        DataType::Struct(fields) => fields.iter().any(|field| has_times(field.data_type())),
        DataType::List(item) => has_times(item.data_type()),
        _ => false,
    }
}

fn check_times(batch: &RecordBatch, before: u64) -> Result<()> {
    for (field, column) in batch.schema_ref().fields().iter().zip(batch.columns()) {
        let Some(row) = beyond(column.as_ref()) else { continue };
        return Err(Error::unsupported(
            "a date or time of the database is infinite, or too large for the type of the column; cast it to text in \
             the query, or leave its row out",
        )
        .with_operation("engine::query")
        .with_context("column", field.name())
        .with_context("type", name(field))
        .with_context("row", before + row as u64));
    }
    Ok(())
}

/// The first row with a date or time that has no place in its type.
fn beyond(array: &dyn Array) -> Option<usize> {
    match array.data_type() {
        DataType::Date32 => position::<Date32Type>(array, |days| days < FIRST_DAY),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let first = i64::from(FIRST_DAY) * DAY_MICROS;
            position::<TimestampMicrosecondType>(array, |micros| micros < first)
        }
        // The end of a day may be one of its times there.
        DataType::Time64(TimeUnit::Microsecond) => {
            position::<Time64MicrosecondType>(array, |micros| micros >= DAY_MICROS)
        }
        DataType::Struct(_) => {
            array.as_struct().columns().iter().filter_map(|column| beyond(column.as_ref())).min()
        }
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            list.iter()
                .position(|elements| elements.is_some_and(|elements| beyond(elements.as_ref()).is_some()))
        }
        _ => None,
    }
}

fn position<T: ArrowPrimitiveType>(
    array: &dyn Array,
    is_beyond: impl Fn(T::Native) -> bool,
) -> Option<usize> {
    array.as_primitive_opt::<T>()?.iter().position(|value| value.is_some_and(&is_beyond))
}
