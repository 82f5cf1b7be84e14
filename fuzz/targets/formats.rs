//! Objects of every format.

use std::sync::Arc;

use object_store::ObjectStoreExt;
use stitchwork_core::{Budget, Format, ReadArgs, Stores, WriteArgs, count_rows};
use stitchwork_testkit::batches::{all_types, plain};

use crate::{block_on, kept};

/// What the format writes of every type that it has, and of a few rows, each with the number of its rows.
async fn written(format: &dyn Format) -> Vec<(Vec<u8>, u64)> {
    let all = all_types(1, 0, 20).unwrap();
    let mut batches = vec![plain(2, 0, 30).unwrap()];
    batches.extend((0..all.num_columns()).map(|column| all.project(&[column]).unwrap()));
    let mut seeds = vec![];
    for batch in batches {
        let object = Stores::new().resolve("memory:seed").unwrap();
        let Ok(mut writer) = format.write(&object, WriteArgs::new(batch.schema())).await else { continue };
        writer.write(&batch).await.unwrap();
        writer.finish().await.unwrap();
        let bytes = object.store.get(&object.path).await.unwrap().bytes().await.unwrap();
        seeds.push((bytes.to_vec(), batch.num_rows() as u64));
    }
    seeds
}

fn target(name: &str, format: Arc<dyn Format>) {
    let written = block_on(written(format.as_ref()));
    assert!(written.len() > 5, "{name} writes many types");
    let mut seeds: Vec<Vec<u8>> = written.iter().map(|(bytes, _)| bytes.clone()).collect();
    seeds.extend(kept(name));
    stitchwork_fuzz::run(&seeds, |which, bytes| {
        block_on(async {
            let ending = format.extensions()[0];
            let object = Stores::new().resolve(&format!("memory:damaged.{ending}")).unwrap();
            object.store.put(&object.path, bytes.to_vec().into()).await.unwrap();
            let _ = format.infer_schema(&object).await;
            let _ = format.inspect(&object).await;
            let args = ReadArgs { budget: Some(Budget::new(stitchwork_fuzz::BUDGET)), ..ReadArgs::default() };
            let read = match format.read(&object, args).await {
                Ok(rows) => count_rows(rows).await,
                Err(error) => Err(error),
            };
            // A target that cannot read what is whole would not meet the damage behind its beginning.
            if let Some((_, rows)) = written.get(which).filter(|(whole, _)| whole == bytes) {
                assert_eq!(read.unwrap(), *rows, "seed {which}");
            }
        });
    });
}

#[test]
fn csv() {
    target("csv", Arc::new(stitchwork_format_csv::Csv::new()));
}

#[test]
fn json() {
    target("json", Arc::new(stitchwork_format_json::Json::new()));
}

#[test]
fn avro() {
    target("avro", Arc::new(stitchwork_format_avro::Avro::new()));
}

#[test]
fn ipc() {
    target("ipc", Arc::new(stitchwork_format_ipc::Ipc::new()));
}

#[test]
fn parquet() {
    target("parquet", Arc::new(stitchwork_format_parquet::Parquet::new()));
}
