//! Writing: batches in, blocks out.

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::{ArrayRef, RecordBatch};
use arrow_avro::writer::format::AvroOcfFormat;
use arrow_avro::writer::{Writer, WriterBuilder};
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit, UnionMode};
use async_trait::async_trait;
use stitchwork_core::{Error, FieldMapping, FileSummary, FileWriter, Object, Result, WriteArgs};
use stitchwork_objects::{Upload, conform, located};

use crate::blame::blame;
use crate::config::AvroConfig;
use crate::error::guard;
use crate::header;

/// Where arrow-avro has the symbols of an enum.
const SYMBOLS: &str = "avro.enum.symbols";

/// What arrow-avro has written and nobody has taken yet.
#[derive(Debug, Clone, Default)]
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Sink {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The writer of arrow-avro.
struct Encoder {
    writer: Writer<Sink, AvroOcfFormat>,
    sink: Sink,
}

impl Encoder {
    fn new(schema: &SchemaRef, config: &AvroConfig) -> Result<Self> {
        let sink = Sink::default();
        let builder =
            WriterBuilder::new(schema.as_ref().clone()).with_compression(config.compression.arrow());
        let writer = guard("the schema cannot be written as Avro", || builder.build(sink.clone()))?;
        Ok(Self { writer, sink })
    }

    /// One block.
    fn encode(&mut self, batch: &RecordBatch) -> Result<Vec<u8>> {
        guard("the rows cannot be written as Avro", || self.writer.write(batch))?;
        Ok(self.sink.take())
    }
}

/// One object that is being written.
pub(crate) struct AvroWriter {
    schema: SchemaRef,
    /// The schema without the encodings that Avro has not.
    plain: SchemaRef,
    config: AvroConfig,
    encoder: Encoder,
    upload: Upload,
    /// What is to be sent before the first block.
    header: Vec<u8>,
    rows: u64,
    /// Where each block begins.
    offsets: Vec<u64>,
}

impl AvroWriter {
    pub(crate) fn new(object: &Object, args: WriteArgs, config: &AvroConfig) -> Result<Self> {
        let config = config.with_options(&args.options)?;
        for field in args.schema.fields() {
            check(field, field.name())?;
            let simple = plain(field);
            let one = Arc::new(Schema::new(vec![simple.clone()]));
            let encoded = Encoder::new(&one, &config).and_then(|mut encoder| match has_enum(&simple) {
                // An enum has its symbols with the rows only.
                true => Ok(()),
                false => encoder.encode(&RecordBatch::new_empty(one)).map(drop),
            });
            encoded.map_err(|e| {
                Error::unsupported("Avro cannot hold a type of the schema; cast the column, or leave it out")
                    .with_context("column", field.name())
                    .with_context("type", field.data_type())
                    .with_source(e)
            })?;
        }
        if let Some(key) = args.metadata.keys().find(|key| key.starts_with("avro.")) {
            return Err(
                Error::invalid_input("keys that begin with `avro.` are Avro's own").with_context("key", key)
            );
        }
        let fields: Fields = args.schema.fields().iter().map(plain).collect();
        let plain = Arc::new(Schema::new_with_metadata(fields, args.schema.metadata().clone()));
        let encoder = Encoder::new(&plain, &config).map_err(|e| refused(e, object))?;
        let header = header::extend(&encoder.sink.take(), &args.metadata)?;
        Ok(Self {
            schema: args.schema,
            plain,
            config,
            encoder,
            upload: Upload::new(object).within(args.budget.as_ref()),
            header,
            rows: 0,
            offsets: vec![],
        })
    }

    async fn send_header(&mut self) -> Result<()> {
        match std::mem::take(&mut self.header) {
            header if header.is_empty() => Ok(()),
            header => self.upload.write(header.into()).await,
        }
    }
}

#[async_trait]
impl FileWriter for AvroWriter {
    async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = conform(batch, &self.schema)?;
        let batch = FieldMapping::by_name().adapt(&batch, &self.plain)?;
        self.send_header().await?;
        for first in (0..batch.num_rows()).step_by(self.config.block_rows) {
            let rows = self.config.block_rows.min(batch.num_rows() - first);
            let block = batch.slice(first, rows);
            let encoded = self.encoder.encode(&block);
            let block = encoded.map_err(|e| {
                let fits = |field: &FieldRef, values: &ArrayRef| alone(field, values, &self.config).is_ok();
                located(blame(&block, self.rows, fits, e), self.upload.object())
            })?;
            self.offsets.push(self.upload.bytes());
            self.upload.write(block.into()).await?;
            self.rows += rows as u64;
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.upload.bytes() + self.header.len() as u64
    }

    fn memory(&self) -> u64 {
        self.upload.held() + self.header.len() as u64
    }

    async fn finish(mut self: Box<Self>) -> Result<FileSummary> {
        self.send_header().await?;
        let summary = FileSummary::counted(self.rows, self.upload.finish().await?);
        Ok(FileSummary { split_offsets: self.offsets, ..summary })
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        self.upload.abort().await
    }
}

impl fmt::Debug for AvroWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AvroWriter")
            .field("upload", &self.upload)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

/// The error of a schema that cannot be written, though each of its columns can be.
fn refused(error: Error, object: &Object) -> Error {
    located(Error::invalid_input("the schema cannot be written as Avro"), object).with_source(error)
}

/// Encodes the values of one column.
fn alone(field: &FieldRef, values: &ArrayRef, config: &AvroConfig) -> Result<Vec<u8>> {
    let field = field.as_ref().clone().with_nullable(true);
    let schema = Arc::new(Schema::new(vec![field]));
    let batch = RecordBatch::try_new(schema.clone(), vec![values.clone()])?;
    Encoder::new(&schema, config)?.encode(&batch)
}

/// The field without dictionaries and runs, which Avro has not, enums apart, and with decimals of one size.
fn plain(field: &FieldRef) -> FieldRef {
    // Names of types that were read come with every use of the type, and Avro forbids to define one twice: each use
    // gets a name of its own.
    let mut field = field.as_ref().clone();
    for key in ["avro.name", "avro.namespace"] {
        field.metadata_mut().remove(key);
    }
    let below = |field: &FieldRef| plain(field);
    let data_type = match field.data_type() {
        DataType::Dictionary(_, values) if !field.metadata().contains_key(SYMBOLS) => {
            return plain(&Arc::new(field.clone().with_data_type(values.as_ref().clone())));
        }
        DataType::RunEndEncoded(_, values) => {
            return plain(&Arc::new(field.clone().with_data_type(values.data_type().clone())));
        }
        // The one size of decimals that arrow-avro always has.
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, *scale)
        }
        DataType::Struct(fields) => DataType::Struct(fields.iter().map(below).collect()),
        DataType::List(item) => DataType::List(below(item)),
        DataType::LargeList(item) => DataType::LargeList(below(item)),
        DataType::Map(entries, sorted) => DataType::Map(below(entries), *sorted),
        _ => return Arc::new(field),
    };
    Arc::new(field.with_data_type(data_type))
}

/// Whether some value of the field is an enum.
fn has_enum(field: &Field) -> bool {
    match field.data_type() {
        DataType::Dictionary(..) => true,
        DataType::Struct(fields) => fields.iter().any(|field| has_enum(field)),
        DataType::Union(fields, _) => fields.iter().any(|(_, field)| has_enum(field)),
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => has_enum(field),
        _ => false,
    }
}

fn negative_scale(data_type: &DataType) -> bool {
    match data_type {
        DataType::Decimal32(_, scale)
        | DataType::Decimal64(_, scale)
        | DataType::Decimal128(_, scale)
        | DataType::Decimal256(_, scale) => *scale < 0,
        _ => false,
    }
}

/// Refuses what Avro would take and not give back, and what it cannot hold.
fn check(field: &Field, column: &str) -> Result<()> {
    let refused = |why: &str| {
        Err(Error::unsupported(why)
            .with_context("column", column)
            .with_context("field", field.name())
            .with_context("type", field.data_type()))
    };
    match field.data_type() {
        data_type if negative_scale(data_type) => {
            refused("Avro's decimals have no negative scale; cast the column to a decimal of scale 0")
        }
        DataType::Union(_, UnionMode::Sparse) => {
            refused("only dense unions are written as Avro; cast the column to one, or split it by type")
        }
        DataType::Union(fields, _)
            if field.is_nullable() && !fields.iter().any(|(_, f)| f.data_type().is_null()) =>
        {
            refused(
                "a union that may be null needs a part of the type `Null` to be written as Avro; give it one, or \
                 split the column by type",
            )
        }
        DataType::Time64(TimeUnit::Nanosecond) => {
            refused("Avro has no times of day in nanoseconds; cast the column to microseconds")
        }
        DataType::List(item)
        | DataType::LargeList(item)
        | DataType::ListView(item)
        | DataType::LargeListView(item)
        | DataType::FixedSizeList(item, _) => {
            check_type(item, column)?;
            check_name(field, column)
        }
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(fields) => match fields.first().map(|key| key.data_type()) {
                Some(DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View) => {
                    fields.iter().try_for_each(|field| check_type(field, column))?;
                    check_name(field, column)
                }
                _ => refused("the keys of Avro's maps are texts; cast them, or write a list of structs"),
            },
            _ => refused("the entries of a map are no struct"),
        },
        DataType::Struct(fields) if fields.is_empty() => {
            refused("a struct without fields would be written, and not read again; leave the column out")
        }
        DataType::Struct(fields) => {
            fields.iter().try_for_each(|field| check(field, column))?;
            check_name(field, column)
        }
        DataType::Union(fields, _) => {
            fields.iter().try_for_each(|(_, field)| check_type(field, column))?;
            check_name(field, column)
        }
        _ => check_name(field, column),
    }
}

/// The check of a field whose name is not written.
fn check_type(field: &FieldRef, column: &str) -> Result<()> {
    check(&field.as_ref().clone().with_name("item"), column)
}

/// Refuses names that Avro forbids: other ones would be written, and not found again.
fn check_name(field: &Field, column: &str) -> Result<()> {
    let mut characters = field.name().chars();
    let begins = characters.next().is_some_and(|first| first.is_ascii_alphabetic() || first == '_');
    if begins && characters.all(|other| other.is_ascii_alphanumeric() || other == '_') {
        return Ok(());
    }
    Err(Error::unsupported(
        "Avro's names have no characters but letters, digits and `_`, and begin with no digit",
    )
    .with_context("column", column)
    .with_context("field", field.name()))
}
