//! Reading: bytes in, batches out.

use std::collections::HashSet;
use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};
use futures::stream;
use stitchwork_core::{
    BatchStream, BatchStreamAdapter, Error, FieldMapping, Object, ReadArgs, Reservation, Result,
    settle_fields,
};

use crate::columns::{Column, read_type, unsupported};
use crate::config::CsvConfig;
use crate::dialect::Dialect;
use crate::infer::infer;
use crate::records::Records;
use crate::rows::Rows;
use crate::sniff;
use crate::text::Text;

/// The bytes of records after which a batch ends, whatever its rows: large records make small batches.
const BATCH_BYTES: usize = 4 << 20;

/// The schema of an object: the names of its header and the types of its first records, `Null` where none has a value.
pub(crate) async fn schema(object: &Object, config: &CsvConfig) -> Result<SchemaRef> {
    let opened = Opened::open(object, config, None).await?;
    Ok(Arc::new(Schema::new(opened.own(None, &FieldMapping::by_name()))))
}

pub(crate) async fn read(object: &Object, mut args: ReadArgs, config: &CsvConfig) -> Result<BatchStream> {
    if args.range.is_some() {
        return Err(Error::unsupported("CSV cannot be read by byte ranges")
            .with_context("location", object.location()));
    }
    if args.schema.is_none() {
        args.mapping = None;
    }
    let mapping = args.mapping.clone().unwrap_or_default();
    let most = args.batch_rows();
    let mut opened = Opened::open(object, config, args.schema.as_ref().map(|_| most)).await?;
    let own = opened.own(args.schema.as_deref(), &mapping);
    let schema = match &args.schema {
        Some(schema) => schema.clone(),
        None => Arc::new(Schema::new(settle_fields(&own))),
    };
    let columns = columns(&own, &args.wanted(&schema)?, &mapping, args.schema.is_none())?;
    let fields = columns.iter().filter_map(|column| {
        Some(own.get(column.place)?.as_ref().clone().with_data_type(column.data_type.clone()))
    });
    let rows_schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    args.schema = Some(schema);
    // Never waits: the caller may hold the rest of the budget until it has rows of this object.
    let held = args.budget.as_ref().and_then(|budget| budget.try_reserve(2 * BATCH_BYTES as u64));
    let head = opened.head.take();
    let reading = Reading {
        reader: opened.reader,
        head,
        dialect: Dialect::new(&opened.config),
        columns,
        schema: rows_schema.clone(),
        most,
        _held: held,
    };
    let rows = stream::try_unfold(reading, |mut reading| async move {
        let batch = reading.next().await.map_err(|e| e.with_operation("format::read"))?;
        Ok(batch.map(|batch| (batch, reading)))
    });
    args.deliver(object, BatchStreamAdapter::new(rows_schema, rows))
}

/// The columns of the object that are needed, each once.
fn columns(own: &Fields, wanted: &SchemaRef, mapping: &FieldMapping, inferred: bool) -> Result<Vec<Column>> {
    let mut found: Vec<Column> = vec![];
    for field in wanted.fields() {
        let Some(place) = mapping.find(field, own) else { continue };
        let data_type =
            read_type(field.data_type()).ok_or_else(|| unsupported(field.name(), field.data_type()))?;
        if let Some(column) = found.iter_mut().find(|column| column.place == place) {
            // A column that is wanted in two types is cast to both.
            if column.data_type != data_type {
                column.data_type = DataType::Utf8;
            }
            column.not_null |= !field.is_nullable();
            continue;
        }
        let name = field.name().clone();
        found.push(Column { place, name, data_type, not_null: !field.is_nullable(), inferred });
    }
    found.sort_by_key(|column| column.place);
    Ok(found)
}

/// An object whose header and first records have been read.
struct Opened {
    /// The settings, with the delimiter that the object has.
    config: CsvConfig,
    reader: Reader,
    header: Option<Vec<String>>,
    head: Option<Rows>,
}

impl Opened {
    /// Reads the header and the first records: as many as types are inferred from, or `rows`.
    async fn open(object: &Object, config: &CsvConfig, rows: Option<usize>) -> Result<Self> {
        let is_open = config.is_open(object)?;
        let mut config = config.of(object)?;
        let mut text = Text::open(object, &config).await?;
        let mut piece = String::new();
        if is_open {
            let found = sniff::delimiter(&mut text, &mut piece, &config).await?;
            let with = CsvConfig { delimiter: Some(found), ..config.clone() };
            // A character that has another meaning already has no second one.
            if with.validate().is_ok() {
                config = with;
            }
        }
        let records = Records::new(Dialect::new(&config), config.skip_lines);
        let mut reader = Reader { text, records, piece, at: 0, ended: false, position: 0 };
        let header = if config.header { reader.header().await? } else { None };
        let mut skip = config.skip_rows;
        while skip > 0 {
            let most = usize::try_from(skip).unwrap_or(usize::MAX).min(8192);
            let Some(rows) = reader.rows(most, BATCH_BYTES).await? else { break };
            skip -= rows.len() as u64;
        }
        reader.count_from_here();
        let head = match rows {
            Some(rows) => reader.rows(rows, BATCH_BYTES).await?,
            None if config.infer_types => reader.rows(config.infer_rows, config.infer_bytes).await?,
            None => reader.rows(1, BATCH_BYTES).await?,
        };
        Ok(Self { config, reader, header, head })
    }

    /// The columns of the object. Without a header they are those of `schema`, by their places, or numbered.
    fn own(&self, schema: Option<&Schema>, mapping: &FieldMapping) -> Fields {
        let config = &self.config;
        let types = match (&self.head, schema) {
            (Some(head), None) if config.infer_types => infer(head, &Dialect::new(config)),
            _ => vec![],
        };
        let known = if self.header.is_none() { schema } else { None };
        let count = self.reader.records.columns().unwrap_or_default();
        let names = self.header.clone().unwrap_or_else(|| unique(vec![String::new(); count]));
        let field = |(place, name): (usize, String)| {
            if let Some(field) = known.and_then(|schema| schema.fields().get(place)) {
                let name = mapping.physical_name(field).to_owned();
                return field.as_ref().clone().with_name(name).with_nullable(true);
            }
            let untyped = if config.infer_types { DataType::Null } else { DataType::Utf8 };
            Field::new(name, types.get(place).cloned().unwrap_or(untyped), true)
        };
        names.into_iter().enumerate().map(field).collect()
    }
}

/// Names for columns, each once: an empty one becomes `column_3` by its place from 1, a repeated one `name_2`.
fn unique(names: Vec<String>) -> Vec<String> {
    let given: HashSet<String> = names.iter().cloned().collect();
    let mut taken: HashSet<String> = HashSet::new();
    let name = |(place, name): (usize, String)| {
        let base = if name.is_empty() { format!("column_{}", place + 1) } else { name.clone() };
        let mut found = base.clone();
        let mut number = 2_u64;
        // A name that another column was given is not taken from it.
        while taken.contains(&found) || (found != name && given.contains(&found)) {
            found = format!("{base}_{number}");
            number += 1;
        }
        taken.insert(found.clone());
        found
    };
    names.into_iter().enumerate().map(name).collect()
}

/// The records of an object, some at a time.
#[derive(Debug)]
struct Reader {
    text: Text,
    records: Records,
    /// The piece of text that is being split, and how much of it was.
    piece: String,
    at: usize,
    ended: bool,
    /// The position of the next record among the rows.
    position: u64,
}

impl Reader {
    async fn header(&mut self) -> Result<Option<Vec<String>>> {
        let Some(first) = self.rows(1, BATCH_BYTES).await? else { return Ok(Some(vec![])) };
        let names = (0..first.columns()).map(|column| first.field(0, column).1.to_owned());
        Ok(Some(unique(names.collect())))
    }

    fn count_from_here(&mut self) {
        self.position = 0;
        self.records.count_from_here();
    }

    /// The next records, at most this many or of about this many bytes; `None` at the end.
    async fn rows(&mut self, rows: usize, bytes: usize) -> Result<Option<Rows>> {
        while !self.records.full(rows, bytes) && !self.ended {
            let left = self.piece.as_bytes().get(self.at..).unwrap_or_default();
            if left.is_empty() {
                match self.text.next().await? {
                    Some(piece) => (self.piece, self.at) = (piece, 0),
                    None => {
                        self.ended = true;
                        self.records.finish().map_err(|e| self.located(e))?;
                    }
                }
                continue;
            }
            self.at += self.records.push(left, rows, bytes).map_err(|e| self.located(e))?;
        }
        let found = self.records.take()?.starting_at(self.position);
        self.position += found.len() as u64;
        Ok((found.len() > 0).then_some(found))
    }

    fn located(&self, error: Error) -> Error {
        error.with_context("location", self.text.object().location())
    }
}

/// An object that is being read.
#[derive(Debug)]
struct Reading {
    reader: Reader,
    /// The records that were read to know the schema.
    head: Option<Rows>,
    dialect: Dialect,
    columns: Vec<Column>,
    schema: SchemaRef,
    most: usize,
    _held: Option<Reservation>,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<RecordBatch>> {
        let rows = match self.head.take() {
            Some(head) => head,
            None => match self.reader.rows(self.most, BATCH_BYTES).await? {
                Some(rows) => rows,
                None => return Ok(None),
            },
        };
        let arrays = self.columns.iter().map(|column| column.decode(&rows, &self.dialect));
        let arrays = arrays.collect::<Result<Vec<_>>>().map_err(|e| self.reader.located(e))?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows.len()));
        Ok(Some(RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)?))
    }
}

#[cfg(test)]
mod tests {
    use super::unique;

    #[test]
    fn every_column_has_a_name_of_its_own() {
        let named = |names: &[&str]| unique(names.iter().map(|name| (*name).to_owned()).collect());
        assert_eq!(named(&["a", "", "a", "a", "b"]), ["a", "column_2", "a_2", "a_3", "b"]);
        assert_eq!(named(&["a", "a", "a_2"]), ["a", "a_3", "a_2"]);
        assert_eq!(named(&["", "column_1", ""]), ["column_1_2", "column_1", "column_3"]);
    }
}
