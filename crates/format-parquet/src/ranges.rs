//! Sets of row positions as sorted ranges.

use std::ops::Range;

use arrow_array::Int64Array;
use parquet::arrow::arrow_reader::RowSelection;
use roaring::RoaringTreemap;
use stitchwork_core::{Error, Result};

/// The number of positions.
pub(crate) fn len(ranges: &[Range<u64>]) -> u64 {
    ranges.iter().map(|range| range.end - range.start).sum()
}

/// Adds a range at the end, joined to the last one where they touch.
pub(crate) fn push(ranges: &mut Vec<Range<u64>>, range: Range<u64>) {
    match ranges.last_mut() {
        _ if range.is_empty() => {}
        Some(last) if last.end == range.start => last.end = range.end,
        _ => ranges.push(range),
    }
}

/// The positions in both sets.
pub(crate) fn intersect(a: &[Range<u64>], b: &[Range<u64>]) -> Vec<Range<u64>> {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    let mut both = Vec::new();
    while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
        push(&mut both, x.start.max(y.start)..x.end.min(y.end).max(x.start.max(y.start)));
        if x.end <= y.end {
            a.next();
        } else {
            b.next();
        }
    }
    both
}

/// The positions of a bitmap inside of a range, run by run.
pub(crate) fn of_rows(rows: &RoaringTreemap, within: &Range<u64>) -> Vec<Range<u64>> {
    let mut found = Vec::new();
    for (high, bitmap) in rows.bitmaps() {
        let base = u64::from(high) << 32;
        let low = within.start.max(base);
        let end = within.end.min(base.saturating_add(1 << 32));
        if low >= end {
            continue;
        }
        let (Ok(first), Ok(last)) = (u32::try_from(low - base), u32::try_from(end - 1 - base)) else {
            continue;
        };
        let mut runs = bitmap.range(first..=last);
        while let Some(run) = runs.next_range() {
            push(&mut found, base + u64::from(*run.start())..base + u64::from(*run.end()) + 1);
        }
    }
    found
}

/// What the reader of one row group is to select: `None` for all of its rows.
pub(crate) fn selection(ranges: &[Range<u64>], group: &Range<u64>) -> Result<Option<RowSelection>> {
    if len(ranges) == group.end - group.start {
        return Ok(None);
    }
    let place = |at: u64| {
        usize::try_from(at - group.start).map_err(|e| {
            Error::unsupported("the row group has more rows than this machine counts").with_source(e)
        })
    };
    let relative = ranges.iter().map(|r| Ok(place(r.start)?..place(r.end)?)).collect::<Result<Vec<_>>>()?;
    Ok(Some(RowSelection::from_consecutive_ranges(relative.into_iter(), place(group.end)?)))
}

/// Hands out the positions of a set in order.
#[derive(Debug)]
pub(crate) struct Positions {
    ranges: std::vec::IntoIter<Range<u64>>,
    current: Range<u64>,
}

impl Positions {
    pub(crate) fn new(ranges: Vec<Range<u64>>) -> Self {
        Self { ranges: ranges.into_iter(), current: 0..0 }
    }

    /// The next `rows` positions, or as many as are left.
    pub(crate) fn take(&mut self, rows: usize) -> Int64Array {
        let mut positions = Vec::with_capacity(rows);
        while positions.len() < rows {
            if self.current.is_empty() {
                let Some(next) = self.ranges.next() else { break };
                self.current = next;
            }
            let take = ((rows - positions.len()) as u64).min(self.current.end - self.current.start);
            let end = self.current.start + take;
            positions.extend((self.current.start..end).map(|position| position.cast_signed()));
            self.current.start = end;
        }
        Int64Array::from(positions)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set<const N: usize>(ranges: [(u64, u64); N]) -> Vec<Range<u64>> {
        ranges.into_iter().map(|(start, end)| start..end).collect()
    }

    #[test]
    fn sets_intersect() {
        let both = intersect(&set([(0, 5), (8, 10)]), &set([(3, 9)]));
        assert_eq!(both, set([(3, 5), (8, 9)]));
        assert_eq!(intersect(&set([(0, 2), (4, 6)]), &set([(2, 4)])), set([]));
        assert_eq!(intersect(&set([(0, 10)]), &set([(0, 3), (3, 5)])), set([(0, 5)]));
    }

    #[test]
    fn runs_of_a_bitmap_are_found_across_its_containers() {
        let high = 1_u64 << 32;
        let mut rows = RoaringTreemap::new();
        rows.insert_range(65_000..70_000);
        rows.insert(3);
        rows.insert(high + 1);
        rows.insert_range(high - 2..=high + 1);
        let within = |start, end| of_rows(&rows, &(start..end));
        assert_eq!(within(0, u64::MAX), set([(3, 4), (65_000, 70_000), (high - 2, high + 2)]));
        assert_eq!(within(66_000, 66_010), set([(66_000, 66_010)]));
        assert_eq!(within(4, 65_000), set([]));
        assert_eq!(within(69_999, high), set([(69_999, 70_000), (high - 2, high)]));
    }

    #[test]
    fn positions_come_in_order() {
        let mut positions = Positions::new(set([(2, 4), (10, 12)]));
        assert_eq!(positions.take(3), Int64Array::from(vec![2, 3, 10]));
        assert_eq!(positions.take(3), Int64Array::from(vec![11]));
        assert_eq!(selection(&set([(5, 8)]), &(5..8)).unwrap(), None);
        assert_eq!(selection(&set([(6, 7)]), &(5..9)).unwrap().unwrap().row_count(), 1);
    }
}
