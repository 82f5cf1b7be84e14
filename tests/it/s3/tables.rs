//! What tables can do, they can do on S3.

use futures::TryStreamExt;
use stitchwork::core::{At, CreateArgs, ErrorKind, PartitionField, ScanArgs, col};
use stitchwork::tables::{AppendArgs, DeleteArgs, OverwriteArgs};
use stitchwork_services::{MINIO, Service, VERSITYGW};
use stitchwork_tests::rows::{animals, of_relation, of_table, stream, versions};

use super::bucket::Bucket;

#[tokio::test(flavor = "multi_thread")]
async fn versitygw_holds_tables() {
    holds_tables(&VERSITYGW).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn minio_holds_tables() {
    holds_tables(&MINIO).await;
}

async fn holds_tables(service: &'static Service) {
    for (log, catalog) in [("delta", "none"), ("delta", "sqlite"), ("iceberg", "none"), ("iceberg", "sqlite")]
    {
        let Some(bucket) = Bucket::new(service, log, catalog).await else { return };
        for name in ["plain", "parted"] {
            operations(&bucket, name).await;
        }
        leaves_no_probe(&bucket).await;
    }
}

async fn operations(bucket: &Bucket, name: &str) {
    let rows = animals(1, &[Some("ant"), Some("bee"), None, Some("ant")]);
    let mut create = CreateArgs::new(rows.schema());
    if name == "parted" {
        create.partitioning = vec![PartitionField::identity("name")];
    }
    let table = bucket.create(name, create.clone()).await.unwrap();
    let error = bucket.create(name, create).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "{bucket}");
    table.append(stream(rows), AppendArgs::default()).await.unwrap();
    let first = table.snapshot().await.unwrap().version();

    let some = DeleteArgs { predicate: Some(col("name").eq("ant").and(col("id").gt(1_i64))), tag: None };
    table.delete(some).await.unwrap();
    expect(bucket, name, &["id=1|name=ant", "id=2|name=bee", "id=3|name=∅"]).await;

    let overwrite = OverwriteArgs { predicate: Some(col("id").eq(2_i64)), ..OverwriteArgs::default() };
    let other = bucket.open(name).await;
    other.overwrite(stream(animals(2, &[Some("wasp")])), overwrite).await.unwrap();
    expect(bucket, name, &["id=1|name=ant", "id=2|name=wasp", "id=3|name=∅"]).await;

    // The rows as they were, by version.
    let old = other.relation(At::Version(first)).await.unwrap();
    let all = of_relation(&old, ScanArgs::default().with_projection(vec![0])).await.unwrap();
    assert_eq!(all, ["id=1", "id=2", "id=3", "id=4"], "{bucket}");
    let bees = ScanArgs::default().with_predicate(col("name").eq("bee")).with_projection(vec![0]);
    assert_eq!(of_relation(&old, bees).await.unwrap(), ["id=2"], "{bucket}");
    assert!(versions(&table).await.unwrap().contains(&first), "{bucket}");
}

async fn expect(bucket: &Bucket, name: &str, rows: &[&str]) {
    assert_eq!(of_table(&bucket.open(name).await).await.unwrap(), rows, "{bucket} {name}");
}

/// The keys with which the store was asked whether its conditional puts work are gone.
async fn leaves_no_probe(bucket: &Bucket) {
    let root = bucket.registry.stores().resolve(&bucket.location).unwrap();
    let keys: Vec<_> =
        root.store.list(None).map_ok(|meta| meta.location.to_string()).try_collect().await.unwrap();
    assert!(keys.len() > 4, "{bucket}: {keys:?}");
    assert!(keys.iter().all(|key| !key.contains("probe")), "{bucket}: {keys:?}");
}
