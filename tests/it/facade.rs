//! The facade's builders with what somebody brings along: registries with stores and connectors of their own, options
//! of stores.

use std::sync::Arc;

use object_store::memory::InMemory;
use stitchwork::core::{CreateArgs, ErrorKind, OpenUrl, WriteArgs};
use stitchwork::tables::AppendArgs;
use stitchwork::{Registry, Session, pipeline, table};
use stitchwork_services::{VERSITYGW, in_test};
use stitchwork_testkit::{Fault, FaultStore, Operation, Rule, batches};
use stitchwork_tests::layers::Place;
use stitchwork_tests::rows::{animals, stream, texts};

fn with_outside() -> Registry {
    let mut registry = stitchwork::registry().unwrap();
    third_party_connector::register(&mut registry).unwrap();
    registry
}

async fn rows(session: &Session, sql: &str) -> Vec<String> {
    texts(&session.sql(sql).await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_pipeline_loads_an_outside_source_into_a_mounted_store() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("app.log");
    std::fs::write(&log, "one\ntwo\nthree\n").unwrap();
    let registry = with_outside();
    let store = FaultStore::new(Arc::new(InMemory::new()));
    registry.stores().mount("memory://", Arc::new(store.clone()));
    let source = registry.source(OpenUrl::new(format!("tail://{}", log.display()))).await.unwrap();
    let place = table("delta", "memory:data").registry(registry);
    let load = pipeline("logs").shared_source(source).destination(place.clone());

    store.inject(Rule::any(Fault::Unavailable).times(u64::MAX));
    assert_eq!(load.run().await.unwrap_err().kind(), ErrorKind::Unavailable, "the store is the mounted one");
    store.heal();
    assert_eq!(load.run().await.unwrap().rows(), 3);
    assert!(store.count(Operation::Put) > 0);

    let session = Session::new().unwrap().attach("logs", place).await.unwrap();
    assert_eq!(rows(&session, "select text from logs.lines").await, ["text=one", "text=three", "text=two"]);
}

#[tokio::test]
async fn a_session_opens_catalogs_and_files_with_its_registry() {
    let place = Place::new("delta", "sqlite", "file").await.unwrap();
    let made = animals(1, &[Some("ant"), Some("bee")]);
    let animals = place.create("animals", CreateArgs::new(made.schema())).await.unwrap();
    animals.append(stream(made), AppendArgs::default()).await.unwrap();

    let registry = with_outside();
    let numbers = batches::plain(7, 0, 100).unwrap();
    let path = place.folder.path().join("numbers.rows");
    let object = registry.stores().resolve(&format!("file://{}", path.display())).unwrap();
    let format = registry.formats().for_path("numbers.rows").unwrap();
    let mut writer = format.write(&object, WriteArgs::new(numbers.schema())).await.unwrap();
    writer.write(&numbers).await.unwrap();
    writer.finish().await.unwrap();

    let session = Session::open(registry, OpenUrl::new("datafusion:")).await.unwrap();
    let session = session.attach_catalog("lake", OpenUrl::new(&place.catalog_url)).await.unwrap();
    let session = session.attach_files("numbers", &[path.display().to_string()]).await.unwrap();
    assert_eq!(rows(&session, "select name from lake.ns.animals").await, ["name=ant", "name=bee"]);
    assert_eq!(rows(&session, "select count(*) as n from numbers where id >= 90").await, ["n=10"]);

    // Without that registry, nobody knows the format.
    let without =
        Session::new().unwrap().attach_files("numbers", &[path.display().to_string()]).await.unwrap_err();
    assert!(without.to_string().contains("rows"), "{without}");
}

#[tokio::test]
async fn options_of_a_sessions_stores_are_checked_by_the_stores() {
    let session = Session::new().unwrap().store_options("s3://", [("regoin", "eu")]).unwrap();
    let error = session.attach_files("t", &["s3://bucket/x.parquet"]).await.unwrap_err();
    assert_eq!(
        (error.kind(), error.context("option")),
        (ErrorKind::InvalidConfig, Some("regoin")),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn options_reach_a_bucket() {
    let Some(server) = tokio::task::spawn_blocking(|| in_test(&VERSITYGW)).await.unwrap() else { return };
    let reached = server.s3_options(&server.url());
    let root = tokio::task::spawn_blocking(move || server.fresh("facade").unwrap()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("app.log");
    std::fs::write(&log, "one\ntwo\n").unwrap();
    let source = with_outside().source(OpenUrl::new(format!("tail://{}", log.display()))).await.unwrap();
    let place = table("delta", format!("{root}/data")).store_options(reached.clone());
    let report = pipeline("logs").shared_source(source).destination(place.clone()).run().await.unwrap();
    assert_eq!(report.rows(), 2);
    let session = Session::new().unwrap().attach("logs", place).await.unwrap();
    assert_eq!(rows(&session, "select text from logs.lines").await, ["text=one", "text=two"]);
    // A table's files, by the session's own options.
    let session = Session::new().unwrap().store_options(&root, reached).unwrap();
    let files = format!("{root}/data/lines/*.parquet");
    let session = session.attach_files("files", &[files]).await.unwrap();
    assert_eq!(rows(&session, "select count(*) as n from files").await, ["n=2"]);
}
