//! What becomes of rows: types, columns, names of tables, batches.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, ListArray, RecordBatch, StringArray, StructArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, Fields, Schema};
use futures::TryStreamExt;
use serde_json::json;
use stitchwork_core::{Budget, ErrorKind, FileFilter, Message, Op, Rows, StatsFor};
use stitchwork_ingest::{CommitPolicy, Destination};
use stitchwork_testkit::{FaultStore, Operation, Request};

use crate::rig::{Log, Rig};
use crate::script::Script;

#[tokio::test]
async fn a_type_that_changes_gets_a_column_of_its_own_in_later_loads_and_runs() {
    let rig = Rig::delta();
    let script = Script::new(["s"])
        .page("s", json!([{"a": 1}]))
        .page("s", json!([{"a": "x"}]))
        .page("s", json!([{"a": 2}]));
    let report = rig.pipeline(&script).run().await.unwrap();
    assert_eq!((report.loads.len(), report.new_tables.as_slice()), (3, ["s".to_owned()].as_slice()));
    assert_eq!(report.new_columns, ["s.a__v_text"]);
    // Another process finds the types in the table.
    let script = script.page("s", json!([{"a": "y"}, {"a": 3}]));
    rig.pipeline(&script).run().await.unwrap();
    assert_eq!(rig.column("s", "a").await, ["", "", "1", "2", "3"]);
    assert_eq!(rig.column("s", "a__v_text").await, ["", "", "", "x", "y"]);
}

#[tokio::test]
async fn keys_of_one_name_share_no_column_in_later_loads_and_runs() {
    for rig in [Rig::delta(), Rig::new(Log::Iceberg)] {
        let script = Script::new(["s"]).page("s", json!([{"Name": 1}])).page("s", json!([{"name": 2}]));
        rig.pipeline(&script).run().await.unwrap();
        // Another process finds the owners in the newest manifest.
        let script = script.page("s", json!([{"name": 3}])).page("s", json!([{"Name": 4, "名": 5}]));
        let report = rig.pipeline(&script).run().await.unwrap();
        assert_eq!(report.new_columns.len(), 1, "{:?}", report.new_columns);
        assert_eq!(rig.column("s", "name").await, ["", "", "1", "4"]);
    }
}

#[tokio::test]
async fn columns_that_come_in_the_middle_of_a_load_are_null_before() {
    let rig = Rig::delta();
    let mut destination = rig.destination();
    // So little memory that every page becomes a batch of its own.
    destination.config.budget = Budget::new(64);
    let script = Script::new(["s"])
        .rows("s", json!([{"id": 1}, {"id": 2}]))
        .rows("s", json!([{"id": 3, "new": "n", "list": [1, 2]}]))
        .page("s", json!([{"id": 4, "new": "m", "inner": {"x": true}}]));
    let report = rig.pipeline_over(destination, &script).run().await.unwrap();
    assert_eq!((report.loads.len(), report.rows()), (1, 4));
    assert_eq!(rig.column("s", "id").await, ["1", "2", "3", "4"]);
    assert_eq!(rig.column("s", "new").await, ["", "", "m", "n"]);
    assert_eq!(rig.column("s", "inner__x").await, ["", "", "", "true"]);
    assert_eq!(rig.column("s__list", "value").await, ["1", "2"]);
    assert!(report.new_columns.contains(&"s.new".to_owned()), "{:?}", report.new_columns);
}

/// A text of about this length that no encoding makes small.
fn noise(seed: usize, length: usize) -> String {
    let mut state = seed as u64 + 1;
    let mut text = String::with_capacity(length + 16);
    while text.len() < length {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        text.push_str(&format!("{:08x}", state >> 32));
    }
    text
}

/// The rig's destination with a budget of so many bytes.
fn within(rig: &Rig, bytes: u64) -> (Destination, Budget) {
    let (mut destination, budget) = (rig.destination(), Budget::new(bytes));
    destination.config.budget = budget.clone();
    (destination, budget)
}

#[tokio::test]
async fn many_streams_share_one_budget() {
    let rig = Rig::delta();
    let (destination, budget) = within(&rig, 16 << 20);
    let names: Vec<String> = (0..8).map(|n| format!("s{n}")).collect();
    let mut script = Script::new(names.iter().map(String::as_str));
    for page in 0..4 {
        for name in &names {
            let rows: Vec<_> = (0..200)
                .map(|n| page * 200 + n)
                .map(|id| json!({"id": id, "text": noise(id, 4000)}))
                .collect();
            script = script.rows(name, json!(rows));
        }
    }
    // All rows together are more than the budget.
    rig.pipeline_over(destination, &script.checkpoint()).run().await.unwrap();
    for name in &names {
        assert_eq!(rig.rows(name).await.len(), 800);
    }
    check_peak(&budget);
}

#[tokio::test]
async fn a_load_larger_than_its_budget_stays_within_it() {
    let rig = Rig::delta();
    let (destination, budget) = within(&rig, 8 << 20);
    let mut script = Script::new(["s"]);
    for page in 0..40 {
        let rows: Vec<_> = (page * 100..page * 100 + 100)
            .map(|id| json!({"id": id, "text": noise(id, 4000), "list": [{"text": noise(id, 1000)}]}))
            .collect();
        script = script.rows("s", json!(rows));
    }
    let report = rig.pipeline_over(destination, &script.checkpoint()).run().await.unwrap();
    assert_eq!((report.rows(), report.loads.len()), (4000, 1));
    assert!(report.tables().values().map(|table| table.bytes).sum::<u64>() > budget.total());
    check_peak(&budget);
}

#[tokio::test]
async fn the_statistics_of_any_number_of_files_are_committed() {
    for (log, bytes) in
        [Log::Delta, Log::Iceberg, Log::Files].into_iter().zip([1 << 10; 3]).chain([(Log::Delta, 1 << 28)])
    {
        let rig = Rig::new(log);
        let store = FaultStore::new(rig.inner.clone());
        let mut destination = rig.over(Arc::new(store.clone()));
        // So little memory that every batch becomes a file of its own, whose statistics are not kept until the commit.
        destination.config.budget = Budget::new(bytes);
        let pages = (0..5).fold(Script::new(["s"]), |script, page| {
            let rows: Vec<_> = (page * 100..page * 100 + 100)
                .map(|id| json!({"id": id, "text": noise(id, 400), "list": [id]}))
                .collect();
            script.rows("s", json!(rows))
        });
        rig.pipeline_over(destination, &pages.checkpoint()).run().await.unwrap();
        let requests = store.requests();
        let is_look =
            |request: &&Request| request.operation == Operation::Get && request.path.ends_with(".parquet");
        let is_small = bytes == 1 << 10;
        assert_eq!(
            requests.iter().any(|request| is_look(&request)),
            is_small,
            "only what was given up is looked for"
        );
        for (table, column) in [("s", "id"), ("s__list", "value")] {
            let table = rig.destination().open(table).await.unwrap();
            let filter = FileFilter { predicate: None, stats: StatsFor::All };
            let files = table.snapshot().await.unwrap().files(filter).try_concat().await.unwrap();
            assert!(files.len() >= if is_small { 5 } else { 1 }, "{}", files.len());
            let (mut rows, mut least) = (0, vec![]);
            for file in &files {
                let stats = file.stats.as_ref().unwrap();
                rows += stats.rows.unwrap();
                let column = stats.columns.iter().find(|(name, _)| name.path == [column]).unwrap().1;
                least.push(column.min.as_ref().unwrap().to_string().parse::<u64>().unwrap());
            }
            least.sort_unstable();
            assert_eq!((rows, least[0]), (500, 0), "{log:?}");
            assert!(least.windows(2).all(|pair| pair[0] < pair[1]), "{log:?}: {least:?}");
        }
    }
}

/// Something was held, never more than all, and nothing is any more.
fn check_peak(budget: &Budget) {
    let (peak, total) = (budget.peak(), budget.total());
    assert!(peak > 0 && peak <= total, "{peak} of {total} bytes");
    assert_eq!(budget.free(), total);
}

#[tokio::test]
async fn rows_go_to_the_table_that_their_fields_name() {
    let rig = Rig::delta();
    let script = Script::new(["events"]).page(
        "events",
        json!([{"type": "PushEvent", "c": [1]}, {"type": "ForkEvent"}, {"type": "PushEvent", "c": [2]}]),
    );
    let report = rig.pipeline(&script).table_name("events", "github_{type}").run().await.unwrap();
    assert_eq!(rig.tables().await, ["github_fork_event", "github_push_event", "github_push_event__c"]);
    assert_eq!(rig.rows("github_push_event").await.len(), 2);
    let tables = report.tables();
    assert_eq!((tables["github_push_event__c"].rows, tables["github_push_event__c"].files), (2, 1));
    assert!(tables["github_push_event"].bytes > 0);
    // Children are committed before their parents.
    let order: Vec<_> = rig.manifest().await["tables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|table| table["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(order, ["github_push_event__c", "github_fork_event", "github_push_event"]);
}

#[tokio::test]
async fn a_table_of_somebody_else_keeps_its_types() {
    let rig = Rig::delta();
    let made = Script::new(["t"]).page("t", json!([{"id": "one"}]));
    stitchwork_ingest::pipeline("other").source(made).destination(rig.destination()).run().await.unwrap();
    let script = Script::new(["t"]).page("t", json!([{"id": 2}, {"id": "three"}]));
    let report = rig.pipeline(&script).run().await.unwrap();
    assert_eq!(report.new_tables, Vec::<String>::new());
    let rows = rig.rows("t").await;
    let texts: Vec<_> = rows.iter().filter_map(|row| row.get("id")).collect();
    let others: Vec<_> =
        rows.iter().filter_map(|row| row.get("id__v_bigint").or(row.get("id__v_int"))).collect();
    assert_eq!((rows.len(), texts.len() + others.len()), (3, 3), "{rows:?} {:?}", report.new_columns);
}

#[tokio::test]
async fn two_pipelines_load_into_one_table() {
    let rig = Rig::delta();
    let script = |id: u64| Script::new(["t"]).page("t", json!([{"id": id, "l": [id]}]));
    for (name, id) in [("one", 1), ("two", 2)] {
        for _ in 0..2 {
            let run = stitchwork_ingest::pipeline(name).source(script(id)).destination(rig.destination());
            run.run().await.unwrap();
        }
    }
    assert_eq!(rig.column("t", "id").await, ["1", "2"]);
    let ids = rig.column("t", "_row_id").await;
    assert_ne!(ids[0], ids[1], "rows of two pipelines have different ids");
    for row in rig.rows("t__l").await {
        let parents = rig.rows("t").await;
        let parents: Vec<_> = parents.iter().filter(|r| r["_row_id"] == row["_parent_id"]).collect();
        assert_eq!((parents.len(), &parents[0]["id"]), (1, &row["value"]));
    }
}

fn batch(ids: &[i64], names: &[&str]) -> RecordBatch {
    let schema =
        Schema::new(vec![Field::new("id", DataType::Int64, false), Field::new("name", DataType::Utf8, true)]);
    let columns =
        vec![Arc::new(Int64Array::from(ids.to_vec())) as _, Arc::new(StringArray::from(names.to_vec())) as _];
    RecordBatch::try_new(Arc::new(schema), columns).unwrap()
}

fn arrow(stream: &str, ids: &[i64], names: &[&str]) -> Message {
    Message::Rows { stream: stream.to_owned(), rows: Rows::Arrow(batch(ids, names)), op: Op::Insert }
}

#[tokio::test]
async fn arrow_rows_go_in_as_they_are() {
    let rig = Rig::delta();
    let script = Script::new(["MyStream"])
        .message(arrow("MyStream", &[1, 2], &["a", "b"]))
        .message(arrow("MyStream", &[3], &["c"]))
        .checkpoint();
    let report = rig.pipeline(&script).run().await.unwrap();
    assert_eq!(report.rows(), 3);
    assert_eq!(rig.column("my_stream", "id").await, ["1", "2", "3"]);
    assert_eq!(rig.column("my_stream", "name").await, ["a", "b", "c"]);
    rig.pipeline(&script).run().await.unwrap();
    assert_eq!(rig.rows("my_stream").await.len(), 3);
}

#[tokio::test]
async fn new_fields_inside_of_columns_are_named_by_their_path() {
    // One row with a struct of these fields, alone and in a list.
    let rows = |names: &[&str]| {
        let fields: Fields = names.iter().map(|name| Field::new(*name, DataType::Int64, true)).collect();
        let columns = names.iter().map(|_| Arc::new(Int64Array::from(vec![1])) as ArrayRef).collect();
        let inner: ArrayRef = Arc::new(StructArray::new(fields, columns, None));
        let element = Arc::new(Field::new("element", inner.data_type().clone(), true));
        let list = ListArray::new(element, OffsetBuffer::from_lengths([1]), inner.clone(), None);
        let batch = RecordBatch::try_from_iter([("s", inner), ("l", Arc::new(list) as ArrayRef)]).unwrap();
        Message::Rows { stream: "t".to_owned(), rows: Rows::Arrow(batch), op: Op::Insert }
    };
    for rig in [Rig::delta(), Rig::new(Log::Iceberg)] {
        let script = Script::new(["t"]).message(rows(&["x"])).checkpoint();
        rig.pipeline(&script).run().await.unwrap();
        let script = script.message(rows(&["x", "y"])).checkpoint();
        let report = rig.pipeline(&script).run().await.unwrap();
        assert_eq!(report.new_columns, ["t.s.y", "t.l.element.y"], "{:?}", rig.log);
    }
}

#[tokio::test]
async fn arrow_rows_have_one_table_of_any_name() {
    let rig = Rig::delta();
    let script = Script::new(["s"]).message(arrow("s", &[1], &["a"])).checkpoint();
    rig.pipeline(&script).table_name("s", "other").run().await.unwrap();
    assert_eq!(rig.tables().await, ["other"]);
    let error = Rig::delta().pipeline(&script).table_name("s", "x_{name}").run().await.unwrap_err();
    assert_eq!((error.kind(), error.context("template")), (ErrorKind::InvalidConfig, Some("x_{name}")));
}

#[tokio::test]
async fn the_policy_says_at_which_checkpoints_a_run_commits() {
    let rig = Rig::delta();
    let mut script = Script::new(["s"]);
    for id in 0..10 {
        script = script.page("s", json!([{"id": id}]));
    }
    let policy = CommitPolicy { rows: 4, ..CommitPolicy::default() };
    let report = rig.pipeline(&script).commit_policy(policy).run().await.unwrap();
    assert_eq!(report.loads.iter().map(|load| load.rows).collect::<Vec<_>>(), [4, 4, 2]);
    assert_eq!(report.cursor, Some(script.end()));
}
