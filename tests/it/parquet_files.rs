//! Parquet files of every writer, read through the facade by our scan, by DataFusion and by DuckDB, with the rows
//! that pyarrow sees; and files of ours, read by the peers.

mod broken;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::RecordBatch;
use object_store::local::LocalFileSystem;
use stitchwork::Result;
use stitchwork::core::{Options, Registry, Relation, WriteArgs};
use stitchwork::tables::{FileSet, FileSetArgs};
use stitchwork_testkit::needs;
use stitchwork_testkit::{FaultStore, batches};
use stitchwork_tests::oracle::Oracles;

use crate::golden::{Job, Readers, Report, Seen, ask_peers, peers_and_driver};

/// Every file below a folder that is called Parquet, by its path in it.
fn files(root: &Path, folder: &Path, found: &mut BTreeMap<String, PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = path.strip_prefix(root).unwrap().display().to_string();
        if path.is_dir() {
            files(root, &path, found);
        } else if name.ends_with(".parquet") || name.ends_with(".parquet.encrypted") {
            found.insert(name, path);
        }
    }
}

/// A file as a relation, whatever the ending of its name.
async fn open(registry: &Registry, location: &str) -> Result<Arc<dyn Relation>> {
    let format = Some(registry.formats().get("parquet")?);
    let args = FileSetArgs { format, ..FileSetArgs::new(&[location]) };
    Ok(Arc::new(FileSet::open_with(registry, args).await?))
}

/// Reads files by all readers and compares them with what pyarrow sees.
async fn compare(heading: &str, found: BTreeMap<String, PathBuf>, oracles: &Oracles, driver: &str) {
    let jobs: Vec<_> = found.values().map(|path| Job::new("pyarrow", path)).collect();
    let wanted = ask_peers(oracles, &jobs);
    let registry = stitchwork::registry().unwrap();
    // Our reading is compared here. Files of a store that is not the bare file system are streamed into DuckDB, whose
    // own reader knows fewer codecs and types.
    registry.stores().mount("file://", Arc::new(FaultStore::new(Arc::new(LocalFileSystem::new()))));
    let readers = Readers::new(&registry, driver).await;
    let mut report = Report::default();
    for ((name, path), want) in found.iter().zip(&wanted) {
        let relation = open(&registry, &format!("file://{}", path.display())).await;
        report.compare(name, &readers, relation, &[("pyarrow", want)], true).await;
    }
    report.check(heading, "File", found.len() * 8 / 10);
}

/// Two gigabytes of text in two rows take more time and memory than they tell.
const TOO_LARGE: &str = "data/large_string_map.brotli.parquet";

#[tokio::test(flavor = "multi_thread")]
async fn every_file_of_the_collection_is_read_as_pyarrow_reads_it() {
    let test = "every_file_of_the_collection_is_read_as_pyarrow_reads_it";
    let Some(root) = needs::data(test, "parquet-testing") else { return };
    let Some((oracles, driver)) = peers_and_driver(test) else { return };
    let mut found = BTreeMap::new();
    files(&root, &root, &mut found);
    assert!(found.remove(TOO_LARGE).is_some() && found.len() > 80, "{}", found.len());
    compare("Files of the Parquet project", found, &oracles, &driver).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_pyarrow_and_duckdb_in_every_type_and_option_are_read_as_pyarrow_reads_them() {
    let test = "files_of_pyarrow_and_duckdb_in_every_type_and_option_are_read_as_pyarrow_reads_them";
    let Some((oracles, driver)) = peers_and_driver(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    oracles.run("write_parquet.py", &[&folder.path().display().to_string()]).unwrap();
    let mut found = BTreeMap::new();
    files(folder.path(), folder.path(), &mut found);
    assert!(found.len() > 150, "{}", found.len());
    compare("Parquet files of pyarrow and DuckDB", found, &oracles, &driver).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_ours_with_every_option_are_read_by_pyarrow_and_duckdb() {
    let test = "files_of_ours_with_every_option_are_read_by_pyarrow_and_duckdb";
    let Some(oracles) = Oracles::find(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    let registry = stitchwork::registry().unwrap();
    let format = registry.formats().get("parquet").unwrap();
    let rows = batches::all_types(7, 0, 500).unwrap();
    let compressions = ["none", "snappy", "gzip", "brotli", "lz4", "zstd"];
    let others = [
        ("max_row_group_rows", "37"),
        ("data_page_rows", "10"),
        ("data_page_bytes", "64"),
        ("row_group_bytes", "4096"),
        ("statistics_truncate_length", "2"),
        ("page_index", "false"),
        ("dictionary", "false"),
        ("arrow_schema", "false"),
    ];
    let options = compressions.map(|codec| ("compression", codec));
    let (mut jobs, mut names) = (Vec::new(), Vec::new());
    for (option, value) in options.into_iter().chain(others) {
        let path = folder.path().join(format!("{option} {value}.parquet"));
        let object = registry.stores().resolve(&format!("file://{}", path.display())).unwrap();
        let mut args = WriteArgs::new(rows.schema());
        args.options = Options::from([(option.to_owned(), value.to_owned())]);
        let mut writer = format.write(&object, args).await.unwrap();
        writer.write(&rows).await.unwrap();
        writer.finish().await.unwrap();
        for peer in ["pyarrow", "duckdb-parquet"] {
            jobs.push(Job::new(peer, &path));
            names.push(format!("{option}={value} by {peer}"));
        }
    }
    let want = Seen::of(&rows.schema(), std::slice::from_ref::<RecordBatch>(&rows));
    for (name, seen) in names.iter().zip(ask_peers(&oracles, &jobs)) {
        let seen = seen.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(seen.order_differs(&want).or_else(|| seen.differs(&want)), None, "{name}");
    }
}
