//! The [stream form](https://arrow.apache.org/docs/format/Columnar.html#ipc-streaming-format): one message after
//! the other.

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::MessageHeader;
use arrow_schema::SchemaRef;
use bytes::Bytes;
use stitchwork_core::{Budget, Error, Reservation, Result};
use stitchwork_objects::Forward;

use crate::decoder::{Decoder, schema};
use crate::error::broken;
use crate::message::{CONTINUATION, parse_bare, too_large};
use crate::source::Source;

/// The messages of an object, in order.
pub(crate) struct Messages {
    bytes: Forward,
    limit: u64,
}

impl Messages {
    pub(crate) async fn open(source: &Source, limit: u64) -> Result<Self> {
        Ok(Self { bytes: source.forward(cut_off).await?, limit })
    }

    /// The schema, which is the first message.
    pub(crate) async fn schema(&mut self) -> Result<SchemaRef> {
        let Some(metadata) = self.metadata().await? else { return Err(broken("the object has no schema")) };
        let message = parse_bare(&metadata)?;
        if message.bodyLength() != 0 {
            return Err(broken("the schema has a body"));
        }
        schema(message.header_as_schema())
    }

    /// The metadata of the next message, `None` at the end. Its body must be taken next.
    async fn metadata(&mut self) -> Result<Option<Bytes>> {
        if self.bytes.left() == 0 {
            // A stream may end without its mark.
            return Ok(None);
        }
        let mut length = self.number().await?;
        if length == CONTINUATION {
            length = self.number().await?;
        }
        match i32::from_le_bytes(length) {
            0 => Ok(None),
            length => match u64::try_from(length) {
                Ok(length) => self.take(length).await.map(Some),
                Err(_) => Err(broken("the object is no Arrow IPC, or a message has a negative length")),
            },
        }
    }

    async fn number(&mut self) -> Result<[u8; 4]> {
        let bytes = self.take(4).await?;
        bytes.first_chunk().copied().ok_or_else(|| cut_off(self.bytes.position()))
    }

    /// The next bytes, up to the limit.
    async fn take(&mut self, bytes: u64) -> Result<Bytes> {
        self.bytes.check(bytes)?;
        if bytes > self.limit {
            return Err(too_large(bytes, self.limit));
        }
        self.bytes.take(usize::try_from(bytes).map_err(|_| too_large(bytes, usize::MAX as u64))?).await
    }

    /// The rows of the next batch, `None` at the end. Dictionaries before it are taken by the decoder.
    pub(crate) async fn batch(
        &mut self,
        decoder: &mut Decoder,
        budget: Option<&Budget>,
    ) -> Result<Option<(RecordBatch, Option<Reservation>)>> {
        loop {
            let Some(metadata) = self.metadata().await? else { return Ok(None) };
            let (kind, body, needed) = {
                let message = parse_bare(&metadata)?;
                let body = u64::try_from(message.bodyLength())
                    .map_err(|_| broken("a message has a negative length"))?;
                let dictionary = message.header_as_dictionary_batch();
                let needed = match dictionary {
                    Some(dictionary) => decoder.needs(&dictionary),
                    None => !decoder.schema().fields().is_empty(),
                };
                (message.header_type(), body, needed)
            };
            // Never waits: the caller may hold the rest of the budget until it has rows of this object.
            let held = budget.and_then(|budget| budget.try_reserve(body));
            let bytes = if needed {
                self.take(body).await?
            } else {
                self.bytes.skip(body).await?;
                Bytes::new()
            };
            match kind {
                MessageHeader::DictionaryBatch if needed => {
                    decoder.dictionary(&parse_bare(&metadata)?, &Buffer::from(bytes))?;
                }
                MessageHeader::DictionaryBatch => {}
                MessageHeader::RecordBatch => {
                    let rows = decoder.batch(&parse_bare(&metadata)?, &Buffer::from(bytes), body)?;
                    return Ok(Some((rows, held)));
                }
                kind => {
                    return Err(broken("a message is neither a dictionary nor a batch")
                        .with_context("message", format!("{kind:?}")));
                }
            }
        }
    }
}

fn cut_off(_at: u64) -> Error {
    broken("the object ends before its last message does")
}
