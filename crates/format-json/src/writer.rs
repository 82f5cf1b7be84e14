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
use arrow_schema::{ArrowError, DataType, FieldRef, Schema, SchemaRef, TimeUnit};
use async_trait::async_trait;
use stitchwork_core::{Error, FieldMapping, FileSummary, FileWriter, Object, Result, WriteArgs};
use stitchwork_objects::{CompressedUpload, Compression, conform};

use crate::config::JsonConfig;
use crate::sayable;
use crate::shape::{children, decoded};

/// How many rows are encoded in one go.
const SLICE_ROWS: usize = 8192;

/// One object that is being written.
pub(crate) struct JsonWriter {
    schema: SchemaRef,
    builder: WriterBuilder,
    upload: CompressedUpload,
    rows: u64,
}

impl JsonWriter {
    pub(crate) fn new(object: &Object, args: WriteArgs, config: &JsonConfig) -> Result<Self> {
        let config = config.with_options(&args.options)?;
        let compression = config.compression.unwrap_or_else(|| Compression::of(object));
        // The key of a null in a map would be lost if it were left out.
        let explicit_nulls =
            config.explicit_nulls || args.schema.fields().iter().any(|f| has_map(f.data_type()));
        let builder = || {
            WriterBuilder::new().with_explicit_nulls(explicit_nulls).with_encoder_factory(Arc::new(Spelling))
        };
        for field in args.schema.fields() {
            check_field(field, builder())?;
        }
        Ok(Self {
            schema: args.schema,
            builder: builder(),
            upload: CompressedUpload::new(object, compression).within(args.budget.as_ref()),
            rows: 0,
        })
    }
}

#[async_trait]
impl FileWriter for JsonWriter {
    async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = conform(batch, &self.schema)?;
        let mut start = 0;
        while start < batch.num_rows() {
            let rows = SLICE_ROWS.min(batch.num_rows() - start);
            let slice = batch.slice(start, rows);
            let lines = sayable::check(&slice, self.rows)
                .and_then(|()| Ok(encode(&self.builder, &slice)?))
                .map_err(|e| e.with_context("location", self.upload.object().location()))?;
            self.upload.write(lines.into()).await?;
            self.rows += rows as u64;
            start += rows;
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.upload.bytes()
    }

    fn memory(&self) -> u64 {
        self.upload.held()
    }

    async fn finish(self: Box<Self>) -> Result<FileSummary> {
        Ok(FileSummary::counted(self.rows, self.upload.finish().await?))
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        self.upload.abort().await
    }
}

impl fmt::Debug for JsonWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonWriter")
            .field("upload", &self.upload)
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
