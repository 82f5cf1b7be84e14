//! Tables that a replacement has left alone, and what becomes of them.

use serde_json::json;
use stitchwork_core::{Error, ErrorKind};

use crate::rig::Rig;
use crate::script::Script;

fn assert_refused(error: &Error, stream: &str, tables: &str) {
    assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error:?}");
    assert_eq!((error.context("stream"), error.context("tables")), (Some(stream), Some(tables)), "{error:?}");
}

/// One stream leaves a pipeline that replaces, and its tables stay.
async fn b_has_left(rig: &Rig, with_cursors: bool) -> [Script; 3] {
    let script = |script: Script| if with_cursors { script } else { script.without_cursors() };
    let a = json!([{"id": 1}]);
    let both = Script::new(["a", "b"]).page("a", a.clone()).page("b", json!([{"id": 2, "l": [1]}]));
    let both = script(both);
    let without = script(Script::new(["a"]).page("a", a.clone()));
    let more = script(Script::new(["a"]).page("a", a).page("a", json!([{"id": 3}])));
    rig.pipeline(&both).replace().run().await.unwrap();
    rig.pipeline(&without).replace().run().await.unwrap();
    [both, without, more]
}

#[tokio::test]
async fn a_stream_that_left_and_comes_back_is_not_appended_to_its_old_rows() {
    for with_cursors in [true, false] {
        let rig = Rig::delta();
        let [both, _, more] = b_has_left(&rig, with_cursors).await;
        // It is remembered from load to load.
        rig.pipeline(&more).run().await.unwrap();
        assert_eq!(rig.manifest().await["left"], json!(["b"]));
        for _ in 0..2 {
            let error = rig.pipeline(&both).run().await.unwrap_err();
            assert_refused(&error, "b", "b,b__l");
            assert_eq!((rig.rows("b").await.len(), rig.rows("b__l").await.len()), (1, 1));
        }
        // The other stream goes on, and so does this one in a table of its own, which changes nothing about the old one.
        rig.pipeline(&both).streams(["a"]).run().await.unwrap();
        rig.pipeline(&both).table_name("b", "b_v2").run().await.unwrap();
        assert_refused(&rig.pipeline(&both).run().await.unwrap_err(), "b", "b,b__l");
        // Replacing is the way out.
        rig.pipeline(&both).replace().run().await.unwrap();
        assert_eq!(rig.manifest().await.get("left"), None);
        rig.pipeline(&both).run().await.unwrap();
        let times = if with_cursors { 1 } else { 2 };
        assert_eq!((rig.rows("b").await.len(), rig.rows("b__l").await.len()), (times, times));
    }
}

#[tokio::test]
async fn a_stream_that_left_is_remembered_without_the_state_as_well() {
    let rig = Rig::delta();
    let [both, ..] = b_has_left(&rig, true).await;
    rig.remove("data/_stitchwork").await;
    assert_refused(&rig.pipeline(&both).run().await.unwrap_err(), "b", "b,b__l");
}

#[tokio::test]
async fn a_stream_that_is_back_and_not_selected_stays_among_those_that_left() {
    let rig = Rig::delta();
    let [both, ..] = b_has_left(&rig, false).await;
    rig.pipeline(&both).streams(["a"]).replace().run().await.unwrap();
    assert_eq!(rig.rows("b").await.len(), 1);
    assert_refused(&rig.pipeline(&both).run().await.unwrap_err(), "b", "b,b__l");
}

#[tokio::test]
async fn a_replacement_forgets_tables_that_were_removed() {
    let rig = Rig::delta();
    let [_, without, more] = b_has_left(&rig, true).await;
    rig.remove("data/b").await;
    let error = rig.pipeline(&more).run().await.unwrap_err();
    assert_eq!((error.kind(), error.context("tables")), (ErrorKind::InvalidConfig, Some("b,b__l")));
    rig.pipeline(&without).replace().run().await.unwrap();
    rig.pipeline(&more).run().await.unwrap();
    assert_eq!(rig.column("a", "id").await, ["1", "3"]);
    let manifest = rig.manifest().await;
    assert_eq!((&manifest["known"], manifest.get("left")), (&json!({"a": ["a"]}), None));

    // So it does where the source has all streams that it had, and the table would have had no rows.
    let rig = Rig::delta();
    rig.pipeline(&Script::new(["a"]).page("a", json!([{"id": 1, "l": [1]}]))).run().await.unwrap();
    rig.remove("data/a__l").await;
    rig.pipeline(&without).replace().run().await.unwrap();
    rig.pipeline(&more).run().await.unwrap();
    assert_eq!(rig.column("a", "id").await, ["1", "3"]);
}

#[tokio::test]
async fn child_tables_follow_their_parent_whoever_they_were_of() {
    // A stream whose rows say their table comes to the table of one that is gone.
    let rig = Rig::delta();
    let old = Script::new(["t"]).page("t", json!([{"id": 1, "k": [1]}]));
    rig.pipeline(&old).replace().run().await.unwrap();
    let new = Script::new(["e"]).page("e", json!([{"type": "t", "id": 2}]));
    rig.pipeline(&new).table_name("e", "{type}").replace().run().await.unwrap();
    assert_eq!((rig.column("t", "id").await, rig.rows("t__k").await.len()), (vec!["2".to_owned()], 0));

    // Of two that share a table, the one goes that had child tables.
    let rig = Rig::delta();
    let old = Script::new(["e", "f"])
        .page("e", json!([{"type": "t", "id": 1}]))
        .page("f", json!([{"type": "t", "id": 2, "k": [1]}]));
    let pipeline = rig.pipeline(&old).table_name("e", "{type}").table_name("f", "{type}");
    pipeline.replace().run().await.unwrap();
    assert_eq!((rig.rows("t").await.len(), rig.rows("t__k").await.len()), (2, 1));
    rig.pipeline(&new).table_name("e", "{type}").replace().run().await.unwrap();
    assert_eq!((rig.column("t", "id").await, rig.rows("t__k").await.len()), (vec!["2".to_owned()], 0));
}

#[tokio::test]
async fn child_tables_are_those_of_the_longest_name() {
    let rig = Rig::delta();
    let old = Script::new(["Price", "Price ($)"])
        .rows("Price", json!([{"id": 1, "k": [1]}]))
        .rows("Price ($)", json!([{"id": 2, "k": [2]}]))
        .without_cursors();
    rig.pipeline(&old).run().await.unwrap();
    assert_eq!(rig.tables().await, ["price", "price_", "price___k", "price__k"]);
    // Neither is in the way of the other, and one that is gone keeps what it has.
    let gone = Script::new(["Price"]).rows("Price", json!([{"id": 3}])).without_cursors();
    for run in [rig.pipeline(&old).streams(["Price"]), rig.pipeline(&gone)] {
        run.replace().run().await.unwrap();
        assert_eq!(
            (rig.column("price_", "id").await, rig.column("price___k", "value").await),
            (vec!["2".to_owned()], vec!["2".to_owned()])
        );
    }
    assert_eq!(
        (rig.column("price", "id").await, rig.rows("price__k").await.len()),
        (vec!["3".to_owned()], 0)
    );
}

#[tokio::test]
async fn only_long_names_are_found_by_their_marks() {
    let rig = Rig::delta();
    let by_hour = Script::new(["sales"]).page("sales", json!([{"hour": "2026113022", "id": 1}]));
    rig.pipeline(&by_hour).table_name("sales", "sales_{hour}").replace().run().await.unwrap();
    rig.pipeline(&by_hour).replace().run().await.unwrap();
    assert_eq!(rig.column("sales_2026113022", "id").await, ["1"]);
    assert_eq!(rig.column("sales", "id").await, ["1"]);

    // The lengths at which the child tables, and then the table itself, are cut and have a mark.
    for length in [243, 244, 250, 255, 256, 300] {
        let rig = Rig::delta();
        let name = "s".repeat(length);
        let script = Script::new([name.as_str()]).page(&name, json!([{"id": 1, "a_long_key": [1]}]));
        rig.pipeline(&script).replace().run().await.unwrap();
        let tables = rig.tables().await;
        assert_eq!(tables.len(), 2, "{tables:?}");
        rig.pipeline(&Script::new([name.as_str()])).replace().run().await.unwrap();
        for table in tables {
            assert_eq!(rig.rows(&table).await.len(), 0, "{table}");
        }
    }
}
