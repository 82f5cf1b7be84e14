//! Replacing.

use serde_json::json;
use stitchwork_core::ErrorKind;
use stitchwork_ingest::pipeline;

use crate::rig::Rig;
use crate::script::Script;

#[tokio::test]
async fn every_table_of_the_pipeline_is_replaced_and_no_other() {
    let rig = Rig::delta();
    let other = Script::new(["x"]).page("x", json!([{"id": 1}]));
    pipeline("other").source(other).destination(rig.destination()).run().await.unwrap();
    let old = Script::new(["a", "b"])
        .page("a", json!([{"id": 1, "l": [1, 2]}, {"id": 2}]))
        .page("b", json!([{"id": 3}]));
    rig.pipeline(&old).run().await.unwrap();
    let new = Script::new(["a", "b"]).page("a", json!([{"id": 4}])).page("a", json!([{"id": 5}]));
    for _ in 0..2 {
        let report = rig.pipeline(&new).replace().run().await.unwrap();
        assert_eq!(report.loads.len(), 1, "a replacement is one load, whatever the policy says");
        assert_eq!(rig.column("a", "id").await, ["4", "5"]);
        assert_eq!((rig.rows("a__l").await.len(), rig.rows("b").await.len()), (0, 0));
        assert_eq!(rig.column("x", "id").await, ["1"]);
    }
    // Appending goes on from the cursor of the replacement.
    let new = new.page("b", json!([{"id": 6}]));
    rig.pipeline(&new).run().await.unwrap();
    assert_eq!(rig.column("a", "id").await, ["4", "5"]);
    assert_eq!(rig.column("b", "id").await, ["6"]);
}

#[tokio::test]
async fn some_streams_are_replaced_only_where_no_cursor_gets_lost() {
    let rig = Rig::delta();
    let script = Script::new(["a", "b"]).page("a", json!([{"id": 1}])).page("b", json!([{"id": 2}]));
    rig.pipeline(&script).run().await.unwrap();
    let error = rig.pipeline(&script).streams(["a"]).replace().run().await.unwrap_err();
    assert_eq!((error.kind(), error.context("stream")), (ErrorKind::InvalidConfig, Some("b")));

    let rig = Rig::delta();
    let script = script.without_cursors();
    rig.pipeline(&script).run().await.unwrap();
    rig.pipeline(&script).streams(["a"]).replace().run().await.unwrap();
    assert_eq!((rig.rows("a").await.len(), rig.rows("b").await.len()), (1, 1));
}

#[tokio::test]
async fn a_replacement_without_a_cursor_leaves_none_behind() {
    let rig = Rig::delta();
    let script = Script::new(["a"]).page("a", json!([{"id": 1}]));
    let report = rig.pipeline(&script).run().await.unwrap();
    assert!(report.cursor.is_some());
    // The source is not incremental any more: that it comes whole from now on is told once, by replacing.
    let whole = script.without_cursors();
    let report = rig.pipeline(&whole).replace().run().await.unwrap();
    assert_eq!(report.cursor, None);
    rig.pipeline(&whole).run().await.unwrap();
    assert_eq!(rig.column("a", "id").await, ["1", "1"]);
}

#[tokio::test]
async fn a_table_with_rows_of_a_stream_that_stays_is_not_replaced() {
    let rig = Rig::delta();
    let script =
        Script::new(["a", "b"]).page("a", json!([{"id": 1}])).page("b", json!([{"id": 2}])).without_cursors();
    let both = |run: stitchwork_ingest::Pipeline| run.table_name("a", "t").table_name("b", "t");
    both(rig.pipeline(&script)).run().await.unwrap();
    assert_eq!(rig.column("t", "id").await, ["1", "2"]);
    let error = both(rig.pipeline(&script)).streams(["a"]).replace().run().await.unwrap_err();
    assert_eq!((error.kind(), error.context("table")), (ErrorKind::InvalidConfig, Some("t")));
    assert_eq!(rig.column("t", "id").await, ["1", "2"]);
}
