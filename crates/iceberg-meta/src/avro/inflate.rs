//! Decompression of DEFLATE (RFC 1951), the codec of most manifests.

/// Decompresses a whole stream; none if it is damaged.
pub(super) fn inflate(input: &[u8]) -> Option<Vec<u8>> {
    let mut bits = Bits { input, buffer: 0, count: 0 };
    let mut out = Vec::with_capacity(input.len().saturating_mul(4));
    loop {
        let last = bits.take(1)? == 1;
        match bits.take(2)? {
            0 => bits.stored(&mut out)?,
            1 => bits.codes(&mut out, &Code::new(&fixed_lengths())?, &Code::new(&[5; 30])?)?,
            2 => {
                let (literals, distances) = bits.dynamic_codes()?;
                bits.codes(&mut out, &literals, &distances)?;
            }
            _ => return None,
        }
        if last {
            return Some(out);
        }
    }
}

fn fixed_lengths() -> Vec<u8> {
    let runs = [(8, 144), (9, 112), (7, 24), (8, 8)];
    runs.iter().flat_map(|(length, count)| std::iter::repeat_n(*length, *count)).collect()
}

/// The shortest match that a length symbol stands for, and how many bits follow.
const LENGTHS: [(u16, u8); 29] = [
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
    (8, 0),
    (9, 0),
    (10, 0),
    (11, 1),
    (13, 1),
    (15, 1),
    (17, 1),
    (19, 2),
    (23, 2),
    (27, 2),
    (31, 2),
    (35, 3),
    (43, 3),
    (51, 3),
    (59, 3),
    (67, 4),
    (83, 4),
    (99, 4),
    (115, 4),
    (131, 5),
    (163, 5),
    (195, 5),
    (227, 5),
    (258, 0),
];

/// The shortest distance that a distance symbol stands for, and how many bits follow.
const DISTANCES: [(u16, u8); 30] = [
    (1, 0),
    (2, 0),
    (3, 0),
    (4, 0),
    (5, 1),
    (7, 1),
    (9, 2),
    (13, 2),
    (17, 3),
    (25, 3),
    (33, 4),
    (49, 4),
    (65, 5),
    (97, 5),
    (129, 6),
    (193, 6),
    (257, 7),
    (385, 7),
    (513, 8),
    (769, 8),
    (1025, 9),
    (1537, 9),
    (2049, 10),
    (3073, 10),
    (4097, 11),
    (6145, 11),
    (8193, 12),
    (12289, 12),
    (16385, 13),
    (24577, 13),
];

/// The order in which the lengths of the code-length code are stored.
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// A canonical Huffman code: how many symbols have each length, and the symbols in the order of their codes.
struct Code {
    counts: [u16; 16],
    symbols: Vec<u16>,
}

impl Code {
    /// The code of symbols with these lengths; none if the lengths ask for more codes than there are.
    fn new(lengths: &[u8]) -> Option<Self> {
        let mut counts = [0u16; 16];
        for length in lengths {
            *counts.get_mut(usize::from(*length))? += 1;
        }
        counts[0] = 0;
        let mut left = 1i32;
        for count in counts.iter().skip(1) {
            left = left * 2 - i32::from(*count);
            if left < 0 {
                return None;
            }
        }
        let mut symbols: Vec<u16> = (0..u16::try_from(lengths.len()).ok()?).collect();
        symbols.retain(|s| lengths.get(usize::from(*s)).is_some_and(|length| *length > 0));
        symbols.sort_by_key(|s| lengths.get(usize::from(*s)).copied());
        Some(Self { counts, symbols })
    }
}

struct Bits<'a> {
    input: &'a [u8],
    buffer: u32,
    count: u32,
}

impl Bits<'_> {
    /// The next bits, the first one lowest.
    fn take(&mut self, need: u32) -> Option<u32> {
        while self.count < need {
            let (byte, rest) = self.input.split_first()?;
            self.input = rest;
            self.buffer |= u32::from(*byte) << self.count;
            self.count += 8;
        }
        let value = self.buffer & ((1 << need) - 1);
        self.buffer >>= need;
        self.count -= need;
        Some(value)
    }

    /// The next symbol: codes of one length follow each other, so each bit either decides or goes on.
    fn symbol(&mut self, code: &Code) -> Option<u16> {
        let (mut value, mut first, mut index) = (0u32, 0u32, 0u32);
        for count in code.counts.iter().skip(1) {
            let count = u32::from(*count);
            value |= self.take(1)?;
            if value < first + count {
                return code.symbols.get((index + value - first) as usize).copied();
            }
            index += count;
            first = (first + count) << 1;
            value <<= 1;
        }
        None
    }

    fn stored(&mut self, out: &mut Vec<u8>) -> Option<()> {
        // At most seven bits of the current byte are unused; they are skipped.
        (self.buffer, self.count) = (0, 0);
        let (header, rest) = self.input.split_at_checked(4)?;
        let [a, b, c, d] = header.try_into().ok()?;
        let length = u16::from_le_bytes([a, b]);
        if length != !u16::from_le_bytes([c, d]) {
            return None;
        }
        let (data, rest) = rest.split_at_checked(usize::from(length))?;
        out.extend_from_slice(data);
        self.input = rest;
        Some(())
    }

    fn dynamic_codes(&mut self) -> Option<(Code, Code)> {
        let literals = self.take(5)? as usize + 257;
        let distances = self.take(5)? as usize + 1;
        let code_lengths = self.take(4)? as usize + 4;
        let mut lengths = [0u8; 19];
        for slot in ORDER.iter().take(code_lengths) {
            *lengths.get_mut(*slot)? = self.take(3)? as u8;
        }
        let code = Code::new(&lengths)?;
        let mut lengths: Vec<u8> = Vec::with_capacity(literals + distances);
        while lengths.len() < literals + distances {
            let (length, repeat) = match self.symbol(&code)? {
                16 => (*lengths.last()?, self.take(2)? + 3),
                17 => (0, self.take(3)? + 3),
                18 => (0, self.take(7)? + 11),
                length => (u8::try_from(length).ok()?, 1),
            };
            lengths.extend(std::iter::repeat_n(length, repeat as usize));
        }
        if lengths.len() != literals + distances {
            return None;
        }
        let (literals, distances) = lengths.split_at(literals);
        Some((Code::new(literals)?, Code::new(distances)?))
    }

    fn codes(&mut self, out: &mut Vec<u8>, literals: &Code, distances: &Code) -> Option<()> {
        loop {
            let symbol = self.symbol(literals)?;
            match symbol {
                0..=255 => out.push(symbol as u8),
                256 => return Some(()),
                _ => {
                    let (base, extra) = *LENGTHS.get(usize::from(symbol) - 257)?;
                    let length = usize::from(base) + self.take(extra.into())? as usize;
                    let (base, extra) = *DISTANCES.get(usize::from(self.symbol(distances)?))?;
                    let distance = usize::from(base) + self.take(extra.into())? as usize;
                    let start = out.len().checked_sub(distance)?;
                    // The match may reach into what it writes, so bytes are copied one at a time.
                    for index in start..start + length {
                        out.push(*out.get(index)?);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::inflate;

    #[test]
    fn stored_fixed_and_dynamic_blocks() {
        assert_eq!(inflate(&[1, 2, 0, 0xfd, 0xff, b'h', b'i']).unwrap(), b"hi");
        assert_eq!(inflate(&[0x4b, 0x4c, 0x84, 0x01, 0x00]).unwrap(), b"aaaaaaaaaa");
        assert_eq!(inflate(&[3, 0]).unwrap(), b"");
        assert!(
            inflate(&[7]).is_none() && inflate(&[]).is_none() && inflate(&[1, 2, 0, 0, 0, 0, 0]).is_none()
        );
        assert!(inflate(&[1, 9, 0, 0xf6, 0xff, 1]).is_none());
    }

    #[test]
    fn a_dynamic_block_of_another_compressor() {
        let packed = [
            0x65, 0x96, 0x4b, 0xce, 0x1c, 0x31, 0x08, 0x84, 0xf7, 0x39, 0xc5, 0x1c, 0xc1, 0x18, 0xf3, 0x3a,
            0x4f, 0x36, 0x89, 0xb2, 0x88, 0x94, 0xfc, 0x52, 0xae, 0x9f, 0x45, 0xf3, 0x68, 0x95, 0x97, 0x8d,
            0x6c, 0xfc, 0xc1, 0x40, 0xd5, 0xac, 0xcf, 0xdf, 0xaf, 0x9f, 0x5f, 0xdf, 0x7f, 0x7c, 0xd6, 0xe7,
            0xdf, 0xef, 0x3f, 0xbf, 0xbe, 0x51, 0x7d, 0xd3, 0xf3, 0x7d, 0xea, 0x7b, 0x3f, 0xdf, 0x51, 0xdf,
            0x9c, 0xe7, 0xb5, 0x02, 0xe7, 0x09, 0x6c, 0xa9, 0x80, 0x3c, 0x01, 0xee, 0x13, 0x9a, 0x29, 0x3b,
            0x87, 0x3d, 0x01, 0xed, 0x47, 0xfc, 0x09, 0x78, 0x53, 0x44, 0xe6, 0x68, 0xaa, 0xc4, 0xdc, 0x7d,
            0x85, 0x0a, 0xd4, 0x3a, 0x92, 0xa8, 0xb6, 0x3b, 0x92, 0xb0, 0x13, 0x48, 0x58, 0x9e, 0x72, 0x93,
            0x56, 0xe7, 0x4c, 0xe2, 0x46, 0x17, 0x44, 0xc9, 0xcb, 0x83, 0x93, 0xc0, 0xb6, 0x3a, 0x92, 0xc4,
            0xd4, 0x79, 0x76, 0x22, 0x4b, 0xdf, 0xda, 0x89, 0x1c, 0xdd, 0x99, 0x9d, 0xc8, 0x67, 0xda, 0x9d,
            0xc8, 0xd1, 0x84, 0x3b, 0x99, 0xcf, 0xe4, 0x49, 0xe6, 0x98, 0x5b, 0xc9, 0x2c, 0xcd, 0xb3, 0x93,
            0xd9, 0x3b, 0x90, 0xc8, 0xda, 0x65, 0xed, 0x44, 0xde, 0xdd, 0x41, 0x4e, 0x64, 0xef, 0x5b, 0x9c,
            0xc8, 0xd2, 0x4f, 0x71, 0x22, 0xef, 0x2e, 0x94, 0x13, 0xd9, 0x67, 0x46, 0x12, 0x59, 0xbb, 0x08,
            0xae, 0xa1, 0xe8, 0xd7, 0x39, 0x91, 0x69, 0xce, 0x14, 0x72, 0xb7, 0x87, 0x8b, 0x79, 0x22, 0xc9,
            0x7c, 0x9a, 0xf0, 0x24, 0x33, 0x37, 0xcf, 0x49, 0x66, 0x9a, 0x33, 0xc9, 0x3c, 0x33, 0x5b, 0x5d,
            0xee, 0x9e, 0x9e, 0x44, 0xf6, 0x06, 0x3c, 0x89, 0x6c, 0x5d, 0xd6, 0x49, 0x64, 0x9b, 0x33, 0x89,
            0x6c, 0x93, 0xc7, 0xaf, 0x48, 0xe0, 0x2d, 0x59, 0x98, 0x59, 0x08, 0x5f, 0x97, 0x8d, 0x84, 0xc2,
            0x50, 0x84, 0x1c, 0xac, 0x53, 0x04, 0x7b, 0x21, 0x8a, 0xfd, 0x12, 0xc3, 0x9e, 0x8a, 0x63, 0xdf,
            0x25, 0xf0, 0xb7, 0xd1, 0x85, 0xbf, 0x9f, 0x12, 0xfe, 0xc6, 0xba, 0x71, 0x0e, 0x94, 0x71, 0x56,
            0xf4, 0xe0, 0x3c, 0xa9, 0xe0, 0xcc, 0xa9, 0xe2, 0x5c, 0xaa, 0xe1, 0xec, 0xaa, 0xc3, 0x78, 0x6b,
            0xe0, 0x06, 0xd8, 0xc2, 0x2d, 0x31, 0xc2, 0x4d, 0xb2, 0x8d, 0xdb, 0x66, 0x8c, 0x1b, 0x69, 0x07,
            0xb7, 0xd6, 0x04, 0x37, 0xdb, 0x14, 0xb7, 0xdf, 0x0c, 0x15, 0xc2, 0x1c, 0x55, 0xc4, 0x02, 0x95,
            0xc6, 0x17, 0xaa, 0x91, 0x13, 0x2a, 0x96, 0x6f, 0x10, 0x35, 0x67, 0xd4, 0x3d, 0x3f, 0xa8, 0x8d,
            0x2e, 0xa8, 0x9f, 0xae, 0x20, 0xb1, 0x6e, 0x28, 0xc2, 0xee, 0x97, 0x4e, 0x07, 0x4a, 0x79, 0x2c,
            0x54, 0xfb, 0x20, 0x34, 0x84, 0xd8, 0xe8, 0x19, 0xc1, 0xe0, 0x2a, 0x71, 0xc0, 0x76, 0x42, 0xc0,
            0x97, 0x22, 0x79, 0xbb, 0x9f, 0x61, 0x78, 0xc2, 0x31, 0x47, 0xc0, 0x2b, 0xb4, 0x16, 0x92, 0xd0,
            0xba, 0x70, 0x69, 0x6d, 0xac, 0x89, 0x16, 0x63, 0xe1, 0xb4, 0x0e, 0x76, 0x87, 0x96, 0x60, 0x0b,
            0x69, 0xe9, 0xe5, 0x64, 0x76, 0x59, 0xd9, 0xf2, 0xcb, 0xcb, 0x56, 0x5c, 0x66, 0xd6, 0x1e, 0x38,
            0x91, 0x6b, 0x38, 0xa8, 0x4c, 0xf0, 0xe5, 0x67, 0xe5, 0x82, 0x2f, 0x43, 0x6b, 0x1f, 0x1c, 0xac,
            0x32, 0xc2, 0x97, 0xa5, 0xd1, 0x35, 0xd5, 0x54, 0x56, 0x28, 0xaf, 0x8b, 0x8e, 0xfb, 0x41, 0x65,
            0x86, 0xb3, 0x44, 0x54, 0x6e, 0x38, 0x9b, 0x46, 0xfb, 0x5a, 0x47, 0x2a, 0x3f, 0x8c, 0xd7, 0x45,
            0xc6, 0xc5, 0xa6, 0x72, 0x44, 0x9f, 0x88, 0xa0, 0x40, 0xd0, 0xbe, 0x54, 0x84, 0xda, 0x13, 0x5f,
            0x17, 0x1d, 0xf5, 0x88, 0xda, 0x16, 0x5f, 0x7f, 0x23, 0x16, 0x2a, 0x1b, 0xf1, 0x25, 0x7f, 0x54,
            0xce, 0x38, 0x1a, 0x49, 0x65, 0x8d, 0xf4, 0x3a, 0x75, 0x50, 0x6d, 0xa9, 0xcc, 0x51, 0x5f, 0xa1,
            0x4b, 0xb7, 0xa9, 0xec, 0x91, 0x5f, 0x5c, 0x8e, 0x0e, 0x40, 0x65, 0x90, 0x93, 0xaa, 0x0c, 0x72,
            0x9c, 0x84, 0xce, 0x65, 0x37, 0x54, 0x16, 0x39, 0x9e, 0x44, 0x65, 0x92, 0xf6, 0x3a, 0x75, 0xd0,
            0xdd, 0xa8, 0x6d, 0xf2, 0x15, 0xd2, 0xfb, 0xa2, 0xdd, 0xe9, 0xfd, 0x86, 0x48, 0xf8, 0xff,
        ];
        let text: String = (0..150).map(|i| format!("{} stitch {i} work\n", i * i % 97)).collect();
        assert_eq!(inflate(&packed).unwrap(), text.as_bytes());
        for length in 0..packed.len() - 1 {
            assert!(inflate(&packed[..length]).is_none());
        }
    }
}
