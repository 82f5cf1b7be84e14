//! Metadata that was cut off, emptied or lost: told with its place and with what to do.

use bytes::Bytes;
use futures::TryStreamExt;
use stitchwork_core::object_store::ObjectStoreExt;
use stitchwork_core::{At, Error, ErrorKind, FileFilter, LogArgs, LogFactory, Stores};
use stitchwork_iceberg_meta::{TableMeta, parse_manifest_list};
use stitchwork_log_iceberg::IcebergLogFactory;

use crate::setup::{Place, append, names};

/// The locations of the newest metadata file, its manifest list, and its newest manifest.
struct Chain {
    stores: Stores,
    metadata: String,
    list: String,
    manifest: String,
}

async fn get(stores: &Stores, location: &str) -> Bytes {
    let object = stores.resolve(location).unwrap();
    object.store.get(&object.path).await.unwrap().bytes().await.unwrap()
}

async fn put(stores: &Stores, location: &str, bytes: Bytes) {
    let object = stores.resolve(location).unwrap();
    object.store.put(&object.path, bytes.into()).await.unwrap();
}

async fn delete(stores: &Stores, location: &str) {
    let object = stores.resolve(location).unwrap();
    object.store.delete(&object.path).await.unwrap();
}

/// A table of two commits, one file each.
async fn table(place: &Place) -> Chain {
    let log = place.table().await;
    append(&log, "a").await;
    append(&log, "b").await;
    let stores = place.stores.clone();
    let folder = stores.resolve("memory:/t/metadata").unwrap();
    let listed: Vec<_> = folder.store.list(Some(&folder.path)).try_collect().await.unwrap();
    let newest = listed
        .iter()
        .filter_map(|meta| meta.location.filename())
        .filter(|name| name.ends_with(".metadata.json"))
        .max_by_key(|name| stitchwork_iceberg_meta::metadata_version(name))
        .unwrap();
    let metadata = format!("memory:/t/metadata/{newest}");
    let meta = TableMeta::parse(&get(&stores, &metadata).await).unwrap();
    let list = meta.current_snapshot().unwrap().manifest_list;
    let manifests = parse_manifest_list(&get(&stores, &list).await, meta.format_version()).unwrap();
    let manifest = manifests.iter().max_by_key(|info| info.sequence_number).unwrap().path.clone();
    Chain { stores, metadata, list, manifest }
}

async fn read(place: &Place) -> Result<(), Error> {
    let snapshot = place.open().await?.snapshot(At::Latest).await?;
    snapshot.files(FileFilter::default()).try_collect::<Vec<_>>().await.map(drop)
}

fn is_told(error: &Error, key: &str, location: &str) {
    assert_eq!(error.context(key), Some(location), "{error}");
    assert!(error.context("remedy").is_some_and(|remedy| remedy.contains("restore")), "{error}");
}

#[tokio::test]
async fn cut_short_anywhere_it_is_an_error_with_its_place() {
    for place in Place::all() {
        let chain = table(&place).await;
        read(&place).await.unwrap();
        for (key, location) in
            [("metadata", &chain.metadata), ("manifest_list", &chain.list), ("manifest", &chain.manifest)]
        {
            let whole = get(&chain.stores, location).await;
            for end in (0..whole.len()).step_by(7).chain([whole.len() - 1]) {
                put(&chain.stores, location, whole.slice(..end)).await;
                let error = read(&place).await.expect_err(location);
                assert_eq!(error.kind(), ErrorKind::InvalidData, "{location} {end}: {error}");
                is_told(&error, key, location);
                assert_eq!(error.message().contains("is empty"), end == 0, "{error}");
            }
            put(&chain.stores, location, vec![0; whole.len()].into()).await;
            let error = read(&place).await.unwrap_err();
            assert!(error.message().contains("is empty"), "zeros of a disk that lost its power: {error}");
            is_told(&error, key, location);
            put(&chain.stores, location, whole).await;
        }
        read(&place).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_missing_is_told_with_its_place() {
    for place in Place::all() {
        let chain = table(&place).await;
        for (key, location) in [("manifest_list", &chain.list), ("manifest", &chain.manifest)] {
            let whole = get(&chain.stores, location).await;
            delete(&chain.stores, location).await;
            let error = read(&place).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
            assert!(error.message().contains("missing"), "{error}");
            is_told(&error, key, location);
            put(&chain.stores, location, whole).await;
        }
    }
}

#[tokio::test]
async fn a_table_whose_metadata_is_lost_is_none_that_was_never_made() {
    let place = Place::in_catalog();
    let chain = table(&place).await;
    delete(&chain.stores, &chain.metadata).await;
    let error = read(&place).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData, "who makes tables that are not found must not see that");
    is_told(&error, "metadata", &chain.metadata);
    // Given by hand it may be a mistyped one.
    let args = LogArgs::new(chain.metadata.clone(), chain.stores.clone(), place.args().formats);
    let error = IcebergLogFactory.open(args).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn what_the_errors_advise_works() {
    let place = Place::in_folder();
    let log = place.table().await;
    append(&log, "a").await;
    append(&log, "b").await;
    let stores = place.stores.clone();
    put(&stores, "memory:/t/metadata/v3.metadata.json", Bytes::new()).await;
    let error = read(&place).await.unwrap_err();
    assert!(error.context("remedy").is_some_and(|remedy| remedy.contains("older metadata file")), "{error}");
    let args = LogArgs::new("memory:/t/metadata/v2.metadata.json", stores, place.args().formats);
    let older = IcebergLogFactory.open(args).await.unwrap().snapshot(At::Latest).await.unwrap();
    assert_eq!(names(&older, FileFilter::default()).await, ["a"]);
}

#[tokio::test]
async fn a_file_without_its_blocks_is_no_empty_table() {
    for place in Place::all() {
        let chain = table(&place).await;
        for (key, location) in [("manifest_list", &chain.list), ("manifest", &chain.manifest)] {
            let whole = get(&chain.stores, location).await;
            // The marker that ends the header ends each block, too.
            let marker = whole.slice(whole.len() - 16..);
            let header = whole.windows(16).position(|bytes| bytes == marker).unwrap() + 16;
            assert!(header < whole.len());
            put(&chain.stores, location, whole.slice(..header)).await;
            let error = read(&place).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{location}: {error}");
            is_told(&error, key, location);
            put(&chain.stores, location, whole).await;
        }
    }
}
