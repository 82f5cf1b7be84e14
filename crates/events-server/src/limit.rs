//! The rate limit that the `x-ratelimit-*` headers tell of.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A fixed window, as GitHub's primary rate limit is.
#[derive(Debug)]
pub(crate) struct RateLimit {
    limit: u64,
    window: Duration,
    used: u64,
    /// When the current window ends, in Unix seconds; 0 before the first request.
    reset: u64,
}

/// What the headers of one answer say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) limit: u64,
    pub(crate) used: u64,
    pub(crate) reset: u64,
    /// The request is over the limit and must be refused.
    pub(crate) exceeded: bool,
}

impl RateLimit {
    pub(crate) fn new(limit: u64, window: Duration) -> Self {
        Self { limit, window, used: 0, reset: 0 }
    }

    /// Takes one request out of the window. A free request (an answer of 304) costs nothing.
    pub(crate) fn take(&mut self, now: SystemTime, free: bool) -> Standing {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        if now >= self.reset {
            self.used = 0;
            self.reset = now.saturating_add(self.window.as_secs().max(1));
        }
        let exceeded = !free && self.used >= self.limit;
        if !free && !exceeded {
            self.used += 1;
        }
        Standing { limit: self.limit, used: self.used, reset: self.reset, exceeded }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_runs_out_and_starts_again() {
        let mut limit = RateLimit::new(2, Duration::from_secs(10));
        let at = |second| UNIX_EPOCH + Duration::from_secs(second);
        let first = limit.take(at(100), false);
        assert_eq!(first, Standing { limit: 2, used: 1, reset: 110, exceeded: false });
        assert_eq!(limit.take(at(101), true).used, 1);
        assert!(!limit.take(at(102), false).exceeded);
        assert!(limit.take(at(103), false).exceeded);
        assert!(!limit.take(at(104), true).exceeded);
        let again = limit.take(at(110), false);
        assert_eq!(again, Standing { limit: 2, used: 1, reset: 120, exceeded: false });
    }
}
