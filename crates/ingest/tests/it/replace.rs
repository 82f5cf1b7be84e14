//! Replacing.

use serde_json::json;
use stitchwork_core::ErrorKind;
use stitchwork_ingest::pipeline;

use crate::rig::Rig;
use crate::said::Said;
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

#[tokio::test]
async fn tables_of_streams_that_the_source_no_longer_has_stay_and_are_named() {
    let rig = Rig::delta();
    let old = Script::new(["a", "b"])
        .page("a", json!([{"id": 1, "l": [1]}]))
        .page("b", json!([{"id": 2, "l": [1]}]));
    rig.pipeline(&old).replace().run().await.unwrap();
    // One is there and has no rows, the other is gone, or has another name, which is the same.
    let new = Script::new(["a", "c"]).page("c", json!([{"id": 3}]));
    for _ in 0..2 {
        let said = Said::default();
        let listening = said.listen();
        rig.pipeline(&new).replace().run().await.unwrap();
        drop(listening);
        assert_eq!((rig.rows("a").await.len(), rig.rows("a__l").await.len()), (0, 0));
        assert_eq!((rig.column("b", "id").await, rig.rows("b__l").await.len()), (vec!["2".to_owned()], 1));
        assert_eq!(rig.column("c", "id").await, ["3"]);
        let events = said.events();
        assert_eq!(events.len(), 1, "{events:?}");
        let names = ["pipeline=script", "stream=b", "tables=b,b__l", "no longer has a stream"];
        assert!(names.iter().all(|name| events[0].contains(name)), "{events:?}");
    }
    // Once they are dropped, nothing is said of them.
    rig.remove("data/b").await;
    let said = Said::default();
    let listening = said.listen();
    rig.pipeline(&new).replace().run().await.unwrap();
    drop(listening);
    assert_eq!(said.events(), [""; 0]);
    // A stream that has come back has its tables back.
    let back = Script::new(["a", "b", "c"]).page("b", json!([{"id": 4}]));
    rig.pipeline(&back).replace().run().await.unwrap();
    assert_eq!(rig.column("b", "id").await, ["4"]);
    rig.pipeline(&Script::new(["a", "b", "c"])).replace().run().await.unwrap();
    assert_eq!((rig.rows("b").await.len(), rig.rows("c").await.len()), (0, 0));
}

#[tokio::test]
async fn tables_that_a_stream_has_left_stay_and_are_named() {
    let rig = Rig::delta();
    let script = Script::new(["events"]).page("events", json!([{"type": "p", "l": [1]}, {"type": "q"}]));
    rig.pipeline(&script).replace().run().await.unwrap();
    let said = Said::default();
    let listening = said.listen();
    rig.pipeline(&script).table_name("events", "events_v2").replace().run().await.unwrap();
    drop(listening);
    assert_eq!((rig.rows("events").await.len(), rig.rows("events__l").await.len()), (2, 1));
    assert_eq!((rig.rows("events_v2").await.len(), rig.rows("events_v2__l").await.len()), (2, 1));
    let events = said.events();
    let names = ["stream=events", "tables=events,events__l", "another table than before"];
    assert!(events.len() == 1 && names.iter().all(|name| events[0].contains(name)), "{events:?}");

    // Each of the tables that the rows name is the stream's, so that those without rows become empty.
    let rig = Rig::delta();
    let by_type = |script: &Script| rig.pipeline(script).table_name("events", "{type}").replace();
    by_type(&script).run().await.unwrap();
    by_type(&Script::new(["events"]).page("events", json!([{"type": "q"}]))).run().await.unwrap();
    assert_eq!(
        (rig.rows("p").await.len(), rig.rows("p__l").await.len(), rig.rows("q").await.len()),
        (0, 0, 1)
    );
}

#[tokio::test]
async fn a_stream_that_was_renamed_and_keeps_its_table_replaces_it() {
    let rig = Rig::delta();
    let old = Script::new(["a", "x"]).page("a", json!([{"id": 1, "l": [1]}])).page("x", json!([{"id": 2}]));
    rig.pipeline(&old).table_name("x", "t_x").table_name("a", "t").replace().run().await.unwrap();
    let said = Said::default();
    for rows in [json!([]), json!([{"id": 3}])] {
        let new = Script::new(["b"]).page("b", rows.clone());
        let listening = said.listen();
        rig.pipeline(&new).table_name("b", "t").replace().run().await.unwrap();
        drop(listening);
        assert_eq!(rig.rows("t").await.len(), rows.as_array().unwrap().len());
        assert_eq!(rig.rows("t__l").await.len(), 0);
        assert_eq!(rig.column("t_x", "id").await, ["2"]);
    }
    assert!(said.events().iter().all(|event| event.contains("stream=x")), "{:?}", said.events());
}

#[tokio::test]
async fn a_stream_that_is_gone_is_not_in_the_way_of_some_streams() {
    let rig = Rig::delta();
    let old = Script::new(["a", "b"]).page("a", json!([{"id": 1}])).page("b", json!([{"id": 2}]));
    rig.pipeline(&old).run().await.unwrap();
    let new = Script::new(["a"]).page("a", json!([{"id": 3}]));
    rig.pipeline(&new).streams(["a"]).replace().run().await.unwrap();
    assert_eq!(
        (rig.column("a", "id").await, rig.column("b", "id").await),
        (vec!["3".into()], vec!["2".into()])
    );
}
