//! What fuzz targets share: edits of a seed, and the bounds that a target must keep.

mod edit;
mod watch;

use std::panic::AssertUnwindSafe;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use peak_alloc::PeakAlloc;

pub use edit::{Edit, edited};

/// Tells how much memory a target takes.
#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The memory that a target may give to what it tests, in bytes: what readers are told to keep to.
pub const BUDGET: u64 = BUDGET_MIB << 20;

const BUDGET_MIB: u64 = 64;
/// The memory that one input may take beside the budget and what was in use before it: an input and the tables around it
/// are held in memory themselves, and the runtime has its own.
const SLACK_MIB: u64 = 16;
/// How long one input may take, on a slow and busy machine.
const PATIENCE: Duration = Duration::from_secs(10);
/// How many inputs of each target a run tries, unless the environment says it.
const INPUTS: usize = 400;

/// Gives a target its seeds as they are, and then edited in random ways.
///
/// # Panics
/// When the target panics, or takes more memory or time than it may. Where it does not come back at all, the process ends
/// with the input on stderr.
pub fn run(seeds: &[Vec<u8>], target: impl Fn(usize, &[u8])) {
    run_within(PATIENCE, seeds, target);
}

fn run_within(patience: Duration, seeds: &[Vec<u8>], target: impl Fn(usize, &[u8])) {
    // Memory is that of the whole process, so that one target runs at a time.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    assert!(!seeds.is_empty(), "a target needs seeds");
    // Where nobody ends the input, somebody else must.
    let watch = watch::Watch::start(patience);
    let bounded = |seed: usize, bytes: &[u8]| {
        let shown = || watch::shown(seed, bytes);
        MEMORY.reset_peak_usage();
        let (before, begun) = (MEMORY.current_usage(), Instant::now());
        watch.during(seed, bytes, || target(seed, bytes));
        let taken = MEMORY.peak_usage().saturating_sub(before) >> 20;
        let most = BUDGET_MIB + SLACK_MIB;
        assert!(taken as u64 <= most, "an input took {taken} MiB of {most}: {}", shown());
        assert!(begun.elapsed() <= patience, "an input took {:?}: {}", begun.elapsed(), shown());
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
    #[should_panic(expected = "an input took 100 MiB of 80: seed 0, 1 bytes: \\x01")]
    fn memory_is_watched() {
        // Half a MiB more than what is told, since other tests take and give back memory meanwhile.
        const TAKEN: usize = (100 << 20) + (1 << 19);
        run(&[vec![1]], |_, bytes| {
            drop(std::hint::black_box(vec![bytes.first().copied().unwrap_or(1); TAKEN]))
        });
    }

    #[test]
    #[should_panic(expected = "seed 0, 3 bytes: abc")]
    fn time_is_watched() {
        // Slow, but back before the watch ends the process.
        let slow = |_: usize, _: &[u8]| std::thread::sleep(Duration::from_millis(60));
        run_within(Duration::from_millis(50), &[b"abc".to_vec()], slow);
    }

    /// Where this is set, the test below is the process that hangs.
    const HANG: &str = "STITCHWORK_FUZZ_HANG";

    #[test]
    fn a_hang_ends_the_process_and_names_its_input() {
        if std::env::var_os(HANG).is_some() {
            return run_within(Duration::from_millis(50), &[b"never".to_vec()], |_, _| {
                loop {
                    std::thread::sleep(Duration::from_secs(1));
                }
            });
        }
        let this = "tests::a_hang_ends_the_process_and_names_its_input";
        let hanging = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", this, "--nocapture"])
            .env(HANG, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&hanging.stderr);
        assert!(!hanging.status.success());
        assert!(
            said.contains("does not come to an end") && said.contains("seed 0, 5 bytes: never"),
            "{said}"
        );
    }
}
