//! The little of Avro that manifests need: object container files, written and read.
//!
//! The library has manifests too. But it does not make column names valid in Avro and so loses the partition values of
//! such columns, leaks memory for each partition value that it writes, orders maps by chance, and fails on a whole
//! manifest for one bound that it cannot decode. Here the bytes depend on the input alone and bounds stay bytes.

mod decode;
mod inflate;

use std::hash::{DefaultHasher, Hash, Hasher};

use serde_json::{Value, json};

use crate::error::{MetaError, Result};

pub(crate) use decode::{Avro, Node, RecordView, read_records};

const MAGIC: &[u8; 4] = b"Obj\x01";

/// A block is closed at this size, so that readers can stream a large file.
const BLOCK_SIZE: usize = 64 * 1024;

/// Encodes values in Avro's binary form.
#[derive(Debug, Default)]
pub(crate) struct Encoder(Vec<u8>);

impl Encoder {
    /// An int or long: zigzag, then seven bits per byte.
    pub(crate) fn long(&mut self, value: i64) {
        let mut rest = (value.cast_unsigned() << 1) ^ (value >> 63).cast_unsigned();
        while rest > 0x7f {
            self.0.push((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        self.0.push(rest as u8);
    }

    /// A boolean.
    pub(crate) fn boolean(&mut self, value: bool) {
        self.0.push(u8::from(value));
    }

    /// Bytes with their length.
    pub(crate) fn bytes(&mut self, value: &[u8]) {
        self.long(value.len() as i64);
        self.0.extend_from_slice(value);
    }

    /// Text.
    pub(crate) fn string(&mut self, value: &str) {
        self.bytes(value.as_bytes());
    }

    /// Bytes without a length: fixed values, floats and doubles.
    pub(crate) fn raw(&mut self, value: &[u8]) {
        self.0.extend_from_slice(value);
    }

    /// A value of the union of null and another type.
    pub(crate) fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            None => self.long(0),
            Some(value) => {
                self.long(1);
                write(self, value);
            }
        }
    }

    /// An array.
    pub(crate) fn array<T>(
        &mut self,
        items: impl ExactSizeIterator<Item = T>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        if items.len() > 0 {
            self.long(items.len() as i64);
            items.for_each(|item| write(self, item));
        }
        self.long(0);
    }
}

/// Writes an object container file without compression.
#[derive(Debug)]
pub(crate) struct ContainerWriter {
    header: Vec<u8>,
    blocks: Vec<(i64, Vec<u8>)>,
    count: i64,
    block: Encoder,
}

impl ContainerWriter {
    /// Starts a file of records of this schema, with further entries of the header.
    pub(crate) fn new(schema: &Value, metadata: &[(&str, String)]) -> Self {
        let mut header = Encoder::default();
        header.raw(MAGIC);
        header.long(metadata.len() as i64 + 2);
        header.string("avro.schema");
        header.string(&schema.to_string());
        header.string("avro.codec");
        header.string("null");
        for (key, value) in metadata {
            header.string(key);
            header.string(value);
        }
        header.long(0);
        Self { header: header.0, blocks: Vec::new(), count: 0, block: Encoder::default() }
    }

    /// Writes one record.
    pub(crate) fn record(&mut self, write: impl FnOnce(&mut Encoder)) {
        write(&mut self.block);
        self.count += 1;
        if self.block.0.len() >= BLOCK_SIZE {
            self.close_block();
        }
    }

    fn close_block(&mut self) {
        if self.count > 0 {
            self.blocks.push((self.count, std::mem::take(&mut self.block.0)));
            self.count = 0;
        }
    }

    /// The bytes of the file.
    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.close_block();
        let marker = self.marker();
        let mut out = Encoder(self.header);
        out.raw(&marker);
        for (count, block) in self.blocks {
            out.long(count);
            out.bytes(&block);
            out.raw(&marker);
        }
        out.0
    }

    /// A sync marker that depends on the content, so that equal content gives equal files.
    fn marker(&self) -> [u8; 16] {
        let mut hasher = DefaultHasher::new();
        (&self.header, &self.blocks).hash(&mut hasher);
        let low = hasher.finish();
        low.hash(&mut hasher);
        let both = (u128::from(low) << 64) | u128::from(hasher.finish());
        both.to_be_bytes()
    }
}

/// The header of an object container file.
#[derive(Debug)]
pub(crate) struct Header<'a> {
    /// The entries, in their order.
    pub(crate) entries: Vec<(String, Vec<u8>)>,
    /// Everything behind the entries: the sync marker and the blocks.
    rest: &'a [u8],
}

impl<'a> Header<'a> {
    /// Reads the header.
    pub(crate) fn read(file: &'a [u8]) -> Result<Self> {
        let broken = || MetaError::invalid("the file is no Avro object container file");
        let mut rest = file.strip_prefix(MAGIC).ok_or_else(broken)?;
        let mut entries = Vec::new();
        loop {
            let count = read_long(&mut rest).ok_or_else(broken)?;
            if count == 0 {
                break;
            }
            if count < 0 {
                // A negative count is followed by the size of the block in bytes.
                read_long(&mut rest).ok_or_else(broken)?;
            }
            for _ in 0..count.unsigned_abs() {
                let key = read_bytes(&mut rest).ok_or_else(broken)?;
                let value = read_bytes(&mut rest).ok_or_else(broken)?;
                let key = std::str::from_utf8(key).map_err(|_| broken())?;
                entries.push((key.to_owned(), value.to_vec()));
            }
        }
        Ok(Self { entries, rest })
    }

    /// One entry.
    pub(crate) fn get(&self, key: &str) -> Option<&[u8]> {
        self.entries.iter().find(|(k, _)| k == key).map(|(_, v)| v.as_slice())
    }
}

impl Header<'_> {
    /// An entry as text.
    pub(crate) fn text(&self, key: &str) -> Option<&str> {
        self.get(key).and_then(|v| std::str::from_utf8(v).ok())
    }

    /// An entry as a number.
    pub(crate) fn number(&self, key: &str) -> Result<Option<i64>> {
        self.text(key)
            .map(|v| v.parse().map_err(|_| MetaError::invalid(format!("the file's {key} is {v:?}"))))
            .transpose()
    }

    /// An entry as JSON.
    pub(crate) fn json(&self, key: &str) -> Result<Option<Value>> {
        self.text(key)
            .map(serde_json::from_str)
            .transpose()
            .map_err(|e| MetaError::from_json(&format!("the file's {key}"), &e))
    }
}

fn read_long(input: &mut &[u8]) -> Option<i64> {
    let mut value = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = input.split_first()?;
        *input = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()));
        }
    }
    None
}

fn read_bytes<'a>(input: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(read_long(input)?).ok()?;
    let (bytes, rest) = input.split_at_checked(length)?;
    *input = rest;
    Some(bytes)
}

/// A field of a record with its Iceberg field id.
pub(crate) fn field(name: &str, id: i32, ty: Value) -> Value {
    json!({"name": name, "field-id": id, "type": ty})
}

/// A field that may be null.
pub(crate) fn optional_field(name: &str, id: i32, ty: Value) -> Value {
    json!({"name": name, "field-id": id, "type": ["null", ty], "default": null})
}

/// The name of a column as a valid Avro name: other characters than ASCII letters, digits and `_` become `_x` and
/// their code in hexadecimal, and a leading digit gets a `_` in front.
pub(crate) fn valid_name(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for (index, c) in name.chars().enumerate() {
        match c {
            'a'..='z' | 'A'..='Z' | '_' => out.push(c),
            '0'..='9' if index > 0 => out.push(c),
            '0'..='9' => out.extend(['_', c]),
            other => out.push_str(&format!("_x{:X}", u32::from(other))),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longs_round_trip() {
        for value in [0, -1, 1, 63, 64, -64, -65, i64::MIN, i64::MAX] {
            let mut encoder = Encoder::default();
            encoder.long(value);
            let mut input = encoder.0.as_slice();
            assert_eq!(read_long(&mut input), Some(value));
            assert!(input.is_empty());
        }
        assert_eq!(read_long(&mut &[0xff; 11][..]), None);
    }

    #[test]
    fn a_file_is_read_back() {
        let mut writer = ContainerWriter::new(&json!("long"), &[("a", "1".into())]);
        writer.record(|e| e.long(7));
        let file = writer.finish();
        let header = Header::read(&file).unwrap();
        assert_eq!(header.get("a"), Some(&b"1"[..]));
        assert_eq!(header.get("avro.schema"), Some(&b"\"long\""[..]));
        let mut values = Vec::new();
        let node = Node::from_json(&json!("long")).unwrap();
        read_records(&header, &node, |value| {
            values.push(value);
            Ok(())
        })
        .unwrap();
        assert_eq!(values, [Avro::Long(7)]);
        for length in 0..60.min(file.len()) {
            let _ = Header::read(&file[..length]);
        }
        assert!(Header::read(b"PAR1").is_err());
    }

    #[test]
    fn names_become_valid() {
        assert_eq!(valid_name("plain_1"), "plain_1");
        assert_eq!(valid_name("the name"), "the_x20name");
        assert_eq!(valid_name("1a"), "_1a");
        assert_eq!(valid_name("größe"), "gr_xF6_xDFe");
    }
}
