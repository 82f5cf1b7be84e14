//! The [binary encoding](https://avro.apache.org/docs/1.12.0/specification/#binary-encoding) of numbers and lengths.

use stitchwork_core::Result;

use crate::error::broken;

/// Takes values off the front of bytes.
#[derive(Debug)]
pub(crate) struct Cursor<'a>(pub(crate) &'a [u8]);

impl Cursor<'_> {
    /// Passes over bytes.
    pub(crate) fn skip(&mut self, bytes: usize) -> Result<()> {
        self.0 = self.0.get(bytes..).ok_or_else(|| broken("a value is cut off"))?;
        Ok(())
    }

    /// A zig-zag number of up to ten bytes.
    pub(crate) fn long(&mut self) -> Result<i64> {
        let mut number = Number::default();
        for (place, byte) in self.0.iter().enumerate() {
            if let Some(value) = number.push(*byte)? {
                self.skip(place + 1)?;
                return Ok(value);
            }
        }
        Err(broken("a number is cut off"))
    }

    /// A length, which is not negative.
    pub(crate) fn length(&mut self) -> Result<usize> {
        let length = self.long()?;
        usize::try_from(length).map_err(|_| broken("a length is negative").with_context("length", length))
    }
}

/// A number whose bytes come one by one.
#[derive(Debug, Default)]
pub(crate) struct Number {
    bits: u64,
    shift: u32,
}

impl Number {
    /// Takes the next byte; gives the number when it was the last one.
    pub(crate) fn push(&mut self, byte: u8) -> Result<Option<i64>> {
        // The tenth byte holds the last bit only.
        if self.shift > 63 || (self.shift == 63 && byte > 1) {
            return Err(broken("a number has more bytes than a number can have"));
        }
        self.bits |= u64::from(byte & 0x7f) << self.shift;
        self.shift += 7;
        let value = (self.bits >> 1).cast_signed() ^ -(self.bits & 1).cast_signed();
        Ok((byte & 0x80 == 0).then_some(value))
    }
}

/// Writes a number.
pub(crate) fn put_long(bytes: &mut Vec<u8>, value: i64) {
    let mut bits = (value << 1 ^ value >> 63).cast_unsigned();
    while bits >= 0x80 {
        bytes.push((bits & 0x7f) as u8 | 0x80);
        bits >>= 7;
    }
    bytes.push(bits as u8);
}

/// Writes bytes with their length.
pub(crate) fn put_bytes(bytes: &mut Vec<u8>, value: &[u8]) {
    put_long(bytes, value.len() as i64);
    bytes.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_and_long_ones_are_refused() {
        for value in [0, -1, 1, -64, 64, i64::MIN, i64::MAX, i64::from(i32::MIN)] {
            let mut bytes = Vec::new();
            put_long(&mut bytes, value);
            let mut cursor = Cursor(&bytes);
            assert_eq!(cursor.long().unwrap(), value);
            assert!(cursor.0.is_empty());
            assert!(Cursor(&bytes[..bytes.len() - 1]).long().is_err());
        }
        // The examples of the specification.
        for (value, bytes) in [(-2, vec![3]), (2, vec![4]), (-64, vec![0x7f]), (64, vec![0x80, 1])] {
            assert_eq!(Cursor(&bytes).long().unwrap(), value);
        }
        assert!(Cursor(&[0xff; 11]).long().is_err());
        assert!(Cursor(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2]).long().is_err());
        assert!(Cursor(&[1]).length().is_err());
    }
}
