//! Reading: which columns and blocks are wanted, and their rows as they were asked for.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::{Schema, SchemaRef};
use futures::stream;
use stitchwork_core::{BatchStream, BatchStreamAdapter, Error, Object, ReadArgs, Reservation, Result};
use stitchwork_objects::{located, places};

use crate::blocks::Blocks;
use crate::config::AvroConfig;
use crate::error::broken;
use crate::header::Header;
use crate::input::Input;
use crate::rows::{Rows, Wanted};
use crate::shape::{self, Shape};

/// The bytes of rows after which a batch ends, whatever its rows: large records make small batches.
const BATCH_BYTES: u64 = 8 << 20;

/// An object whose header is read.
pub(crate) struct Opened {
    pub(crate) header: Arc<Header>,
    pub(crate) shape: Arc<Shape>,
    pub(crate) blocks: Blocks,
}

impl Opened {
    pub(crate) async fn new(object: &Object) -> Result<Self> {
        let open = async {
            let mut input = Input::open(object, 0).await?;
            let header = Arc::new(Header::read(&mut input).await?);
            let shape = shape::parse(&header.schema)?;
            Ok(Self { blocks: Blocks::after(header.clone(), input), shape, header })
        };
        open.await.map_err(|e| located(e, object))
    }

    /// The decoder of all columns.
    pub(crate) fn rows(&self, config: &AvroConfig, batch_rows: usize) -> Result<Rows> {
        Rows::new(&self.header, Wanted { schema: config.reader_schema.clone(), projection: None, batch_rows })
    }
}

pub(crate) async fn read(object: &Object, mut args: ReadArgs, config: &AvroConfig) -> Result<BatchStream> {
    let opened = Opened::new(object).await?;
    let whole = opened.rows(config, args.batch_rows()).map_err(|e| located(e, object))?;
    let own = whole.schema();
    let places = places(&own, &mut args)?;
    let limit = config.max_block_bytes;
    // The places of a reader's own schema are others.
    let shape = match config.reader_schema {
        None => {
            opened.shape.require_readable(&places).map_err(|e| located(e, object))?;
            Arc::new(opened.shape.only(&places))
        }
        Some(_) => opened.shape.clone(),
    };
    let (schema, decoder) = decoder(&opened, whole, &places, config, &args);
    let range = args.range.take();
    let (first, blocks) = match range {
        None => (0, opened.blocks),
        Some(range) => {
            let part = begin(opened.blocks, object, range, args.rows.is_some() || args.row_number.is_some());
            part.await.map_err(|e| located(e, object))?
        }
    };
    // Never waits: the caller may hold the rest of the budget until it has rows of this object.
    let held = args.budget.as_ref().and_then(|budget| budget.try_reserve(2 * BATCH_BYTES));
    let reading = Reading {
        blocks,
        shape,
        codec: opened.header.codec,
        schema: schema.clone(),
        decoder,
        limit,
        _held: held,
    };
    args.deliver_from(first, object, reading.stream(object))
}

/// What becomes of the rows of blocks.
#[derive(Debug)]
enum Decoder {
    Rows(Box<Rows>),
    /// Nothing of them is needed but their number.
    Counted,
}

fn decoder(
    opened: &Opened,
    whole: Rows,
    places: &[usize],
    config: &AvroConfig,
    args: &ReadArgs,
) -> (SchemaRef, Decoder) {
    let own = whole.schema();
    if places.is_empty() || opened.shape.is_empty() {
        let columns = own.project(places).unwrap_or_else(|_| Schema::empty());
        return (Arc::new(columns), Decoder::Counted);
    }
    if places.len() < own.fields().len() {
        let wanted = Wanted {
            schema: config.reader_schema.clone(),
            projection: Some(places.to_vec()),
            batch_rows: args.batch_rows(),
        };
        // A column may have a type that another one, which is left out, defines; then all are decoded.
        let expected = own.project(places).ok();
        if let Ok(rows) = Rows::new(&opened.header, wanted)
            && expected.is_some_and(|expected| expected.fields() == rows.schema().fields())
        {
            return (rows.schema(), Decoder::Rows(Box::new(rows)));
        }
    }
    let columns = own.project(places).map_or(own, Arc::new);
    (columns, Decoder::Rows(Box::new(whole)))
}

/// The blocks of a range, and the position of their first row where it is needed: then the blocks before are passed
/// over and counted.
async fn begin(
    mut blocks: Blocks,
    object: &Object,
    range: Range<u64>,
    counted: bool,
) -> Result<(u64, Blocks)> {
    if !counted {
        return Ok((0, blocks.within(object, range).await?));
    }
    blocks = blocks.until(range.start);
    let mut rows = 0_u64;
    while let Some(block) = blocks.next().await? {
        blocks.skip(&block).await?;
        rows = rows.saturating_add(block.rows);
    }
    Ok((rows, blocks.until(range.end)))
}

/// An object that is being read.
struct Reading {
    blocks: Blocks,
    shape: Arc<Shape>,
    codec: crate::Compression,
    /// The schema of the batches, of which the decoder may give more columns.
    schema: SchemaRef,
    decoder: Decoder,
    limit: u64,
    _held: Option<Reservation>,
}

impl Reading {
    fn stream(self, object: &Object) -> BatchStream {
        let schema = self.schema.clone();
        let object = object.clone();
        let batches = stream::try_unfold(self, move |mut reading| {
            let object = object.clone();
            async move {
                let batch = reading.next().await;
                let batch = batch.map_err(|e| located(e, &object).with_operation("format::read"))?;
                Ok(batch.map(|batch| (batch, reading)))
            }
        });
        BatchStreamAdapter::new(schema, batches)
    }

    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        loop {
            if let Decoder::Rows(rows) = &mut self.decoder {
                let mut found = rows.next()?;
                if found.is_none() && rows.bytes() >= BATCH_BYTES {
                    found = rows.flush()?;
                }
                if let Some(batch) = found {
                    return self.shaped(&batch).map(Some);
                }
            }
            let Some(block) = self.blocks.next().await? else {
                return match &mut self.decoder {
                    Decoder::Counted => Ok(None),
                    Decoder::Rows(rows) => match rows.flush()? {
                        Some(batch) => self.shaped(&batch).map(Some),
                        None => Ok(None),
                    },
                };
            };
            let data = self.blocks.data(&block, self.limit).await?;
            let checked = self.codec.decompress(data, self.limit).and_then(|data| {
                self.shape.check(&data, block.rows)?;
                Ok(data)
            });
            let data = checked.map_err(|e| e.with_context("block", block.offset))?;
            match &mut self.decoder {
                Decoder::Rows(rows) => rows.give(block.rows, data),
                Decoder::Counted => return self.counted(block.rows).map(Some),
            }
        }
    }

    /// The columns that are wanted, should the decoder have more.
    fn shaped(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        if batch.num_columns() == self.schema.fields().len() {
            return Ok(batch.clone().with_schema(self.schema.clone())?);
        }
        let fields = self.schema.fields().iter();
        let places = fields.map(|field| batch.schema_ref().index_of(field.name()));
        let places = places.collect::<Result<Vec<_>, _>>().map_err(Error::from)?;
        Ok(batch.project(&places)?.with_schema(self.schema.clone())?)
    }

    /// So many rows without a value.
    fn counted(&self, rows: u64) -> Result<RecordBatch> {
        // Such rows take no bytes: their number says how many will be made.
        let rows = i32::try_from(rows).ok().and_then(|rows| usize::try_from(rows).ok());
        let rows = rows.ok_or_else(|| broken("a block has no possible number of rows"))?;
        let columns = self.schema.fields().iter().map(|field| new_null_array(field.data_type(), rows));
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema.clone(), columns.collect(), &options).map_err(|e| {
            Error::unsupported("rows without any value are only read where they are nulls").with_source(e)
        })
    }
}
