//! Tables of other writers: what is listed here must be what their manifests say.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use stitchwork_core::{At, DataFile, FileFilter, Formats, LogArgs, LogFactory, StatsFor, Stores, collect};
use stitchwork_format_parquet::Parquet;
use stitchwork_iceberg_meta::{ManifestContent, TableMeta, parse_manifest, parse_manifest_list};
use stitchwork_log_iceberg::IcebergLogFactory;
use stitchwork_testkit::needs;

/// Every folder with metadata below.
fn tables(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && path.file_name().is_some_and(|name| name == "metadata") {
            found.push(dir.to_owned());
        } else if path.is_dir() {
            tables(&path, found);
        }
    }
}

fn stores(root: &Path) -> Stores {
    let stores = Stores::new();
    stores.remap("data/", &format!("{}/data/", root.display()));
    for name in ["lineitem_iceberg/", "lineitem_iceberg_gz/"] {
        stores.remap(name, &format!("{}/data/persistent/iceberg/{name}", root.display()));
    }
    stores
}

fn args(stores: &Stores, table: &Path) -> LogArgs {
    let formats = Formats::default().with(Arc::new(Parquet::new()));
    LogArgs::new(table.display().to_string(), stores.clone(), formats)
}

async fn read(stores: &Stores, location: &str) -> Vec<u8> {
    let object = stores.resolve(location).unwrap();
    object.store.get(&object.path).await.unwrap().bytes().await.unwrap().to_vec()
}

/// The live data files by the thorough reader of the metadata crate: location, rows, size.
async fn by_meta(stores: &Stores, metadata: &str) -> BTreeSet<(String, u64, u64)> {
    let meta = TableMeta::parse(&read(stores, metadata).await).unwrap();
    let mut found = BTreeSet::new();
    let Some(snapshot) = meta.current_snapshot() else { return found };
    let list = read(stores, &snapshot.manifest_list).await;
    for info in parse_manifest_list(&list, meta.format_version()).unwrap() {
        if info.content == ManifestContent::Data {
            let manifest = parse_manifest(&read(stores, &info.path).await, Some(&info)).unwrap();
            for entry in manifest.entries.into_iter().filter(|entry| entry.is_live()) {
                found.insert((entry.file.path, entry.file.record_count, entry.file.file_size));
            }
        }
    }
    found
}

/// The newest metadata file, whatever it is called.
fn newest(table: &Path) -> String {
    let names = std::fs::read_dir(table.join("metadata")).unwrap().flatten();
    let newest = names
        .map(|entry| entry.path().display().to_string())
        .filter(|path| path.ends_with(".metadata.json"))
        .max_by_key(|path| stitchwork_iceberg_meta::metadata_version(path));
    newest.unwrap()
}

#[tokio::test]
async fn the_files_of_foreign_tables_are_listed() {
    let Some(root) = needs::data("the_files_of_foreign_tables_are_listed", "iceberg-tables") else { return };
    let mut found = Vec::new();
    tables(&root, &mut found);
    assert!(found.len() > 15, "{}", found.len());
    let stores = stores(&root);
    let mut checked = 0;
    for table in found {
        // A metadata file without a number is only found by its own name.
        let newest = newest(&table);
        let unnumbered = stitchwork_iceberg_meta::metadata_version(&newest).is_none();
        let location = if unnumbered { Path::new(&newest) } else { &table };
        let log = match IcebergLogFactory.open(args(&stores, location)).await {
            Ok(log) => log,
            // One made by hand, with the id of a snapshot that no 64-bit number holds.
            Err(error) if error.message().contains("9876543210123456789") => continue,
            Err(error) => panic!("{}: {error:?}", table.display()),
        };
        let snapshot = match log.snapshot(At::Latest).await {
            Ok(snapshot) => snapshot,
            // Core has no way to tell a default that is bytes.
            Err(error) if error.context("column") == Some("col_uuid") => continue,
            Err(error) => panic!("{}: {error:?}", table.display()),
        };
        let filter = FileFilter { stats: StatsFor::All, ..FileFilter::default() };
        let files: Vec<DataFile> = match snapshot.files(filter).try_concat().await {
            Ok(files) => files,
            Err(error) => panic!("{}: {error:?}", table.display()),
        };
        let listed: BTreeSet<_> =
            files.iter().map(|file| (file.location.clone(), file.rows.unwrap(), file.size)).collect();
        assert_eq!(listed.len(), files.len());
        assert_eq!(listed, by_meta(&stores, &newest).await, "{}", table.display());
        checked += usize::from(!files.is_empty());
    }
    assert!(checked > 10, "{checked}");
}

#[tokio::test]
async fn equality_deletes_of_a_foreign_table_are_found() {
    let Some(root) = needs::data("equality_deletes_of_a_foreign_table_are_found", "iceberg-tables") else {
        return;
    };
    let stores = stores(&root);
    for name in ["mytable", "mytable_partitioned"] {
        let table = root.join("data/persistent/equality_deletes/warehouse/mydb").join(name);
        let log = IcebergLogFactory.open(args(&stores, &table)).await.unwrap();
        let snapshot = log.snapshot(At::Latest).await.unwrap();
        let files: Vec<DataFile> = snapshot.files(FileFilter::default()).try_concat().await.unwrap();
        let mut keys = 0;
        for file in &files {
            for delete in snapshot.deletes(file).await.unwrap().equality {
                assert_eq!(delete.columns.len(), delete.keys.schema().fields().len());
                let rows = collect(delete.keys.scan(Default::default()).await.unwrap()).await.unwrap();
                keys += rows.iter().map(|batch| batch.num_rows()).sum::<usize>();
            }
        }
        assert!(keys > 0, "{name}");
    }
}

#[tokio::test]
async fn a_deletion_vector_of_a_foreign_table_is_read() {
    let Some(root) = needs::data("a_deletion_vector_of_a_foreign_table_is_read", "iceberg-tables") else {
        return;
    };
    let stores = stores(&root);
    let name = "data/persistent/legacy_bare_deletion_vector/warehouse/default/legacy_bare_deletion_vector";
    let log = IcebergLogFactory.open(args(&stores, &root.join(name))).await.unwrap();
    let snapshot = log.snapshot(At::Latest).await.unwrap();
    let files: Vec<DataFile> = snapshot.files(FileFilter::default()).try_concat().await.unwrap();
    let mut deleted = 0;
    for file in &files {
        deleted += snapshot.deletes(file).await.unwrap().positions.map_or(0, |positions| positions.len());
    }
    assert!(deleted > 0, "{files:?}");
}
