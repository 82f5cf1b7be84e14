//! What a reader has seen: the columns with the plainest type of each, and the rows as texts.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Fields, IntervalUnit, Schema, TimeUnit};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use stitchwork::Result;
use stitchwork::core::{BatchStream, Engine, QueryArgs, collect};
use stitchwork_testkit::batches;

/// What a reader has seen.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Seen {
    /// The names of the columns, in the reader's order.
    order: Vec<String>,
    /// The columns in the order of their names.
    columns: Vec<(String, DataType)>,
    /// In the order in which they came; the values in the order of the names of their columns.
    pub(crate) rows: Vec<String>,
}

impl Seen {
    pub(crate) fn of(schema: &Schema, batches: &[RecordBatch]) -> Self {
        let mut places: Vec<usize> = (0..schema.fields().len()).collect();
        places.sort_by_key(|place| schema.field(*place).name());
        let column = |place: &usize| {
            let field = schema.field(*place);
            (field.name().clone(), plain(field.data_type()))
        };
        // A value that has no text, such as a date beyond all calendars, is the message that says so.
        let options = FormatOptions::new().with_null("∅").with_display_error(true);
        let mut rows = Vec::new();
        for batch in batches {
            let columns: Vec<ArrayRef> =
                places.iter().map(|place| comparable(batch.column(*place))).collect();
            let formatters: Vec<_> =
                columns.iter().map(|column| ArrayFormatter::try_new(column, &options).unwrap()).collect();
            rows.extend((0..batch.num_rows()).map(|row| {
                let values: Vec<String> = formatters.iter().map(|f| f.value(row).to_string()).collect();
                values.join(" | ")
            }));
        }
        Self {
            order: schema.fields().iter().map(|field| field.name().clone()).collect(),
            columns: places.iter().map(column).collect(),
            rows,
        }
    }

    pub(crate) async fn of_stream(stream: BatchStream) -> Result<Self> {
        let schema = stream.schema();
        Ok(Self::of(&schema, &collect(stream).await?))
    }

    pub(crate) async fn of_query(engine: &dyn Engine, sql: &str) -> Result<Self> {
        Self::of_stream(engine.query(QueryArgs::new(sql)).await?).await
    }

    /// The same with the rows sorted, for readers that promise no order.
    pub(crate) fn sorted(mut self) -> Self {
        self.rows.sort();
        self
    }

    /// The same in the types that DuckDB has.
    pub(crate) fn in_duckdb(mut self) -> Self {
        for (_, data_type) in &mut self.columns {
            *data_type = in_duckdb(data_type);
        }
        self
    }

    /// Where the order of the columns differs from the wanted one, in words.
    pub(crate) fn order_differs(&self, want: &Self) -> Option<String> {
        (self.order != want.order)
            .then(|| format!("the columns are {:?} and not {:?}", self.order, want.order))
    }

    /// Where this differs from what is wanted, in words.
    pub(crate) fn differs(&self, want: &Self) -> Option<String> {
        let names = |seen: &Self| seen.columns.iter().map(|(name, _)| name.clone()).collect::<Vec<_>>();
        if names(self) != names(want) {
            return Some(format!("the columns are {:?} and not {:?}", names(self), names(want)));
        }
        for ((name, have), (_, want)) in self.columns.iter().zip(&want.columns) {
            if have != want {
                return Some(format!("column {name} is {have} and not {want}"));
            }
        }
        self.rows_differ(want)
    }

    /// Where the rows differ from those that are wanted, whatever their types.
    pub(crate) fn rows_differ(&self, want: &Self) -> Option<String> {
        batches::difference(&self.rows, &want.rows)
    }
}

/// Moments of a zone as those of UTC, and short floats as longer ones, which are spelt alike by everybody.
fn comparable(column: &ArrayRef) -> ArrayRef {
    match column.data_type() {
        DataType::Timestamp(unit, Some(_)) => {
            cast(column, &DataType::Timestamp(*unit, Some("UTC".into()))).unwrap()
        }
        DataType::Float16 => cast(column, &DataType::Float32).unwrap(),
        _ => column.clone(),
    }
}

/// The type without what says how values lie in memory: widths of offsets, views, dictionaries, names of the
/// parts of lists and maps, whether nulls may occur, the spelling of UTC.
fn plain(data_type: &DataType) -> DataType {
    map(data_type, &|leaf| match leaf {
        DataType::LargeUtf8 | DataType::Utf8View => DataType::Utf8,
        DataType::LargeBinary | DataType::BinaryView => DataType::Binary,
        DataType::Timestamp(unit, Some(_)) => DataType::Timestamp(*unit, Some("UTC".into())),
        other => other.clone(),
    })
}

/// The type in which DuckDB gives a plain one that it does not have itself.
fn in_duckdb(data_type: &DataType) -> DataType {
    map(data_type, &|leaf| match leaf {
        DataType::Null => DataType::Boolean,
        DataType::FixedSizeBinary(_) => DataType::Binary,
        DataType::Float16 => DataType::Float32,
        DataType::Date64 => DataType::Date32,
        DataType::Time32(_) | DataType::Time64(_) => DataType::Time64(TimeUnit::Microsecond),
        DataType::Decimal32(digits, scale) | DataType::Decimal64(digits, scale) => {
            DataType::Decimal128(*digits, *scale)
        }
        DataType::Timestamp(_, Some(zone)) => DataType::Timestamp(TimeUnit::Microsecond, Some(zone.clone())),
        DataType::Duration(_) | DataType::Interval(_) => DataType::Interval(IntervalUnit::MonthDayNano),
        other => other.clone(),
    })
}

/// The type with its leaves changed and one name for each part of it.
fn map(data_type: &DataType, leaf: &dyn Fn(&DataType) -> DataType) -> DataType {
    let inner = |name: &str, field: &Field| Arc::new(Field::new(name, map(field.data_type(), leaf), true));
    match data_type {
        DataType::Dictionary(_, value) => map(value, leaf),
        DataType::List(item) | DataType::LargeList(item) | DataType::ListView(item) => {
            DataType::List(inner("element", item))
        }
        DataType::FixedSizeList(item, size) => DataType::FixedSizeList(inner("element", item), *size),
        DataType::Map(entries, _) => {
            let DataType::Struct(fields) = entries.data_type() else { return data_type.clone() };
            let fields: Fields =
                fields.iter().zip(["key", "value"]).map(|(field, name)| inner(name, field)).collect();
            DataType::Map(Arc::new(Field::new("entries", DataType::Struct(fields), false)), false)
        }
        DataType::Struct(fields) => {
            DataType::Struct(fields.iter().map(|field| inner(field.name(), field)).collect())
        }
        other => leaf(other),
    }
}
