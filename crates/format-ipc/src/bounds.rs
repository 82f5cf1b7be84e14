//! How large compressed bytes can become at most, without decompressing them.
//!
//! A compressed buffer says its decompressed length in front, and a decoder allocates what it says. The blocks of
//! its frames say how much there can really be: a length above that is broken.

/// The blocks of Zstandard hold at most this much ([RFC 8878](https://www.rfc-editor.org/rfc/rfc8878), 3.1.1.2.4).
const ZSTD_BLOCK: u64 = 128 << 10;

/// Takes numbers off the front of bytes.
struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn skip(&mut self, bytes: usize) -> Option<()> {
        self.0 = self.0.get(bytes..)?;
        Some(())
    }

    /// A little-endian number of up to eight bytes.
    fn number(&mut self, bytes: usize) -> Option<u64> {
        let found = self.0.get(..bytes)?;
        let number = found.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte));
        self.skip(bytes)?;
        Some(number)
    }
}

/// The most bytes that Zstandard frames can become. `None` for bytes that are no frames.
pub(crate) fn zstd(bytes: &[u8]) -> Option<u64> {
    let mut reader = Reader(bytes);
    let mut most = 0_u64;
    let mut first = true;
    while !reader.0.is_empty() {
        let magic = reader.number(4);
        match magic {
            Some(0xFD2F_B528) => most = most.checked_add(zstd_frame(&mut reader)?)?,
            Some(0x184D_2A50..=0x184D_2A5F) => {
                let skipped = reader.number(4)?;
                reader.skip(usize::try_from(skipped).ok()?)?;
            }
            _ if first => return None,
            // What follows the frames is padding.
            _ => break,
        }
        first = false;
    }
    Some(most)
}

fn zstd_frame(reader: &mut Reader<'_>) -> Option<u64> {
    let descriptor = reader.number(1)?;
    let single_segment = descriptor & 0x20 != 0;
    if !single_segment {
        reader.skip(1)?;
    }
    reader.skip([0, 1, 2, 4][(descriptor & 3) as usize])?;
    reader.skip(match descriptor >> 6 {
        0 => usize::from(single_segment),
        1 => 2,
        2 => 4,
        _ => 8,
    })?;
    let mut most = 0_u64;
    loop {
        let header = reader.number(3)?;
        let size = header >> 3;
        let (taken, given) = match header >> 1 & 3 {
            0 => (size, size),
            1 => (1, size),
            2 => (size, ZSTD_BLOCK),
            _ => return None,
        };
        reader.skip(usize::try_from(taken).ok()?)?;
        most = most.checked_add(given)?;
        if header & 1 == 1 {
            break;
        }
    }
    if descriptor & 4 != 0 {
        reader.skip(4)?;
    }
    Some(most)
}

/// The most bytes that an LZ4 frame can become, by the LZ4 frame format. `None` for bytes that are none.
pub(crate) fn lz4(bytes: &[u8]) -> Option<u64> {
    let mut reader = Reader(bytes);
    if reader.number(4)? != 0x184D_2204 {
        return None;
    }
    let flags = reader.number(1)?;
    let largest = match reader.number(1)? >> 4 & 7 {
        4 => 64 << 10,
        5 => 256 << 10,
        6 => 1 << 20,
        7 => 4 << 20,
        _ => return None,
    };
    reader.skip(if flags & 8 != 0 { 8 } else { 0 } + if flags & 1 != 0 { 4 } else { 0 } + 1)?;
    let mut most = 0_u64;
    loop {
        let size = reader.number(4)?;
        if size == 0 {
            return Some(most);
        }
        let taken = size & 0x7FFF_FFFF;
        reader.skip(usize::try_from(taken).ok()?)?;
        reader.skip(if flags & 16 != 0 { 4 } else { 0 })?;
        // No byte of LZ4 stands for more than 255.
        let given = if size == taken { taken.saturating_mul(255) } else { taken };
        most = most.checked_add(given.min(largest))?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_become_what_their_blocks_say() {
        // One raw block of three bytes, as RFC 8878 spells it, and a frame without its last block.
        let frame = [0x28, 0xB5, 0x2F, 0xFD, 0x20, 3, 25, 0, 0, b'a', b'b', b'c'];
        assert_eq!(zstd(&frame), Some(3));
        assert_eq!(zstd(&frame[..frame.len() - 1]), None);
        // One byte that is repeated 1,000 times.
        let size = (1000_u32 << 3 | 1 << 1 | 1).to_le_bytes();
        let repeated = [0x28, 0xB5, 0x2F, 0xFD, 0x60, 0xE8, 2, size[0], size[1], size[2], b'a'];
        assert_eq!(zstd(&repeated), Some(1000));
        assert_eq!(zstd(b"nothing"), None);
        // An LZ4 frame with blocks of 64 KiB: one stored block of two bytes.
        let frame = [4, 0x22, 0x4D, 0x18, 0x60, 0x40, 0x82, 2, 0, 0, 0x80, b'a', b'b', 0, 0, 0, 0];
        assert_eq!(lz4(&frame), Some(2));
        assert_eq!(lz4(&frame[..12]), None);
        assert_eq!(lz4(b"nothing at all"), None);
    }
}
