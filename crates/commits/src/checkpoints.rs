//! When a checkpoint is due, and one at a time.

use stitchwork_core::Result;
use tokio::sync::Mutex;

/// So many lines since the last checkpoint call for one before its turn.
const MANY_LINES: usize = 100_000;

/// How often an overdue checkpoint is tried: where checkpoints fail, not each commit shall pay for another try.
const OVERDUE_EVERY: i64 = 10;

/// What stands between a version and the checkpoint before it.
#[derive(Debug, Clone, Copy)]
pub struct Tail {
    /// Its commits.
    pub commits: usize,
    /// The files that they add and remove.
    pub lines: usize,
}

/// The checkpoints that one log writes, one at a time.
#[derive(Debug, Default)]
pub struct Checkpoints {
    under_way: Mutex<()>,
}

impl Checkpoints {
    /// Writes a checkpoint of a version if one is due after so many versions, or sooner for a long tail, and none is
    /// being written. Its failure is no failure of the commit.
    pub async fn write_if_due(
        &self,
        version: i64,
        interval: i64,
        tail: Tail,
        write: impl Future<Output = Result<()>>,
    ) {
        if !is_due(version, interval, tail) {
            return;
        }
        let Ok(_turn) = self.under_way.try_lock() else { return };
        if let Err(error) = write.await {
            tracing::warn!(version, %error, "the checkpoint could not be written");
        }
    }
}

fn is_due(version: i64, interval: i64, tail: Tail) -> bool {
    let interval = interval.max(1);
    let overdue = tail.lines >= MANY_LINES
        || i64::try_from(tail.commits).is_ok_and(|commits| commits >= interval.saturating_mul(2));
    version != 0 && (version % interval == 0 || (overdue && version % OVERDUE_EVERY == 0))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures::FutureExt;
    use stitchwork_core::Error;

    use super::*;

    #[test]
    fn checkpoints_come_in_turn_and_sooner_after_much() {
        let due = |version, commits, lines| is_due(version, 7, Tail { commits, lines });
        assert!(due(14, 7, 0) && !due(15, 8, 0));
        assert!(!due(0, 0, 0), "the first version is as short as a checkpoint");
        assert!(due(20, 14, 0) && !due(20, 13, 0) && !due(22, 16, 0));
        assert!(due(20, 1, MANY_LINES) && !due(20, 1, MANY_LINES - 1) && !due(22, 1, MANY_LINES));
        assert!(is_due(3, 0, Tail { commits: 1, lines: 0 }), "no interval is no reason to panic");
    }

    #[tokio::test]
    async fn one_at_a_time_whatever_becomes_of_it() {
        let (checkpoints, written) = (Checkpoints::default(), AtomicU32::new(0));
        let tail = Tail { commits: 1, lines: 0 };
        let count = async || {
            let write = async {
                written.fetch_add(1, Ordering::Relaxed);
                Err(Error::unexpected("no"))
            };
            checkpoints.write_if_due(1, 1, tail, write).await;
            written.load(Ordering::Relaxed)
        };
        assert_eq!(count().await, 1);
        assert_eq!(count().await, 2, "a failure is in nobody's way");
        {
            let mut slow = Box::pin(checkpoints.write_if_due(1, 1, tail, futures::future::pending()));
            assert_eq!((&mut slow).now_or_never(), None);
            assert_eq!(count().await, 2, "one is under way");
        }
        assert_eq!(count().await, 3, "one that was given up is in nobody's way either");
    }
}
