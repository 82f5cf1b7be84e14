//! Cleaning a table of which other programs have made more than one line of snapshots.

use std::collections::BTreeSet;

use futures::TryStreamExt;
use serde_json::{Value, json};
use stitchwork_core::{
    At, Catalog, Changes, CommitArgs, DataFile, Pointer, Relation, ScanArgs, SwapArgs, TableIdent,
};
use stitchwork_ingest::Destination;

use crate::leftovers::{leave_files, now, script};
use crate::rig::{Log, Rig, column, rows};
use crate::script::Script;

fn ident() -> TableIdent {
    TableIdent::new("db", "events")
}

/// Changes the metadata of the table as another program would: by a new file, and a new pointer to it.
async fn rewrite(rig: &Rig, change: impl FnOnce(&mut Value)) {
    let expected = rig.catalog.load(&ident()).await.unwrap().pointer;
    let old = expected.as_ref().unwrap().0.trim_start_matches("memory:").trim_start_matches('/').to_owned();
    let mut metadata: Value = serde_json::from_str(&rig.text(&old).await).unwrap();
    let at = metadata["last-updated-ms"].clone();
    let before = json!({"metadata-file": expected.as_ref().unwrap().0, "timestamp-ms": at});
    metadata["metadata-log"].as_array_mut().unwrap().push(before);
    change(&mut metadata);
    let new = old.replace(".metadata.json", "-rewritten.metadata.json");
    rig.put(&new, metadata.to_string().into_bytes()).await;
    let new = Some(Pointer(format!("memory:{new}")));
    rig.catalog.swap(vec![SwapArgs { ident: ident(), expected, new, updates: None }]).await.unwrap();
}

/// Makes a snapshot the newest one of the main branch.
fn move_main(metadata: &mut Value, to: i64) {
    let at = metadata["last-updated-ms"].as_i64().unwrap() + 1;
    metadata["last-updated-ms"] = json!(at);
    metadata["current-snapshot-id"] = json!(to);
    metadata["refs"]["main"] = json!({"snapshot-id": to, "type": "branch"});
    metadata["snapshot-log"].as_array_mut().unwrap().push(json!({"snapshot-id": to, "timestamp-ms": at}));
}

/// A table with two snapshots, beside files that crashed loads have left.
struct Lines {
    rig: Rig,
    /// The snapshot with the rows 1 and 2.
    one: i64,
    /// The one with row 9 in their place.
    two: i64,
    /// Every object but those that were left, and the state, which is gone, so that no manifest protects anything.
    needed: BTreeSet<String>,
    left: usize,
}

async fn lines() -> Lines {
    let rig = Rig::new(Log::Iceberg);
    let first = Script::new(["events"]).page("events", json!([{"id": 1}, {"id": 2}]));
    rig.pipeline(&first).run().await.unwrap();
    let one = newest(&rig.destination()).await;
    let second = Script::new(["events"]).page("events", json!([{"id": 9}]));
    rig.pipeline(&second).replace().run().await.unwrap();
    let two = newest(&rig.destination()).await;
    let needed: BTreeSet<String> = rig.paths().await.into_iter().collect();
    let left = leave_files(&rig).await;
    rig.remove("data/_stitchwork").await;
    let needed = needed.into_iter().filter(|path| !path.starts_with("data/_stitchwork")).collect();
    assert_eq!(newest(&rig.destination()).await, two);
    Lines { rig, one, two, needed, left }
}

impl Lines {
    /// Cleans, and sees that what was left is gone and nothing else is.
    async fn clean(&self) {
        let cleaned = self.rig.destination().clean(&now()).await.unwrap();
        assert!(cleaned.skipped.is_empty() && cleaned.failed.is_empty(), "{cleaned:?}");
        let after: BTreeSet<String> = self.rig.paths().await.into_iter().collect();
        let missing: Vec<_> = self.needed.difference(&after).collect();
        assert_eq!(missing, Vec::<&String>::new(), "data, metadata, manifests and statistics stay");
        assert_eq!(cleaned.removed.len(), self.left);
    }
}

async fn newest(destination: &Destination) -> i64 {
    destination.open("events").await.unwrap().snapshot().await.unwrap().version()
}

async fn ids(rig: &Rig, at: At) -> Vec<String> {
    let table = rig.destination().open("events").await.unwrap();
    let relation = table.relation(at).await.unwrap();
    column(&rows(relation.scan(ScanArgs::default()).await.unwrap()).await, "id")
}

#[tokio::test]
async fn what_a_rollback_left_stays_as_long_as_the_table_has_it() {
    let lines = lines().await;
    let (rig, one, two) = (&lines.rig, lines.one, lines.two);
    rewrite(rig, |metadata| move_main(metadata, one)).await;
    assert_eq!(ids(rig, At::Latest).await, ["1", "2"]);
    lines.clean().await;
    // The rollback is taken back.
    rewrite(rig, |metadata| move_main(metadata, two)).await;
    assert_eq!(ids(rig, At::Latest).await, ["9"]);

    // Once the other snapshot is expired, its files are nobody's.
    rewrite(rig, |metadata| {
        metadata["snapshots"].as_array_mut().unwrap().retain(|snapshot| snapshot["snapshot-id"] == two);
        metadata["snapshot-log"].as_array_mut().unwrap().retain(|entry| entry["snapshot-id"] == two);
    })
    .await;
    let removed = rig.destination().clean(&now()).await.unwrap().removed;
    assert!(!removed.is_empty() && removed.iter().all(|file| file.table.as_deref() == Some("events")));
    assert_eq!(ids(rig, At::Latest).await, ["9"]);
}

#[tokio::test]
async fn files_of_branches_and_tags_stay() {
    let mut lines = lines().await;
    let (rig, one, two) = (lines.rig.clone(), lines.one, lines.two);
    let statistics = "data/events/metadata/statistics.puffin";
    lines.needed.insert(statistics.to_owned());
    rig.put(statistics, b"PFA1".to_vec()).await;
    rewrite(&rig, |metadata| {
        move_main(metadata, one);
        metadata["refs"]["audit"] = json!({"snapshot-id": two, "type": "branch"});
        metadata["refs"]["release"] = json!({"snapshot-id": two, "type": "tag"});
        metadata["statistics"] = json!([{
            "snapshot-id": two,
            "statistics-path": format!("memory:{statistics}"),
            "file-size-in-bytes": 4,
            "file-footer-size-in-bytes": 4,
            "blob-metadata": [],
        }]);
    })
    .await;
    lines.clean().await;
    assert_eq!(ids(&rig, At::Latest).await, ["1", "2"]);
    for name in ["audit", "release"] {
        assert_eq!(ids(&rig, At::Ref(name.to_owned())).await, ["9"], "{name}");
    }
}

/// Other programs spell locations in their own ways, and a table that was moved has the old ones.
#[tokio::test]
async fn a_live_file_is_known_however_its_location_is_spelled() {
    let Lines { rig, left, needed, .. } = lines().await;
    let destination = rig.destination();
    // The folder under another name, as by a link: what is listed there is spelled otherwise than in the table.
    destination.registry.stores().mount("alias://", rig.inner.clone());
    rewrite(&rig, |metadata| metadata["location"] = json!("alias:///data/events")).await;
    let mut entry = rig.catalog.load(&ident()).await.unwrap();
    rig.catalog.remove(&ident()).await.unwrap();
    entry.location = "alias:///data/events".to_owned();
    rig.catalog.create(entry).await.unwrap();
    let table = destination.open("events").await.unwrap();
    assert!(table.log().data_location(&[], "x").starts_with("alias:"));
    let live: Vec<_> = table.snapshot().await.unwrap().files(Default::default()).try_concat().await.unwrap();
    assert!(live.iter().all(|file| file.location.starts_with("memory:")), "{live:?}");
    let cleaned = destination.clean(&now()).await.unwrap();
    assert!(cleaned.skipped.is_empty(), "{cleaned:?}");
    let after: BTreeSet<String> = rig.paths().await.into_iter().collect();
    assert_eq!((cleaned.removed.len(), needed.difference(&after).count()), (left, 0), "{cleaned:?}");
}

/// Somebody looks at the list for a while, and meanwhile a load that took longer than it should commits.
#[tokio::test]
async fn what_is_needed_by_the_time_of_removing_stays() {
    for log in [Log::Delta, Log::Iceberg, Log::Files] {
        let rig = Rig::new(log);
        rig.pipeline(&script()).run().await.unwrap();
        let left = leave_files(&rig).await;
        let found = rig.destination().leftovers(&now()).await.unwrap();
        assert_eq!(found.files.len(), left, "{log:?}");
        // One of them becomes live.
        let late = found.files.iter().find(|file| file.table.as_deref() == Some("events")).unwrap().clone();
        let table = rig.destination().open("events").await.unwrap();
        let file = DataFile {
            location: late.location.clone(),
            format: "parquet".to_owned(),
            size: late.size,
            rows: Some(1),
            ..DataFile::default()
        };
        let changes = Changes { added: vec![file], ..Changes::default() };
        let base = table.snapshot().await.unwrap();
        table.log().commit(CommitArgs::new(base, "append", changes)).await.unwrap();
        let cleaned = rig.destination().remove_leftovers(found).await.unwrap();
        assert_eq!(cleaned.kept, [late], "{log:?}");
        assert_eq!(cleaned.removed.len(), left - 1, "{log:?}");
        assert_eq!(rig.rows("events").await.len(), 3, "{log:?}");
    }
}
