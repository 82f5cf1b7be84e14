//! What fuzz targets share: edits of a seed, and the bounds that a target must keep.

mod edit;

use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};

use peak_alloc::PeakAlloc;

pub use edit::{Edit, edited};

/// Tells how much memory a target takes.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The most memory that one input may take beside what was in use before it.
const BOUND_MIB: f32 = 192.0;
/// How many inputs of each target a run tries, unless the environment says it.
const INPUTS: usize = 400;

/// Gives a target its seeds as they are, and then edited in random ways.
///
/// # Panics
/// When the target panics, or takes more memory than it may.
pub fn run(seeds: &[Vec<u8>], target: impl Fn(usize, &[u8])) {
    // Memory is that of the whole process, so that one target runs at a time.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(!seeds.is_empty(), "a target needs seeds");
    let bounded = |seed: usize, bytes: &[u8]| {
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage_as_mb();
        target(seed, bytes);
        let taken = MEMORY.peak_usage_as_mb() - before;
        assert!(taken < BOUND_MIB, "an input of {} bytes took {taken} MiB", bytes.len());
    };
    for (number, seed) in seeds.iter().enumerate() {
        bounded(number, seed);
    }
    let check = bolero::check!().with_type::<(u8, Vec<Edit>)>().with_max_len(512);
    let check = match std::env::var_os("BOLERO_RANDOM_ITERATIONS") {
        Some(_) => check,
        None => check.with_iterations(INPUTS),
    };
    // What a target holds is not looked at after it has panicked.
    let bounded = AssertUnwindSafe(bounded);
    check.for_each(|(which, edits)| {
        let number = usize::from(*which) % seeds.len();
        let seed = seeds.get(number).map(Vec::as_slice).unwrap_or_default();
        (*bounded)(number, &edited(seed, edits));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "an input of 1 bytes took")]
    fn memory_is_watched() {
        run(&[vec![1]], |_, bytes| {
            drop(std::hint::black_box(vec![bytes.first().copied().unwrap_or(1); 300 << 20]))
        });
    }
}
