//! The bytes between our blocks and arrow-avro's reader, which pulls.

use std::collections::VecDeque;
use std::io::{BufRead, Error, ErrorKind, Read, Result};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Buf, Bytes};

/// What the reader will find.
#[derive(Debug, Default)]
struct Queue {
    pieces: VecDeque<Bytes>,
    /// Whether there will be no more.
    ended: bool,
    /// Whether the reader has asked for more than there is.
    starved: bool,
}

/// The side that gives.
#[derive(Debug, Clone, Default)]
pub(crate) struct Giver(Arc<Mutex<Queue>>);

impl Giver {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn give(&self, pieces: impl IntoIterator<Item = Bytes>) {
        self.lock().pieces.extend(pieces.into_iter().filter(|piece| !piece.is_empty()));
    }

    /// Says whether there will be more.
    pub(crate) fn set_ended(&self, ended: bool) {
        self.lock().ended = ended;
    }

    /// Whether the reader failed for want of bytes since this was asked last.
    pub(crate) fn take_starved(&self) -> bool {
        std::mem::take(&mut self.lock().starved)
    }

    /// The side that takes.
    pub(crate) fn feed(&self) -> Feed {
        Feed { queue: self.clone(), piece: Bytes::new() }
    }
}

/// The side that takes: it fails, and may be asked again, while there is nothing.
#[derive(Debug)]
pub(crate) struct Feed {
    queue: Giver,
    piece: Bytes,
}

impl BufRead for Feed {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        if self.piece.is_empty() {
            let mut queue = self.queue.lock();
            match queue.pieces.pop_front() {
                Some(piece) => self.piece = piece,
                None if queue.ended => {}
                None => {
                    queue.starved = true;
                    return Err(Error::from(ErrorKind::WouldBlock));
                }
            }
        }
        Ok(&self.piece)
    }

    fn consume(&mut self, bytes: usize) {
        self.piece.advance(bytes.min(self.piece.len()));
    }
}

impl Read for Feed {
    fn read(&mut self, into: &mut [u8]) -> Result<usize> {
        let found = self.fill_buf()?;
        let bytes = found.len().min(into.len());
        if let (Some(into), Some(found)) = (into.get_mut(..bytes), found.get(..bytes)) {
            into.copy_from_slice(found);
        }
        self.consume(bytes);
        Ok(bytes)
    }
}
