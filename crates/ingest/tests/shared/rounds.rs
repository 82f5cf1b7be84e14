//! Loads that meet one random fault after the other, also while they recover from the last one.

use std::time::Duration;

use stitchwork_ingest::LeftoversArgs;

use super::faults::{Fault, Trouble};
use super::place::Place;
use super::steps::Where;
use super::{Cell, Violation, prepared, settled, troubled};

/// How many requests a load makes at most, about: a fault may also come too late to be met.
const REQUESTS: u64 = 160;

/// Numbers that a seed gives (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Chance(u64);

impl Chance {
    /// The numbers of a seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number, below a limit.
    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % limit.max(1)
    }

    /// One of these.
    pub(crate) fn one_of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        let n = usize::try_from(self.below(choices.len() as u64)).unwrap_or_default();
        &choices[n]
    }
}

/// Up to four runs that meet a fault each, now and then a cleaning in between, then a run without faults.
///
/// # Errors
/// What was violated, and what had happened before.
pub(crate) async fn round(cell: &Cell, place: &Place, chance: &mut Chance) -> Result<(), Violation> {
    let mut story = Vec::new();
    let world = prepared(cell, place).await?;
    for _ in 0..=chance.below(4) {
        let n = usize::try_from(chance.below(REQUESTS)).unwrap_or_default();
        let place = match chance.below(4) {
            0 => Where::Catalog(n / 4),
            _ => Where::Store(n),
        };
        let fault = *chance.one_of(&Fault::ALL);
        let outcome = troubled(cell, &world, &Trouble::at(place, fault)).await;
        let outcome = outcome.map_err(|e| format!("{e}\nbefore it:\n{}", story.join("\n")))?;
        story.push(format!("{fault:?} at {place:?}: {:?}", outcome.map(|report| report.rows())));
        if chance.below(4) == 0 {
            let args = LeftoversArgs::older_than(Duration::ZERO);
            let cleaned = world.destination().await?.clean(&args).await;
            story.push(format!("cleaned: {:?}", cleaned.map(|cleaned| cleaned.removed.len())));
        }
    }
    settled(cell, &world).await.map_err(|e| format!("{e}\nbefore it:\n{}", story.join("\n")))
}
