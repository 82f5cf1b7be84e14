//! Small broken files: each is read or an error, in little time and memory.

use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

use object_store::{ObjectStoreExt, PutPayload};
use stitchwork::core::{Engine, OpenUrl, QueryArgs, Registry, Result, ScanArgs, TableIdent, collect};
use stitchwork_testkit::needs;

use super::{files, open};

/// Tells this program that it is the child that reads the broken files.
const CHILD: &str = "STITCHWORK_READS_BROKEN_FILES";
/// How large a file is that counts as small.
const SMALL: u64 = 6 << 10;
/// By how many kilobytes one file may grow the process without being named.
const LARGE: u64 = 4 << 10;
/// How often each is broken.
const TIMES: usize = 12;

#[test]
fn broken_files_are_errors_within_100_megabytes() {
    let test = "broken_files_are_errors_within_100_megabytes";
    if needs::data(test, "parquet-testing").is_none() {
        return;
    }
    if std::env::var_os(CHILD).is_some() {
        return read_broken_files(test);
    }
    let program = std::env::current_exe().unwrap();
    let name = format!("parquet_files::broken::{test}");
    let output = Command::new(program)
        .args(["--exact", &name, "--nocapture", "--test-threads", "1"])
        .env(CHILD, "1")
        // Telling where one of the decoder's panics came from takes more memory than all files: it reads what this
        // program knows of its own lines.
        .env("RUST_BACKTRACE", "0")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    let number = |key: &str| -> u64 {
        let rest = said.split_once(key).unwrap().1;
        rest.split_whitespace().next().unwrap().parse().unwrap()
    };
    assert!(number("reads=") > 500, "{said}");
    assert!(number("errors=") > 100, "{said}");
    let grown = number("kilobytes=");
    assert!(grown < 100 << 10, "reading broken files took {grown} kilobytes more than sound ones:\n{said}");
}

/// What this process has held at most, in kilobytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// Numbers that are the same in every run: a linear congruential generator is random enough to break things.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, from: usize, end: usize) -> usize {
        from + usize::try_from(self.next()).unwrap() % (end - from)
    }

    fn byte(&mut self) -> u8 {
        self.next().to_le_bytes()[0]
    }
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the parent reads it")]
async fn read_broken_files(test: &str) {
    let root = needs::data(test, "parquet-testing").unwrap();
    let mut found = BTreeMap::new();
    files(&root, &root, &mut found);
    found.retain(|name, path| {
        // Sound, it holds two gigabytes.
        path.metadata().unwrap().len() < SMALL && !name.contains("large_string_map")
    });
    let registry = stitchwork::registry().unwrap();
    let engine = registry.engine(OpenUrl::new("datafusion:")).await.unwrap();
    let object = registry.stores().resolve("memory:broken/file.parquet").unwrap();
    let mut random = Random(3);
    let (mut sound, mut reads, mut errors) = (0, 0_u64, 0_u64);
    for turn in 0..=TIMES {
        if turn == 1 {
            // The files as they are have been read: from here on nothing more should be needed.
            sound = peak();
        }
        for (name, path) in &found {
            let mut bytes = std::fs::read(path).unwrap();
            match turn {
                0 => {}
                n if n % 4 == 1 => bytes.truncate(random.below(0, bytes.len())),
                _ => {
                    for _ in 0..=turn % 3 {
                        // The footer says what everything else is.
                        let at = if turn % 2 == 0 { bytes.len() / 2 } else { 0 };
                        let place = random.below(at, bytes.len());
                        bytes[place] = random.byte();
                    }
                }
            }
            object.store.put(&object.path, PutPayload::from(bytes)).await.unwrap();
            let (before, held) = (Instant::now(), peak());
            reads += 1;
            errors += u64::from(read(&registry, engine.as_ref()).await.is_err());
            assert!(before.elapsed() < Duration::from_secs(20), "{name} in turn {turn} took too long");
            let grown = peak().saturating_sub(held);
            if turn > 0 && grown > LARGE {
                println!("{name} in turn {turn} took {grown} kilobytes more than all before it");
            }
        }
    }
    println!("reads={reads} errors={errors} kilobytes={}", peak().saturating_sub(sound));
}

/// The file by its stream and through an engine.
async fn read(registry: &Registry, engine: &dyn Engine) -> Result<()> {
    let relation = open(registry, "memory:broken/file.parquet").await?;
    let scanned = match relation.scan(ScanArgs::default()).await {
        Ok(stream) => collect(stream).await,
        Err(error) => Err(error),
    };
    engine.register(&TableIdent::bare("t"), relation).await?;
    collect(engine.query(QueryArgs::new("select * from t")).await?).await?;
    scanned.map(drop)
}
