//! The JSON format from outside.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

mod reading;
mod round_trip;

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{Field, Schema, SchemaRef};
use object_store::ObjectStoreExt;
use stitchwork_core::{Format, Object, ReadArgs, Result, Stores, collect};
use stitchwork_format_json::Json;

fn object(name: &str) -> Object {
    Stores::new().resolve(&format!("memory:{name}")).unwrap()
}

async fn put(text: impl Into<Vec<u8>>) -> Object {
    let object = object("given.json");
    object.store.put(&object.path, text.into().into()).await.unwrap();
    object
}

fn schema(fields: Vec<Field>) -> SchemaRef {
    Arc::new(Schema::new(fields))
}

async fn read(object: &Object, args: ReadArgs) -> Result<RecordBatch> {
    read_with(&Json::new(), object, args).await
}

async fn read_with(json: &Json, object: &Object, args: ReadArgs) -> Result<RecordBatch> {
    let batch_rows = args.batch_rows();
    let stream = json.read(object, args).await?;
    let schema = stream.schema();
    let batches = collect(stream).await?;
    assert!(batches.iter().all(|batch| batch.num_rows() <= batch_rows && batch.schema() == schema));
    Ok(arrow_select::concat::concat_batches(&schema, &batches)?)
}
