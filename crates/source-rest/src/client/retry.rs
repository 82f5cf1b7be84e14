//! How long to wait before a request is made again.

use std::time::{Duration, SystemTime};

use chrono::DateTime;
use rand::Rng as _;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// Numbers below this are seconds from now in a reset header; above it they are Unix times.
const UNIX_TIMES_FROM: u64 = 1_000_000_000;

/// The wait after the attempt of this number (from 1): twice as long each time, between half of it and all.
pub(super) fn backoff(base: Duration, attempt: u32) -> Duration {
    let doubled = 2_u32.checked_pow(attempt.saturating_sub(1)).unwrap_or(u32::MAX);
    base.saturating_mul(doubled).mul_f64(rand::rng().random_range(0.5..=1.0))
}

/// The wait that `Retry-After` asks for (RFC 9110, section 10.2.3): seconds or an HTTP date.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    // An HTTP date is a date of RFC 2822 with GMT as its zone.
    let at = SystemTime::from(DateTime::parse_from_rfc2822(text).ok()?);
    Some(at.duration_since(now).unwrap_or_default())
}

/// The wait until a rate limit that is used up is reset; none while something is left of it.
pub(super) fn limit_reset(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<u64>().ok();
    let (remaining, reset) = match number("x-ratelimit-remaining") {
        Some(remaining) => (remaining, number("x-ratelimit-reset")?),
        None => (number("ratelimit-remaining")?, number("ratelimit-reset")?),
    };
    if remaining > 0 {
        return None;
    }
    if reset < UNIX_TIMES_FROM {
        return Some(Duration::from_secs(reset));
    }
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(reset))?;
    Some(at.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn the_wait_doubles_with_jitter() {
        for attempt in 1..=6 {
            let most = Duration::from_millis(100 << (attempt - 1));
            for _ in 0..50 {
                let wait = backoff(Duration::from_millis(100), attempt);
                assert!(wait >= most / 2 && wait <= most, "{attempt}: {wait:?}");
            }
        }
        assert!(backoff(Duration::MAX, 99) > Duration::from_secs(1));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777 - 90);
        let wait = |value: &'static str| retry_after(&headers(&[("retry-after", value)]), now);
        assert_eq!(wait("7"), Some(Duration::from_secs(7)));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::from_secs(90)));
        assert_eq!(wait("Sun, 06 Nov 1993 08:49:37 GMT"), None, "the day of the week is wrong");
        assert_eq!(wait("Sat, 06 Nov 1993 08:49:37 GMT"), Some(Duration::ZERO));
        assert_eq!(wait("soon"), None);
    }

    #[test]
    fn a_limit_is_waited_for_when_nothing_is_left() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let wait = |remaining, reset| {
            limit_reset(&headers(&[("x-ratelimit-remaining", remaining), ("x-ratelimit-reset", reset)]), now)
        };
        assert_eq!(wait("0", "1700000030"), Some(Duration::from_secs(30)));
        assert_eq!(wait("0", "1600000000"), Some(Duration::ZERO));
        assert_eq!(wait("0", "12"), Some(Duration::from_secs(12)));
        assert_eq!(wait("1", "1700000030"), None);
        assert_eq!(wait("0", "x"), None);
        let draft = headers(&[("ratelimit-remaining", "0"), ("ratelimit-reset", "3")]);
        assert_eq!(limit_reset(&draft, now), Some(Duration::from_secs(3)));
    }
}
