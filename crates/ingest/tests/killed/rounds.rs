//! Random rounds: kills at any moment, and faults in a row.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use crate::child;
use crate::matrix::place::{Names, Place, Store};
use crate::matrix::rounds::{Chance, round};
use crate::matrix::steps::Where;
use crate::matrix::{Cell, How, Violation, on_one_thread, prepared, settled};

/// `rounds N SEED`: rounds whose seeds are SEED, SEED + 1 and so on.
pub(crate) fn run(args: &[String]) -> Result<(), Violation> {
    let [rounds, seed] = args else { return Err(format!("rounds N SEED, got {args:?}")) };
    let rounds: u64 = rounds.parse().map_err(|e| format!("{rounds} is no number of rounds: {e}"))?;
    let first: u64 = seed.parse().map_err(|e| format!("{seed} is no seed: {e}"))?;
    let (mut places, mut done) = (Places::default(), 0);
    // One runtime for all rounds, as the places keep the clients of their servers.
    on_one_thread(async {
        for seed in (0..rounds).map(|n| first.wrapping_add(n)) {
            let start = Instant::now();
            let what = one(seed, &mut places).await.map_err(|e| {
                format!("seed {seed}: {e}\nagain: cargo xtask crash --rounds 1 --seed {seed}")
            })?;
            let Some(what) = what else {
                println!("seed {seed}: skipped for want of a server");
                continue;
            };
            println!("seed {seed}: {what}, {:.1} s", start.elapsed().as_secs_f64());
            done += 1;
        }
        Ok::<_, Violation>(())
    })?;
    if done == 0 {
        return Err("no round could be done, for want of servers".to_owned());
    }
    println!("{done} of {rounds} rounds were done, nothing was lost, doubled or left behind");
    Ok(())
}

/// Those of the tests: kills only, since the matrix has the faults.
pub(crate) fn some() -> Result<(), Violation> {
    let mut places = Places::default();
    on_one_thread(async {
        let longest = unharmed(&mut places).await?;
        let (mut started, mut killed) = (0, 0);
        for seed in 0..8 {
            let kills = kills(&mut Chance::new(seed), &mut places, Some(longest)).await;
            let kills = kills.map_err(|e| format!("seed {seed}: {e}"))?.unwrap_or_default();
            (started, killed) = (started + kills.started, killed + kills.killed);
        }
        // Those that began after the work was done end early; a test of none that was killed would say nothing.
        if killed < 4 {
            return Err(format!("only {killed} of {started} processes were killed, within {longest:?} each"));
        }
        Ok(())
    })
}

/// How long a process takes that nobody kills.
async fn unharmed(places: &mut Places) -> Result<Duration, Violation> {
    let cell = Cell::append("delta");
    let place = places.get(Store::Files, Names::Folders)?.ok_or("files need no server")?;
    let world = prepared(&cell, place).await?;
    let start = Instant::now();
    let mut child = child::start(&cell, &world, None, Where::Nowhere)?;
    let status = child.wait().map_err(|e| format!("the child cannot be waited for: {e}"))?;
    if !status.success() {
        return Err(format!("a process that nobody killed ended with {status}"));
    }
    Ok(start.elapsed())
}

/// What became of a round of kills.
#[derive(Debug, Default)]
struct Kills {
    what: String,
    started: u32,
    /// Those that the signal ended, and not they themselves.
    killed: u32,
}

/// The places of all rounds, so that each server is asked for once.
#[derive(Debug, Default)]
struct Places(BTreeMap<String, Option<Place>>);

impl Places {
    fn get(&mut self, store: Store, names: Names) -> Result<Option<&Place>, Violation> {
        let key = format!("{store:?} {names:?}");
        if !self.0.contains_key(&key) {
            self.0.insert(key.clone(), Place::new(store, names)?);
        }
        Ok(self.0.get(&key).and_then(Option::as_ref))
    }
}

/// One round. Says what it was, or nothing where a server of it is missing.
async fn one(seed: u64, places: &mut Places) -> Result<Option<String>, Violation> {
    let mut chance = Chance::new(seed);
    if chance.below(3) == 0 {
        return Ok(kills(&mut chance, places, None).await?.map(|kills| kills.what));
    }
    let cell = cell(&mut chance);
    let store = *chance.one_of(&[Store::Memory, Store::Files, Store::S3]);
    let names = *chance.one_of(&[Names::Folders, Names::Memory, Names::Sqlite, Names::Postgres]);
    let Some(place) = places.get(store, names)? else { return Ok(None) };
    let what = format!("faults in {} {} on {place:?}", cell.log, cell.how.name());
    round(&cell, place, &mut chance).await.map_err(|e| format!("{what}: {e}"))?;
    Ok(Some(what))
}

fn cell(chance: &mut Chance) -> Cell {
    let log = *chance.one_of(&["delta", "iceberg", "files"]);
    Cell { how: *chance.one_of(&How::ALL), ..Cell::append(log) }
}

/// Up to four processes that are killed at a random moment, one after the other: within the time that one of them takes
/// with local files, where it is known.
async fn kills(
    chance: &mut Chance,
    places: &mut Places,
    local: Option<Duration>,
) -> Result<Option<Kills>, Violation> {
    let cell = cell(chance);
    let store = *chance.one_of(&[Store::Files, Store::S3]);
    let names = *chance.one_of(&[Names::Folders, Names::Sqlite, Names::Postgres]);
    let Some(place) = places.get(store, names)? else { return Ok(None) };
    let mut what = format!("kills of {} {} on {place:?}", cell.log, cell.how.name());
    let world = prepared(&cell, place).await?;
    // A server answers more slowly, and a process asks it first whether it keeps its word.
    let local = local.map_or(120_000, |local| u64::try_from(local.as_micros()).unwrap_or(120_000).max(1));
    let longest = if store == Store::S3 { 500_000 } else { local };
    let (mut started, mut killed) = (0, 0);
    for _ in 0..=chance.below(4) {
        let wait = Duration::from_micros(chance.below(longest));
        let mut child = child::start(&cell, &world, None, Where::Nowhere)?;
        std::thread::sleep(wait);
        // It may have ended by itself meanwhile.
        child.kill().map_err(|e| format!("the child cannot be killed: {e}"))?;
        let status = child.wait().map_err(|e| format!("the child cannot be waited for: {e}"))?;
        started += 1;
        killed += u32::from(status.signal() == Some(9));
        let _ = write!(what, ", {wait:?}: {status}");
    }
    settled(&cell, &world).await.map_err(|e| format!("{e}\n{what}"))?;
    Ok(Some(Kills { what, started, killed }))
}
