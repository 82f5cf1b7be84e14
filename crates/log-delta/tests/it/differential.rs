//! Our replay against that of `deltalake-core`: on tables we wrote, and on tables Spark wrote.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use parquet::file::reader::{FileReader, SerializedFileReader};
use stitchwork_core::{At, Changes, FileFilter, Snapshot, Stores, WriteDeletesArgs};
use stitchwork_testkit::needs;
use url::Url;

use crate::helpers::{commit, create, file, file_name, list, open};

/// What both say about a live file: its size, its rows and how many of them are deleted.
type Files = BTreeMap<String, (u64, Option<u64>, u64)>;

async fn ours(folder: &Path) -> Result<(i64, Files), String> {
    let location = folder.to_str().unwrap();
    let snapshot = match open(location, &Stores::new()).await {
        Ok(log) => log.snapshot(At::Latest).await.map_err(|e| e.to_string())?,
        Err(error) => return Err(error.to_string()),
    };
    Ok((snapshot.version(), files(&snapshot).await))
}

async fn files(snapshot: &std::sync::Arc<dyn Snapshot>) -> Files {
    let mut out = Files::new();
    for file in list(snapshot, FileFilter::default()).await {
        let deleted = match file.deleted {
            stitchwork_core::Deleted::Exactly(rows) => rows,
            _ => 0,
        };
        assert!(out.insert(file.location.clone(), (file.size, file.rows, deleted)).is_none(), "twice");
    }
    out.into_iter().map(|(location, file)| (file_name(&location), file)).collect()
}

async fn theirs(folder: &Path) -> Result<(i64, Files), String> {
    let url = Url::from_directory_path(folder).unwrap();
    let table = deltalake_core::open_table(url).await.map_err(|e| e.to_string())?;
    let state = table.snapshot().map_err(|e| e.to_string())?;
    let files = state.snapshot().try_log_data().map_err(|e| e.to_string())?;
    let files = files
        .iter()
        .map(|view| {
            let deleted = view.deletion_vector_descriptor().map_or(0, |dv| dv.cardinality as u64);
            let facts = (view.size() as u64, view.num_records().map(|n| n as u64), deleted);
            (file_name(&view.path()), facts)
        })
        .collect();
    Ok((table.version().unwrap_or_default() as i64, files))
}

/// The rows that a reader must see, as Spark has written them beside the table; `None` where it has not.
fn expected_rows(folder: &Path) -> Option<u64> {
    let mut rows = None;
    for entry in std::fs::read_dir(folder).ok()? {
        let path = entry.unwrap().path();
        if path.is_dir() {
            if let Some(inner) = expected_rows(&path) {
                rows = Some(rows.unwrap_or(0) + inner);
            }
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            let file = SerializedFileReader::new(std::fs::File::open(path).unwrap()).unwrap();
            rows = Some(rows.unwrap_or(0) + file.metadata().file_metadata().num_rows() as u64);
        }
    }
    rows
}

/// Tables on which we differ, and how many files we see there. The log removes a file under another spelling of
/// its path (`file:///a` for `/a`), which is the same file to Spark and to us.
const KNOWN: &[(&str, usize)] = &[("canonicalized-paths-normal-b", 0), ("canonicalized-paths-special-b", 0)];

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_spark_wrote() {
    let Some(golden) = needs::data("tables_that_spark_wrote", "delta-golden") else { return };
    let (mut read, mut refused, mut rows_compared) = (0, 0, 0);
    let mut differences = Vec::new();
    let mut archives: Vec<_> =
        std::fs::read_dir(golden).unwrap().map(|entry| entry.unwrap().path()).collect();
    archives.sort();
    for archive in archives {
        let name = file_name(archive.to_str().unwrap()).replace(".tar.zst", "");
        let folder = tempfile::tempdir().unwrap();
        let unpacked =
            Command::new("tar").arg("--zstd").arg("-xf").arg(&archive).arg("-C").arg(folder.path()).status();
        assert!(unpacked.unwrap().success(), "{name} could not be unpacked");
        let inner = folder.path().join(&name).join("delta");
        let table = if inner.is_dir() { inner } else { folder.path().join("delta") };
        let (ours, theirs) = (ours(&table).await, theirs(&table).await);
        let same = match (&ours, &theirs) {
            (Ok(ours), Ok(theirs)) => {
                read += 1;
                ours == theirs
            }
            (Err(ours), Err(theirs)) => {
                println!("{name} is refused:\n  ours {ours}\n  theirs {theirs}");
                refused += 1;
                true
            }
            _ => false,
        };
        let counted = ours.as_ref().ok().and_then(|(_, files)| {
            files.values().try_fold(0, |sum, (_, rows, deleted)| Some(sum + (*rows)? - deleted))
        });
        if let (Some(counted), Some(expected)) =
            (counted, expected_rows(&table.parent().unwrap().join("expected")))
        {
            assert_eq!(counted, expected, "the rows of {name}");
            rows_compared += 1;
        }
        let known = KNOWN.iter().find(|(known, _)| *known == name).map(|(_, files)| *files);
        let as_known = known.is_some_and(|files| ours.as_ref().is_ok_and(|(_, ours)| ours.len() == files));
        if !same && !as_known {
            differences.push(format!("{name}:\n  ours {ours:?}\n  theirs {theirs:?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    println!("{read} tables read by both, {refused} refused by both, the rows of {rows_compared} are right");
    assert!(read > 30 && rows_compared > 10, "only {read} and {rows_compared} were compared");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_we_wrote() {
    for interval in ["100", "4", "1"] {
        let folder = tempfile::tempdir().unwrap();
        let table = folder.path().join("table ü");
        let location = table.to_str().unwrap();
        let properties = [("delta.enableDeletionVectors", "true"), ("delta.checkpointInterval", interval)];
        let log = create(location, &Stores::new(), &properties).await;
        for n in 0..9 {
            let partition = [None, Some("a b/c=%"), Some("ü:x")][n % 3];
            let added = vec![file(log.as_ref(), &format!("f{n}.parquet"), partition, n as i64)];
            let mut snapshot = commit(&log, "append", Changes { added, ..Changes::default() }).await;
            if n == 4 {
                let removed = list(&snapshot, FileFilter::default()).await.into_iter().take(2).collect();
                snapshot = commit(&log, "delete", Changes { removed, ..Changes::default() }).await;
            }
            if n == 6 {
                let target = list(&snapshot, FileFilter::default()).await.remove(1);
                let positions = [0, 3].into_iter().collect();
                let written =
                    log.write_deletes(WriteDeletesArgs { file: target.clone(), positions }).await.unwrap();
                commit(&log, "delete", Changes { deletes: vec![(target, written)], ..Changes::default() })
                    .await;
            }
        }
        let ours = ours(&table).await.unwrap();
        assert_eq!(ours.1.len(), 7);
        assert_eq!(ours.1.values().filter(|(_, _, deleted)| *deleted == 2).count(), 1);
        assert_eq!(theirs(&table).await.unwrap(), ours, "interval {interval}");
    }
}
