//! Reading: bytes in, batches out.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions};
use arrow_json::ReaderBuilder;
use arrow_json::reader::Decoder;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::filter::filter_record_batch;
use bytes::Bytes;
use futures::stream;
use roaring::RoaringTreemap;
use stitchwork_core::{
    BatchStream, BatchStreamAdapter, Error, FieldMapping, Object, ReadArgs, Reservation, Result,
};

use crate::chunks::Chunks;
use crate::config::JsonConfig;
use crate::infer::infer;
use crate::shape::{decoded, needs_keys};

/// The bytes of records after which a batch ends, whatever its rows: large records make small batches.
const BATCH_BYTES: usize = 4 << 20;

/// The schema of an object, inferred from its first records.
pub(crate) async fn schema(chunks: &mut Chunks, config: &JsonConfig) -> Result<SchemaRef> {
    let (head, all) = chunks.head(config.infer_bytes).await?;
    infer(&head, all, config.infer_rows).map_err(|e| e.with_context("location", chunks.object().location()))
}

pub(crate) async fn read(object: &Object, args: ReadArgs, config: &JsonConfig) -> Result<BatchStream> {
    if args.range.is_some() {
        return Err(Error::unsupported("JSON cannot be read by byte ranges")
            .with_context("location", object.location()));
    }
    let mut chunks = Chunks::open(object, config.layout).await?;
    let mapping = match &args.schema {
        Some(_) => args.mapping.clone().unwrap_or_default(),
        None => Arc::new(FieldMapping::by_name()),
    };
    let keys = match &args.schema {
        Some(wanted) if !needs_keys(wanted, &mapping) => None,
        _ => Some(schema(&mut chunks, config).await?),
    };
    let wanted = match (&args.schema, &keys) {
        (Some(schema), _) | (None, Some(schema)) => schema.clone(),
        (None, None) => Arc::new(Schema::empty()),
    };
    let wanted = match &args.projection {
        None => wanted,
        Some(places) => Arc::new(wanted.project(places).map_err(|e| {
            Error::invalid_input("the projection names a column that the schema has not")
                .with_context("columns", wanted.fields().len())
                .with_source(e)
        })?),
    };
    // A key is only foreign to a whole schema, not to a projected part of it.
    let strict = config.strict && args.projection.is_none();
    let decoder = ReaderBuilder::new(decoded(&wanted, &mapping, keys.as_ref()))
        .with_batch_size(args.batch_rows())
        .with_coerce_primitive(true)
        .with_strict_mode(strict)
        .build_decoder()
        .map_err(|e| {
            Error::unsupported("JSON cannot be read as a type of the schema")
                .with_context("location", object.location())
                .with_source(e)
        })?;
    let schema = with_row_number(&wanted, args.row_number.as_deref());
    // Never waits: the caller may hold the rest of the budget until it has rows of this object.
    let held = args.budget.as_ref().and_then(|budget| budget.try_reserve(2 * BATCH_BYTES as u64));
    let reading = Reading {
        chunks,
        decoder,
        piece: Bytes::new(),
        fed: 0,
        position: 0,
        wanted,
        mapping,
        rows: args.rows,
        schema: schema.clone(),
        row_number: args.row_number.is_some(),
        _held: held,
    };
    let stream = stream::unfold(Some(reading), |reading| async {
        let mut reading = reading?;
        match reading.next().await {
            Ok(Some(batch)) => Some((Ok(batch), Some(reading))),
            Ok(None) => None,
            Err(e) => Some((Err(e.with_operation("format::read")), None)),
        }
    });
    Ok(BatchStreamAdapter::new(schema, stream))
}

fn with_row_number(schema: &SchemaRef, name: Option<&str>) -> SchemaRef {
    let Some(name) = name else { return schema.clone() };
    let mut fields = schema.fields().to_vec();
    fields.push(Arc::new(Field::new(name, DataType::Int64, false)));
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// An object that is being read.
#[derive(Debug)]
struct Reading {
    chunks: Chunks,
    decoder: Decoder,
    /// What is left of the piece that is being decoded.
    piece: Bytes,
    /// The bytes decoded since the last batch.
    fed: usize,
    /// The position of the next batch's first row.
    position: u64,
    wanted: SchemaRef,
    mapping: Arc<FieldMapping>,
    rows: Option<Arc<RoaringTreemap>>,
    schema: SchemaRef,
    row_number: bool,
    _held: Option<Reservation>,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            let Some(batch) = self.decode().await? else { return Ok(None) };
            let batch = self.shape(&batch)?;
            if batch.num_rows() > 0 {
                return Ok(Some(batch));
            }
            if self.rows.as_ref().is_some_and(|rows| rows.max().is_none_or(|last| last < self.position)) {
                return Ok(None);
            }
        }
    }

    /// The next rows as they are decoded.
    async fn decode(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if self.piece.is_empty() {
                match self.chunks.next().await? {
                    Some(piece) => self.piece = piece,
                    None => return self.flush(),
                }
            }
            // Past the limit each line is looked at alone, since a batch can only end between two records.
            let full = self.fed >= BATCH_BYTES;
            let line = || self.piece.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
            let give = if full { line() } else { None }.unwrap_or(self.piece.len());
            let taken = match self.piece.get(..give) {
                Some(bytes) => self.decoder.decode(bytes).map_err(|e| self.broken(e))?,
                None => 0,
            };
            self.fed += taken;
            drop(self.piece.split_to(taken));
            if taken < give || (full && !self.decoder.has_partial_record() && !self.decoder.is_empty()) {
                return self.flush();
            }
        }
    }

    fn flush(&mut self) -> Result<Option<RecordBatch>> {
        self.fed = 0;
        self.decoder.flush().map_err(|e| self.broken(e))
    }

    fn broken(&self, error: arrow_schema::ArrowError) -> Error {
        Error::invalid_data("the object is no JSON of the schema")
            .with_context("location", self.chunks.object().location())
            .with_context("after_row", self.position)
            .with_source(error)
    }

    /// The rows as they were asked for.
    fn shape(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let first = self.position;
        self.position += batch.num_rows() as u64;
        let located = |e: Error| e.with_context("location", self.chunks.object().location());
        let mut batch = self.mapping.adapt(batch, &self.wanted).map_err(located)?;
        if self.row_number {
            let positions = first..self.position;
            let positions: ArrayRef =
                Arc::new(positions.map(|position| Some(position.cast_signed())).collect::<Int64Array>());
            let columns = batch.columns().iter().cloned().chain([positions]).collect();
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            batch = RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?;
        }
        let Some(rows) = &self.rows else { return Ok(batch) };
        let selected: BooleanArray =
            (first..self.position).map(|position| Some(rows.contains(position))).collect();
        Ok(filter_record_batch(&batch, &selected)?)
    }
}
