//! What crashed loads leave behind is found and removed, and nothing else.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use stitchwork_core::{Catalog, Entry, Pointer, SwapArgs, TableIdent};
use stitchwork_ingest::{Leftover, LeftoverKind, LeftoversArgs, pipeline};
use stitchwork_store_local::LocalStore;

use crate::matrix::faults::{Fault, Trouble};
use crate::matrix::steps::Where;
use crate::rig::{Log, Rig};
use crate::script::{Gate, Script};

const LOGS: [Log; 4] = [Log::Delta, Log::NamedDelta, Log::Iceberg, Log::Files];

pub(crate) fn now() -> LeftoversArgs {
    LeftoversArgs::older_than(Duration::ZERO)
}

pub(crate) fn script() -> Script {
    Script::new(["events"])
        .page("events", json!([{"id": 1, "tags": ["a"]}]))
        .page("events", json!([{"id": 2, "tags": ["b"]}]))
}

fn data_files(paths: Vec<String>) -> BTreeSet<String> {
    paths.into_iter().filter(|path| path.contains("load-")).collect()
}

/// Kills runs of the script before anything of them is committed, so that their files are nobody's.
pub(crate) async fn leave_files(rig: &Rig) -> usize {
    let before = data_files(rig.paths().await).len();
    let mut others = 0;
    let mut at = 0;
    loop {
        let late = script().page("events", json!([{"id": 3, "tags": ["c"]}]));
        assert!(rig.is_killed_at(at, &late).await, "the run was to be killed");
        let paths = rig.paths().await;
        let all = paths.len();
        let files = data_files(paths).len();
        if files >= before + 2 {
            return files - before;
        }
        // A run that has made a table or a column spares the next one many requests, so that it would come too far.
        at = if all - files == others { at + 1 } else { 0 };
        others = all - files;
    }
}

#[tokio::test]
async fn files_of_crashed_loads_go_and_live_ones_stay() {
    for log in LOGS {
        let rig = Rig::new(log);
        rig.pipeline(&script()).run().await.unwrap();
        let live = data_files(rig.paths().await);
        let nothing = rig.destination().leftovers(&now()).await.unwrap();
        assert_eq!(nothing.files, [], "{log:?}: all files are live");
        let left = leave_files(&rig).await;
        // Readers through the log see nothing of it; a glob over the folder, which leaves out hidden names only, does.
        assert_eq!(rig.column("events", "id").await, ["1", "2"], "{log:?}");
        let listed = data_files(rig.paths().await).into_iter().filter(|path| !path.contains("/_"));
        assert_eq!(listed.count(), live.len() + left, "{log:?}");

        // By default they may still be those of a load under way.
        assert_eq!(rig.destination().leftovers(&LeftoversArgs::default()).await.unwrap().files, []);
        let found = rig.destination().leftovers(&now()).await.unwrap();
        assert_eq!(found.files.len(), left, "{log:?}: {found:?}");
        assert!(found.skipped.is_empty() && found.bytes() > 0);
        assert!(found.files.iter().all(|file| file.kind == LeftoverKind::DataFile && file.table.is_some()));
        assert_eq!(data_files(rig.paths().await).len(), live.len() + left, "looking changes nothing");

        let cleaned = rig.destination().clean(&now()).await.unwrap();
        assert_eq!((cleaned.removed.len(), cleaned.failed.len()), (left, 0), "{log:?}");
        assert_eq!(data_files(rig.paths().await), live, "{log:?}");
        assert_eq!(rig.column("events", "id").await, ["1", "2"]);
        assert_eq!(rig.column("events__tags", "value").await, ["a", "b"]);
        assert_eq!(rig.destination().clean(&now()).await.unwrap().removed, []);
    }
}

#[tokio::test]
async fn files_of_versions_that_can_still_be_read_stay() {
    for log in LOGS {
        let rig = Rig::new(log);
        rig.pipeline(&script()).run().await.unwrap();
        let first = data_files(rig.paths().await);
        rig.pipeline(&Script::new(["events"]).page("events", json!([{"id": 9}])))
            .replace()
            .run()
            .await
            .unwrap();
        assert_eq!(rig.column("events", "id").await, ["9"]);
        // The state is gone as well, so that no manifest protects them.
        rig.remove("data/_stitchwork").await;
        assert_eq!(rig.destination().clean(&now()).await.unwrap().removed, [], "{log:?}");
        assert!(data_files(rig.paths().await).is_superset(&first), "{log:?}");
    }
}

#[tokio::test]
async fn files_that_a_manifest_names_stay_and_are_loaded() {
    for log in LOGS {
        let (mut rig, mut manifest) = (Rig::new(log), Value::Null);
        // Killed a request later each time, until the manifest is there and nothing is committed.
        for at in 0.. {
            rig = Rig::new(log);
            assert!(rig.is_killed_at(at, &script()).await, "{log:?}: the run was to be killed");
            let is_manifest =
                |path: &String| path.starts_with("data/_stitchwork/") && path.ends_with(".json");
            if let Some(path) = rig.paths().await.into_iter().find(is_manifest) {
                manifest = serde_json::from_str(&rig.text(&path).await).unwrap();
                break;
            }
        }
        let named: usize = manifest["tables"]
            .as_array()
            .map(|tables| tables.iter().map(|table| table["files"].as_array().unwrap().len()).sum())
            .unwrap();
        assert!(named >= 2, "{log:?}");
        assert_eq!(rig.destination().clean(&now()).await.unwrap().removed, [], "{log:?}");
        assert_eq!(data_files(rig.paths().await).len(), named, "{log:?}");
        rig.pipeline(&script()).run().await.unwrap();
        assert_eq!(rig.column("events", "id").await, ["1", "2"]);
    }
}

/// Cleaning goes on while others load. A load under way is younger than the threshold, however often somebody cleans.
#[tokio::test]
async fn concurrent_loads_lose_nothing() {
    for log in LOGS {
        let rig = Rig::new(log);
        let gate = Arc::new(Gate::default());
        let waiting = Script::new(["events"])
            .rows("events", json!([{"id": 1, "tags": ["a"]}]))
            .waiting(&gate)
            .page("events", json!([{"id": 2, "tags": ["b"]}]));
        let slow = rig.pipeline(&waiting);
        let args = LeftoversArgs::older_than(Duration::from_secs(60));
        let cleaning = async {
            gate.reached.notified().await;
            for turn in 0..5 {
                let quick = Script::new(["events"]).page("events", json!([{"id": 10 + turn, "tags": ["x"]}]));
                let name = format!("quick {turn}");
                pipeline(name).source(quick).destination(rig.destination()).run().await.unwrap();
                let cleaned = rig.destination().clean(&args).await.unwrap();
                assert_eq!(cleaned.removed, [], "{log:?}");
            }
            gate.open.notify_one();
        };
        let (outcome, ()) = futures::join!(slow.run(), cleaning);
        outcome.unwrap();
        assert_eq!(rig.column("events", "id").await, ["1", "10", "11", "12", "13", "14", "2"], "{log:?}");
        assert_eq!(rig.rows("events__tags").await.len(), 7);
    }
}

#[tokio::test]
async fn what_is_not_of_a_load_is_never_touched() {
    let rig = Rig::delta();
    rig.pipeline(&script()).run().await.unwrap();
    let others = [
        "data/events/notes.txt",
        "data/events/part-0190aaaa.parquet",
        "data/events/sub/load-00000001-01a226314676729f9172ed777404d623.parquet",
        "data/no_table/load-00000001-01a226314676729f9172ed777404d623.parquet",
        "data/load-00000001-01a226314676729f9172ed777404d623.parquet",
        "elsewhere/events/load-00000001-01a226314676729f9172ed777404d623.parquet",
    ];
    for path in others {
        rig.put(path, b"x".to_vec()).await;
    }
    rig.put("data/events/load-00000001-01a226314676729f9172ed777404d623.parquet", b"x".to_vec()).await;
    let removed = rig.destination().clean(&now()).await.unwrap().removed;
    assert_eq!(removed.len(), 1, "{removed:?}");
    let paths = rig.paths().await;
    for path in others {
        assert!(paths.iter().any(|there| there == path), "{path} is gone");
    }
}

#[tokio::test]
async fn a_table_that_cannot_be_read_keeps_its_files_and_a_broken_manifest_all() {
    let rig = Rig::delta();
    rig.pipeline(&script()).run().await.unwrap();
    let left = leave_files(&rig).await;
    let commits: Vec<_> =
        rig.paths().await.into_iter().filter(|path| path.contains("events/_delta_log")).collect();
    for path in commits {
        rig.put(&path, b"{".to_vec()).await;
    }
    let cleaned = rig.destination().clean(&now()).await.unwrap();
    assert_eq!(cleaned.skipped.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["events"]);
    assert!(cleaned.removed.iter().all(|file| file.table.as_deref() == Some("events__tags")));
    assert!(cleaned.removed.len() < left);
    let newest = rig.manifests().await.into_iter().max().unwrap();
    rig.put(&newest, b"{".to_vec()).await;
    let error = rig.destination().leftovers(&now()).await.unwrap_err();
    assert!(error.to_string().contains("manifest"), "{error}");
}

#[tokio::test]
async fn manifests_that_a_run_could_not_forget_go() {
    let rig = Rig::delta();
    rig.pipeline(&script()).run().await.unwrap();
    let (newest, text) = (rig.manifests().await.into_iter().max().unwrap(), rig.manifest().await);
    // The same as that of load 40, so that those up to 20 are past need.
    let mut later = text.clone();
    later["load"] = json!(40);
    rig.put("data/_stitchwork/script/00000000000000000040.json", later.to_string().into_bytes()).await;
    rig.put("data/_stitchwork/script/00000000000000000040.done", b"{}".to_vec()).await;
    let found = rig.destination().leftovers(&now()).await.unwrap();
    assert_eq!(found.files.len(), 4, "two loads, each with a manifest and a mark: {found:?}");
    assert!(found.files.iter().all(|file| file.kind == LeftoverKind::Manifest && file.table.is_none()));
    rig.destination().remove_leftovers(found).await.unwrap();
    assert!(!rig.paths().await.contains(&newest));
    assert_eq!(rig.manifests().await.len(), 1);
    assert_eq!(rig.column("events", "id").await, ["1", "2"]);
}

/// Kills runs at every call of the catalog, so that some have written all of a commit and not published it.
async fn leave_metadata(rig: &Rig) {
    for at in 0.. {
        let trouble = Trouble::at(Where::Catalog(at), Fault::Dead);
        let mut destination = rig.over(trouble.store(rig.inner.clone()));
        destination.catalog = Some(trouble.catalog(rig.catalog.clone()));
        let late = script().page("events", json!([{"id": at + 10, "tags": ["c"]}]));
        let run = rig.pipeline_over(destination, &late);
        let killed = tokio::select! {
            ended = run.run() => { ended.unwrap(); false }
            () = trouble.death() => true,
        };
        if !killed {
            return;
        }
    }
}

#[tokio::test]
async fn metadata_of_commits_that_were_stopped_goes() {
    let rig = Rig::new(Log::Iceberg);
    leave_metadata(&rig).await;
    let rows = (rig.column("events", "id").await, rig.column("events__tags", "value").await);
    assert_eq!(rig.destination().leftovers(&LeftoversArgs::default()).await.unwrap().files, []);
    let found = rig.destination().leftovers(&now()).await.unwrap();
    assert_eq!(found.skipped.len(), 0, "{found:?}");
    let metadata: Vec<_> = found.files.iter().filter(|file| file.kind == LeftoverKind::Metadata).collect();
    for part in [".metadata.json", "-m0.avro", "/snap-"] {
        let of_kind = metadata.iter().find(|file| file.location.contains(part));
        let of_kind = of_kind.unwrap_or_else(|| panic!("there is no {part}: {metadata:?}"));
        assert!(of_kind.size > 0 && of_kind.table.is_some(), "{of_kind:?}");
    }

    // One is needed by the time they are removed: the table's catalog has gone back to it.
    let needed = metadata.iter().find(|file| file.location.ends_with(".metadata.json")).unwrap();
    let (needed, table) = (needed.location.clone(), needed.table.clone().unwrap());
    let ident = TableIdent { namespace: vec!["db".to_owned()], name: table };
    let entry = rig.catalog.load(&ident).await.unwrap();
    let swap = |expected: Option<Pointer>, new: Option<Pointer>| {
        rig.catalog.swap(vec![SwapArgs { ident: ident.clone(), expected, new, updates: None }])
    };
    swap(entry.pointer.clone(), Some(Pointer(needed.clone()))).await.unwrap();
    let cleaned = rig.destination().remove_leftovers(found).await.unwrap();
    assert!(cleaned.kept.iter().any(|file| file.location == needed), "{cleaned:?}");
    // The newer ones tell of more than the table does now.
    let skipped: Vec<_> = cleaned.skipped.iter().map(|(table, _)| table.as_str()).collect();
    assert_eq!((cleaned.failed.len(), skipped), (0, vec![ident.name.as_str()]), "{cleaned:?}");
    swap(Some(Pointer(needed)), entry.pointer).await.unwrap();

    rig.destination().clean(&now()).await.unwrap();
    assert_eq!(rig.destination().leftovers(&now()).await.unwrap().files, []);
    assert_eq!((rig.column("events", "id").await, rig.column("events__tags", "value").await), rows);
    let more = (0..3).fold(script(), |script, _| script.page("events", json!([{"id": 99}])));
    let report = rig.pipeline(&more).run().await.unwrap();
    assert!(rig.column("events", "id").await.contains(&"99".to_owned()), "{report:?}");
}

/// Under two names may lie one folder: what one of them lacks the other one needs.
#[tokio::test]
async fn metadata_of_a_table_under_two_names_stays() {
    let rig = Rig::new(Log::Iceberg);
    rig.pipeline(&script()).run().await.unwrap();
    let ident = |name: &str| TableIdent { namespace: vec!["db".to_owned()], name: name.to_owned() };
    let entry = rig.catalog.load(&ident("events")).await.unwrap();
    for copy in ["a_copy", "the_copy"] {
        rig.catalog.create(Entry { ident: ident(copy), ..entry.clone() }).await.unwrap();
    }
    let more = script().page("events", json!([{"id": 3}]));
    rig.pipeline(&more).run().await.unwrap();
    // A load of somebody else into one of them would look like this.
    rig.put("data/events/data/load-00000001-01a226314676729f9172ed777404d623.parquet", b"x".to_vec()).await;
    let before = rig.paths().await;
    let cleaned = rig.destination().clean(&now()).await.unwrap();
    assert_eq!((cleaned.removed.len(), cleaned.skipped.len()), (0, 1), "{cleaned:?}");
    assert_eq!(rig.paths().await, before);
    assert_eq!(rig.column("events", "id").await, ["1", "2", "3"]);
    assert_eq!(rig.column("a_copy", "id").await, ["1", "2"]);
}

#[tokio::test]
async fn metadata_that_cannot_be_read_keeps_what_lies_beside_it() {
    let rig = Rig::new(Log::Iceberg);
    leave_metadata(&rig).await;
    let found = rig.destination().leftovers(&now()).await.unwrap();
    let is_broken = |file: &&Leftover| file.location.ends_with(".metadata.json");
    let broken = found.files.iter().find(is_broken).unwrap();
    let path = rig.destination().registry.stores().resolve(&broken.location).unwrap().path;
    rig.put(path.as_ref(), b"{".to_vec()).await;
    let table = broken.table.clone().unwrap();
    let cleaned = rig.destination().clean(&now()).await.unwrap();
    assert_eq!(cleaned.skipped.len(), 1, "{cleaned:?}");
    let (skipped, error) = &cleaned.skipped[0];
    assert!(*skipped == table && error.to_string().contains(path.filename().unwrap()), "{error}");
    let is_of_table =
        |file: &&Leftover| file.kind == LeftoverKind::Metadata && file.table.as_ref() == Some(&table);
    assert_eq!(cleaned.removed.iter().find(is_of_table), None);
}

/// In a folder, uploads that never ended are files that no store lists.
#[tokio::test]
async fn uploads_that_never_ended_go() {
    let folder = tempfile::tempdir().unwrap();
    let rig = Rig::delta();
    let mut destination = rig.over(Arc::new(LocalStore::new()));
    destination.registry.stores().mount("file://", Arc::new(LocalStore::new()));
    destination.location = format!("file://{}/da ta", folder.path().display());
    rig.pipeline_over(destination.clone(), &script()).run().await.unwrap();
    let data = folder.path().join("da ta");
    let uploads = [
        "events/a.parquet#17",
        "events/_delta_log/00000000000000000009.json#2",
        "_stitchwork/script/x.json#3",
    ];
    let others = ["events/a#b", "other#1", "mine/a.parquet#17"];
    std::fs::create_dir(data.join("mine")).unwrap();
    for name in uploads.iter().chain(&others) {
        std::fs::write(data.join(name), "x").unwrap();
    }
    assert_eq!(destination.leftovers(&LeftoversArgs::default()).await.unwrap().files, []);
    let cleaned = destination.clean(&now()).await.unwrap();
    assert_eq!((cleaned.removed.len(), cleaned.failed.len()), (3, 0), "{cleaned:?}");
    assert!(cleaned.removed.iter().all(|file| file.kind == LeftoverKind::Upload));
    assert!(uploads.iter().all(|name| !data.join(name).exists()));
    assert!(others.iter().all(|name| data.join(name).exists()));
    assert_eq!(rig.pipeline_over(destination, &script()).run().await.unwrap().loads, []);
}
