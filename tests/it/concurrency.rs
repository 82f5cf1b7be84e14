//! Many writers on one table at the same time: no append fails, none is lost or doubled.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;

use stitchwork::core::{CreateArgs, Options};
use stitchwork::tables::{AppendArgs, Table};
use stitchwork_tests::layers::Place;
use stitchwork_tests::rows::{animals, ids, stream, versions};

/// What each of the tasks of this process appends.
const TURNS: i64 = 2;
/// What each of the other processes appends from its 8 tasks.
const ROWS: i64 = 32;

/// How many append at once.
struct Crowd {
    /// Tasks of this process.
    tasks: i64,
    /// Other processes.
    processes: i64,
}

const MANY: Crowd = Crowd { tasks: 32, processes: 4 };
/// Enough to meet all the time, where the swaps of a crowd would take minutes.
const SOME: Crowd = Crowd { tasks: 8, processes: 2 };

/// Each version that a writer made, with the races that it lost on the way.
pub(crate) type Made = Vec<(i64, u32)>;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn delta_takes_appends_of_32_tasks_and_4_processes_at_once() {
    all_at_once("delta", &["none", "sqlite"], MANY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn iceberg_takes_appends_of_32_tasks_and_4_processes_at_once() {
    all_at_once("iceberg", &["none", "sqlite"], MANY).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn folders_take_appends_of_32_tasks_and_4_processes_at_once() {
    all_at_once("files", &["none", "sqlite"], MANY).await;
}

/// Of all logs, only the commits of Iceberg are swaps of the catalog.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn iceberg_takes_appends_of_8_tasks_and_2_processes_at_once_over_postgresql() {
    all_at_once("iceberg", &["postgres"], SOME).await;
}

async fn all_at_once(log: &str, catalogs: &[&str], Crowd { tasks, processes }: Crowd) {
    for catalog in catalogs {
        if let Some(place) = Place::find(log, catalog, "file").await.unwrap() {
            at_once(place, tasks, processes).await;
        }
    }
}

async fn at_once(place: Place, tasks: i64, processes: i64) {
    let table = place.create("t", CreateArgs::new(animals(0, &[]).schema())).await.unwrap();
    let before = versions(&table).await.unwrap().len();
    let place = Arc::new(place);
    let others = Appender::start(&place, &Options::new(), (0..processes).map(|n| n * ROWS));
    let first = processes * ROWS;
    let mut running = Vec::new();
    for task in 0..tasks {
        // Half of the tasks share one handle, half have one of their own.
        let (place, shared) = (place.clone(), table.clone());
        running.push(tokio::spawn(async move {
            let table = if task % 2 == 0 { shared } else { place.open("t").await.unwrap() };
            let mut made = Made::new();
            for turn in 0..TURNS {
                let row = stream(animals(first + task * TURNS + turn, &[Some("x")]));
                let summary = table.append(row, AppendArgs::default()).await.unwrap();
                made.push((summary.snapshot.version(), summary.lost_races));
            }
            made
        }));
    }
    let mut made = vec![Made::new()];
    for task in running {
        made[0].extend(task.await.unwrap());
    }
    for other in others {
        let name = place.to_string();
        made.push(tokio::task::spawn_blocking(move || other.finish(&name)).await.unwrap());
    }

    let appends = first + tasks * TURNS;
    let table = place.open("t").await.unwrap();
    expect_each_once(&place, &table, appends).await;

    // Every append made a version of its own, and nothing else made one.
    let mut writers: BTreeMap<i64, usize> = BTreeMap::new();
    for (writer, made) in made.iter().enumerate() {
        for (version, _) in made {
            assert_eq!(writers.insert(*version, writer), None, "{place}: two appends made version {version}");
        }
    }
    let history = versions(&table).await.unwrap();
    let order: Vec<usize> = history.iter().filter_map(|version| writers.get(version).copied()).collect();
    assert_eq!(order.len(), usize::try_from(appends).unwrap(), "{place}: a version is missing");
    assert_eq!(history.len(), before + order.len(), "{place}: a version that nobody made");

    // Without this the test would hold for writers that never met.
    let lost: Vec<u32> = made.iter().map(|made| made.iter().map(|(_, lost)| lost).sum()).collect();
    assert!(lost.iter().all(|lost| *lost > 0), "{place}: lost races by process: {lost:?}");
    let turns = order.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(turns > 2 * made.len(), "{place}: the processes came one after the other: {order:?}");
}

/// Every append is there, and there once.
pub(crate) async fn expect_each_once(place: &impl Display, table: &Table, appends: i64) {
    let found = ids(table).await.unwrap();
    let different: BTreeSet<i64> = found.iter().copied().collect();
    assert_eq!(found.len(), different.len(), "{place}: an append is doubled");
    assert_eq!(different, (0..appends).collect(), "{place}: an append is lost");
}

/// Another process that appends.
pub(crate) struct Appender {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Appender {
    /// Processes that append rows from these ids on, to the table `t` of a place whose store is reached with these
    /// options. They begin together, when all of them have opened it.
    pub(crate) fn start(place: &Place, options: &Options, firsts: impl Iterator<Item = i64>) -> Vec<Self> {
        let mut all: Vec<Self> = firsts.map(|first| Self::spawn(place, options, first)).collect();
        for one in &mut all {
            let mut line = String::new();
            one.output.read_line(&mut line).unwrap();
            assert_eq!(line, "ready\n", "{place}: the process does not get ready");
        }
        for one in &mut all {
            one.input.write_all(b"go\n").unwrap();
        }
        all
    }

    fn spawn(place: &Place, options: &Options, first: i64) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_appender"))
            .args([&place.log, &place.catalog_url, &place.location, &first.to_string()])
            .args(options.iter().map(|(name, value)| format!("{name}={value}")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Self { child, input, output: BufReader::new(output) }
    }

    /// Waits for the end of the process.
    pub(crate) fn finish(mut self, place: &impl Display) -> Made {
        let mut text = String::new();
        self.output.read_to_string(&mut text).unwrap();
        let output = self.child.wait_with_output().unwrap();
        assert!(output.status.success(), "{place}: {}", String::from_utf8_lossy(&output.stderr));
        let line = |line: &str| -> Option<(i64, u32)> {
            let (version, lost) = line.split_once(' ')?;
            Some((version.parse().ok()?, lost.parse().ok()?))
        };
        text.lines().map(|text| line(text).unwrap_or_else(|| panic!("{place}: {text}"))).collect()
    }
}
