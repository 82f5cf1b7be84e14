//! The time of a commit.

use std::time::SystemTime;

use chrono::{DateTime, Utc};

/// Milliseconds since 1970, before which `Utc::now` would panic.
#[must_use]
pub fn now_ms() -> i64 {
    DateTime::<Utc>::from(SystemTime::now()).timestamp_millis()
}
