//! A bound on the bytes in flight, shared by everything that holds data.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;

/// A handle to a number of bytes that may be held at once; clones share the same bytes.
///
/// Whoever wants to hold data reserves its size and keeps the [`Reservation`] as long as the data: to wait is
/// back-pressure. Waiters are served in their order, so that a large request is never starved. A request above
/// the whole budget is served as the whole: one row larger than the budget still gets through, alone.
#[derive(Clone)]
pub struct Budget {
    shared: Arc<Shared>,
}

struct Shared {
    total: u64,
    state: Mutex<State>,
}

struct State {
    free: u64,
    /// The least that was ever free.
    least: u64,
    waiters: VecDeque<(u64, oneshot::Sender<Reservation>)>,
}

impl Budget {
    /// A budget of this many bytes.
    pub fn new(bytes: u64) -> Self {
        let state = Mutex::new(State { free: bytes, least: bytes, waiters: VecDeque::new() });
        Self { shared: Arc::new(Shared { total: bytes, state }) }
    }

    /// A budget that never makes anybody wait.
    pub fn unlimited() -> Self {
        Self::new(u64::MAX)
    }

    /// The size of the whole budget in bytes.
    pub fn total(&self) -> u64 {
        self.shared.total
    }

    /// The bytes that nobody holds now.
    pub fn free(&self) -> u64 {
        self.shared.lock().free
    }

    /// The most bytes that were held at any one time so far, to see how much of the budget a job has needed.
    pub fn peak(&self) -> u64 {
        self.shared.total - self.shared.lock().least
    }

    /// Waits until `bytes` are free and takes them.
    pub async fn reserve(&self, bytes: u64) -> Reservation {
        let bytes = bytes.min(self.shared.total);
        let receiver = {
            let mut state = self.shared.lock();
            if let Some(reservation) = self.shared.take(&mut state, bytes) {
                return reservation;
            }
            let (sender, receiver) = oneshot::channel();
            state.waiters.push_back((bytes, sender));
            receiver
        };
        // The budget itself is alive in `self`, so the sender cannot have gone unanswered.
        receiver.await.unwrap_or_else(|_| Reservation { bytes: 0, shared: self.shared.clone() })
    }

    /// Takes `bytes` when they are free now.
    #[must_use]
    pub fn try_reserve(&self, bytes: u64) -> Option<Reservation> {
        self.shared.take(&mut self.shared.lock(), bytes.min(self.shared.total))
    }
}

impl Default for Budget {
    /// 256 MiB, the promise for a load of any size.
    fn default() -> Self {
        Self::new(256 << 20)
    }
}

impl fmt::Debug for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budget").field("total", &self.total()).field("free", &self.free()).finish()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes free bytes, unless somebody waits for them.
    fn take(self: &Arc<Self>, state: &mut State, bytes: u64) -> Option<Reservation> {
        let free = state.free.checked_sub(bytes).filter(|_| state.waiters.is_empty())?;
        state.free = free;
        state.least = state.least.min(free);
        Some(Reservation { bytes, shared: self.clone() })
    }

    fn give_back(self: &Arc<Self>, bytes: u64) {
        let mut state = self.lock();
        state.free = state.free.saturating_add(bytes).min(self.total);
        while state.waiters.front().is_some_and(|(wanted, _)| *wanted <= state.free) {
            let Some((wanted, sender)) = state.waiters.pop_front() else { break };
            state.free -= wanted;
            if let Err(mut reservation) = sender.send(Reservation { bytes: wanted, shared: self.clone() }) {
                // The waiter went away. Its share returns here, not through `Drop`, which would lock again.
                state.free += wanted;
                reservation.bytes = 0;
            }
            state.least = state.least.min(state.free);
        }
    }
}

/// Bytes taken from a [`Budget`]; they return when it is dropped.
#[must_use = "the bytes return to the budget when the reservation is dropped"]
pub struct Reservation {
    bytes: u64,
    shared: Arc<Shared>,
}

impl Reservation {
    /// The bytes held.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Gives back all but `bytes`, when the data turned out smaller than reserved.
    pub fn shrink_to(&mut self, bytes: u64) {
        let surplus = self.bytes.saturating_sub(bytes);
        self.bytes -= surplus;
        if surplus > 0 {
            self.shared.give_back(surplus);
        }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.bytes > 0 {
            self.shared.give_back(self.bytes);
        }
    }
}

debug_fields!(Reservation: bytes);
