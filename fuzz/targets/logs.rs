//! The metadata of tables.

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};
use stitchwork_core::{
    At, Changes, CommitArgs, CreateArgs, DataFile, FileFilter, HistoryArgs, LogArgs, PartitionField,
    Registry, Result, Scalar,
};

use crate::block_on;

const TABLE: &str = "memory:table";

fn registry() -> Registry {
    let mut registry = Registry::new();
    stitchwork_log_delta::register(&mut registry).unwrap();
    stitchwork_log_iceberg::register(&mut registry).unwrap();
    stitchwork_log_files::register(&mut registry).unwrap();
    stitchwork_format_parquet::register(&mut registry).unwrap();
    registry
}

fn args(registry: &Registry) -> LogArgs {
    LogArgs::new(TABLE, registry.stores().clone(), registry.formats().clone())
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
    let store = registry.stores().resolve(TABLE)?.store;
    let names: Vec<Path> = store.list(None).map_ok(|meta| meta.location).try_collect().await?;
    let mut files = vec![];
    for name in names {
        let bytes = store.get(&name).await?.bytes().await?;
        files.push((name, bytes.to_vec()));
    }
    Ok(files)
}

async fn read(log: &str, registry: &Registry) -> Result<()> {
    let table = registry.log(log)?.open(args(registry)).await?;
    for at in [At::Latest, At::Version(1), At::Timestamp(i64::MAX / 2)] {
        let Ok(snapshot) = table.snapshot(at).await else { continue };
        let _ = snapshot.schema();
        let _: Result<Vec<Vec<DataFile>>> = snapshot.files(FileFilter::default()).try_collect().await;
    }
    let _: Vec<_> = table.history(HistoryArgs::default()).try_collect().await?;
    Ok(())
}

fn target(log: &str) {
    let files = block_on(written(log)).unwrap();
    let seeds: Vec<Vec<u8>> = files.iter().map(|(_, bytes)| bytes.clone()).collect();
    stitchwork_fuzz::run(&seeds, |which, bytes| {
        block_on(async {
            let registry = registry();
            let store: Arc<dyn ObjectStore> = registry.stores().resolve(TABLE).unwrap().store;
            for (number, (name, whole)) in files.iter().enumerate() {
                let content = if number == which { bytes } else { whole };
                store.put(name, content.to_vec().into()).await.unwrap();
            }
            let outcome = read(log, &registry).await;
            if bytes == seeds[which] {
                outcome.unwrap();
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
