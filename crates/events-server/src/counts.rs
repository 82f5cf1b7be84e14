//! What the server was asked and how it answered.

use std::collections::VecDeque;

/// How many requests the server has had and how it answered them; `/health` and `/control` are not counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequestCounts {
    /// All requests.
    pub total: u64,
    /// Answers with 200 that carry a page of events.
    pub pages: u64,
    /// Events in those pages.
    pub events: u64,
    /// Answers with 304.
    pub not_modified: u64,
    /// Answers with 429.
    pub too_many_requests: u64,
    /// Answers with 502.
    pub bad_gateway: u64,
    /// Answers that broke off in the middle.
    pub cut: u64,
    /// Answers with 401.
    pub unauthorized: u64,
    /// Answers with 422.
    pub invalid: u64,
    /// Requests repeated before the time of their `Retry-After` had passed.
    pub too_early: u64,
}

/// The targets that are remembered, at most.
const MOST_TARGETS: usize = 10_000;

/// The counts and the newest request targets.
#[derive(Debug, Default)]
pub(crate) struct Journal {
    pub(crate) counts: RequestCounts,
    targets: VecDeque<String>,
}

impl Journal {
    /// Notes that a request came in.
    pub(crate) fn note(&mut self, target: &str) {
        self.counts.total += 1;
        if self.targets.len() >= MOST_TARGETS {
            self.targets.pop_front();
        }
        self.targets.push_back(target.to_owned());
    }

    /// The remembered targets, oldest first.
    pub(crate) fn targets(&self) -> Vec<String> {
        self.targets.iter().cloned().collect()
    }
}
