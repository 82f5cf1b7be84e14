//! From the bytes of blocks to batches, by arrow-avro.

use arrow_array::RecordBatch;
use arrow_avro::codec::Tz;
use arrow_avro::reader::{Reader, ReaderBuilder};
use arrow_avro::schema::AvroSchema;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use stitchwork_core::{Error, Result};

use crate::cursor::put_long;
use crate::error::{broken, guard};
use crate::feed::{Feed, Giver};
use crate::header::Header;
use crate::names;

/// What the rows of a file become.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    /// The Avro schema of the reader, as JSON; the writer's when `None`.
    pub(crate) schema: Option<String>,
    /// The places of the fields in that schema, in order; all when `None`.
    pub(crate) projection: Option<Vec<usize>>,
    /// The most rows of a batch.
    pub(crate) batch_rows: usize,
}

/// Decodes the rows of checked blocks.
#[derive(Debug)]
pub(crate) struct Rows {
    header: Bytes,
    wanted: Wanted,
    giver: Giver,
    reader: Reader<Feed>,
    /// The rows that were given and have not come out.
    owed: u64,
    /// The bytes that were given since the last batch came out.
    bytes: u64,
}

impl Rows {
    pub(crate) fn new(header: &Header, mut wanted: Wanted) -> Result<Self> {
        let header = Bytes::from(header.plain()?);
        wanted.schema = wanted.schema.map(|schema| names::spelled(&schema)).transpose().map_err(|e| {
            Error::invalid_config("the reader's schema is no JSON, or has a name that cannot be read")
                .with_context("option", "reader_schema")
                .with_source(e)
        })?;
        let (giver, reader) = build(&header, &wanted)?;
        Ok(Self { header, wanted, giver, reader, owed: 0, bytes: 0 })
    }

    /// The schema of the batches.
    pub(crate) fn schema(&self) -> SchemaRef {
        self.reader.schema()
    }

    /// Takes the rows of a block.
    pub(crate) fn give(&mut self, rows: u64, data: Bytes) {
        let mut prefix = Vec::new();
        put_long(&mut prefix, rows.cast_signed());
        put_long(&mut prefix, data.len() as i64);
        self.owed += rows;
        self.bytes += data.len() as u64;
        self.giver.give([prefix.into(), data, Bytes::from_static(&[0; 16])]);
    }

    /// The bytes that were given since the last batch came out.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The next batch; `None` when more rows are needed for it.
    pub(crate) fn next(&mut self) -> Result<Option<RecordBatch>> {
        let found = guard("the rows of a block cannot be read", || match self.reader.next() {
            None => Ok(None),
            Some(Ok(batch)) => Ok(Some(batch)),
            Some(Err(_)) if self.giver.take_starved() => Ok(None),
            Some(Err(e)) => Err(e),
        });
        let found = found?;
        if let Some(batch) = &found {
            self.bytes = 0;
            let rows = batch.num_rows() as u64;
            self.owed =
                self.owed.checked_sub(rows).ok_or_else(|| broken("a block has more rows than it claims"))?;
        }
        Ok(found)
    }

    /// The rows that are left, as a batch; after it new ones may be given.
    pub(crate) fn flush(&mut self) -> Result<Option<RecordBatch>> {
        if self.owed == 0 {
            return Ok(None);
        }
        self.giver.set_ended(true);
        let last = self.next()?;
        if self.owed > 0 {
            return Err(broken("a block has fewer rows than it claims"));
        }
        // A reader that has come to an end stays there.
        (self.giver, self.reader) = build(&self.header, &self.wanted)?;
        Ok(last)
    }
}

fn build(header: &Bytes, wanted: &Wanted) -> Result<(Giver, Reader<Feed>)> {
    let giver = Giver::default();
    giver.give([header.clone()]);
    // The header is read to its end at once.
    giver.set_ended(true);
    let mut builder = ReaderBuilder::new().with_batch_size(wanted.batch_rows).with_tz(Tz::Utc);
    if let Some(schema) = &wanted.schema {
        builder = builder.with_reader_schema(AvroSchema::new(schema.clone()));
    }
    if let Some(places) = &wanted.projection {
        builder = builder.with_projection(places.clone());
    }
    let message = match wanted.schema {
        None => "the schema of the object cannot be read",
        Some(_) => "the schema of the object cannot be read as the reader's",
    };
    let reader = guard(message, || builder.build(giver.feed()))?;
    giver.set_ended(false);
    Ok((giver, reader))
}
