//! Exactly once, over runs, cuts, ties and growth.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Query;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::get;
use serde_json::{Value, json};
use stitchwork_core::{Cursor, ErrorKind, OpenArgs, Source};
use stitchwork_events_server::{EventsServer, Faults};
use stitchwork_source_rest::{IncrementalConfig, RestBuilder, RowOrder, StreamConfig, rest};

use crate::{assert_each_once, read, serve, source};

fn events(server: &EventsServer, order: RowOrder, key: bool) -> RestBuilder {
    let direction = if order == RowOrder::Descending { "desc" } else { "asc" };
    let builder = rest(server.url())
        .stream("events", "/events")
        .param("per_page", 50)
        .param("direction", direction)
        .incremental("created_at")
        .row_order(order);
    let builder = if key { builder.primary_key("id") } else { builder };
    // In descending order the source itself must find where the old rows begin.
    if order == RowOrder::Descending { builder } else { builder.start_param("since") }
}

#[tokio::test]
async fn each_event_comes_once_over_many_runs() {
    for order in [RowOrder::Ascending, RowOrder::Descending, RowOrder::None] {
        for key in [true, false] {
            let faults = Faults { every_429: 9, every_502: 11, every_cut: 7 };
            let server = EventsServer::builder().events(1_190).faults(faults).start().await.unwrap();
            let source = source(events(&server, order, key));
            assert!(source.capabilities().incremental);
            let (mut got, mut cursor) = (vec![], None);
            // The server has a tie at every multiple of ten, and from event 1,200 on one of 120 events.
            for more in [0, 0, 15, 1, 85, 150, 60, 0] {
                server.append(more);
                let run = read(&source, cursor).await.unwrap();
                assert!(run.ends_with_checkpoint);
                if !got.is_empty() {
                    assert_eq!(run.rows.len(), more, "{order:?} {key}");
                }
                got.extend(run.ids());
                cursor = Some(run.cursor());
            }
            assert_each_once(&got, &server);
        }
    }
}

#[tokio::test]
async fn a_load_goes_on_from_each_of_its_checkpoints() {
    for key in [true, false] {
        let server = EventsServer::builder().events(1_400).no_faults().start().await.unwrap();
        // From here on there are the ties of every ten events, and the one of 120.
        let since = server.event(1_100)["created_at"].clone();
        let source = source(events(&server, RowOrder::Ascending, key).initial_value(since.clone()));
        let whole = read(&source, None).await.unwrap();
        assert!(whole.checkpoints.len() >= 6, "one after each page");
        server.append(33);
        let all: Vec<Value> =
            server.events().filter(|event| event["created_at"].as_str() >= since.as_str()).collect();
        for (rows, cursor) in &whole.checkpoints {
            // The cursor goes through text, as it does when a load keeps it.
            let cursor = Cursor(serde_json::from_str(&cursor.0.to_string()).unwrap());
            let rest = read(&source, Some(cursor)).await.unwrap();
            assert_eq!([&whole.rows[..*rows], &rest.rows].concat(), all, "after {rows} rows");
        }
    }
}

#[tokio::test]
async fn only_ascending_streams_stop_in_the_middle() {
    let server = EventsServer::builder().events(300).no_faults().start().await.unwrap();
    for order in [RowOrder::Descending, RowOrder::None] {
        let run = read(&source(events(&server, order, true)), None).await.unwrap();
        assert_eq!(run.checkpoints.len(), 1, "{order:?}");
    }
    // Declared to ascend, but it does not.
    let builder = events(&server, RowOrder::Ascending, true).param("direction", "desc");
    let error = read(&source(builder), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.message().contains("ascend"), "{error:?}");
}

#[tokio::test]
async fn descending_streams_read_only_what_is_new() {
    let server = EventsServer::builder().events(2_000).no_faults().start().await.unwrap();
    let source = source(events(&server, RowOrder::Descending, true));
    let first = read(&source, None).await.unwrap();
    server.append(10);
    server.reset_requests();
    let second = read(&source, Some(first.cursor())).await.unwrap();
    assert_eq!((second.rows.len(), server.requests().total), (10, 1));
}

#[tokio::test]
async fn nothing_new_is_told_by_the_tag() {
    for (order, requests) in [(RowOrder::Ascending, 2), (RowOrder::Descending, 1)] {
        let server = EventsServer::builder().events(1_000).no_faults().start().await.unwrap();
        let source = source(events(&server, order, true));
        let mut run = read(&source, None).await.unwrap();
        for _ in 0..requests {
            // The first request with a new start value has no tag yet.
            server.reset_requests();
            run = read(&source, Some(run.cursor())).await.unwrap();
            assert!(run.rows.is_empty() && run.ends_with_checkpoint);
            assert_eq!(server.requests().total, 1);
        }
        assert_eq!(server.requests().not_modified, 1, "{order:?}");
        let before = run.cursor();
        assert_eq!(read(&source, Some(before.clone())).await.unwrap().cursor(), before, "nothing has moved");
        server.append(2);
        let grown = read(&source, Some(before)).await.unwrap();
        assert_eq!(grown.rows.len(), 2, "{order:?}");
    }
}

#[tokio::test]
async fn a_tag_of_one_page_of_many_says_nothing() {
    // The first page never changes, and neither does its tag; the rows come on the second one.
    let rows: Arc<Mutex<Vec<Value>>> =
        Arc::new(Mutex::new((0..3).map(|n| json!({"id": n, "at": 1})).collect()));
    let shared = Arc::clone(&rows);
    let pages = move |Query(query): Query<Vec<(String, String)>>, headers: HeaderMap| async move {
        if query.iter().any(|(name, _)| name == "page") {
            return Value::from(shared.lock().unwrap().clone()).to_string().into_response();
        }
        if headers.contains_key(header::IF_NONE_MATCH) {
            return StatusCode::NOT_MODIFIED.into_response();
        }
        ([("etag", "\"one\""), ("link", "</s?page=2>; rel=next")], "[]").into_response()
    };
    let url = serve(Router::new().route("/s", get(pages))).await;
    let source = source(
        rest(&url).stream("s", "/s").primary_key("id").incremental("at").row_order(RowOrder::Ascending),
    );
    let first = read(&source, None).await.unwrap();
    rows.lock().unwrap().push(json!({"id": 3, "at": 1}));
    let second = read(&source, Some(first.cursor())).await.unwrap();
    assert_eq!((first.rows.len(), second.rows.len()), (3, 1));
}

#[tokio::test]
async fn streams_have_a_cursor_each_and_foreign_ones_are_refused() {
    let server = EventsServer::builder().events(120).no_faults().start().await.unwrap();
    let stream = |name: &str, path: &str| {
        let incremental =
            IncrementalConfig { start_param: Some("since".into()), ..IncrementalConfig::new("created_at") };
        StreamConfig {
            primary_key: vec!["id".into()],
            incremental: Some(incremental),
            ..StreamConfig::new(name, path)
        }
    };
    let both = source(
        rest(server.url()).stream_config(stream("a", "/events")).stream_config(stream("b", "/paged/page")),
    );
    let first = read(&both, None).await.unwrap();
    assert_eq!(first.rows.len(), 240);
    let half = first.checkpoints[0].clone();
    assert_eq!(half.0, 120);
    assert_eq!(
        read(&both, Some(half.1)).await.unwrap().rows.len(),
        120,
        "the first stream is done, the second is not"
    );
    let info = both.discover().await.unwrap();
    assert_eq!(info[1].cursor_field.as_deref(), Some("created_at"));

    // A stream that is configured no longer keeps its place.
    let one = source(rest(server.url()).stream_config(stream("a", "/events")));
    let run = read(&one, Some(first.cursor())).await.unwrap();
    assert!(run.rows.is_empty());
    assert_eq!(run.cursor().0["streams"]["b"], first.cursor().0["streams"]["b"]);
    for foreign in [json!({"offset": 7}), json!([]), json!({"version": 1, "streams": {"z": {"last": 1}}})] {
        let error = read(&both, Some(Cursor(foreign))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
    let whole = source(rest(server.url()).stream("a", "/events"));
    assert!(!whole.capabilities().incremental);
    let error = read(&whole, Some(first.cursor())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("set `incremental` again") && error.message().contains("`replace`"));
    let renamed = source(rest(server.url()).stream_config(stream("events", "/events")));
    let error = read(&renamed, Some(first.cursor())).await.unwrap_err();
    assert!(error.message().contains("former name") && error.message().contains("`replace`"), "{error}");
    assert_eq!((error.context("streams"), error.context("loaded")), (Some("events"), Some("a,b")));
}

#[tokio::test]
async fn another_cursor_path_is_refused_where_its_rows_would_be_taken_for_old_ones() {
    let rows: Vec<Value> = (0..9)
        .map(|id| json!({"id": id, "created_at": format!("2024-01-0{}", id + 1), "updated_at": "2025-01-01"}))
        .collect();
    let page = json!({"items": rows, "older": []}).to_string();
    let tagged = move |headers: HeaderMap| async move {
        match headers.get(header::IF_NONE_MATCH) {
            Some(_) => StatusCode::NOT_MODIFIED.into_response(),
            None => ([("etag", "\"one\"")], page).into_response(),
        }
    };
    let url = serve(Router::new().route("/s", get(tagged))).await;
    let stream = |path: &str, rows: &str| {
        source(rest(&url).stream("s", "/s").primary_key("id").data_selector(rows).incremental(path))
    };
    let updated = stream("updated_at", "items");
    let first = read(&updated, None).await.unwrap();
    assert_eq!(first.rows.len(), 9);
    let created = stream("created_at", "items");
    let error = read(&created, Some(first.cursor())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(error.context("stream"), Some("s"));
    assert_eq!(
        (error.context("cursor_path"), error.context("loaded_by")),
        (Some("created_at"), Some("updated_at"))
    );
    assert!(error.message().contains("`replace`"), "{error}");
    // The same field in other words is no other one.
    let same = stream("[\"updated_at\"]", "items");
    assert!(read(&same, Some(first.cursor())).await.unwrap().rows.is_empty());

    // A cursor of an earlier version does not say its field: it goes on, and says it from then on.
    let mut old = first.cursor();
    let state = old.0["streams"]["s"].as_object_mut().unwrap();
    assert!(state.remove("cursor_path").is_some() && state.remove("primary_key").is_some());
    let run = read(&updated, Some(old)).await.unwrap();
    assert!(run.rows.is_empty());
    assert_eq!(run.cursor(), first.cursor());

    // Where no row was there yet, any field will do, and a tag says nothing about rows that are elsewhere.
    let empty = read(&stream("updated_at", "older"), None).await.unwrap();
    assert!(empty.rows.is_empty());
    assert_eq!(read(&created, Some(empty.cursor())).await.unwrap().rows.len(), 9);
}

#[tokio::test]
async fn an_initial_value_is_asked_for() {
    let server = EventsServer::builder().events(500).no_faults().start().await.unwrap();
    let since = server.event(333)["created_at"].clone();
    let builder = events(&server, RowOrder::Ascending, true).initial_value(since.clone());
    let run = read(&source(builder), None).await.unwrap();
    let expected: Vec<_> =
        server.events().filter(|event| event["created_at"].as_str() >= since.as_str()).collect();
    assert_eq!(run.rows, expected);
    assert!(server.request_targets()[0].contains("since=2024"), "{:?}", server.request_targets());
}

#[tokio::test]
async fn streams_with_and_without_a_cursor_need_sources_of_their_own() {
    // The last checkpoint of a source covers all its streams, which that of a stream that comes whole cannot.
    for cursor_first in [true, false] {
        let (with, without) =
            (|b: RestBuilder| b.stream("a", "/a").incremental("at"), |b: RestBuilder| b.stream("b", "/b"));
        let builder =
            if cursor_first { without(with(rest("http://h"))) } else { with(without(rest("http://h"))) };
        let error = builder.clone().build().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert_eq!(error.context("stream"), Some(if cursor_first { "b" } else { "a" }));
        // As a source, the builder says so wherever it can say anything.
        let errors = [
            builder.discover().await.unwrap_err(),
            builder.parts(&OpenArgs::default()).await.unwrap_err(),
            builder.open(OpenArgs::default()).await.err().unwrap(),
        ];
        assert!(errors.iter().all(|e| e.kind() == ErrorKind::InvalidConfig), "{errors:?}");
        assert_eq!(builder.capabilities().incremental, cursor_first);
    }
    let whole = rest("http://h/items");
    assert_eq!(whole.capabilities(), whole.build().unwrap().capabilities());
    let incremental = rest("http://h/items").incremental("at");
    assert!(incremental.capabilities().incremental);
    // A URL that is none is no source that cannot resume: it is an error.
    let broken = rest("nothing").stream("a", "/a").incremental("at");
    assert!(broken.capabilities().incremental);
    assert_eq!(broken.discover().await.unwrap_err().kind(), ErrorKind::InvalidConfig);
}
