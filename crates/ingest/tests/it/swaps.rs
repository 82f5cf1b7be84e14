//! One location and another log, catalog or namespace: refused before any row is passed over.

use std::sync::Arc;

use serde_json::json;
use stitchwork_catalog_memory::MemoryCatalog;
use stitchwork_core::{Catalog, Error, ErrorKind, TableIdent};
use stitchwork_ingest::{Destination, Pipeline, pipeline};
use stitchwork_testkit::FlakyCatalog;

use crate::leftovers::now;
use crate::rig::{Log, Rig};
use crate::script::Script;
use crate::state::killed_at;

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
    let more = script().page("s", json!([{"id": 2}]));
    rig.pipeline(&more).run().await.unwrap();
    // Another catalog names tables of the same pipeline that lie elsewhere.
    let other = Rig { catalog: Arc::default(), ..rig.clone() };
    let mut elsewhere = other.destination();
    elsewhere.location = "memory:elsewhere".to_owned();
    other.pipeline_over(elsewhere, &script()).run().await.unwrap();
    let error = refused(other.pipeline(&more)).await;
    assert_eq!((error.context("load"), error.context("has_load")), (Some("2"), Some("1")), "{error}");
    assert_eq!(other.column("s", "id").await, ["1"]);
    // What the message says helps.
    rig.remove("data/_stitchwork").await;
    other.pipeline(&more).run().await.unwrap();
    assert_eq!(other.column("s", "id").await, ["1", "2"]);
}

#[tokio::test]
async fn no_table_is_made_in_the_folder_of_one_that_another_catalog_names() {
    let rig = Rig::new(Log::Iceberg);
    rig.pipeline(&script()).run().await.unwrap();
    let more = script().page("s", json!([{"id": 2}]));
    killed_at(&rig, &more, "/_stitchwork/script/00000000000000000002.json").await;
    let (objects, state) = (rig.paths().await.len(), rig.manifest().await);
    // Another one, or the same one after it was lost.
    let other = Rig { catalog: Arc::default(), ..rig.clone() };
    let pipelines = [other.pipeline(&more), other.pipeline(&more).replace()];
    let another = pipeline("new").source(more.clone()).destination(other.destination());
    for run in pipelines.into_iter().chain([another]) {
        let error = refused(run).await;
        assert!(error.message().contains("of the catalog does not name"), "{error}");
        assert!(error.context("table").is_some_and(|table| table.starts_with('s')), "{error}");
        assert!(error.context("location").is_some_and(|at| at.starts_with("memory:data/s")), "{error}");
    }
    assert_eq!(other.tables().await, [""; 0]);
    // The interrupted load still waits for the catalog that it was made with, which finishes it.
    assert_eq!((rig.paths().await.len(), rig.manifest().await), (objects, state));
    let report = rig.pipeline(&more).run().await.unwrap();
    assert_eq!((report.recovered, report.rows()), (Some(2), 0));
    other.destination().clean(&now()).await.unwrap();
    rig.destination().clean(&now()).await.unwrap();
    assert_eq!(rig.column("s", "id").await, ["1", "2"]);
    // What the message says helps: the new catalog is told where the tables are.
    for table in ["s", "s__l"] {
        let ident = TableIdent { namespace: vec!["db".to_owned()], name: table.to_owned() };
        other.catalog.create(rig.catalog.load(&ident).await.unwrap()).await.unwrap();
    }
    let report = other.pipeline(&more.page("s", json!([{"id": 3}]))).run().await.unwrap();
    assert_eq!((report.rows(), other.column("s", "id").await.len()), (1, 3));
}

#[tokio::test]
async fn a_table_that_was_made_and_not_named_is_in_nobodys_way() {
    let rig = Rig::new(Log::Iceberg);
    // What runs leave that died between the two: no catalog has heard of the table.
    let mut at = 0;
    while rig.paths().await.iter().filter(|path| path.contains("data/s/metadata/00000-")).count() < 2 {
        let forgotten = Rig { catalog: Arc::default(), ..rig.clone() };
        assert!(forgotten.is_killed_at(at, &script()).await, "the run was to be killed");
        at += 1;
    }
    rig.pipeline(&script()).run().await.unwrap();
    assert_eq!(rig.column("s", "id").await, ["1"]);
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
