//! Answers that are not what was asked for, and how long they are waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Response, StatusCode};
use axum::routing::get;
use serde_json::json;
use stitchwork_core::{Budget, ErrorKind, OpenArgs, Source};
use stitchwork_events_server::{EventsServer, Faults};
use stitchwork_source_rest::{RequestConfig, rest};

use crate::{quick, read, serve, source};

/// A server that gives the first answer `times` times, then a row.
async fn after(
    times: u32,
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    body: &'static str,
) -> (String, Arc<AtomicU32>) {
    let count = Arc::new(AtomicU32::new(0));
    let seen = Arc::clone(&count);
    let answer = move || async move {
        if seen.fetch_add(1, Ordering::SeqCst) >= times {
            return Response::new(Body::from(r#"[{"id": "1"}]"#));
        }
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        response.body(Body::from(body)).unwrap()
    };
    (serve(Router::new().route("/s", get(answer))).await, count)
}

#[tokio::test]
async fn what_may_pass_is_tried_again_and_the_rest_is_not() {
    let cases: [(u16, ErrorKind, u32); 11] = [
        (400, ErrorKind::InvalidInput, 1),
        (401, ErrorKind::PermissionDenied, 1),
        (403, ErrorKind::PermissionDenied, 1),
        (404, ErrorKind::NotFound, 1),
        (410, ErrorKind::NotFound, 1),
        (418, ErrorKind::Unexpected, 1),
        (422, ErrorKind::InvalidInput, 1),
        (408, ErrorKind::Unavailable, 5),
        (429, ErrorKind::RateLimited, 5),
        (500, ErrorKind::Unavailable, 5),
        (503, ErrorKind::Unavailable, 5),
    ];
    for (status, kind, attempts) in cases {
        let (url, count) = after(99, status, &[], "no   such\nluck").await;
        let error = read(&source(rest(&url).stream("s", "/s?page=1")), None).await.unwrap_err();
        assert_eq!((error.kind(), count.load(Ordering::SeqCst)), (kind, attempts), "{status}");
        assert_eq!(error.context("status"), Some(status.to_string().as_str()));
        assert_eq!(error.context("url"), Some(format!("{url}/s?page=1").as_str()));
        assert_eq!(error.context("body"), Some("no such luck"));
        assert_eq!(error.context("stream"), Some("s"));
        if attempts > 1 {
            let (url, _) = after(4, status, &[], "").await;
            assert_eq!(
                read(&source(rest(&url).stream("s", "/s")), None).await.unwrap().ids(),
                ["1"],
                "{status}"
            );
        }
    }
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let begun = Instant::now();
    let (url, _) = after(1, 503, &[("retry-after", "1")], "").await;
    read(&source(rest(&url).stream("s", "/s")), None).await.unwrap();
    assert!(begun.elapsed() >= Duration::from_secs(1));

    // Longer than we are willing to wait.
    let begun = Instant::now();
    let (url, count) = after(9, 429, &[("retry-after", "86400")], "").await;
    let error = read(&source(rest(&url).stream("s", "/s")), None).await.unwrap_err();
    assert_eq!((error.kind(), error.context("retry_after_seconds")), (ErrorKind::RateLimited, Some("86400")));
    assert_eq!(count.load(Ordering::SeqCst), 1);
    assert!(begun.elapsed() < Duration::from_secs(5));

    let faults = Faults { every_429: 4, ..Faults::none() };
    let server =
        EventsServer::builder().events(500).faults(faults).retry_after_secs(1).start().await.unwrap();
    let builder = rest(server.url()).stream("s", "/events").param("per_page", 100);
    assert_eq!(read(&source(builder), None).await.unwrap().rows.len(), 500);
    let counts = server.requests();
    assert!(counts.too_many_requests > 0 && counts.too_early == 0, "{counts:?}");
}

#[tokio::test]
async fn a_rate_limit_that_is_used_up_is_waited_for() {
    let server = EventsServer::builder()
        .events(350)
        .no_faults()
        .rate_limit(3, Duration::from_secs(2))
        .start()
        .await
        .unwrap();
    let builder = rest(server.url()).stream("s", "/events").param("per_page", 100);
    assert_eq!(read(&source(builder), None).await.unwrap().rows.len(), 350);
    assert_eq!(server.requests().too_many_requests, 0, "the wait comes before the refusal");

    // GitHub says 403 for it.
    let soon = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs() + 1_000_000;
    let headers: &'static [_] = vec![
        ("x-ratelimit-remaining", "0"),
        ("x-ratelimit-reset", &*Box::leak(soon.to_string().into_boxed_str())),
    ]
    .leak();
    let (url, count) = after(9, 403, headers, "").await;
    let error = read(&source(rest(&url).stream("s", "/s")), None).await.unwrap_err();
    assert_eq!((error.kind(), count.load(Ordering::SeqCst)), (ErrorKind::RateLimited, 1), "{error:?}");
}

#[tokio::test]
async fn answers_that_are_no_json_are_told_apart() {
    let html: &[_] = &[("content-type", "text/html; charset=utf-8")];
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a str, &'a str);
    let cases: [Case<'_>; 7] = [
        (html, "Please log in", "HTML"),
        (&[], "  <!doctype html><p>Please log in", "HTML"),
        (&[], "{\"a\": [}", "no valid JSON"),
        (&[], "", "the answer is empty"),
        (&[], "[1, 2]", "no list of objects"),
        (&[], "{\"a\": 1}", "no list of objects"),
        (&[], "\"text\"", "no list of objects"),
    ];
    for (headers, body, message) in cases {
        let (headers, body): (&'static [_], &'static str) = (headers.to_vec().leak(), body.to_owned().leak());
        let (url, count) = after(9, 200, headers, body).await;
        let error = read(&source(rest(&url).stream("s", "/s")), None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error:?}");
        assert!(error.message().contains(message), "{error:?}");
        assert_eq!(count.load(Ordering::SeqCst), 1, "{body}");
    }
    let latin = get(|| async { Response::new(Body::from(&b"[{\"a\": \"\xfc\"}]"[..])) });
    let url = serve(Router::new().route("/s", latin)).await;
    let error = read(&source(rest(&url).stream("s", "/s")), None).await.unwrap_err();
    assert!(error.message().contains("UTF-8"), "{error:?}");
    let marked = get(|| async { "\u{feff}[{\"id\": \"1\"}]" });
    let url = serve(Router::new().route("/s", marked)).await;
    assert_eq!(read(&source(rest(&url).stream("s", "/s")), None).await.unwrap().ids(), ["1"]);
}

#[tokio::test]
async fn a_row_that_is_no_object_is_kept_as_a_value() {
    let (url, _) = after(9, 200, &[], r#"[{"id": "1"}, 2, null, "x", [3]]"#).await;
    let rows = read(&source(rest(&url).stream("s", "/s")), None).await.unwrap().rows;
    let expected = r#"[{"id": "1"}, {"value": 2}, {"value": null}, {"value": "x"}, {"value": [3]}]"#;
    assert_eq!(serde_json::Value::from(rows), serde_json::from_str::<serde_json::Value>(expected).unwrap());
    // A list of nothing else is taken where it is pointed to.
    let (url, _) = after(9, 200, &[], r#"{"tags": ["a", "b"]}"#).await;
    let tags = source(rest(&url).stream("s", "/s").data_selector("tags"));
    assert_eq!(read(&tags, None).await.unwrap().rows, [json!({"value": "a"}), json!({"value": "b"})]);
    // It has no cursor value, and no primary key.
    let (url, _) = after(9, 200, &[], r#"[{"id": "1"}, 2]"#).await;
    let error = read(&source(rest(&url).stream("s", "/s").incremental("id")), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData, "{error:?}");
    assert_eq!((error.context("row"), error.context("cursor_path")), (Some("1"), Some("id")));
    assert_eq!(error.context("url"), Some(format!("{url}/s").as_str()));
}

#[tokio::test]
async fn answers_are_bounded_in_size_and_time() {
    let server = EventsServer::builder().events(100).no_faults().start().await.unwrap();
    let requests = RequestConfig { max_response_bytes: 10_000, ..quick() };
    let builder = rest(server.url()).stream("s", "/events").param("per_page", 100);
    let small = builder.requests(requests).build().unwrap();
    let error = read(&small, None).await.unwrap_err();
    assert_eq!(error.context("max_response_bytes"), Some("10000"), "{error:?}");

    let slow = get(|| async {
        tokio::time::sleep(Duration::from_secs(60)).await;
        StatusCode::OK
    });
    let url = serve(Router::new().route("/s", slow)).await;
    let requests = RequestConfig { timeout_seconds: 0.1, max_attempts: 2, ..quick() };
    let error =
        read(&rest(&url).stream("s", "/s").requests(requests).build().unwrap(), None).await.unwrap_err();
    assert_eq!((error.kind(), error.context("attempts")), (ErrorKind::Unavailable, Some("2")), "{error:?}");

    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let error = read(&source(rest(&nobody).stream("s", "/s")), None).await.unwrap_err();
    assert_eq!((error.kind(), error.context("attempts")), (ErrorKind::Unavailable, Some("5")), "{error:?}");
}

#[tokio::test]
async fn a_full_budget_does_not_stop_the_source() {
    let server = EventsServer::builder().events(300).no_faults().start().await.unwrap();
    let source = source(rest(server.url()).stream("s", "/events"));
    let budget = Budget::new(1_000);
    let held = budget.try_reserve(1_000);
    let args = OpenArgs { budget: Some(budget.clone()), ..Default::default() };
    let messages: Vec<_> =
        futures::TryStreamExt::try_collect(source.open(args).await.unwrap()).await.unwrap();
    assert_eq!(messages.len(), 10);
    drop(held);
    assert_eq!(budget.free(), 1_000);
}

#[tokio::test]
async fn packed_answers_are_unpacked_within_bounds() {
    // `[{"id": "1"}]`, and the same with 20,000 spaces in it, packed by gzip.
    let small: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x8b\xae\x56\xca\x4c\x51\xb2\x52\x50\x32\x54\xaa\x8d\x05\x00\x73\xe3\x9a\xb1\x0d\x00\x00\x00";
    let large: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xed\xc1\x31\x0d\x00\x20\x10\x04\x30\x2b\x9f\x73\xc0\x8a\x15\xc2\xc6\x82\x06\x82\x77\x6c\x30\xb4\x1d\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xc0\x17\x4e\xf6\x4a\xaf\xb4\xdc\xf9\x00\xa6\x0e\x91\x92\x2d\x4e\x00\x00";
    let packed = |body: &'static [u8]| {
        get(move |headers: HeaderMap| async move {
            assert_eq!(headers["accept-encoding"], "gzip");
            ([("content-encoding", "gzip"), ("content-type", "application/json")], body)
        })
    };
    let url = serve(Router::new().route("/small", packed(small)).route("/large", packed(large))).await;
    let bounded = |path: &str, most| {
        let requests = RequestConfig { max_response_bytes: most, ..quick() };
        rest(&url).stream("s", path).requests(requests).build().unwrap()
    };
    assert_eq!(read(&bounded("/small", 100), None).await.unwrap().ids(), ["1"]);
    assert_eq!(read(&bounded("/large", 30_000), None).await.unwrap().ids(), ["1"]);
    let error = read(&bounded("/large", 10_000), None).await.unwrap_err();
    assert_eq!(error.context("max_response_bytes"), Some("10000"), "{error:?}");
}
