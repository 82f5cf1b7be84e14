//! Reading: bytes in, batches out.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_json::ReaderBuilder;
use arrow_json::reader::Decoder;
use arrow_schema::{Schema, SchemaRef};
use bytes::Bytes;
use futures::stream;
use stitchwork_core::{
    BatchStream, BatchStreamAdapter, Error, FieldMapping, Object, ReadArgs, Reservation, Result,
    settle_fields,
};

use crate::check::Checker;
use crate::chunks::Chunks;
use crate::config::JsonConfig;
use crate::infer::infer;
use crate::shape::{decoded, needs_keys};

/// The bytes of records after which a batch ends, whatever its rows: large records make small batches.
const BATCH_BYTES: usize = 4 << 20;

/// How many times `infer_bytes` are looked at where the first record is larger than that.
const FIRST_RECORD_TIMES: usize = 16;

/// The schema of an object, inferred from its first records: `Null` where none has a value. Where no record ends within
/// `infer_bytes`, more is looked at until one does: of no record at all, the schema would have no columns.
pub(crate) async fn schema(chunks: &mut Chunks, config: &JsonConfig) -> Result<SchemaRef> {
    let most = config.infer_bytes.saturating_mul(FIRST_RECORD_TIMES);
    let mut bytes = config.infer_bytes;
    loop {
        let (head, all) = chunks.head(bytes).await?;
        let looked_at = head.len();
        let look = || {
            let mut checker = Checker::inferring();
            let head = checker.push(head.into())?;
            if all {
                checker.finish()?;
            }
            infer(&head, all, config.infer_rows)
        };
        let located = |e: Error| e.with_context("location", chunks.object().location());
        match look().map_err(located)? {
            Some(schema) => return Ok(schema),
            None if bytes < most => bytes = bytes.saturating_mul(2).min(most),
            None => {
                return Err(located(Error::invalid_data(
                    "the first record is larger than the bytes that a schema is inferred from: raise `infer_bytes`, or \
                     read the object with a schema",
                ))
                .with_context("infer_bytes", config.infer_bytes)
                .with_context("looked_at", looked_at));
            }
        }
    }
}

pub(crate) async fn read(object: &Object, mut args: ReadArgs, config: &JsonConfig) -> Result<BatchStream> {
    let mut chunks = Chunks::open(object, config).await?;
    let mapping = match &args.schema {
        Some(_) => args.mapping.clone().unwrap_or_default(),
        None => Arc::new(FieldMapping::by_name()),
    };
    let keys = match &args.schema {
        Some(wanted) if !needs_keys(wanted, &mapping) => None,
        _ => Some(Arc::new(Schema::new(settle_fields(schema(&mut chunks, config).await?.fields())))),
    };
    let inferred = args.schema.is_none();
    args.schema = args.schema.or(keys.clone());
    let none = Arc::new(Schema::empty());
    let wanted = args.wanted(args.schema.as_ref().unwrap_or(&none))?;
    // A key is only foreign to a whole schema, not to a projected part of it.
    let strict = config.strict && args.projection.is_none();
    let schema = decoded(&wanted, &mapping, keys.as_ref());
    let decoder = ReaderBuilder::new(schema.clone())
        .with_batch_size(args.batch_rows())
        .with_coerce_primitive(true)
        .with_strict_mode(strict)
        .build_decoder()
        .map_err(|e| {
            Error::unsupported("JSON cannot be read as a type of the schema")
                .with_context("location", object.location())
                .with_source(e)
        })?;
    // Never waits: the caller may hold the rest of the budget until it has rows of this object.
    let held = args.budget.as_ref().and_then(|budget| budget.try_reserve(2 * BATCH_BYTES as u64));
    let (checker, piece) = (Checker::of(&schema, inferred), Bytes::new());
    let reading = Reading { chunks, checker, decoder, piece, fed: 0, position: 0, _held: held };
    let rows = stream::try_unfold(reading, |mut reading| async move {
        let batch = reading.next().await.map_err(|e| e.with_operation("format::read"))?;
        Ok(batch.map(|batch| (batch, reading)))
    });
    args.deliver(object, BatchStreamAdapter::new(schema, rows))
}

/// An object that is being read.
#[derive(Debug)]
struct Reading {
    chunks: Chunks,
    checker: Checker,
    decoder: Decoder,
    /// What is left of the piece that is being decoded.
    piece: Bytes,
    /// The bytes decoded since the last batch.
    fed: usize,
    /// The position of the next batch's first row.
    position: u64,
    _held: Option<Reservation>,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let batch = self.decode().await?;
        self.position += batch.as_ref().map_or(0, RecordBatch::num_rows) as u64;
        Ok(batch)
    }

    /// The next rows as they are decoded.
    async fn decode(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if self.piece.is_empty() {
                let piece = self.chunks.next().await?;
                let Some(piece) = piece else {
                    self.checker.finish().map_err(|e| self.placed(e))?;
                    return self.flush();
                };
                self.piece = self.checker.push(piece).map_err(|e| self.placed(e))?;
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
        self.placed(Error::invalid_data("the object is no JSON of the schema"))
            .with_context("after_row", self.position)
            .with_source(error)
    }

    fn placed(&self, error: Error) -> Error {
        error.with_context("location", self.chunks.object().location())
    }
}
