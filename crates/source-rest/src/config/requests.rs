//! Time-outs, retries and limits.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use stitchwork_core::{Error, Result};

/// Time-outs, retries and limits of the requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RequestConfig {
    /// Seconds until a request, with its whole answer, is given up.
    pub timeout_seconds: f64,
    /// How often a request is made at most.
    pub max_attempts: u32,
    /// Seconds before the first repetition; doubled for each further one, with jitter.
    pub backoff_seconds: f64,
    /// The longest wait before a repetition in seconds. An API that asks for more fails the load.
    pub max_delay_seconds: f64,
    /// The longest wait in seconds for a rate limit that is used up to be reset.
    pub max_rate_limit_wait_seconds: f64,
    /// The size in bytes of the largest answer, unpacked.
    pub max_response_bytes: u64,
}

impl Default for RequestConfig {
    fn default() -> Self {
        Self {
            timeout_seconds: 60.0,
            max_attempts: 5,
            backoff_seconds: 1.0,
            max_delay_seconds: 300.0,
            max_rate_limit_wait_seconds: 3_600.0,
            max_response_bytes: 64 << 20,
        }
    }
}

impl RequestConfig {
    pub(crate) fn timeout(&self) -> Duration {
        seconds(self.timeout_seconds)
    }

    pub(crate) fn backoff(&self) -> Duration {
        seconds(self.backoff_seconds)
    }

    pub(crate) fn max_delay(&self) -> Duration {
        seconds(self.max_delay_seconds)
    }

    pub(crate) fn max_rate_limit_wait(&self) -> Duration {
        seconds(self.max_rate_limit_wait_seconds)
    }

    pub(super) fn validate(&self) -> Result<()> {
        let times = [
            ("timeout_seconds", self.timeout_seconds),
            ("backoff_seconds", self.backoff_seconds),
            ("max_delay_seconds", self.max_delay_seconds),
            ("max_rate_limit_wait_seconds", self.max_rate_limit_wait_seconds),
        ];
        for (name, value) in times {
            if Duration::try_from_secs_f64(value).is_err() {
                return Err(Error::invalid_config("this is no number of seconds")
                    .with_context("setting", name)
                    .with_context("value", value));
            }
        }
        if self.timeout_seconds == 0.0 || self.max_attempts == 0 || self.max_response_bytes == 0 {
            return Err(Error::invalid_config(
                "`timeout_seconds`, `max_attempts` and `max_response_bytes` are larger than zero",
            ));
        }
        Ok(())
    }
}

fn seconds(value: f64) -> Duration {
    Duration::try_from_secs_f64(value).unwrap_or(Duration::MAX)
}
