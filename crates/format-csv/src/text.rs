//! From the bytes of an object to text in UTF-8.

use bytes::Bytes;
use encoding_rs::{Decoder, DecoderResult, Encoding, UTF_8};
use futures::StreamExt;
use futures::stream::BoxStream;
use stitchwork_core::{Error, Object, Result};
use stitchwork_objects::{Compression, download};

use crate::config::CsvConfig;

/// How many bytes are looked at to see what an object is.
const MARK_BYTES: usize = 16;
/// The most bytes that are decoded in one go.
const PIECE_BYTES: usize = 64 << 10;

/// The text of an object, piece by piece; characters are never cut in two.
pub(crate) struct Text {
    object: Object,
    stream: BoxStream<'static, Result<Bytes>>,
    rest: Bytes,
    encoding: &'static Encoding,
    decoder: Option<Decoder>,
    /// How many bytes have been decoded, a byte order mark included.
    offset: u64,
    ended: bool,
}

impl Text {
    pub(crate) async fn open(object: &Object, config: &CsvConfig) -> Result<Self> {
        let compression = config.compression.unwrap_or_else(|| Compression::of(object));
        let label = config.encoding.as_bytes();
        Ok(Self {
            object: object.clone(),
            stream: download(object, compression).await?,
            rest: Bytes::new(),
            encoding: Encoding::for_label_no_replacement(label).unwrap_or(UTF_8),
            decoder: None,
            offset: 0,
            ended: false,
        })
    }

    pub(crate) fn object(&self) -> &Object {
        &self.object
    }

    /// The next piece; `None` at the end of the object.
    pub(crate) async fn next(&mut self) -> Result<Option<String>> {
        while !self.ended {
            let mut decoder = match self.decoder.take() {
                Some(decoder) => decoder,
                None => self.begin().await?,
            };
            if self.rest.is_empty() {
                match self.stream.next().await {
                    Some(bytes) => self.rest = bytes?,
                    None => self.ended = true,
                }
            }
            let piece = self.rest.split_to(self.rest.len().min(PIECE_BYTES));
            let text = self.decode(&mut decoder, &piece)?;
            self.decoder = Some(decoder);
            if !text.is_empty() {
                return Ok(Some(text));
            }
        }
        Ok(None)
    }

    /// Reads into `piece` until it has so many bytes, and gives as much of it and whether the object ends there.
    pub(crate) async fn sample<'a>(
        &mut self,
        piece: &'a mut String,
        bytes: usize,
    ) -> Result<(&'a str, bool)> {
        while piece.len() <= bytes
            && let Some(more) = self.next().await?
        {
            piece.push_str(&more);
        }
        let whole = piece.len() <= bytes;
        let end = if whole { piece.len() } else { piece.floor_char_boundary(bytes) };
        Ok((piece.get(..end).unwrap_or_default(), whole))
    }

    /// Looks at the first bytes: a byte order mark tells the encoding, other marks another format.
    async fn begin(&mut self) -> Result<Decoder> {
        let mut head = Vec::new();
        while head.len() < MARK_BYTES {
            let Some(bytes) = self.stream.next().await else { break };
            head.extend_from_slice(&bytes?);
        }
        self.rest = head.into();
        if let Some(format) = foreign(&self.rest) {
            return Err(Error::invalid_data("the object is no CSV")
                .with_context("location", self.object.location())
                .with_context("begins_like", format));
        }
        if let Some((encoding, bytes)) = Encoding::for_bom(&self.rest) {
            self.encoding = encoding;
            self.offset = bytes as u64;
            drop(self.rest.split_to(bytes));
        }
        Ok(self.encoding.new_decoder_without_bom_handling())
    }

    fn decode(&mut self, decoder: &mut Decoder, piece: &[u8]) -> Result<String> {
        let most = decoder.max_utf8_buffer_length_without_replacement(piece.len());
        let mut text = String::with_capacity(most.unwrap_or(piece.len()));
        let mut at = 0;
        loop {
            let left = piece.get(at..).unwrap_or_default();
            let (outcome, read) = decoder.decode_to_string_without_replacement(left, &mut text, self.ended);
            at += read;
            match outcome {
                DecoderResult::InputEmpty => {
                    self.offset += at as u64;
                    return Ok(text);
                }
                DecoderResult::OutputFull => text.reserve(left.len().max(64)),
                DecoderResult::Malformed(bytes, after) => {
                    let end = self.offset + at as u64;
                    let begin = end.saturating_sub(u64::from(bytes) + u64::from(after));
                    return Err(Error::invalid_data(
                        "the object has bytes that are no text in its encoding: name another with the option `encoding`, in \
                         SQL `csv('…', encoding => 'latin1')`",
                    )
                    .with_context("location", self.object.location())
                    .with_context("encoding", self.encoding.name())
                    .with_context("byte", begin));
                }
            }
        }
    }
}

impl std::fmt::Debug for Text {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Text")
            .field("object", &self.object)
            .field("encoding", &self.encoding.name())
            .field("offset", &self.offset)
            .finish_non_exhaustive()
    }
}

/// What else an object is that begins like this. Each mark has bytes that no line of text begins with.
fn foreign(head: &[u8]) -> Option<&'static str> {
    let marks: [(&[u8], &str); 11] = [
        (b"PAR1\x15", "Parquet"),
        (b"PAR1PAR1", "Parquet"),
        (b"ARROW1\0\0", "Arrow IPC"),
        (b"Obj\x01", "Avro"),
        (b"SQLite format 3\0", "SQLite"),
        (b"PK\x03\x04", "a ZIP archive (or a spreadsheet)"),
        (b"\x1f\x8b", "gzip; see the option `compression`"),
        (b"\x28\xb5\x2f\xfd", "zstd; see the option `compression`"),
        (b"\xfd7zXZ\0", "xz; see the option `compression`"),
        (b"\xff\xfe\0\0", "text in UTF-32, which cannot be read"),
        (b"\0\0\xfe\xff", "text in UTF-32, which cannot be read"),
    ];
    marks.into_iter().find(|(mark, _)| head.starts_with(mark)).map(|(_, format)| format)
}
