//! The state of a pipeline: interrupted, lost, old, broken, or shared by two runs at once.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use stitchwork_core::ErrorKind;
use stitchwork_ingest::{Pipeline, RunReport, pipeline};
use stitchwork_testkit::{Fault, FaultStore, Operation, Rule};

use crate::leftovers::now;
use crate::rig::Rig;
use crate::script::{Gate, Script};

const STATE: &str = "data/_stitchwork/script";

fn one_page() -> Script {
    Script::new(["s"]).page("s", json!([{"id": 1, "l": [1]}]))
}

/// Runs until a path with this ending is written, and is killed there.
pub(crate) async fn killed_at(rig: &Rig, script: &Script, ends: &str) {
    for at in 0..100 {
        let copy = rig.inner.fork();
        let tried = Rig { inner: Arc::new(copy), ..rig.clone() };
        tried.is_killed_at(at, script).await;
        if tried.paths().await.iter().any(|path| path.ends_with(ends)) {
            for path in tried.paths().await {
                let bytes = tried.bytes(&path).await;
                rig.put(&path, bytes).await;
            }
            return;
        }
    }
    panic!("nothing that ends with {ends} has been written");
}

#[tokio::test]
async fn how_far_a_pipeline_has_come_is_told() {
    let rig = Rig::delta();
    let nothing = rig.destination().pipeline_state("script").await.unwrap();
    assert_eq!((nothing.last, nothing.finished), (None, false));
    assert_eq!(nothing.location, "memory:///data/_stitchwork/script");
    killed_at(&rig, &one_page(), "/_stitchwork/script/00000000000000000001.json").await;
    let open = rig.destination().pipeline_state("script").await.unwrap();
    let last = open.last.unwrap();
    assert_eq!((last.load, last.rows, open.finished), (1, 1, false));
    let report = rig.pipeline(&one_page()).run().await.unwrap();
    let done = rig.destination().pipeline_state("script").await.unwrap();
    assert!(done.finished);
    let last = done.last.unwrap();
    assert_eq!(last.cursor, report.cursor.map(|cursor| cursor.0));
    assert_eq!(last.known.keys().collect::<Vec<_>>(), ["s", "s__l"]);
    let paths = rig.paths().await;

    let error = rig.destination().pipeline_state("Script").await.unwrap_err();
    assert_eq!((error.kind(), error.context("other")), (ErrorKind::InvalidConfig, Some("script")));
    let newest = rig.manifests().await.into_iter().max().unwrap();
    rig.put(&newest, b"{".to_vec()).await;
    let error = rig.destination().pipeline_state("script").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.context("location").is_some_and(|at| at.ends_with(&newest)), "{error}");
    assert_eq!(rig.paths().await, paths, "looking changes nothing");
}

#[tokio::test]
async fn a_source_that_fails_half_way_leaves_its_loads_and_is_completed() {
    let rig = Rig::delta();
    let start = Script::new(["s"]).page("s", json!([{"id": 1}])).page("s", json!([{"id": 2}]));
    let failing = start.clone().rows("s", json!([{"id": 3}])).failing();
    let error = rig.pipeline(&failing).run().await.unwrap_err();
    assert_eq!(error.context("load"), Some("3"), "{error}");
    assert_eq!(rig.column("s", "id").await, ["1", "2"]);
    let whole = start.rows("s", json!([{"id": 3}])).page("s", json!([{"id": 4}]));
    let report = rig.pipeline(&whole).run().await.unwrap();
    assert_eq!((report.rows(), report.recovered), (2, None));
    assert_eq!(rig.column("s", "id").await, ["1", "2", "3", "4"]);
}

#[tokio::test]
async fn a_source_without_cursors_is_not_read_again_to_finish_its_load() {
    let rig = Rig::delta();
    let script = one_page().without_cursors();
    killed_at(&rig, &script, "/_stitchwork/script/00000000000000000001.json").await;
    let report = rig.pipeline(&script).run().await.unwrap();
    assert_eq!((report.recovered, report.unread, report.loads.len()), (Some(1), true, 0));
    assert_eq!((rig.rows("s").await.len(), rig.rows("s__l").await.len()), (1, 1));
    // The next run is a run of its own: it appends everything, as such a source does.
    let report = rig.pipeline(&script).run().await.unwrap();
    assert_eq!((report.unread, report.rows()), (false, 1));
    assert_eq!(rig.rows("s").await.len(), 2);
}

#[tokio::test]
async fn streams_without_cursors_beside_others_are_loaded_once_per_run() {
    let rig = Rig::delta();
    let script = Script::new(["a", "full"])
        .with_cursor_for("a")
        .rows("full", json!([{"id": 1}]))
        .page("a", json!([{"id": 2}]))
        .page("a", json!([{"id": 3}]))
        .rows("full", json!([{"id": 4}]));
    killed_at(&rig, &script, "/_stitchwork/script/00000000000000000001.json").await;
    let report = rig.pipeline(&script).run().await.unwrap();
    assert_eq!((report.recovered, report.unread, report.loads.len()), (Some(1), true, 0));
    assert_eq!(rig.column("full", "id").await, ["1", "4"]);
    let report = rig.pipeline(&script).run().await.unwrap();
    assert_eq!((report.recovered, report.loads.len(), report.rows()), (None, 1, 2));
    assert_eq!(rig.column("a", "id").await, ["2", "3"]);
    assert_eq!(rig.column("full", "id").await, ["1", "1", "4", "4"]);
}

/// Two runs at once: the first one has read its rows and waits while `others` more loads are made.
async fn beside(rig: &Rig, others: usize) -> RunReport {
    let gate = Arc::new(Gate::default());
    let rows = Script::new(["s"]).rows("s", json!([{"id": 0, "l": [1]}]));
    let slow = rig.pipeline(&rows.clone().waiting(&gate).checkpoint());
    let mut script = rows.checkpoint();
    let slow = tokio::spawn(async move { slow.run().await });
    gate.reached.notified().await;
    for id in 1..others {
        script = script.page("s", json!([{"id": id}]));
    }
    let fast = rig.pipeline(&script).run().await.unwrap();
    assert_eq!(fast.loads.len(), others);
    gate.open.notify_one();
    let error = slow.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error:?}");
    let report = rig.pipeline(&script).run().await.unwrap();
    assert_eq!(rig.rows("s").await.len(), others);
    assert_eq!(rig.column("s__l", "value").await, ["1"]);
    report
}

async fn data_files(rig: &Rig) -> usize {
    rig.paths().await.iter().filter(|path| path.ends_with(".parquet")).count()
}

#[tokio::test]
async fn of_two_runs_at_once_one_is_told() {
    let rig = Rig::delta();
    let report = beside(&rig, 1).await;
    assert_eq!((report.loads.len(), report.recovered), (0, None));
    assert_eq!(data_files(&rig).await, 2, "the slow run has removed its files");
}

#[tokio::test]
async fn a_run_that_slept_through_more_loads_than_are_kept_doubles_nothing() {
    let rig = Rig::delta();
    let report = beside(&rig, 24).await;
    assert_eq!((report.loads.len(), report.recovered), (0, None));
    // It cannot know whether its manifest had been there in time, and removes no file that may be live.
    assert!(data_files(&rig).await > 25);
    rig.destination().clean(&now()).await.unwrap();
    assert_eq!(data_files(&rig).await, 25);
}

/// A run waits after its manifest is there, while another one finishes its load and makes `others` more. The files of
/// the slow run are in the tables by then, and it must not take them for files of its own that nobody needs.
#[tokio::test]
async fn a_run_that_is_slow_after_its_manifest_removes_nothing() {
    for others in [1, 24] {
        let rig = Rig::delta();
        let store = FaultStore::new(rig.inner.clone());
        let wait = Fault::Delay(Duration::from_millis(100));
        // The first list finds no manifest, the second one looks whether somebody was faster.
        store.inject(Rule::on(&[Operation::List], wait).path("_stitchwork/script").after(1));
        let first = one_page();
        let slow = rig.pipeline_over(rig.over(Arc::new(store.clone())), &first);
        let mut slow = pin!(slow.run());
        let waits = async {
            while store.faults() == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::select! {
            biased;
            () = waits => {}
            outcome = &mut slow => panic!("the run was to wait: {outcome:?}"),
        }
        let script = (0..others).fold(first, |script, id| script.page("s", json!([{"id": 10 + id}])));
        let fast = rig.pipeline(&script).run().await.unwrap();
        assert_eq!((fast.recovered, fast.loads.len()), (Some(1), others));
        let files = data_files(&rig).await;
        let outcome = slow.await;
        assert!(others == 1 || outcome.unwrap_err().kind() == ErrorKind::Conflict);
        assert_eq!(data_files(&rig).await, files);
        let report = rig.pipeline(&script).run().await.unwrap();
        assert_eq!((report.recovered, report.loads.len()), (None, 0));
        assert_eq!((rig.rows("s").await.len(), rig.rows("s__l").await.len()), (others + 1, 1));
    }
}

#[tokio::test]
async fn old_manifests_are_removed() {
    let rig = Rig::delta();
    let mut script = Script::new(["s"]);
    for id in 0..30 {
        script = script.page("s", json!([{"id": id}]));
    }
    rig.pipeline(&script).run().await.unwrap();
    let manifests = rig.manifests().await;
    assert_eq!(manifests.len(), 20, "{manifests:?}");
    assert!(manifests[0].ends_with("/00000000000000000011.json"));
    assert_eq!(rig.paths().await.iter().filter(|path| path.ends_with(".done")).count(), 20);
}

#[tokio::test]
async fn a_lost_state_is_found_in_the_tables() {
    let rig = Rig::delta();
    let script = one_page().page("s", json!([{"id": 2}]));
    rig.pipeline(&script).run().await.unwrap();
    rig.remove(STATE).await;
    let script = script.page("s", json!([{"id": 3}]));
    let report = rig.pipeline(&script).run().await.unwrap();
    assert_eq!(report.loads.iter().map(|load| (load.id, load.rows)).collect::<Vec<_>>(), [(3, 1)]);
    assert_eq!(rig.column("s", "id").await, ["1", "2", "3"]);
    // The tables are known again as well.
    rig.remove(STATE).await;
    rig.pipeline(&Script::new(["s"]).page("s", json!([{"id": 9}]))).replace().run().await.unwrap();
    assert_eq!((rig.column("s", "id").await, rig.rows("s__l").await.len()), (vec!["9".to_owned()], 0));
}

#[tokio::test]
async fn a_state_lost_between_two_commits_of_a_load_is_told() {
    let rig = Rig::delta();
    let script = one_page();
    killed_at(&rig, &script, "s__l/_delta_log/00000000000000000001.json").await;
    assert!(!rig.paths().await.iter().any(|path| path.ends_with("s/_delta_log/00000000000000000001.json")));
    rig.remove(STATE).await;
    let error = rig.pipeline(&script).run().await.unwrap_err();
    assert_eq!((error.kind(), error.context("load")), (ErrorKind::InvalidData, Some("1")));
    rig.pipeline(&script).replace().run().await.unwrap();
    assert_eq!((rig.rows("s").await.len(), rig.rows("s__l").await.len()), (1, 1));
}

#[tokio::test]
async fn a_state_older_than_the_tables_is_refused() {
    let rig = Rig::delta();
    let script = one_page();
    rig.pipeline(&script).run().await.unwrap();
    let script = script.page("s", json!([{"id": 2}]));
    rig.pipeline(&script).run().await.unwrap();
    rig.remove(&format!("{STATE}/00000000000000000002")).await;
    let error = rig.pipeline(&script).run().await.unwrap_err();
    assert_eq!((error.kind(), error.context("load")), (ErrorKind::Conflict, Some("2")));
    // What the message says helps.
    rig.remove(STATE).await;
    rig.pipeline(&script).run().await.unwrap();
    assert_eq!(rig.column("s", "id").await, ["1", "2"]);
}

#[tokio::test]
async fn a_table_that_was_dropped_in_between_is_named_with_what_to_do() {
    let rig = Rig::delta();
    let script = one_page();
    killed_at(&rig, &script, "/_stitchwork/script/00000000000000000001.json").await;
    rig.remove("data/s__l").await;
    let error = rig.pipeline(&script).run().await.unwrap_err();
    assert_eq!((error.kind(), error.context("table")), (ErrorKind::NotFound, Some("s__l")));
    let manifest = error.context("manifest").unwrap().trim_start_matches("memory:///").to_owned();
    let mut value = rig.manifest().await;
    value["tables"].as_array_mut().unwrap().retain(|table| table["name"] != "s__l");
    rig.put(&manifest, value.to_string().into_bytes()).await;
    let report = rig.pipeline(&script).run().await.unwrap();
    assert_eq!(report.recovered, Some(1));
    assert_eq!(rig.column("s", "id").await, ["1"]);
}

#[tokio::test]
async fn a_child_table_that_is_gone_is_named() {
    let rig = Rig::delta();
    let script = one_page();
    rig.pipeline(&script).run().await.unwrap();
    rig.remove("data/s__l/").await;
    let script = script.page("s", json!([{"id": 2, "l": [2]}]));
    let error = rig.pipeline(&script).run().await.unwrap_err();
    assert_eq!((error.kind(), error.context("tables")), (ErrorKind::InvalidConfig, Some("s__l")), "{error}");
    // The way out that the error names: on without the rows that are gone.
    rig.remove(STATE).await;
    rig.pipeline(&script).run().await.unwrap();
    assert_eq!(rig.column("s", "id").await, ["1", "2"]);
    assert_eq!(rig.column("s__l", "value").await, ["2"]);
}

#[tokio::test]
async fn tables_that_are_all_gone_are_loaded_anew() {
    let rig = Rig::delta();
    let script = one_page();
    rig.pipeline(&script).run().await.unwrap();
    for table in ["data/s/", "data/s__l/"] {
        rig.remove(table).await;
    }
    rig.pipeline(&script).run().await.unwrap();
    assert_eq!(rig.column("s", "id").await, ["1"]);
}

#[tokio::test]
async fn broken_manifests_are_told_with_their_place() {
    let rig = Rig::delta();
    let script = one_page();
    rig.pipeline(&script).run().await.unwrap();
    let path = rig.manifests().await.remove(0);
    let good = rig.manifest().await;
    let mut newer = good.clone();
    newer["version"] = json!(99);
    let mut moved = good.clone();
    moved["load"] = json!(7);
    for text in ["{\"version\": 1, ".to_owned(), "[]".to_owned(), newer.to_string(), moved.to_string()] {
        rig.put(&path, text.into_bytes()).await;
        let error = rig.pipeline(&script).run().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.context("location").unwrap().ends_with(&path), "{error}");
    }
    rig.put(&path, good.to_string().into_bytes()).await;
    assert_eq!(rig.pipeline(&script).run().await.unwrap().rows(), 0);
}

#[tokio::test]
async fn pipelines_whose_names_share_a_folder_do_not_share_a_state() {
    let rig = Rig::delta();
    let run = |name: &str| -> Pipeline { pipeline(name).source(one_page()).destination(rig.destination()) };
    run("git hub").run().await.unwrap();
    let error = run("git-hub").run().await.unwrap_err();
    assert_eq!((error.kind(), error.context("other")), (ErrorKind::InvalidConfig, Some("git hub")));
}

#[tokio::test]
async fn manifests_hold_no_settings() {
    let rig = Rig::delta();
    let mut destination = rig.destination();
    destination.properties.insert("token".to_owned(), "s3cret".to_owned());
    destination.config.file_metadata.insert("token".to_owned(), "s3cret".to_owned());
    rig.pipeline_over(destination, &one_page()).run().await.unwrap();
    let mut texts = vec![];
    for path in rig.paths().await.iter().filter(|path| path.contains("_stitchwork")) {
        texts.push(rig.text(path).await);
    }
    assert_eq!(texts.len(), 2);
    assert!(texts.iter().all(|text| !text.contains("s3cret")));
}
