//! From this crate's plain structs to the library's types.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use iceberg::io::FileIO;
use iceberg::spec::{Schema, SortOrder, TableMetadata, Transform, UnboundPartitionSpec};
use serde_json::Value;

use crate::error::{MetaError, Result};
use crate::partition::IceSortOrder;
use crate::schema::IceSchema;
use crate::transform::IceTransform;

/// The library's form of a schema.
pub(crate) fn schema(schema: &IceSchema) -> Result<Schema> {
    serde_json::from_value(schema.to_json()).map_err(|e| MetaError::from_json("the schema", &e))
}

/// The library's form of a transform; an unknown one is refused, since nothing may be written with it.
pub(crate) fn transform(transform: &IceTransform) -> Result<Transform> {
    Ok(match transform {
        IceTransform::Identity => Transform::Identity,
        IceTransform::Year => Transform::Year,
        IceTransform::Month => Transform::Month,
        IceTransform::Day => Transform::Day,
        IceTransform::Hour => Transform::Hour,
        IceTransform::Bucket(count) => Transform::Bucket(*count),
        IceTransform::Truncate(width) => Transform::Truncate(*width),
        IceTransform::Void => Transform::Void,
        IceTransform::Unknown(name) => {
            return Err(MetaError::unsupported(format!(
                "partition transform {name:?} is unknown here; nothing can be written with it"
            )));
        }
    })
}

/// The library's form of a spec whose field ids are still to be assigned; the transforms must fit the schema.
pub(crate) fn unbound_spec<'a>(
    fields: impl IntoIterator<Item = (i32, &'a str, &'a IceTransform)>,
    schema: &IceSchema,
) -> Result<UnboundPartitionSpec> {
    let mut builder = UnboundPartitionSpec::builder();
    for (source_id, name, ice_transform) in fields {
        let source = schema.field_by_id(source_id).ok_or_else(|| {
            MetaError::invalid(format!("partition field {name:?} has the unknown source column {source_id}"))
        })?;
        let transform = transform(ice_transform)?;
        ice_transform
            .result_type(&source.ty)
            .map_err(|e| MetaError::invalid(format!("partition field {name:?}: {e}")))?;
        builder = builder
            .add_partition_field(source_id, name, transform)
            .map_err(|e| MetaError::from_iceberg("adding a partition field", &e))?;
    }
    Ok(builder.build())
}

/// The library's form of a sort order.
pub(crate) fn sort_order(order: &IceSortOrder) -> Result<SortOrder> {
    for field in &order.fields {
        transform(&field.transform)?;
    }
    serde_json::from_value(order.to_json()).map_err(|e| MetaError::from_json("the sort order", &e))
}

/// Unpacks a gzipped metadata file. The library unpacks only while it parses, so what comes back is written anew.
pub(crate) fn gunzip_metadata(bytes: &[u8]) -> Result<Vec<u8>> {
    const PATH: &str = "memory:///packed.metadata.json";
    let meta = immediately(async {
        let io = FileIO::new_with_memory();
        io.new_output(PATH)?.write(bytes.to_vec().into()).await?;
        TableMetadata::read_from(&io, PATH).await
    })?
    .map_err(|e| MetaError::from_iceberg("reading gzipped table metadata", &e))?;
    serde_json::to_vec(&meta).map_err(|e| MetaError::from_json("the table metadata", &e))
}

/// Runs a future that only touches memory, and therefore never waits.
pub(crate) fn immediately<T>(future: impl Future<Output = T>) -> Result<T> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Ok(output),
        Poll::Pending => Err(MetaError::Io("the metadata library waited for something in memory".into())),
    }
}

/// Reads a value's JSON into one of the library's types.
pub(crate) fn from_value<T: serde::de::DeserializeOwned>(what: &str, value: Value) -> Result<T> {
    serde_json::from_value(value).map_err(|e| MetaError::from_json(what, &e))
}
