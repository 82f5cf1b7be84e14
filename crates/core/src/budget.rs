//! A bound on the bytes in flight, shared by everything that holds data.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::channel::oneshot;

/// A handle to a number of bytes that may be held at once; clones share the same bytes.
///
/// Whoever wants to hold data reserves its size and keeps the [`Reservation`] as long as the data. Who waits
/// is back-pressure. Waiters are served in their order, so that a large request is never starved. A request
/// above the whole budget is served as the whole budget: one row larger than the budget still gets through,
/// alone.
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
    waiters: VecDeque<(u64, oneshot::Sender<Reservation>)>,
}

impl Budget {
    /// A budget of this many bytes.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let state = Mutex::new(State { free: bytes, waiters: VecDeque::new() });
        Self { shared: Arc::new(Shared { total: bytes, state }) }
    }

    /// A budget that never makes anybody wait.
    #[must_use]
    pub fn unlimited() -> Self {
        Self::new(u64::MAX)
    }

    /// The size of the whole budget in bytes.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.shared.total
    }

    /// The bytes that nobody holds now.
    #[must_use]
    pub fn free(&self) -> u64 {
        self.shared.lock().free
    }

    /// Waits until `bytes` are free and takes them.
    pub async fn reserve(&self, bytes: u64) -> Reservation {
        let bytes = bytes.min(self.shared.total);
        let waiting = {
            let mut state = self.shared.lock();
            if state.waiters.is_empty() && state.free >= bytes {
                state.free -= bytes;
                return self.reservation(bytes);
            }
            let (sender, receiver) = oneshot::channel();
            state.waiters.push_back((bytes, sender));
            receiver
        };
        match waiting.await {
            Ok(reservation) => reservation,
            // The budget itself is alive in `self`, so the sender cannot have gone unanswered.
            Err(oneshot::Canceled) => self.reservation(0),
        }
    }

    /// Takes `bytes` when they are free now.
    #[must_use]
    pub fn try_reserve(&self, bytes: u64) -> Option<Reservation> {
        let bytes = bytes.min(self.shared.total);
        let mut state = self.shared.lock();
        if !state.waiters.is_empty() || state.free < bytes {
            return None;
        }
        state.free -= bytes;
        drop(state);
        Some(self.reservation(bytes))
    }

    fn reservation(&self, bytes: u64) -> Reservation {
        Reservation { bytes, shared: self.shared.clone() }
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
    #[must_use]
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

impl fmt::Debug for Reservation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reservation").field("bytes", &self.bytes).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn waiters_are_served_in_order_and_a_dropped_one_loses_nothing() {
        let budget = Budget::new(10);
        let first = budget.try_reserve(8).unwrap();
        let mut second = Box::pin(budget.reserve(6));
        assert!(second.as_mut().now_or_never().is_none());
        let mut third = Box::pin(budget.reserve(1));
        assert!(
            third.as_mut().now_or_never().is_none(),
            "one byte is free, but the second waits before the third"
        );
        drop(second);
        drop(first);
        assert_eq!(third.now_or_never().unwrap().bytes(), 1);
        assert_eq!(budget.free(), 10);
    }

    #[test]
    fn more_than_the_whole_budget_is_the_whole_budget() {
        let budget = Budget::new(10);
        let mut all = budget.reserve(1000).now_or_never().unwrap();
        assert_eq!((all.bytes(), budget.free()), (10, 0));
        all.shrink_to(4);
        assert_eq!(budget.free(), 6);
        drop(all);
        assert_eq!(budget.free(), 10);
    }
}
