//! From messages to batches, for both forms.

use std::collections::{BTreeSet, HashMap};
use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_buffer::Buffer;
use arrow_ipc::reader::{read_dictionary, read_record_batch};
use arrow_ipc::{DictionaryBatch, Message, Schema as IpcSchema};
use arrow_schema::{DataType, Field, SchemaRef};
use stitchwork_core::Result;

use crate::error::{broken, guard};
use crate::message::{check_lengths, columns, places};

/// The schema as it stands in a footer or in the first message.
pub(crate) fn schema(schema: Option<IpcSchema<'_>>) -> Result<SchemaRef> {
    let schema = schema.ok_or_else(|| broken("the object has no schema"))?;
    if !schema.endianness().equals_to_target_endianness() {
        return Err(broken("the object has another byte order than this machine"));
    }
    Ok(Arc::new(guard(|| Ok(arrow_ipc::convert::fb_to_schema(schema)))?))
}

/// Decodes the columns that are wanted of messages of one schema.
#[derive(Debug)]
pub(crate) struct Decoder {
    own: SchemaRef,
    /// The places of the columns to decode, in their order, each once; `None` for all.
    projection: Option<Vec<usize>>,
    /// What is decoded.
    schema: SchemaRef,
    dictionaries: HashMap<i64, ArrayRef>,
    /// The dictionaries that the columns need.
    ids: BTreeSet<i64>,
    limit: u64,
}

impl Decoder {
    pub(crate) fn new(own: SchemaRef, projection: Option<Vec<usize>>, limit: u64) -> Result<Self> {
        let projection = projection.filter(|places| !places.iter().copied().eq(0..own.fields().len()));
        let schema = match &projection {
            None => own.clone(),
            Some(places) => Arc::new(own.project(places)?),
        };
        let mut ids = BTreeSet::new();
        schema.fields().iter().for_each(|field| dictionary_ids(field, &mut ids));
        Ok(Self { own, projection, schema, dictionaries: HashMap::new(), ids, limit })
    }

    /// The schema of the decoded batches.
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Whether some columns of the object are left out.
    pub(crate) fn leaves_out(&self) -> bool {
        self.projection.is_some()
    }

    /// Whether a column that is wanted has the dictionary.
    pub(crate) fn needs(&self, dictionary: &DictionaryBatch<'_>) -> bool {
        self.ids.contains(&dictionary.id())
    }

    /// Takes a dictionary, or what is to be added to one.
    pub(crate) fn dictionary(&mut self, message: &Message<'_>, body: &Buffer) -> Result<()> {
        let header = message.header_as_dictionary_batch();
        let (Some(header), Some(data)) = (header, header.and_then(|header| header.data())) else {
            return Err(broken("a dictionary has no values"));
        };
        #[expect(deprecated, reason = "there is no other way to the field of a dictionary")]
        let field = self.own.fields_with_dict_id(header.id()).first().map(|field| field.data_type().clone());
        let Some(DataType::Dictionary(_, values)) = field else {
            return Err(broken("a dictionary belongs to no column").with_context("id", header.id()));
        };
        let field = Field::new("dictionary", *values, true);
        let size = body.len() as u64;
        let spans = columns(&data, std::iter::once(&field), message.version(), size)?;
        check_lengths(&data, &places(&data, &spans, size)?, body, self.limit)?;
        guard(|| read_dictionary(body, header, &self.own, &mut self.dictionaries, &message.version()))
    }

    /// Which bytes of the body of a batch are needed.
    pub(crate) fn needed(&self, message: &Message<'_>, body: u64) -> Result<Vec<Range<u64>>> {
        let Some(batch) = message.header_as_record_batch() else {
            return Err(broken("a message that should be a batch is none"));
        };
        let fields = self.own.fields().iter().map(AsRef::as_ref);
        let spans = columns(&batch, fields, message.version(), body)?;
        let wanted: Vec<_> = match &self.projection {
            None => spans,
            Some(places) => places.iter().filter_map(|place| spans.get(*place).cloned()).collect(),
        };
        places(&batch, &wanted, body)
    }

    /// The rows of a batch. Of the body, which has `size` bytes, only what is [`Decoder::needed`] is looked at: it
    /// may be empty where nothing is.
    pub(crate) fn batch(&self, message: &Message<'_>, body: &Buffer, size: u64) -> Result<RecordBatch> {
        let needed = self.needed(message, size)?;
        let Some(batch) = message.header_as_record_batch() else {
            return Err(broken("a message that should be a batch is none"));
        };
        check_lengths(&batch, &needed, body, self.limit)?;
        let (own, version) = (self.own.clone(), message.version());
        guard(|| {
            let projection = self.projection.as_deref();
            let rows = read_record_batch(body, batch, own, &self.dictionaries, projection, &version)?;
            // One schema for all batches: it is compared by its address first.
            rows.with_schema(self.schema.clone())
        })
    }
}

/// The dictionaries of a field, at any depth.
fn dictionary_ids(field: &Field, ids: &mut BTreeSet<i64>) {
    #[expect(deprecated, reason = "there is no other way to the dictionary of a field")]
    ids.extend(field.dict_id());
    dictionaries_below(field.data_type(), ids);
}

fn dictionaries_below(data_type: &DataType, ids: &mut BTreeSet<i64>) {
    match data_type {
        DataType::List(field)
        | DataType::LargeList(field)
        | DataType::ListView(field)
        | DataType::LargeListView(field)
        | DataType::FixedSizeList(field, _)
        | DataType::Map(field, _) => dictionary_ids(field, ids),
        DataType::Struct(fields) => fields.iter().for_each(|field| dictionary_ids(field, ids)),
        DataType::Union(fields, _) => fields.iter().for_each(|(_, field)| dictionary_ids(field, ids)),
        DataType::RunEndEncoded(ends, values) => {
            dictionary_ids(ends, ids);
            dictionary_ids(values, ids);
        }
        DataType::Dictionary(_, values) => dictionaries_below(values, ids),
        _ => {}
    }
}
