//! The metadata of tables.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use stitchwork_core::{
    At, Budget, Changes, CommitArgs, CreateArgs, DataFile, FileFilter, HistoryArgs, Log, LogArgs,
    PartitionField, Registry, Result, Scalar,
};

use crate::block_on;

const TABLE: &str = "memory:table";

pub(crate) fn registry() -> Registry {
    let mut registry = Registry::new();
    stitchwork_log_delta::register(&mut registry).unwrap();
    stitchwork_log_iceberg::register(&mut registry).unwrap();
    stitchwork_log_files::register(&mut registry).unwrap();
    stitchwork_format_parquet::register(&mut registry).unwrap();
    registry
}

fn args(registry: &Registry) -> LogArgs {
    let args = LogArgs::new(TABLE, registry.stores().clone(), registry.formats().clone());
    LogArgs { budget: Budget::new(stitchwork_fuzz::BUDGET), ..args }
}

/// A table as its files.
struct Files {
    /// The folder of the corpus that it is kept in, or what it is otherwise.
    name: String,
    files: Vec<(Path, Vec<u8>)>,
}

impl Files {
    /// Whether it can be read as it is.
    fn is_whole(&self) -> bool {
        !self.name.starts_with("broken")
    }
}

/// The tables that are kept for a log, a folder each.
fn kept_tables(log: &str) -> Vec<Files> {
    let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(log);
    let mut folders: Vec<_> =
        std::fs::read_dir(&corpus).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let table = |folder: std::path::PathBuf| {
        let mut files = vec![];
        collect(&folder, &Path::from("table"), &mut files);
        Files { name: folder.file_name().unwrap().to_string_lossy().into_owned(), files }
    };
    folders.into_iter().map(table).collect()
}

fn collect(folder: &std::path::Path, place: &Path, files: &mut Vec<(Path, Vec<u8>)>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        let place = place.clone().join(entry.file_name().unwrap().to_string_lossy().as_ref());
        if entry.is_dir() {
            collect(&entry, &place, files);
        } else {
            files.push((place, std::fs::read(&entry).unwrap()));
        }
    }
}

/// All that a table of a few commits has written, checkpoints among them.
async fn written(log: &str) -> Result<Vec<(Path, Vec<u8>)>> {
    let registry = registry();
    let columns = vec![
        Field::new("id", DataType::Int64, true),
        Field::new("city", DataType::Utf8, true),
        Field::new("at", DataType::Struct(vec![Field::new("x", DataType::Float64, true)].into()), true),
    ];
    let mut create = CreateArgs::new(Arc::new(Schema::new(columns)));
    create.partitioning = vec![PartitionField::identity("city")];
    if log != "iceberg" {
        let name = if log == "delta" { "delta.checkpointInterval" } else { "files.checkpoint_interval" };
        create.properties.insert(name.to_owned(), "2".to_owned());
    }
    let table = registry.log(log)?.create(args(&registry), create).await?;
    let mut before: Vec<DataFile> = vec![];
    for n in 0..4_u64 {
        let city = Scalar::from(["Ulm", "Zürich"][usize::from(n % 2 == 0)]);
        let file = DataFile {
            location: table.data_location(&[("city", &city)], &format!("part-{n}.parquet")),
            format: "parquet".to_owned(),
            size: 1000 + n,
            rows: Some(10),
            partition: vec![city],
            ..DataFile::default()
        };
        let base = table.snapshot(At::Latest).await?;
        let removed = before.pop().into_iter().collect();
        let changes = Changes { added: vec![file.clone()], removed, ..Changes::default() };
        table.commit(CommitArgs::new(base, "overwrite", changes)).await?;
        before.push(file);
    }
    all_files(registry.stores().resolve(TABLE)?.store.as_ref()).await
}

/// Everything that lies in a store.
pub(crate) async fn all_files(store: &dyn ObjectStore) -> Result<Vec<(Path, Vec<u8>)>> {
    let names: Vec<Path> = store.list(None).map_ok(|meta| meta.location).try_collect().await?;
    let mut files = vec![];
    for name in names {
        let bytes = store.get(&name).await?.bytes().await?;
        files.push((name, bytes.to_vec()));
    }
    Ok(files)
}

async fn files_at(table: &dyn Log, at: At) -> Result<Vec<Vec<DataFile>>> {
    let snapshot = table.snapshot(at).await?;
    let _ = snapshot.schema();
    snapshot.files(FileFilter::default()).try_collect().await
}

async fn read(log: &str, registry: &Registry) -> Result<()> {
    let table = registry.log(log)?.open(args(registry)).await?;
    let latest = files_at(table.as_ref(), At::Latest).await;
    for at in [At::Version(1), At::Timestamp(i64::MAX / 2)] {
        let _ = files_at(table.as_ref(), at).await;
    }
    let _: Vec<_> = table.history(HistoryArgs::default()).try_collect().await?;
    latest.map(drop)
}

fn target(log: &str) {
    let mut tables = kept_tables(log);
    assert!(tables.iter().any(Files::is_whole), "a log keeps a table that can be read");
    tables.push(Files { name: "new".to_owned(), files: block_on(written(log)).unwrap() });
    // Each file of each table is a seed, and is damaged among the others of its table.
    let places: Vec<(&Files, usize)> =
        tables.iter().flat_map(|table| (0..table.files.len()).map(move |number| (table, number))).collect();
    let seeds: Vec<Vec<u8>> = places.iter().map(|(table, number)| table.files[*number].1.clone()).collect();
    stitchwork_fuzz::run(&seeds, |which, bytes| {
        let (table, damaged) = places[which];
        block_on(async {
            let registry = registry();
            let store: Arc<dyn ObjectStore> = registry.stores().resolve(TABLE).unwrap().store;
            for (number, (name, whole)) in table.files.iter().enumerate() {
                let content = if number == damaged { bytes } else { whole };
                store.put(name, content.to_vec().into()).await.unwrap();
            }
            let outcome = read(log, &registry).await;
            if bytes == seeds[which] {
                assert_eq!(outcome.is_ok(), table.is_whole(), "{}: {outcome:?}", table.name);
            }
        });
    });
}

#[test]
fn delta() {
    target("delta");
}

#[test]
fn iceberg() {
    target("iceberg");
}

#[test]
fn files() {
    target("files");
}
