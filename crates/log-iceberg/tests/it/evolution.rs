//! Tables that change under their readers: other partitionings, expired snapshots, older format versions.

use std::collections::BTreeMap;

use futures::TryStreamExt;
use object_store::{ObjectStoreExt, PutPayload};
use stitchwork_core::{
    Changes, CommitArgs, CommitTag, Entry, ErrorKind, FileFilter, HistoryArgs, LogFactory, PartitionField,
    Pointer, Reads, SwapArgs, TableIdent, Transform, Version, col,
};
use stitchwork_iceberg_meta::{
    CreateTable, IceField, IceSchema, IceType, MetaUpdate, TableMeta, next_metadata_location,
};
use stitchwork_log_iceberg::IcebergLogFactory;

use crate::setup::{Place, adds, all_names, any, append, file, files, latest, names, removes};

async fn put(place: &Place, location: &str, meta: &TableMeta) {
    let object = place.stores.resolve(location).unwrap();
    object.store.put(&object.path, PutPayload::from(meta.to_bytes().unwrap())).await.unwrap();
}

/// Changes the metadata as another program would.
async fn change(place: &Place, updates: impl FnOnce(&TableMeta) -> Vec<MetaUpdate>) {
    let catalog = place.catalog.clone().unwrap();
    let ident = TableIdent::new("n", "t");
    let before = catalog.load(&ident).await.unwrap().pointer.unwrap();
    let object = place.stores.resolve(&before.0).unwrap();
    let bytes = object.store.get(&object.path).await.unwrap().bytes().await.unwrap();
    let meta = TableMeta::parse(&bytes).unwrap();
    let after = meta.update(updates(&meta), Some(&before.0), 0).unwrap();
    let new = next_metadata_location(meta.location(), Some(&before.0));
    put(place, &new, &after).await;
    let swap = SwapArgs { ident, expected: Some(before), new: Some(Pointer(new)), updates: None };
    catalog.swap(vec![swap]).await.unwrap();
}

#[tokio::test]
async fn files_of_an_older_partitioning_stay_and_are_pruned_by_it() {
    let log = Place::in_catalog().table().await;
    append(&log, "old").await;
    let base = latest(&log).await;
    let partitioning = Some(vec![PartitionField::new("at", Transform::Month)]);
    let changes = Changes { partitioning, ..Changes::default() };
    let made = log.commit(CommitArgs::new(base.clone(), "repartition", changes.clone())).await.unwrap();
    let specs = made.snapshot.partitioning();
    assert_eq!(specs.len(), 2);
    assert_eq!(specs[1].fields[0].name, "at_month");
    // A writer that still has the old partitioning may finish, another change of it may not.
    log.commit(CommitArgs::new(base.clone(), "append", adds([file("late", 0, 9, 400, 1)]))).await.unwrap();
    let again = log.commit(CommitArgs::new(base, "repartition", changes)).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Conflict);
    let mut new = file("new", 0, 9, 0, 0);
    (new.spec, new.partition) = (specs[1].id, vec![40.into()]);
    log.commit(CommitArgs::new(latest(&log).await, "append", adds([new]))).await.unwrap();
    let at = |text: &str| {
        let timestamp = crate::setup::schema().field(2).data_type().clone();
        stitchwork_core::Scalar::parse(text, &timestamp).unwrap()
    };
    let kept = async |predicate| {
        names(&latest(&log).await, FileFilter { predicate: Some(predicate), ..FileFilter::default() }).await
    };
    assert_eq!(kept(col("at").gt(at("1973-01-01T00:00:00"))).await, ["new"]);
    assert_eq!(kept(col("at").lt(at("1970-05-01T00:00:00"))).await, ["old"]);
    let found = files(&latest(&log).await, FileFilter::default()).await;
    assert_eq!(found.iter().map(|f| f.partition.len()).collect::<Vec<_>>(), [2, 1, 2]);
}

#[tokio::test]
async fn a_tag_outlives_its_snapshot_and_a_forgotten_base_is_a_conflict() {
    let place = Place::in_catalog();
    let log = place.table().await;
    let payload = Some(serde_json::json!({"cursor": 1}));
    let tag = CommitTag { application: "a".to_owned(), id: 1, payload };
    let mut args = CommitArgs::new(latest(&log).await, "append", adds([any("a")]));
    args.tag = Some(tag.clone());
    let tagged = log.commit(args).await.unwrap().snapshot;
    append(&log, "b").await;
    append(&log, "c").await;
    change(&place, |meta| {
        let current = meta.current_snapshot_id().unwrap();
        let old = meta.snapshots().into_iter().map(|s| s.id).filter(|id| *id != current);
        vec![MetaUpdate::RemoveSnapshots(old.collect())]
    })
    .await;
    assert_eq!(latest(&log).await.tag("a").await.unwrap(), Some(tag.clone()));
    let history: Vec<Version> = log.history(HistoryArgs::default()).try_collect().await.unwrap();
    assert_eq!(history.len(), 1);
    let mut again = CommitArgs::new(latest(&log).await, "append", adds([any("d")]));
    again.tag = Some(tag);
    assert_eq!(log.commit(again).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
    log.commit(CommitArgs::new(tagged.clone(), "append", adds([any("e")]))).await.unwrap();
    let mut reader = CommitArgs::new(tagged, "append", adds([any("f")]));
    reader.reads = Reads::Rows(col("id").gt(1_000_000_i64));
    assert_eq!(log.commit(reader).await.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(all_names(&log).await, ["a", "b", "c", "e"]);
}

#[tokio::test]
async fn a_table_of_version_1_is_upgraded_before_it_is_written() {
    let place = Place::in_catalog();
    let schema = IceSchema::new(vec![IceField::optional(1, "id", IceType::Long)]);
    let mut create = CreateTable::new("memory:/t", schema, 0);
    create.format_version = 1;
    let metadata = next_metadata_location("memory:/t", None);
    put(&place, &metadata, &TableMeta::create(create).unwrap()).await;
    let entry = Entry {
        ident: TableIdent::new("n", "t"),
        log: "iceberg".to_owned(),
        location: "memory:/t".to_owned(),
        pointer: Some(Pointer(metadata)),
        properties: BTreeMap::new(),
    };
    place.catalog.as_ref().unwrap().create(entry).await.unwrap();
    let log = place.open().await.unwrap();
    let mut plain = any("a");
    plain.partition.clear();
    let appended = log.commit(CommitArgs::new(latest(&log).await, "append", adds([plain.clone()]))).await;
    assert_eq!(appended.unwrap_err().kind(), ErrorKind::Unsupported);
    let upgrade = async |version: &str| {
        let properties = BTreeMap::from([("format-version".to_owned(), Some(version.to_owned()))]);
        let changes = Changes { properties, ..Changes::default() };
        log.commit(CommitArgs::new(latest(&log).await, "upgrade", changes)).await.map(|_| ())
    };
    upgrade("2").await.unwrap();
    log.commit(CommitArgs::new(latest(&log).await, "append", adds([plain.clone()]))).await.unwrap();
    upgrade("3").await.unwrap();
    plain.location = plain.location.replace("/a.", "/b.");
    log.commit(CommitArgs::new(latest(&log).await, "append", adds([plain]))).await.unwrap();
    assert_eq!(upgrade("4").await.unwrap_err().kind(), ErrorKind::InvalidConfig);
    assert_eq!(all_names(&log).await, ["a", "b"]);
    let first = files(&latest(&log).await, FileFilter::default()).await.remove(0);
    log.commit(CommitArgs::new(latest(&log).await, "delete", removes([first]))).await.unwrap();
    assert_eq!(all_names(&place.open().await.unwrap()).await, ["b"]);
}

#[tokio::test]
async fn a_folder_is_found_without_its_hint_and_with_a_wrong_one() {
    let place = Place::in_folder();
    let log = place.table().await;
    append(&log, "a").await;
    let hint = place.stores.resolve("memory:/t/metadata/version-hint.text").unwrap();
    let read = async || hint.store.get(&hint.path).await.unwrap().bytes().await.unwrap();
    assert_eq!(read().await, "2");
    for wrong in ["1", "x"] {
        hint.store.put(&hint.path, PutPayload::from(wrong)).await.unwrap();
        assert_eq!(all_names(&place.open().await.unwrap()).await, ["a"], "{wrong}");
    }
    // Whoever wrote it had seen a newer file, which is gone.
    hint.store.put(&hint.path, PutPayload::from("3")).await.unwrap();
    let error = place.open().await.unwrap_err();
    assert_eq!((error.kind(), error.context("hinted")), (ErrorKind::InvalidData, Some("3")), "{error}");
    hint.store.delete(&hint.path).await.unwrap();
    append(&place.open().await.unwrap(), "b").await;
    assert_eq!(all_names(&log).await, ["a", "b"]);
    assert_eq!(read().await, "3");
}

#[tokio::test]
async fn a_table_that_a_catalog_keeps_is_read_only_without_it() {
    let place = Place::in_catalog();
    append(&place.table().await, "a").await;
    let alone = Place { catalog: None, ..place.clone() };
    let log = alone.open().await.unwrap();
    assert_eq!(all_names(&log).await, ["a"]);
    let error =
        log.commit(CommitArgs::new(latest(&log).await, "append", adds([any("b")]))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let pointer = place.catalog.as_ref().unwrap().load(&TableIdent::new("n", "t")).await.unwrap().pointer;
    let mut args = alone.args();
    args.location = pointer.unwrap().0;
    let fixed = IcebergLogFactory.open(args).await.unwrap();
    append(&place.open().await.unwrap(), "b").await;
    assert_eq!(all_names(&fixed).await, ["a"], "one metadata file never changes");
    assert_eq!(all_names(&log).await, ["a", "b"], "a folder does");
}

#[tokio::test]
async fn old_metadata_files_and_those_of_failed_commits_are_removed() {
    let place = Place::in_catalog();
    let mut create = crate::setup::create_args();
    create.properties = BTreeMap::from([
        ("write.metadata.previous-versions-max".to_owned(), "2".to_owned()),
        ("write.metadata.delete-after-commit.enabled".to_owned(), "true".to_owned()),
    ]);
    let log = place.create(create).await.unwrap();
    for name in ["a", "b", "c", "d", "e"] {
        append(&log, name).await;
    }
    let folder = place.stores.resolve("memory:/t/metadata").unwrap();
    let count = async |ending: &str| {
        let listed = folder.store.list_with_delimiter(Some(&folder.path)).await.unwrap().objects;
        listed.iter().filter(|object| object.location.as_ref().ends_with(ending)).count()
    };
    assert_eq!(count(".metadata.json").await, 3);
    let before = count(".avro").await;
    let base = latest(&log).await;
    let a = files(&base, FileFilter::default()).await.remove(0);
    log.commit(CommitArgs::new(base.clone(), "delete", removes([a.clone()]))).await.unwrap();
    let after = count(".avro").await;
    assert_eq!(after, before + 2, "one manifest and one list");
    let mut changes = removes([a]);
    changes.added.push(any("x"));
    log.commit(CommitArgs::new(base, "overwrite", changes)).await.unwrap_err();
    assert_eq!((count(".avro").await, count(".metadata.json").await), (after, 3));
}
