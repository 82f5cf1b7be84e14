//! When each event happened: a monotone function of its index, with ties.
//!
//! Events come in blocks of ten. The first event of a block has the same second as the last event of the block before,
//! so a page boundary at any multiple of ten falls between two events of one second, as does the end of a stream whose
//! length is a multiple of ten. Now and then a run of blocks takes no time at all: more than a hundred events share one
//! second then, which is more than the largest page.

use chrono::{DateTime, SecondsFormat};

use crate::rng::Rng;

/// 2024-01-01T00:00:00Z, the second of the first event.
const START: i64 = 1_704_067_200;
/// The number of events in a block.
const BLOCK: usize = 10;
/// The seconds from the first to the last event of a block.
const SPAN: i64 = 300;
/// In every so many blocks, `BURST` blocks from `BURST_FROM` on share one second.
const BURST_EVERY: usize = 500;
const BURST_FROM: usize = 120;
const BURST: usize = 12;
/// The purpose of the random numbers drawn here.
const SALT: u64 = 1;

/// The second (Unix time) at which event `index` happened; it never decreases with the index.
pub(crate) fn created_at(seed: u64, index: usize) -> i64 {
    let (block, place) = (index / BLOCK, index % BLOCK);
    let within = block % BURST_EVERY;
    let bursts = block / BURST_EVERY * BURST + within.saturating_sub(BURST_FROM).min(BURST);
    let start = START.saturating_add(SPAN.saturating_mul((block - bursts) as i64));
    if place == 0 || (BURST_FROM..BURST_FROM + BURST).contains(&within) {
        return start;
    }
    if place == BLOCK - 1 {
        return start.saturating_add(SPAN);
    }
    start.saturating_add(offsets(seed, block).get(place - 1).copied().unwrap_or(SPAN))
}

/// The seconds of the inner events of a block after its start, in order and with ties.
fn offsets(seed: u64, block: usize) -> [i64; BLOCK - 2] {
    let mut rng = Rng::new(seed, SALT, block as u64);
    let jitter = rng.bits();
    let mut offsets = [0; BLOCK - 2];
    for offset in &mut offsets {
        let slot = rng.below(33);
        // A slot is nine seconds wide and has one second in use, so two events in one slot are a tie.
        *offset = (slot * 9 + (jitter >> slot) % 9) as i64;
    }
    offsets.sort_unstable();
    offsets
}

/// The index of the first of `count` events that happened at `since` or later, and `count` when none did.
pub(crate) fn first_at_or_after(count: usize, since: i64, created_at: impl Fn(usize) -> i64) -> usize {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if created_at(middle) < since {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    low
}

/// A Unix second as RFC 3339 text with whole seconds and `Z`, the form that GitHub writes.
pub(crate) fn to_rfc3339(second: i64) -> String {
    DateTime::from_timestamp(second, 0).unwrap_or_default().to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The first whole second that is not before the given RFC 3339 time.
pub(crate) fn parse_second(text: &str) -> Option<i64> {
    // A `+` of a zone offset that a client did not escape arrives as a space.
    let time = DateTime::parse_from_rfc3339(&text.replace(' ', "+")).ok()?;
    Some(time.timestamp() + i64::from(time.timestamp_subsec_nanos() > 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_never_goes_back() {
        for seed in [0, 1, 99] {
            let times: Vec<i64> = (0..12_000).map(|index| created_at(seed, index)).collect();
            assert!(times.is_sorted());
            let distinct = times.chunk_by(|a, b| a == b).count();
            assert!((2_000..11_000).contains(&distinct), "{distinct} distinct seconds");
        }
    }

    #[test]
    fn page_boundaries_are_ties_and_bursts_are_longer_than_a_page() {
        for boundary in (10..12_000).step_by(10) {
            assert_eq!(created_at(5, boundary - 1), created_at(5, boundary));
        }
        let times: Vec<i64> = (0..6_000).map(|index| created_at(5, index)).collect();
        assert!(times.chunk_by(|a, b| a == b).any(|run| run.len() > 100));
    }

    #[test]
    fn the_search_finds_the_first_of_a_tie() {
        let at = |index| created_at(3, index);
        let count = 3_000;
        for index in (0..count).step_by(7) {
            let found = first_at_or_after(count, at(index), at);
            assert_eq!(at(found), at(index));
            assert!(found == 0 || at(found - 1) < at(index));
        }
        assert_eq!(first_at_or_after(count, i64::MIN, at), 0);
        assert_eq!(first_at_or_after(count, i64::MAX, at), count);
        assert_eq!(first_at_or_after(0, 0, at), 0);
    }

    #[test]
    fn times_are_read_with_zones_and_fractions() {
        assert_eq!(to_rfc3339(START), "2024-01-01T00:00:00Z");
        assert_eq!(parse_second("2024-01-01T00:00:00Z"), Some(START));
        assert_eq!(parse_second("2024-01-01T01:00:00+01:00"), Some(START));
        assert_eq!(parse_second("2024-01-01T01:00:00 01:00"), Some(START));
        assert_eq!(parse_second("2024-01-01T00:00:00.5Z"), Some(START + 1));
        assert_eq!(parse_second("yesterday"), None);
    }
}
