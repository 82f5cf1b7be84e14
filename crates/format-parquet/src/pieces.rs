//! Bytes that were written and are to be sent.

use std::io;

use bytes::Bytes;

/// From how many bytes on a piece is complete.
const PIECE_BYTES: usize = 1 << 20;

/// What is written, in pieces: one buffer for all of it would be copied as it grows, and stay as a whole while its last part waits
/// to be sent.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    done: Vec<Bytes>,
    last: Vec<u8>,
    bytes: usize,
}

impl Pieces {
    pub(crate) fn len(&self) -> usize {
        self.bytes
    }

    /// The pieces in their order; none is left.
    pub(crate) fn take(&mut self) -> Vec<Bytes> {
        self.end_piece();
        self.bytes = 0;
        std::mem::take(&mut self.done)
    }

    fn end_piece(&mut self) {
        if !self.last.is_empty() {
            let mut piece = std::mem::take(&mut self.last);
            piece.shrink_to_fit();
            self.done.push(piece.into());
        }
    }
}

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = PIECE_BYTES - self.last.len();
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.last.extend_from_slice(taken);
        self.bytes += taken.len();
        if self.last.len() == PIECE_BYTES {
            self.end_piece();
        }
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn pieces_are_what_was_written() {
        let bytes: Vec<u8> = (0..5 * PIECE_BYTES / 2).map(|place| place.to_le_bytes()[1]).collect();
        for step in [1000, PIECE_BYTES, bytes.len()] {
            let mut pieces = Pieces::default();
            bytes.chunks(step).for_each(|chunk| pieces.write_all(chunk).unwrap());
            assert_eq!(pieces.len(), bytes.len());
            let taken = pieces.take();
            assert_eq!(
                taken.iter().map(Bytes::len).collect::<Vec<_>>(),
                [PIECE_BYTES, PIECE_BYTES, PIECE_BYTES / 2]
            );
            assert_eq!(taken.concat(), bytes);
            assert!(pieces.len() == 0 && pieces.take().is_empty());
        }
    }
}
