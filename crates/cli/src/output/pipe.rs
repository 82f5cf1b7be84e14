//! Stdout, whose reader may go away at any time.

use std::fmt;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

/// How many bytes go to the system at a time.
const BUFFER: usize = 64 << 10;

/// Bytes on their way out. Clones share it.
#[derive(Clone)]
pub(super) struct Pipe {
    out: Arc<Mutex<BufWriter<Box<dyn Write + Send>>>>,
    gone: Arc<AtomicBool>,
}

impl Pipe {
    pub(super) fn stdout() -> Self {
        Self::new(Box::new(io::stdout()))
    }

    pub(super) fn new(out: Box<dyn Write + Send>) -> Self {
        Self { out: Arc::new(Mutex::new(BufWriter::with_capacity(BUFFER, out))), gone: Arc::default() }
    }

    /// Whether a write found that nobody reads any more, as in `… | head`.
    pub(super) fn reader_is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    fn noted<T>(&self, done: io::Result<T>) -> io::Result<T> {
        if done.as_ref().is_err_and(|e| e.kind() == io::ErrorKind::BrokenPipe) {
            self.gone.store(true, Ordering::Relaxed);
        }
        done
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let done = self.out.lock().write(bytes);
        self.noted(done)
    }

    fn flush(&mut self) -> io::Result<()> {
        let done = self.out.lock().flush();
        self.noted(done)
    }
}

impl fmt::Debug for Pipe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pipe").field("gone", &self.gone).finish_non_exhaustive()
    }
}
