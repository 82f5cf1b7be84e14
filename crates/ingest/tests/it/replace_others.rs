//! Replacing where other pipelines have put rows into the tables.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use stitchwork_catalog_memory::MemoryCatalog;
use stitchwork_core::{Error, ErrorKind};
use stitchwork_ingest::{CommitPolicy, Destination, Progress, ProgressFn, pipeline};

use crate::matrix::faults::{Fault, Trouble};
use crate::matrix::steps::Where;
use crate::rig::{Log, Rig};
use crate::script::{Gate, Script};

const LOGS: [Log; 3] = [Log::Delta, Log::Iceberg, Log::Files];

fn one(id: i64) -> Script {
    Script::new(["a"]).page("a", json!([{ "id": id }]))
}

async fn other(destination: Destination, id: i64) {
    pipeline("other").source(one(id)).destination(destination).run().await.unwrap();
}

fn refused(outcome: Result<impl std::fmt::Debug, Error>) -> Error {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
    let told = ["table", "other", "pipeline"].map(|key| error.context(key));
    assert_eq!(told, [Some("a"), Some("other"), Some("script")], "{error}");
    error
}

#[tokio::test]
async fn rows_of_another_pipeline_are_not_replaced() {
    for rig in LOGS.map(Rig::new) {
        let theirs = Script::new(["a"]).page("a", json!([{"id": 1}, {"id": 2}]));
        let other = || pipeline("other").source(theirs.clone()).destination(rig.destination());
        other().run().await.unwrap();
        let mine =
            Script::new(["a", "b"]).page("a", json!([{"id": 3}])).page("b", json!([{"id": 4, "t": "a"}]));
        // It is told before the source is read, which would fail.
        let error = refused(rig.pipeline(&Script::new(["a"]).failing()).replace().run().await);
        assert!(error.context("state").unwrap().ends_with("_stitchwork/other"), "{error}");
        // Where rows say the table, they are known first.
        let by_row = || rig.pipeline(&mine).replace().table_name("b", "{t}").table_name("a", "c");
        refused(by_row().run().await);
        assert_eq!(rig.column("a", "id").await, ["1", "2"]);
        assert!(rig.pipeline(&mine).replace().table_name("a", "c").run().await.is_ok());
        // Adding beside them is another matter, and replacing one's own is, too.
        rig.pipeline(&Script::new(["d"]).page("d", json!([{"id": 5}]))).run().await.unwrap();
        other().replace().run().await.unwrap();
        assert_eq!(rig.column("a", "id").await, ["1", "2"]);
        // That pipeline is no more.
        rig.remove("data/_stitchwork/other").await;
        let plain =
            pipeline("new").source(mine.clone()).destination(rig.destination()).streams(["a"]).replace();
        plain.run().await.unwrap();
        assert_eq!(rig.column("a", "id").await, ["3"]);
    }
}

/// A table that was made anew has no rows of them, however often it is replaced.
#[tokio::test]
async fn tables_of_other_pipelines_that_are_gone_are_replaced() {
    let rig = Rig::delta();
    other(rig.destination(), 1).await;
    rig.remove("data/a").await;
    for id in 2..5 {
        rig.pipeline(&one(id)).replace().run().await.unwrap();
        assert_eq!(rig.column("a", "id").await, [id.to_string()]);
    }
}

#[tokio::test]
async fn rows_that_come_while_the_source_is_read_are_not_replaced() {
    for rig in LOGS.map(Rig::new) {
        rig.pipeline(&one(1)).run().await.unwrap();
        let gate = Arc::new(Gate::default());
        let waiting =
            Script::new(["a"]).rows("a", json!([{"id": 2}])).waiting(&gate).page("a", json!([{"id": 3}]));
        let mine = rig.pipeline(&waiting).replace();
        let meanwhile = async {
            gate.reached.notified().await;
            other(rig.destination(), 9).await;
            gate.open.notify_one();
        };
        let (outcome, ()) = futures::join!(mine.run(), meanwhile);
        refused(outcome);
        assert_eq!(rig.column("a", "id").await, ["1", "9"], "{:?}", rig.log);
    }
}

/// A first load of another pipeline into a table that is not committed yet, while the tables before it are.
#[tokio::test]
async fn rows_that_come_while_other_tables_are_committed_are_not_replaced() {
    for log in LOGS {
        let rig = Rig::new(log);
        let both = |id: i64| {
            Script::new(["a", "b"]).page("a", json!([{ "id": id }])).page("b", json!([{ "id": id }]))
        };
        let policy = CommitPolicy::default();
        let mine = |script: &Script, destination| {
            pipeline("script").source(script.clone()).destination(destination).commit_policy(policy)
        };
        mine(&both(1), rig.destination()).run().await.unwrap();
        let rows = |table: &'static str| async { rig.column(table, "id").await };
        // The last table of the load is slow: whichever it is, the other one is committed by then.
        let progress = Arc::new(Mutex::new(vec![]));
        let told = progress.clone();
        let (rig_in, entered) = (rig.clone(), Arc::new(AtomicUsize::new(0)));
        let on_progress = ProgressFn::new(move |progress| {
            if let Progress::Committing { table, .. } = progress {
                told.lock().unwrap().push(table.clone());
                if entered.fetch_add(1, Ordering::SeqCst) == 1 {
                    let (rig, table) = (rig_in.clone(), table.clone());
                    // Another process, which ends before this one goes on.
                    std::thread::spawn(move || {
                        let runtime =
                            tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
                        let theirs = Script::new([table.as_str()]).page(&table, json!([{"id": 9}]));
                        let run = pipeline("other").source(theirs).destination(rig.destination());
                        runtime.block_on(async { run.run().await.unwrap() });
                    })
                    .join()
                    .unwrap();
                }
            }
        });
        let outcome = mine(&both(2), rig.destination()).replace().on_progress(on_progress).run().await;
        let error = outcome.unwrap_err();
        assert_eq!(
            (error.kind(), error.context("other")),
            (ErrorKind::InvalidConfig, Some("other")),
            "{log:?}: {error}"
        );
        let order = progress.lock().unwrap().clone();
        let last = if order[1] == "a" { "a" } else { "b" };
        assert_eq!(rows(last).await, ["1", "9"], "{log:?}");
    }
}

/// Runs a replacement in processes that die later and later, until one has come so far.
async fn dies_replacing(log: Log, has_come: impl AsyncFn(&Rig) -> bool) -> Rig {
    for at in 0.. {
        let rig = Rig::new(log);
        rig.pipeline(&one(1)).run().await.unwrap();
        let trouble = Trouble::at(Where::Store(at), Fault::Dead);
        let run = rig.pipeline_over(rig.over(trouble.store(rig.inner.clone())), &one(2)).replace();
        tokio::select! {
            _ = run.run() => panic!("{log:?}: it has come to its end"),
            () = trouble.death() => {}
        }
        if has_come(&rig).await {
            return rig;
        }
    }
    unreachable!()
}

#[tokio::test]
async fn rows_that_come_before_a_replacement_is_finished_are_not_replaced() {
    for log in LOGS {
        let has_manifest =
            async |rig: &Rig| rig.manifests().await.iter().any(|path| path.ends_with("02.json"));
        let rig = dies_replacing(log, has_manifest).await;
        assert_eq!(rig.column("a", "id").await, ["1"], "{log:?}");
        other(rig.destination(), 9).await;
        for replaces in [false, true] {
            let next = rig.pipeline(&one(3));
            let next = if replaces { next.replace() } else { next };
            let error = refused(next.run().await);
            assert!(error.context("manifest").unwrap().ends_with("02.json"), "{error}");
            assert_eq!(rig.column("a", "id").await, ["1", "9"], "{log:?}");
        }
        // As the error says: the table stays as it is.
        let path =
            rig.manifests().await.into_iter().find(|path| path.ends_with("script/00000000000000000002.json"));
        let path = path.unwrap();
        let mut manifest: Value = serde_json::from_str(&rig.text(&path).await).unwrap();
        manifest["tables"] = json!([]);
        rig.put(&path, manifest.to_string().into_bytes()).await;
        let more = one(3).page("a", json!([{"id": 4}]));
        rig.pipeline(&more).run().await.unwrap();
        assert!(rig.column("a", "id").await.contains(&"4".to_owned()), "{log:?}");
    }
}

#[tokio::test]
async fn rows_that_come_after_a_replacement_are_no_reason_not_to_finish_it() {
    for log in LOGS {
        let rig = dies_replacing(log, async |rig: &Rig| rig.column("a", "id").await == ["2"]).await;
        other(rig.destination(), 9).await;
        let report = rig.pipeline(&one(2)).run().await.unwrap();
        assert!(report.recovered.is_some() || report.loads.is_empty(), "{log:?}: {report:?}");
        assert_eq!(rig.column("a", "id").await, ["2", "9"], "{log:?}");
    }
}

/// One folder is one table, whatever names it.
#[tokio::test]
async fn rows_that_came_by_another_catalog_or_namespace_are_not_replaced() {
    let bare = |rig: &Rig| Rig { log: Log::Delta, ..rig.clone() }.destination();
    let named = |rig: &Rig| rig.destination();
    let other_namespace = |rig: &Rig| {
        let mut destination = rig.destination();
        destination.namespace = vec!["db2".to_owned()];
        destination
    };
    let other_catalog =
        |rig: &Rig| bare(rig).with_catalog(Arc::new(MemoryCatalog::new()), vec!["db".to_owned()]);
    type Place<'a> = &'a dyn Fn(&Rig) -> Destination;
    let ways: [(&str, Place<'_>, Place<'_>); 4] = [
        ("theirs has no catalog", &bare, &named),
        ("mine has no catalog", &named, &bare),
        ("namespaces", &named, &other_namespace),
        ("another catalog", &named, &other_catalog),
    ];
    for (what, theirs, mine) in ways {
        let rig = Rig::new(Log::NamedDelta);
        other(theirs(&rig), 1).await;
        let outcome = rig.pipeline_over(mine(&rig), &one(2)).replace().run().await;
        let error = outcome.map(|_| ()).expect_err(what);
        assert_eq!(
            (error.kind(), error.context("other")),
            (ErrorKind::InvalidConfig, Some("other")),
            "{what}: {error}"
        );
        let rows = Rig { log: Log::Delta, ..rig.clone() }.column("a", "id").await;
        assert_eq!(rows, ["1"], "{what}");
    }
}

#[tokio::test]
async fn a_copy_of_the_own_state_is_nobody_elses_and_a_broken_one_is_named() {
    let rig = Rig::delta();
    rig.pipeline(&one(1)).run().await.unwrap();
    for path in rig.paths().await.into_iter().filter(|path| path.contains("_stitchwork/script/")) {
        let bytes = rig.bytes(&path).await;
        rig.put(&path.replace("/script/", "/script_old/"), bytes).await;
    }
    rig.pipeline(&one(2)).replace().run().await.unwrap();
    assert_eq!(rig.column("a", "id").await, ["2"]);
    pipeline("else")
        .source(Script::new(["e"]).page("e", json!([{"id": 1}])))
        .destination(rig.destination())
        .run()
        .await
        .unwrap();
    rig.put("data/_stitchwork/else/00000000000000000001.json", b"{".to_vec()).await;
    let error = rig.pipeline(&one(3)).replace().run().await.unwrap_err();
    assert!(error.message().contains("the state of another pipeline cannot be read"), "{error}");
    assert!(error.message().contains("remove the pipeline's state folder"), "{error}");
    assert!(error.context("file").unwrap().ends_with("else/00000000000000000001.json"), "{error}");
    assert!(error.context("state").unwrap().ends_with("_stitchwork/else"), "{error}");
    // Adding removes nothing.
    rig.pipeline(&one(3).page("a", json!([{"id": 4}]))).run().await.unwrap();
}
