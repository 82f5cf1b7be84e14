//! What a pipeline refuses, and that nothing is left of it.

use serde_json::json;
use stitchwork_core::{Error, ErrorKind, Message, Op, Rows};
use stitchwork_ingest::{StreamOptions, pipeline};

use crate::rig::Rig;
use crate::script::Script;

fn deletion() -> Message {
    Message::Rows { stream: "s".to_owned(), rows: Rows::Json(br#"{"id": 1}"#.to_vec()), op: Op::Delete }
}

#[tokio::test]
async fn deletes_and_truncations_are_refused_and_never_appended() {
    for (message, name) in
        [(deletion(), "Delete"), (Message::Truncate { stream: "s".to_owned() }, "Truncate")]
    {
        let rig = Rig::delta();
        let script = Script::new(["s"]).rows("s", json!([{"id": 1}])).message(message).checkpoint();
        let error = rig.pipeline(&script).run().await.unwrap_err();
        assert_eq!((error.kind(), error.context("message")), (ErrorKind::Unsupported, Some(name)));
        assert_eq!(error.context("stream"), Some("s"));
        assert_eq!(rig.manifests().await, Vec::<String>::new());
    }
}

#[tokio::test]
async fn a_load_that_fails_leaves_no_file() {
    let rig = Rig::delta();
    let mut destination = rig.destination();
    // Every file is closed, and so there, before the source fails.
    destination.config.target_file_bytes = 1;
    destination.config.budget = stitchwork_core::Budget::new(64);
    let script =
        Script::new(["s"]).rows("s", json!([{"id": 1, "l": [1]}])).rows("s", json!([{"id": 2}])).failing();
    let error = rig.pipeline_over(destination, &script).run().await.unwrap_err();
    assert_eq!((error.kind(), error.context("pipeline")), (ErrorKind::InvalidData, Some("script")));
    assert_eq!(rig.tables().await, ["s", "s__l"], "the tables have been made");
    let paths = rig.paths().await;
    assert!(!paths.iter().any(|path| path.ends_with(".parquet")), "{paths:?}");
}

#[tokio::test]
async fn what_is_wrong_with_a_destination_is_said_whole_at_every_run() {
    let wrong = || Error::invalid_config("no such profile").with_context("profile", "prod");
    let run = pipeline("p").source(Script::new(["s"])).destination(Err(wrong()));
    for _ in 0..2 {
        let error = run.run().await.unwrap_err();
        assert_eq!((error.kind(), error.context("profile")), (ErrorKind::InvalidConfig, Some("prod")));
        assert_eq!(error.to_string(), wrong().to_string());
    }
}

#[tokio::test]
async fn unknown_streams_are_named_with_the_known_ones() {
    let rig = Rig::delta();
    let script = Script::new(["users", "events"]).page("users", json!([{"id": 1}]));
    for run in [
        rig.pipeline(&script).streams(["user"]),
        rig.pipeline(&script).stream_options("user", StreamOptions::default()),
        rig.pipeline(&script).table_name("user", "x"),
    ] {
        let error = run.run().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert_eq!((error.context("stream"), error.context("known")), (Some("user"), Some("users,events")));
    }
    assert_eq!(rig.paths().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_broken_template_is_told_before_anything_is_read() {
    let rig = Rig::delta();
    let script = Script::new(["s"]).page("s", json!([{"id": 1}]));
    let error = rig.pipeline(&script).table_name("s", "x_{type").run().await.unwrap_err();
    assert_eq!((error.kind(), error.context("stream")), (ErrorKind::InvalidConfig, Some("s")));
    assert_eq!(script.given.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn rows_of_streams_that_nobody_asked_for_are_refused() {
    let script = Script::new(["s"]).page("unknown", json!([{"id": 1}]));
    let error = Rig::delta().pipeline(&script).run().await.unwrap_err();
    assert_eq!((error.kind(), error.context("stream")), (ErrorKind::InvalidData, Some("unknown")));
}

#[tokio::test]
async fn rows_after_the_last_checkpoint_are_refused_since_they_would_come_again() {
    let rig = Rig::delta();
    let script = Script::new(["s"]).page("s", json!([{"id": 1}])).rows("s", json!([{"id": 2}]));
    let error = rig.pipeline(&script).run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(rig.column("s", "id").await, ["1"], "the load before stays");
}

#[tokio::test]
async fn broken_json_is_told_with_its_stream_and_earlier_loads_stay() {
    let rig = Rig::delta();
    let broken = Rows::Json(b"[{\"id\": 2}, {".to_vec());
    let script = Script::new(["s"])
        .page("s", json!([{"id": 1}]))
        .message(Message::Rows { stream: "s".to_owned(), rows: broken, op: Op::Insert })
        .checkpoint();
    let error = rig.pipeline(&script).run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(rig.column("s", "id").await, ["1"]);
}

#[tokio::test]
async fn a_pipeline_without_its_parts_says_which() {
    let rig = Rig::delta();
    let error = pipeline("p").destination(rig.destination()).run().await.unwrap_err();
    assert!(error.message().contains("no source"), "{error}");
    let error = pipeline("p").source(Script::new(["s"])).run().await.unwrap_err();
    assert!(error.message().contains("no destination"), "{error}");
    let error =
        pipeline(" ").source(Script::new(["s"])).destination(rig.destination()).run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
}

#[tokio::test]
async fn streams_whose_tables_would_become_one_are_named() {
    let rig = Rig::delta();
    let script = || {
        Script::new(["Foo-Bar", "foo_bar"])
            .page("Foo-Bar", json!([{"id": 1}]))
            .page("foo_bar", json!([{"id": 2}]))
    };
    let error = rig.pipeline(&script()).run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
    let told = ["stream", "other_stream", "table"].map(|key| error.context(key));
    assert_eq!(told, [Some("Foo-Bar"), Some("foo_bar"), Some("foo_bar")]);
    assert_eq!(rig.paths().await, Vec::<String>::new(), "nothing was read");

    // One at a time is no way around it.
    rig.pipeline(&script()).streams(["Foo-Bar"]).run().await.unwrap();
    let error = rig.pipeline(&script()).streams(["foo_bar"]).run().await.unwrap_err();
    assert_eq!(error.context("other_stream"), Some("foo_bar"), "{error}");

    // What the error advises.
    let rig = Rig::delta();
    rig.pipeline(&script()).table_name("Foo-Bar", "other").run().await.unwrap();
    assert_eq!(
        (rig.column("foo_bar", "id").await, rig.column("other", "id").await),
        (vec!["2".into()], vec!["1".into()])
    );
    let rig = Rig::delta();
    rig.pipeline(&script())
        .table_name("Foo-Bar", "All Bars")
        .table_name("foo_bar", "All Bars")
        .run()
        .await
        .unwrap();
    let mut ids = rig.column("all_bars", "id").await;
    ids.sort();
    assert_eq!(ids, ["1", "2"]);
}

#[tokio::test]
async fn rows_that_bring_two_streams_into_one_table_are_refused() {
    let by_type = Script::new(["events", "push"])
        .page("push", json!([{"id": 1}]))
        .page("events", json!([{"id": 2, "type": "Push"}]));
    let error = Rig::delta().pipeline(&by_type).table_name("events", "{type}").run().await.unwrap_err();
    assert_eq!((error.kind(), error.context("table")), (ErrorKind::InvalidConfig, Some("push")), "{error}");
    // The tables of lists have names that no stream can have.
    let by_list = Script::new(["a", "a__b"])
        .page("a", json!([{"id": 1, "b": [{"x": 1}]}]))
        .page("a__b", json!([{"id": 2}]));
    let rig = Rig::delta();
    rig.pipeline(&by_list).run().await.unwrap();
    assert_eq!(rig.tables().await, ["a", "a__b", "a_b"]);
}
