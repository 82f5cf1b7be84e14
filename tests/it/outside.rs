//! A connector from outside, used like one of ours: by URL and by the ending of files.

use std::io::Write;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use stitchwork::core::{OpenUrl, QueryArgs, TableIdent, WriteArgs, collect};
use stitchwork::tables::FileSet;
use stitchwork::{pipeline, table};

async fn count(engine: &dyn stitchwork::core::Engine, sql: &str) -> i64 {
    let batches = collect(engine.query(QueryArgs::new(sql)).await.unwrap()).await.unwrap();
    batches[0].column(0).as_primitive::<Int64Type>().value(0)
}

fn registry() -> stitchwork::Registry {
    let mut registry = stitchwork::registry().unwrap();
    third_party_connector::register(&mut registry).unwrap();
    registry
}

#[tokio::test]
async fn its_source_is_loaded_by_url_and_goes_on_where_it_ended() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("app.log");
    std::fs::write(&log, "one\ntwo\nthree\n").unwrap();
    let place = folder.path().join("data").display().to_string();
    let url = format!("tail://{}", log.display());
    for want in [3, 0, 2] {
        if want == 2 {
            let mut file = std::fs::OpenOptions::new().append(true).open(&log).unwrap();
            write!(file, "four\nfive\nsi").unwrap();
        }
        let source = registry().source(OpenUrl::new(&url)).await.unwrap();
        let report =
            pipeline("logs").shared_source(source).destination(table("delta", &place)).run().await.unwrap();
        assert_eq!(report.rows(), want, "{report:?}");
    }
    let session = stitchwork::Session::new().unwrap().attach("logs", table("delta", &place)).await.unwrap();
    let lines = count(session.engine().as_ref(), "select count(distinct text) from logs.lines").await;
    assert_eq!(lines, 5);
}

#[tokio::test]
async fn its_format_is_found_by_the_ending_of_a_file() {
    let registry = registry();
    let batch = stitchwork_testkit::batches::plain(7, 0, 1000).unwrap();
    let object = registry.stores().resolve("memory:///outside/numbers.rows").unwrap();
    let format = registry.formats().for_path("numbers.rows").unwrap();
    let mut writer = format.write(&object, WriteArgs::new(batch.schema())).await.unwrap();
    writer.write(&batch).await.unwrap();
    writer.finish().await.unwrap();
    let files = FileSet::open(&registry, &[object.location()]).await.unwrap();
    let engine = registry.engine(OpenUrl::new("datafusion:")).await.unwrap();
    engine.register(&TableIdent::bare("numbers"), std::sync::Arc::new(files)).await.unwrap();
    assert_eq!(count(engine.as_ref(), "select count(*) from numbers where id >= 900").await, 100);
}
