//! The failures that the server makes on purpose.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::rng::Rng;

/// How often the server fails on purpose; 0 means never.
///
/// Which requests fail follows from the seed and the number of the request. A request that failed succeeds when it is
/// repeated, whatever else is due by then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Faults {
    /// One in so many requests is answered with 429 and a `Retry-After` header.
    pub every_429: u64,
    /// One in so many requests is answered with 502 and an HTML body, as a gateway does.
    pub every_502: u64,
    /// One in so many answers breaks off in the middle of its body.
    pub every_cut: u64,
}

impl Default for Faults {
    /// A 429 in 41 requests, a 502 in 53, and no answers that break off.
    fn default() -> Self {
        Self { every_429: 41, every_502: 53, every_cut: 0 }
    }
}

impl Faults {
    /// No failures at all.
    #[must_use]
    pub fn none() -> Self {
        Self { every_429: 0, every_502: 0, every_cut: 0 }
    }
}

/// One failure that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    TooManyRequests,
    BadGateway,
    Cut,
}

/// What the fault plan says about one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// The failure to answer with.
    pub(crate) fault: Option<Fault>,
    /// The client repeated a request before the time of its `Retry-After` had passed.
    pub(crate) too_early: bool,
}

/// Requests that failed and were never repeated are forgotten beyond this many.
const MOST_OWED: usize = 10_000;

/// Decides which requests fail.
#[derive(Debug)]
pub(crate) struct FaultPlan {
    faults: Faults,
    phase: u64,
    count: u64,
    retry_after: Duration,
    /// The requests that failed, which are owed a success, and when they may be repeated.
    owed: HashMap<String, Instant>,
}

impl FaultPlan {
    pub(crate) fn new(faults: Faults, seed: u64, retry_after: Duration) -> Self {
        let phase = Rng::new(seed, 2, 0).below(1 << 20);
        Self { faults, phase, count: 0, retry_after, owed: HashMap::new() }
    }

    /// Counts one request and says whether it fails.
    pub(crate) fn judge(&mut self, target: &str, now: Instant) -> Verdict {
        self.count += 1;
        if let Some(not_before) = self.owed.remove(target) {
            return Verdict { fault: None, too_early: now < not_before };
        }
        let fault = self.due();
        if let Some(fault) = fault {
            if self.owed.len() >= MOST_OWED {
                self.owed.clear();
            }
            let wait = if fault == Fault::TooManyRequests { self.retry_after } else { Duration::ZERO };
            self.owed.insert(target.to_owned(), now + wait);
        }
        Verdict { fault, too_early: false }
    }

    fn due(&self) -> Option<Fault> {
        // The phases lie a third of a period apart, so that equal periods do not hide one kind behind the other.
        let is_due = |every: u64, part: u64| {
            every > 0 && (self.count + self.phase + every / 3 * part).is_multiple_of(every)
        };
        let due = [
            (Fault::TooManyRequests, is_due(self.faults.every_429, 0)),
            (Fault::BadGateway, is_due(self.faults.every_502, 1)),
            (Fault::Cut, is_due(self.faults.every_cut, 2)),
        ];
        let due: Vec<Fault> = due.into_iter().filter(|(_, due)| *due).map(|(fault, _)| fault).collect();
        // Kinds that are due at once take turns.
        due.get(self.count as usize % due.len().max(1)).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(faults: Faults, seed: u64, targets: impl Iterator<Item = String>) -> Vec<Option<Fault>> {
        let mut plan = FaultPlan::new(faults, seed, Duration::ZERO);
        let now = Instant::now();
        targets.map(|target| plan.judge(&target, now).fault).collect()
    }

    #[test]
    fn the_seed_and_the_number_of_the_request_decide() {
        let faults = Faults { every_429: 5, every_502: 7, every_cut: 11 };
        let run = |seed| verdicts(faults, seed, (0..200).map(|n| n.to_string()));
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        let count = |kind| run(1).iter().filter(|fault| **fault == Some(kind)).count();
        assert!(count(Fault::TooManyRequests) >= 30);
        assert!(count(Fault::BadGateway) >= 20);
        assert!(count(Fault::Cut) >= 10);
    }

    #[test]
    fn a_failed_request_succeeds_when_repeated() {
        let always = Faults { every_429: 1, every_502: 1, every_cut: 1 };
        let got = verdicts(always, 3, (0..60).map(|n| (n / 2).to_string()));
        for pair in got.chunks(2) {
            assert!(pair[0].is_some());
            assert_eq!(pair[1], None);
        }
        assert!(verdicts(Faults::none(), 3, (0..100).map(|n| n.to_string())).iter().all(Option::is_none));
    }

    #[test]
    fn an_early_repeat_is_noticed() {
        let mut plan = FaultPlan::new(Faults { every_429: 1, ..Faults::none() }, 0, Duration::from_secs(2));
        let now = Instant::now();
        assert_eq!(plan.judge("/a", now).fault, Some(Fault::TooManyRequests));
        assert!(plan.judge("/a", now + Duration::from_secs(1)).too_early);
        assert_eq!(plan.judge("/b", now).fault, Some(Fault::TooManyRequests));
        assert!(!plan.judge("/b", now + Duration::from_secs(2)).too_early);
    }
}
