//! A crash at every single request that changes something, then another run.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::json;
use stitchwork_ingest::RunReport;

use crate::crash_store::{CrashStore, Mode};
use crate::rig::{Log, Rig, column};
use crate::script::Script;

/// Three loads: child tables, a second stream, a new column, a type that changes.
fn script() -> Script {
    Script::new(["events", "users"])
        .page("events", json!([{"id": 1, "tags": ["a", "b"]}, {"id": 2, "tags": []}]))
        .rows("events", json!([{"id": 3, "tags": ["c"], "size": 1.5}]))
        .page("users", json!([{"name": "x"}, {"name": "y"}]))
        .page("events", json!([{"id": 4, "size": "large"}, {"id": 5, "tags": ["d", "e"]}]))
}

/// What was there before a replacement: ids of its own, and a table that gets no rows afterwards.
fn before() -> Script {
    Script::new(["events", "users", "old"])
        .rows("events", json!([{"id": 11, "tags": ["k"]}]))
        .page("old", json!([{"id": 12}]))
}

async fn check(rig: &Rig) {
    let events = rig.rows("events").await;
    assert_eq!(column(&events, "id"), ["1", "2", "3", "4", "5"]);
    let ids: BTreeSet<_> = events.iter().map(|row| &row["_row_id"]).collect();
    assert_eq!(ids.len(), 5, "ids of rows are unique");
    let tags = rig.rows("events__tags").await;
    assert_eq!(column(&tags, "value"), ["a", "b", "c", "d", "e"]);
    for row in tags {
        let parent = events.iter().find(|event| event["_row_id"] == row["_parent_id"]);
        let expected = match row["value"].as_str() {
            "a" | "b" => "1",
            "c" => "3",
            _ => "5",
        };
        assert_eq!(parent.unwrap()["id"], expected);
    }
    assert_eq!(rig.column("users", "name").await, ["x", "y"]);
}

/// After a crash of a replacement, each table has its old rows or its new ones, nothing in between.
async fn check_either(rig: &Rig) {
    for (table, column, old, new) in [
        ("events", "id", vec!["11"], vec!["1", "2", "3", "4", "5"]),
        ("events__tags", "value", vec!["k"], vec!["a", "b", "c", "d", "e"]),
        ("old", "id", vec!["12"], vec![]),
    ] {
        let rows = rig.column(table, column).await;
        assert!(rows == old || rows == new, "{table} has {rows:?}");
    }
}

async fn crash_everywhere(log: Log, replace: bool, mode: Mode) {
    let script = script();
    for at in 0.. {
        let rig = Rig::new(log);
        let run = |rig: &Rig, store| {
            let pipeline = rig.pipeline_over(rig.over(store), &script);
            if replace { pipeline.replace() } else { pipeline }
        };
        if replace {
            rig.pipeline(&before()).run().await.unwrap();
        }
        let store = CrashStore::new(rig.inner.clone(), at, mode);
        let first = run(&rig, Arc::new(store.clone()));
        let outcome = tokio::select! {
            outcome = first.run() => Some(outcome),
            () = store.death() => None,
        };
        if replace {
            check_either(&rig).await;
        }
        let second: RunReport = run(&rig, rig.inner.clone())
            .run()
            .await
            .unwrap_or_else(|e| panic!("{mode:?} at {at}: {e:?}, first {outcome:?}"));
        check(&rig).await;
        assert_eq!(second.cursor, Some(script.end()), "{mode:?} at {at}");
        let third = run(&rig, rig.inner.clone()).run().await.unwrap();
        check(&rig).await;
        assert_eq!(third.recovered, None);
        if replace {
            assert_eq!(rig.rows("old").await.len(), 0);
        } else {
            assert_eq!(third.loads, [], "{mode:?} at {at}: nothing is new");
        }
        if !store.fired() {
            assert!(matches!(outcome, Some(Ok(_))), "{outcome:?}");
            // Creates, files, manifests, commits and marks have all been tried.
            assert!(at > if replace { 10 } else { 20 }, "only {at} requests");
            return;
        }
    }
}

macro_rules! crashes {
    ($($name:ident: $log:expr, $replace:expr, $mode:expr;)*) => {
        $(#[tokio::test] async fn $name() { crash_everywhere($log, $replace, $mode).await; })*
    };
}

crashes! {
    delta_append_request_fails: Log::Delta, false, Mode::Fails;
    delta_append_answer_is_lost: Log::Delta, false, Mode::AnswerLost;
    delta_append_outcome_is_unknown: Log::Delta, false, Mode::Unknown;
    delta_append_killed: Log::Delta, false, Mode::Killed;
    delta_replace_request_fails: Log::Delta, true, Mode::Fails;
    delta_replace_answer_is_lost: Log::Delta, true, Mode::AnswerLost;
    delta_replace_outcome_is_unknown: Log::Delta, true, Mode::Unknown;
    delta_replace_killed: Log::Delta, true, Mode::Killed;
    iceberg_append_request_fails: Log::Iceberg, false, Mode::Fails;
    iceberg_append_answer_is_lost: Log::Iceberg, false, Mode::AnswerLost;
    iceberg_append_outcome_is_unknown: Log::Iceberg, false, Mode::Unknown;
    iceberg_append_killed: Log::Iceberg, false, Mode::Killed;
    iceberg_replace_request_fails: Log::Iceberg, true, Mode::Fails;
    iceberg_replace_answer_is_lost: Log::Iceberg, true, Mode::AnswerLost;
    iceberg_replace_outcome_is_unknown: Log::Iceberg, true, Mode::Unknown;
    iceberg_replace_killed: Log::Iceberg, true, Mode::Killed;
    named_delta_append_request_fails: Log::NamedDelta, false, Mode::Fails;
    named_delta_append_outcome_is_unknown: Log::NamedDelta, false, Mode::Unknown;
    named_delta_append_killed: Log::NamedDelta, false, Mode::Killed;
    named_delta_replace_killed: Log::NamedDelta, true, Mode::Killed;
    files_append_request_fails: Log::Files, false, Mode::Fails;
    files_append_answer_is_lost: Log::Files, false, Mode::AnswerLost;
    files_append_outcome_is_unknown: Log::Files, false, Mode::Unknown;
    files_append_killed: Log::Files, false, Mode::Killed;
    files_replace_request_fails: Log::Files, true, Mode::Fails;
    files_replace_answer_is_lost: Log::Files, true, Mode::AnswerLost;
    files_replace_outcome_is_unknown: Log::Files, true, Mode::Unknown;
    files_replace_killed: Log::Files, true, Mode::Killed;
}
