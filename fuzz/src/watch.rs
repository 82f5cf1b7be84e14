//! Somebody who looks at the clock while an input is read: a hang cannot be stopped from inside of it.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

/// How much later than it may an input that comes back is still told by its own thread, which ends only the test.
const GRACE: u32 = 2;

/// The input that is under way, and since when.
type UnderWay = Mutex<Option<(Instant, String)>>;

/// Ends the process when an input takes too long.
#[derive(Debug)]
pub(crate) struct Watch(Arc<UnderWay>);

impl Watch {
    /// Begins to look at the clock.
    pub(crate) fn start(patience: Duration) -> Self {
        let under_way = Arc::new(Mutex::new(None));
        let seen = Arc::downgrade(&under_way);
        std::thread::spawn(move || look(&seen, patience * GRACE));
        Self(under_way)
    }

    /// Reads an input under watch.
    pub(crate) fn during(&self, seed: usize, bytes: &[u8], read: impl FnOnce()) {
        self.set(Some((Instant::now(), shown(seed, bytes))));
        let _over = Over(self);
        read();
    }

    fn set(&self, under_way: Option<(Instant, String)>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = under_way;
    }
}

/// Says that an input is over, also when its reader has panicked.
struct Over<'a>(&'a Watch);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.set(None);
    }
}

fn look(under_way: &Weak<UnderWay>, patience: Duration) {
    while let Some(under_way) = under_way.upgrade() {
        if let Some((since, input)) = &*under_way.lock().unwrap_or_else(PoisonError::into_inner)
            && since.elapsed() > patience
        {
            hung(input);
        }
        drop(under_way);
        std::thread::sleep(patience / 20);
    }
}

#[expect(clippy::print_stderr, reason = "the process ends here, and nothing else will tell why")]
fn hung(input: &str) -> ! {
    eprintln!("the reading of an input does not come to an end: {input}");
    std::process::abort()
}

/// An input, for messages.
pub(crate) fn shown(seed: usize, bytes: &[u8]) -> String {
    format!("seed {seed}, {} bytes: {}", bytes.len(), bytes.escape_ascii())
}
