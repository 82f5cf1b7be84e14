//! Delta tables that Spark wrote, each version of each.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use stitchwork::core::{At, Relation};
use stitchwork::tables::{Table, TableConfig, TableRef};
use stitchwork_testkit::needs;

use super::peers::{self, Job};
use super::{Readers, Report, peers_and_driver};

/// A table, unpacked.
struct Golden {
    name: String,
    table: PathBuf,
    /// The rows of the newest version, as Spark has written them beside the table.
    expected: Option<PathBuf>,
    versions: Vec<i64>,
}

/// Unpacks every archive of a folder into another one.
fn unpack(archives: &Path, folder: &Path) -> Vec<Golden> {
    let mut tables = Vec::new();
    let mut archives: Vec<_> =
        std::fs::read_dir(archives).unwrap().flatten().map(|entry| entry.path()).collect();
    archives.sort();
    for archive in archives {
        let name = archive.file_name().unwrap().to_string_lossy().replace(".tar.zst", "");
        let status =
            Command::new("tar").arg("--zstd").arg("-xf").arg(&archive).arg("-C").arg(folder).status();
        assert!(status.is_ok_and(|status| status.success()), "{name}: tar with zstd is needed");
        let table = folder.join(&name).join("delta");
        let expected = Some(folder.join(&name).join("expected")).filter(|folder| folder.is_dir());
        let newest = std::fs::read_dir(table.join("_delta_log")).into_iter().flatten().flatten();
        let newest =
            newest.filter_map(|entry| entry.file_name().to_str()?.strip_suffix(".json")?.parse::<i64>().ok());
        tables.push(Golden { name, versions: (0..=newest.max().unwrap_or(0)).collect(), table, expected });
    }
    tables
}

#[tokio::test(flavor = "multi_thread")]
async fn every_version_of_a_delta_table_of_spark_has_the_rows_that_the_peers_see() {
    let test = "every_version_of_a_delta_table_of_spark_has_the_rows_that_the_peers_see";
    let Some(archives) = needs::data(test, "delta-golden") else { return };
    let Some((oracles, driver)) = peers_and_driver(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    let tables = unpack(&archives, folder.path());
    let mut jobs = Vec::new();
    for golden in &tables {
        jobs.extend(golden.expected.iter().map(|folder| Job::new("pyarrow", folder)));
        for version in &golden.versions {
            jobs.push(Job::new("delta-rs", &golden.table).at(*version));
            jobs.push(Job::new("duckdb-delta", &golden.table).at(*version));
        }
    }
    let answers = peers::read(&oracles, &jobs);
    let mut answers = answers.iter();

    let registry = stitchwork::registry().unwrap();
    let readers = Readers::new(&registry, &driver).await;
    let mut report = Report::default();
    for golden in &tables {
        let reference = TableRef::at("delta", format!("file://{}", golden.table.display()));
        let table = Table::open(&registry, &reference, TableConfig::default()).await;
        let expected = golden.expected.as_ref().map(|_| answers.next().unwrap());
        let newest = golden.versions.last();
        for version in &golden.versions {
            let mut seen =
                vec![("delta-rs", answers.next().unwrap()), ("DuckDB's delta", answers.next().unwrap())];
            if let Some(expected) = expected.filter(|_| Some(version) == newest) {
                assert!(expected.is_ok(), "{}: {expected:?}", golden.name);
                seen.push(("Spark", expected));
            }
            match &table {
                Ok(table) => {
                    let name = format!("{} at {version}", golden.name);
                    let relation = table.relation(At::Version(*version)).await;
                    let relation = relation.map(|relation| Arc::new(relation) as Arc<dyn Relation>);
                    report.compare(&name, &readers, relation, &seen, false).await;
                }
                Err(error) => report.refuse(&golden.name, error, &seen),
            }
        }
    }
    report.check("Delta tables", "Table", 150);
}
