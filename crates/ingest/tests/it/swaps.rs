//! One location and another log, catalog or namespace: refused before any row is passed over.

use std::sync::Arc;

use serde_json::json;
use stitchwork_catalog_memory::MemoryCatalog;
use stitchwork_core::{Catalog, Error, ErrorKind};
use stitchwork_ingest::{Destination, Pipeline, pipeline};
use stitchwork_testkit::FlakyCatalog;

use crate::rig::{Log, Rig};
use crate::script::Script;

fn script() -> Script {
    Script::new(["s"]).page("s", json!([{"id": 1, "l": [1]}]))
}

fn with_catalog(rig: &Rig, catalog: &Arc<dyn Catalog>) -> Destination {
    rig.destination().with_catalog(catalog.clone(), vec!["db".to_owned()])
}

async fn refused(run: Pipeline) -> Error {
    let error = run.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
    error
}

#[tokio::test]
async fn a_swap_is_refused_and_swapping_back_goes_on() {
    let other: Arc<dyn Catalog> =
        Arc::new(FlakyCatalog::new(Arc::new(MemoryCatalog::new())).with_scheme("other"));
    let logs = [Log::Delta, Log::NamedDelta, Log::Iceberg, Log::Files];
    for first in logs {
        let rig = Rig::new(first);
        rig.pipeline(&script()).run().await.unwrap();
        let more = script().page("s", json!([{"id": 2}]));
        for second in logs.into_iter().filter(|second| *second != first) {
            let swapped = Rig { log: second, ..rig.clone() };
            let error = refused(swapped.pipeline(&more)).await;
            assert!(error.context("there").unwrap().contains(first.scheme()), "{error}");
            assert!(error.context("asked_for").unwrap().contains(second.scheme()), "{error}");
            // A replacement would leave the tables of the other log behind.
            refused(swapped.pipeline(&more).replace()).await;
        }
        let error = refused(rig.pipeline_over(with_catalog(&rig, &other), &more)).await;
        assert!(error.context("asked_for").unwrap().contains("other catalog"), "{error}");
        if first == Log::Iceberg {
            let mut elsewhere = rig.destination();
            elsewhere.namespace = vec!["elsewhere".to_owned()];
            refused(rig.pipeline_over(elsewhere, &more)).await;
        }
        let report = rig.pipeline(&more).run().await.unwrap();
        assert_eq!((report.rows(), rig.column("s", "id").await), (1, vec!["1".to_owned(), "2".to_owned()]));
    }
}

#[tokio::test]
async fn a_manifest_that_does_not_say_its_destination_still_works() {
    let rig = Rig::new(Log::Iceberg);
    rig.pipeline(&script()).run().await.unwrap();
    let path = rig.manifests().await.remove(0);
    let mut manifest = rig.manifest().await;
    assert_eq!(manifest["destination"]["catalog"], "memory");
    manifest.as_object_mut().unwrap().remove("destination");
    rig.put(&path, manifest.to_string().into_bytes()).await;
    let report = rig.pipeline(&script().page("s", json!([{"id": 2}]))).run().await.unwrap();
    assert_eq!(report.rows(), 1);
}

#[tokio::test]
async fn two_catalogs_of_one_kind_at_one_location_are_told_apart_by_their_tables() {
    let rig = Rig::new(Log::Iceberg);
    rig.pipeline(&script()).run().await.unwrap();
    // Another catalog in memory has no table, as after a restart: everything is loaded anew.
    let restarted = Rig { catalog: Arc::new(MemoryCatalog::new()), ..rig.clone() };
    let more = script().page("s", json!([{"id": 2}]));
    restarted.pipeline(&more).run().await.unwrap();
    assert_eq!(restarted.column("s", "id").await, ["1", "2"]);
    // The first one has come back, and lacks what the state says.
    let error = refused(rig.pipeline(&more)).await;
    assert_eq!((error.context("load"), error.context("has_load")), (Some("3"), Some("1")), "{error}");
    assert_eq!(rig.column("s", "id").await, ["1"]);
    // What the message says helps.
    rig.remove("data/_stitchwork").await;
    rig.pipeline(&more).run().await.unwrap();
    assert_eq!(rig.column("s", "id").await, ["1", "2"]);
}

#[tokio::test]
async fn a_table_that_the_catalog_knows_with_another_log_is_not_loaded_into() {
    let rig = Rig::new(Log::NamedDelta);
    rig.pipeline(&script()).run().await.unwrap();
    let iceberg = Rig { log: Log::Iceberg, ..rig.clone() };
    let run = |name: &str| pipeline(name).source(script()).destination(iceberg.destination());
    let error = refused(run("another")).await;
    assert!(error.context("table").is_some_and(|table| table.starts_with('s')), "{error}");
    assert_eq!((error.context("there"), error.context("asked_for")), (Some("delta"), Some("iceberg")));
    assert_eq!(rig.rows("s").await.len(), 1);
    // It can be read all the same, and tables of other names be loaded beside it.
    assert_eq!(iceberg.rows("s").await.len(), 1);
    let beside = Script::new(["t"]).page("t", json!([{"id": 1}]));
    pipeline("beside").source(beside).destination(iceberg.destination()).run().await.unwrap();
    assert_eq!(iceberg.rows("t").await.len(), 1);
}

#[tokio::test]
async fn no_table_is_made_where_one_of_another_log_lies() {
    let logs = [Log::Delta, Log::Iceberg, Log::Files];
    for first in logs {
        for second in logs.into_iter().filter(|second| *second != first) {
            let rig = Rig::new(first);
            rig.pipeline(&script()).run().await.unwrap();
            // Nothing but the folder tells: the catalog is new, and so is the pipeline.
            let swapped = Rig { log: second, catalog: Arc::default(), ..rig.clone() };
            let error = refused(pipeline("new").source(script()).destination(swapped.destination())).await;
            assert_eq!(error.context("there"), Some(first.scheme()), "{second:?}: {error}");
            assert_eq!(rig.rows("s").await.len(), 1);
        }
    }
}

#[tokio::test]
async fn tables_that_a_new_catalog_does_not_name_yet_still_tell_where_to_go_on() {
    let rig = Rig::delta();
    rig.pipeline(&script()).run().await.unwrap();
    rig.remove("data/_stitchwork").await;
    let named = Rig { log: Log::NamedDelta, ..rig.clone() };
    let report = named.pipeline(&script().page("s", json!([{"id": 2}]))).run().await.unwrap();
    assert_eq!((report.rows(), report.loads.len()), (1, 1));
    assert_eq!(named.column("s", "id").await, ["1", "2"]);
}

#[tokio::test]
async fn no_row_can_name_the_folder_of_the_state() {
    let rig = Rig::delta();
    let script =
        Script::new(["events"]).page("events", json!([{"type": "_stitchwork"}, {"type": "_delta_log"}]));
    rig.pipeline(&script).table_name("events", "{type}").run().await.unwrap();
    let tables = rig.tables().await;
    assert_eq!(tables.len(), 2, "{tables:?}");
    for (table, kind) in tables.iter().zip(["_delta_log", "_stitchwork"]) {
        assert_eq!(rig.column(table, "type").await, [kind]);
    }
}
