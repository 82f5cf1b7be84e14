//! Objects of every format.

use std::sync::Arc;

use object_store::ObjectStoreExt;
use stitchwork_core::{Budget, Format, ReadArgs, Stores, WriteArgs, count_rows};
use stitchwork_testkit::batches::{all_types, plain};

use crate::{block_on, kept};

/// What the format writes of every type that it has, and of a few rows.
async fn written(format: &dyn Format) -> Vec<Vec<u8>> {
    let all = all_types(1, 0, 20).unwrap();
    let mut batches = vec![plain(2, 0, 30).unwrap()];
    batches.extend((0..all.num_columns()).map(|column| all.project(&[column]).unwrap()));
    let mut seeds = vec![];
    for batch in batches {
        let object = Stores::new().resolve("memory:seed").unwrap();
        let Ok(mut writer) = format.write(&object, WriteArgs::new(batch.schema())).await else { continue };
        writer.write(&batch).await.unwrap();
        writer.finish().await.unwrap();
        seeds.push(object.store.get(&object.path).await.unwrap().bytes().await.unwrap().to_vec());
    }
    seeds
}

fn target(name: &str, format: Arc<dyn Format>) {
    let mut seeds = kept(name);
    seeds.extend(block_on(written(format.as_ref())));
    stitchwork_fuzz::run(&seeds, |_, bytes| {
        block_on(async {
            let ending = format.extensions()[0];
            let object = Stores::new().resolve(&format!("memory:damaged.{ending}")).unwrap();
            object.store.put(&object.path, bytes.to_vec().into()).await.unwrap();
            let _ = format.infer_schema(&object).await;
            let _ = format.inspect(&object).await;
            let args = ReadArgs { budget: Some(Budget::new(stitchwork_fuzz::BUDGET)), ..ReadArgs::default() };
            if let Ok(rows) = format.read(&object, args).await {
                let _ = count_rows(rows).await;
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
