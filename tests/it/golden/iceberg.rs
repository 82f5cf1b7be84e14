//! Iceberg tables that Spark, Java, BigQuery and others wrote: every metadata file, and every snapshot of the last one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stitchwork::core::{At, HistoryArgs, Relation};
use stitchwork::tables::{Table, TableConfig, TableRef};
use stitchwork_testkit::needs;

use futures::TryStreamExt;

use super::peers::{self, Job};
use super::{Readers, Report, peers_and_driver};

/// Every metadata file below a folder, in the order of their names.
fn metadata_files(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            metadata_files(&path, found);
        } else if path.to_string_lossy().ends_with(".metadata.json") {
            found.insert(path);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_snapshot_of_a_foreign_iceberg_table_has_the_rows_that_the_peers_see() {
    let test = "every_snapshot_of_a_foreign_iceberg_table_has_the_rows_that_the_peers_see";
    let Some(root) = needs::data(test, "iceberg-tables") else { return };
    let Some((oracles, driver)) = peers_and_driver(test) else { return };
    let mut found = BTreeSet::new();
    metadata_files(&root, &mut found);
    assert!(found.len() > 50, "{}", found.len());

    let registry = stitchwork::registry().unwrap();
    registry.stores().remap("data/", &format!("file://{}/data/", root.display()));
    let lineitem = root.join("data/persistent/iceberg");
    for name in ["lineitem_iceberg/", "lineitem_iceberg_gz/"] {
        registry.stores().remap(name, &format!("file://{}/{name}", lineitem.display()));
    }

    // What we can tell of each file, and what the peers are to read of it.
    let (mut reads, mut jobs) = (Vec::new(), Vec::new());
    let files: Vec<PathBuf> = found.into_iter().collect();
    for (place, file) in files.iter().enumerate() {
        let short = file.strip_prefix(root.join("data/persistent")).unwrap().display().to_string();
        let cwd = if file.starts_with(&lineitem) { &lineitem } else { &root };
        let reference = TableRef::at("iceberg", format!("file://{}", file.display()));
        let table = Table::open(&registry, &reference, TableConfig::default()).await;
        // The last file of a table names the snapshots of all before it.
        let last = files.get(place + 1).is_none_or(|next| next.parent() != file.parent());
        let history: Vec<_> = match &table {
            Ok(table) if last => table.history(HistoryArgs::default()).try_collect().await.unwrap(),
            _ => vec![],
        };
        let table = table.map(Arc::new).map_err(Arc::new);
        // These four are one table, and large: each is read as it is, and the past of the first ones.
        let large = file.starts_with(&lineitem);
        if large && !last {
            continue;
        }
        let past = history.iter().filter(|_| !(large && short.contains("_no_hint/")));
        for version in std::iter::once(None).chain(past.map(|version| Some(version.id))) {
            let job = |peer| {
                let job = Job::new(peer, file).within(cwd);
                version.map_or(job.clone(), |version| job.at(version))
            };
            // Its files lie in a bucket that nobody has: there are no rows to read.
            if !short.starts_with("generated_bounds/") {
                jobs.extend([job("pyiceberg"), job("duckdb-iceberg")]);
            }
            reads.push((short.clone(), version, table.clone()));
        }
    }
    let answers = peers::read(&oracles, &jobs);
    let mut answers = answers.iter();

    let readers = Readers::new(&registry, &driver).await;
    let mut report = Report::default();
    for (short, version, table) in reads {
        let name = version.map_or(short.clone(), |version| format!("{short} at {version}"));
        let at = version.map_or(At::Latest, At::Version);
        if short.starts_with("generated_bounds/") {
            let relation = table.unwrap().relation(at).await.unwrap();
            let plan = relation.plan(Default::default()).await.unwrap().unwrap();
            assert!(!plan.files.is_empty(), "{name}");
            continue;
        }
        let seen =
            vec![("pyiceberg", answers.next().unwrap()), ("DuckDB's iceberg", answers.next().unwrap())];
        match table {
            Ok(table) => {
                let relation = table.relation(at).await;
                let relation = relation.map(|relation| Arc::new(relation) as Arc<dyn Relation>);
                report.compare(&name, &readers, relation, &seen, false).await;
            }
            Err(error) => report.refuse(&name, &error, &seen),
        }
    }
    report.check("Iceberg tables", "Metadata file", 90);
}
