//! Servers that would lose commits are refused before the first one.

use stitchwork::core::{CreateArgs, ErrorKind};
use stitchwork::tables::AppendArgs;
use stitchwork_services::{MOTO, MOTO_5_0_0, MOTO_5_0_16, Service};
use stitchwork_tests::rows::{animals, of_table, stream};

use super::bucket::Bucket;

#[tokio::test(flavor = "multi_thread")]
async fn moto_that_ignores_conditions_is_refused() {
    refused(&MOTO_5_0_0, "a put that must not replace an object has replaced one").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn moto_that_ignores_the_versions_of_updates_is_refused() {
    refused(&MOTO_5_0_16, "an update of an old version has replaced a newer one").await;
}

async fn refused(service: &'static Service, reason: &str) {
    for (log, catalog) in [("delta", "none"), ("delta", "sqlite"), ("iceberg", "none")] {
        let Some(bucket) = Bucket::new(service, log, catalog).await else { return };
        let error = bucket.create("t", CreateArgs::new(animals(0, &[]).schema())).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{bucket}: {error:?}");
        for part in [reason, "s3://stitchwork", "catalog"] {
            assert!(error.to_string().contains(part), "{bucket}: {error}");
        }
        let root = bucket.registry.stores().resolve(&bucket.location).unwrap();
        let keys: Vec<_> = futures::TryStreamExt::try_collect(root.store.list(None)).await.unwrap();
        assert_eq!(keys, Vec::<object_store::ObjectMeta>::new(), "{bucket}: nothing stays");
    }
    // The way out that the error names: here the catalog swaps, and the store need not.
    let Some(bucket) = Bucket::new(service, "iceberg", "sqlite").await else { return };
    let table = bucket.create("t", CreateArgs::new(animals(0, &[]).schema())).await.unwrap();
    table.append(stream(animals(0, &[Some("ant")])), AppendArgs::default()).await.unwrap();
    assert_eq!(of_table(&bucket.open("t").await).await.unwrap(), ["id=0|name=ant"], "{bucket}");
}

#[tokio::test(flavor = "multi_thread")]
async fn moto_that_keeps_conditions_is_not() {
    let Some(bucket) = Bucket::new(&MOTO, "delta", "none").await else { return };
    let table = bucket.create("t", CreateArgs::new(animals(0, &[]).schema())).await.unwrap();
    table.append(stream(animals(0, &[Some("ant")])), AppendArgs::default()).await.unwrap();
    assert_eq!(of_table(&bucket.open("t").await).await.unwrap(), ["id=0|name=ant"], "{bucket}");
}
