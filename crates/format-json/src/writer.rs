//! Writing: batches in, lines out.

use std::fmt;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{
    ArrowPrimitiveType, DurationMicrosecondType, DurationMillisecondType, DurationNanosecondType,
    DurationSecondType, Float16Type, Float32Type, Float64Type,
};
use arrow_array::{Array, PrimitiveArray, RecordBatch, new_null_array};
use arrow_json::ReaderBuilder;
use arrow_json::writer::{
    Encoder, EncoderFactory, EncoderOptions, LineDelimited, NullableEncoder, Writer, WriterBuilder,
};
use arrow_schema::{ArrowError, DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use object_store::buffered::BufWriter;
use stitchwork_core::{
    Error, FieldMapping, FileStats, FileSummary, FileWriter, Object, Reservation, Result, WriteArgs,
};
use tokio::io::AsyncWriteExt;

use crate::config::JsonConfig;
use crate::shape::{children, decoded};

/// How many rows are encoded in one go.
const SLICE_ROWS: usize = 8192;
/// The size of the parts in which large objects go up; smaller ones are a single put.
const PART: usize = 8 << 20;

/// One object that is being written.
pub(crate) struct JsonWriter {
    object: Object,
    schema: SchemaRef,
    builder: WriterBuilder,
    writer: BufWriter,
    rows: u64,
    bytes: u64,
    _held: Option<Reservation>,
}

impl JsonWriter {
    pub(crate) fn new(object: &Object, args: WriteArgs, config: &JsonConfig) -> Result<Self> {
        // The key of a null in a map would be lost if it were left out.
        let explicit_nulls = config.explicit_nulls(&args.options)?
            || args.schema.fields().iter().any(|f| has_map(f.data_type()));
        let builder = || {
            WriterBuilder::new().with_explicit_nulls(explicit_nulls).with_encoder_factory(Arc::new(Spelling))
        };
        for field in args.schema.fields() {
            check_field(field, builder())?;
        }
        let writer = BufWriter::with_capacity(object.store.clone(), object.path.clone(), PART);
        // One part that is filled and one that goes up. Never waits: the caller may have other objects open
        // that hold the rest of the budget until this one has its rows.
        let held = args.budget.as_ref().and_then(|budget| budget.try_reserve(2 * PART as u64));
        Ok(Self {
            _held: held,
            object: object.clone(),
            schema: args.schema,
            builder: builder(),
            // One part goes up at a time: the rest waits, so that memory stays bounded.
            writer: writer.with_max_concurrency(1),
            rows: 0,
            bytes: 0,
        })
    }

    fn store_error(&self, error: std::io::Error) -> Error {
        match error.downcast::<object_store::Error>() {
            Ok(error) => self.object.error(error),
            Err(error) => Error::new(stitchwork_core::ErrorKind::Unavailable, "the store failed")
                .with_context("location", self.object.location())
                .with_source(error),
        }
    }
}

#[async_trait]
impl FileWriter for JsonWriter {
    async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = conform(batch, &self.schema)?;
        let mut start = 0;
        while start < batch.num_rows() {
            let rows = SLICE_ROWS.min(batch.num_rows() - start);
            let lines = encode(&self.builder, &batch.slice(start, rows))
                .map_err(|e| Error::from(e).with_context("location", self.object.location()))?;
            self.bytes += lines.len() as u64;
            self.writer.put(lines.into()).await.map_err(|e| self.object.error(e))?;
            self.rows += rows as u64;
            start += rows;
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    async fn finish(mut self: Box<Self>) -> Result<FileSummary> {
        if let Err(error) = self.writer.shutdown().await {
            return Err(self.store_error(error));
        }
        let stats = FileStats { rows: Some(self.rows), ..FileStats::default() };
        Ok(FileSummary { rows: self.rows, bytes: self.bytes, stats, split_offsets: vec![] })
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        // Below one part nothing has gone up yet.
        if self.bytes < PART as u64 {
            return Ok(());
        }
        self.writer.abort().await.map_err(|e| self.object.error(e))
    }
}

impl fmt::Debug for JsonWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonWriter")
            .field("object", &self.object)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

fn encode(builder: &WriterBuilder, batch: &RecordBatch) -> std::result::Result<Vec<u8>, ArrowError> {
    let mut writer: Writer<_, LineDelimited> = builder.clone().build(Vec::new());
    writer.write(batch)?;
    writer.finish()?;
    Ok(writer.into_inner())
}

fn has_map(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Map(..)) || children(data_type).any(|child| has_map(child.data_type()))
}

/// Refuses a column whose type cannot be written, or could not be read again.
fn check_field(field: &FieldRef, builder: WriterBuilder) -> Result<()> {
    let refuse = |e: ArrowError| {
        Error::unsupported("JSON cannot hold the type of a column")
            .with_context("column", field.name())
            .with_context("type", field.data_type())
            .with_source(e)
    };
    let nullable = Arc::new(Schema::new(vec![field.as_ref().clone().with_nullable(true)]));
    let decoding = decoded(&nullable, &FieldMapping::by_name(), None);
    ReaderBuilder::new(decoding).build_decoder().map_err(refuse)?;
    let null = new_null_array(field.data_type(), 1);
    let batch = RecordBatch::try_new(nullable, vec![null]).map_err(refuse)?;
    encode(&builder, &batch).map_err(refuse).map(|_| ())
}

/// The batch with exactly the writer's schema; only metadata may differ.
fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    if batch.schema_ref().fields() == schema.fields() {
        return Ok(batch.clone());
    }
    if same_fields(batch.schema_ref().fields(), schema.fields()) {
        return FieldMapping::by_name().adapt(batch, schema);
    }
    let words = |fields: &Fields| {
        let one = |field: &FieldRef| {
            let null = if field.is_nullable() { "" } else { " not null" };
            format!("{} {}{null}", field.name(), field.data_type())
        };
        fields.iter().map(one).collect::<Vec<_>>().join(", ")
    };
    Err(Error::invalid_input("the batch has another schema than the file")
        .with_context("file", words(schema.fields()))
        .with_context("batch", words(batch.schema_ref().fields())))
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

/// Spells the values that arrow-json would spell in a way that cannot be read back. NaN and the infinities are
/// texts, since JSON has no numbers for them and null is another value; durations are numbers of their unit.
#[derive(Debug)]
struct Spelling;

impl EncoderFactory for Spelling {
    fn make_default_encoder<'a>(
        &self,
        _field: &'a FieldRef,
        array: &'a dyn Array,
        _options: &'a EncoderOptions,
    ) -> std::result::Result<Option<NullableEncoder<'a>>, ArrowError> {
        let encoder = match array.data_type() {
            DataType::Float16 => spelled::<Float16Type>(array, |value| value.to_f32().into_text()),
            DataType::Float32 => spelled::<Float32Type>(array, IntoText::into_text),
            DataType::Float64 => spelled::<Float64Type>(array, IntoText::into_text),
            DataType::Duration(TimeUnit::Second) => spelled::<DurationSecondType>(array, |v| v.to_string()),
            DataType::Duration(TimeUnit::Millisecond) => {
                spelled::<DurationMillisecondType>(array, |v| v.to_string())
            }
            DataType::Duration(TimeUnit::Microsecond) => {
                spelled::<DurationMicrosecondType>(array, |v| v.to_string())
            }
            DataType::Duration(TimeUnit::Nanosecond) => {
                spelled::<DurationNanosecondType>(array, |v| v.to_string())
            }
            _ => return Ok(None),
        };
        Ok(Some(NullableEncoder::new(encoder, array.nulls().cloned())))
    }
}

fn spelled<T: ArrowPrimitiveType>(
    array: &dyn Array,
    spell: fn(T::Native) -> String,
) -> Box<dyn Encoder + '_> {
    Box::new(Spelled::<T>(array.as_primitive::<T>(), spell))
}

/// A column and how one of its values is spelled.
struct Spelled<'a, T: ArrowPrimitiveType>(&'a PrimitiveArray<T>, fn(T::Native) -> String);

impl<T: ArrowPrimitiveType> Encoder for Spelled<'_, T> {
    fn encode(&mut self, row: usize, out: &mut Vec<u8>) {
        out.extend_from_slice((self.1)(self.0.value(row)).as_bytes());
    }
}

/// A float in JSON.
trait IntoText {
    fn into_text(self) -> String;
}

macro_rules! into_text {
    ($($float:ty),*) => {$(
        impl IntoText for $float {
            fn into_text(self) -> String {
                if self.is_finite() {
                    // The shortest digits that are read back as the same value.
                    format!("{self:?}")
                } else if self.is_nan() {
                    "\"NaN\"".to_owned()
                } else if self > 0.0 {
                    "\"Infinity\"".to_owned()
                } else {
                    "\"-Infinity\"".to_owned()
                }
            }
        }
    )*};
}
into_text!(f32, f64);
