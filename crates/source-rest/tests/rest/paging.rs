//! Every paginator against the events server, with and without failures.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::Query;
use axum::http::Uri;
use axum::routing::{get, post};
use serde_json::{Value, json};
use stitchwork_core::{ErrorKind, OpenArgs, Source};
use stitchwork_events_server::{EventsServer, Faults};
use stitchwork_source_rest::{Paginator, SendIn, rest};

use crate::{all_ids, read, serve, source};

#[tokio::test]
async fn every_paginator_brings_every_row_in_spite_of_failures() {
    let faults = Faults { every_429: 7, every_502: 5, every_cut: 6 };
    let server = EventsServer::builder().events(534).faults(faults).start().await.unwrap();
    let ids = all_ids(&server);
    let streams: [(&str, Paginator); 11] = [
        ("/events", Paginator::Auto),
        ("/events", Paginator::header_link()),
        ("/paged/json-link", Paginator::Auto),
        ("/paged/json-link", Paginator::json_link("next")),
        ("/paged/cursor", Paginator::Auto),
        ("/paged/cursor", Paginator::cursor("cursors.next", "cursor")),
        ("/paged/offset", Paginator::offset(37)),
        ("/paged/offset", Paginator::offset(1_000)),
        ("/paged/page", Paginator::Auto),
        ("/paged/page", Paginator::page_number()),
        ("/events", Paginator::page_number()),
    ];
    for (path, paginator) in streams {
        let builder = rest(server.url()).stream("s", path).param("per_page", 40).paginator(paginator.clone());
        let got = read(&source(builder), None).await.unwrap();
        assert_eq!(got.ids(), ids, "{path} {paginator:?}");
        assert!(got.checkpoints.is_empty(), "the stream is not incremental");
    }
    let counts = server.requests();
    assert!(counts.too_many_requests > 5 && counts.bad_gateway > 5 && counts.cut > 5, "{counts:?}");
}

#[tokio::test]
async fn one_page_of_many_is_not_taken_for_all() {
    let server = EventsServer::builder().events(100).no_faults().start().await.unwrap();
    let builder = || rest(server.url()).stream("s", "/paged/offset").param("limit", 40);
    let error = read(&source(builder()), None).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!((error.context("total"), error.context("rows")), (Some("100"), Some("40")));
    let single = source(builder().paginator(Paginator::Single));
    assert_eq!(read(&single, None).await.unwrap().rows.len(), 40);
}

#[tokio::test]
async fn rows_are_passed_on_as_they_came() {
    let server = EventsServer::builder().events(60).no_faults().start().await.unwrap();
    let builder = rest(server.url()).stream("a", "/events").stream("b", "/paged/page");
    let source = source(builder);
    let got = read(&source, None).await.unwrap();
    let events: Vec<Value> = server.events().collect();
    assert_eq!(got.rows, [events.clone(), events].concat());
    let selected = OpenArgs { streams: vec!["b".into()], ..Default::default() };
    let messages: Vec<_> =
        futures::TryStreamExt::try_collect(source.open(selected).await.unwrap()).await.unwrap();
    assert_eq!(messages.len(), 2);
    let unknown = OpenArgs { streams: vec!["c".into()], ..Default::default() };
    let error = source.open(unknown).await.err().unwrap();
    assert_eq!((error.kind(), error.context("known")), (ErrorKind::NotFound, Some("a,b")));
    let names: Vec<_> = source.discover().await.unwrap().into_iter().map(|info| info.name).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(source.parts(&OpenArgs::default()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_circle_of_pages_is_an_error() {
    let circle = |Query(query): Query<Vec<(String, String)>>| async move {
        let page = query.first().map_or("0", |(_, page)| page.as_str());
        let next = if page == "2" {
            "/a?page=1".to_owned()
        } else {
            format!("/a?page={}", page.parse::<u8>().unwrap() + 1)
        };
        json!({"items": [{"page": page}], "next": next}).to_string()
    };
    let stuck = |Query(query): Query<Vec<(String, String)>>| async move {
        json!({"items": [{ "asked": query.len() }], "cursors": {"next": "same"}}).to_string()
    };
    let url = serve(Router::new().route("/a", get(circle)).route("/b", get(stuck))).await;
    for path in ["/a", "/b"] {
        let error = read(&source(rest(&url).stream("s", path)), None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.message().contains("circle"), "{error}");
    }
}

#[tokio::test]
async fn a_post_pages_in_its_body() {
    let search = |body: String| async move {
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["query"], "x");
        let offset = body["page"]["offset"].as_u64().unwrap();
        let rows: Vec<Value> = (offset..25.min(offset + body["page"]["size"].as_u64().unwrap()))
            .map(|n| json!({"n": n}))
            .collect();
        json!({"found": {"hits": rows, "count": 25}}).to_string()
    };
    let url = serve(Router::new().route("/v1/search", post(search))).await;
    let paginator = Paginator::Offset {
        first: 0,
        limit: 10,
        offset_param: "page.offset".into(),
        limit_param: "page.size".into(),
        send_in: SendIn::Body,
        total: "found.count".into(),
    };
    let builder = rest(format!("{url}/v1"))
        .stream("search", "")
        .post(json!({"query": "x"}))
        .data_selector("found.hits")
        .paginator(paginator);
    let got = read(&source(builder), None).await.unwrap();
    assert_eq!(got.rows, (0..25).map(|n| json!({"n": n})).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_single_object_and_an_empty_page_are_pages() {
    let one = || async { r#"{"id": "1", "tags": ["a"]}"# };
    let none = || async { r#"{"items": null}"# };
    let nothing = || async { axum::http::StatusCode::NO_CONTENT };
    let router =
        Router::new().route("/one", get(one)).route("/none", get(none)).route("/nothing", get(nothing));
    let builder = rest(serve(router).await)
        .stream("one", "/one")
        .data_selector("$")
        .stream("none", "/none")
        .data_selector("items")
        .stream("nothing", "/nothing");
    let got = read(&source(builder), None).await.unwrap();
    assert_eq!(got.rows, [json!({"id": "1", "tags": ["a"]})]);
}

#[tokio::test]
async fn the_same_page_again_is_an_error_and_not_more_rows() {
    let rows: Vec<Value> = (0..3).map(|id| json!({ "id": id })).collect();
    let counted = json!({ "data": rows, "meta": { "pageCount": 10, "page": 1 } });
    let app = Router::new()
        .route("/counted", get(async move || counted.to_string()))
        .route("/plain", get(async move || Value::Array(rows).to_string()));
    let url = serve(app).await;
    let streams = [
        ("/counted", Paginator::Auto),
        ("/plain", Paginator::page_number()),
        ("/plain", Paginator::offset(3)),
    ];
    for (path, paginator) in streams {
        let source = source(rest(&url).stream("s", path).paginator(paginator.clone()));
        let error = read(&source, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{path} {paginator:?}");
        assert_eq!(error.context("pages"), Some("2"), "{error}");
    }
    let single = source(rest(&url).stream("s", "/counted").paginator(Paginator::Single));
    assert_eq!(read(&single, None).await.unwrap().rows.len(), 3);
}

#[tokio::test]
async fn rows_of_later_pages_are_where_the_first_page_had_them() {
    // An empty list is left out by some APIs, and null in others.
    for last in
        [json!({ "customers": [{ "c": 2 }], "total_pages": 2 }), json!({ "orders": null, "total_pages": 2 })]
    {
        let page = |Query(query): Query<Vec<(String, String)>>| async move {
            let page = query.into_iter().find(|(name, _)| name == "page").map(|(_, page)| page);
            match page.as_deref() {
                None | Some("1") => json!({ "orders": [{ "id": 1 }], "total_pages": 3 }),
                Some("2") => json!({ "customers": [{ "c": 1 }], "orders": [{ "id": 2 }], "total_pages": 3 }),
                _ => last,
            }
            .to_string()
        };
        let url = serve(Router::new().route("/a", get(page))).await;
        let got = read(&source(rest(&url).stream("s", "/a")), None).await.unwrap();
        assert_eq!(got.rows, [json!({ "id": 1 }), json!({ "id": 2 })]);
    }
}

/// Lists as Stripe has them: the id of the last row leads on, and a flag says when to stop.
fn stripe(total: u64) -> Router {
    let list = move |Query(query): Query<Vec<(String, String)>>| async move {
        let param = |name: &str| query.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let after: u64 =
            param("starting_after").map_or(0, |id| id.trim_start_matches("ch_").parse().unwrap());
        let end = total.min(after + 10);
        let data: Vec<Value> = (after + 1..=end).map(|n| json!({ "id": format!("ch_{n}") })).collect();
        json!({ "object": "list", "url": "/v1/charges", "has_more": end < total, "data": data }).to_string()
    };
    Router::new().route("/charges", get(list))
}

#[tokio::test]
async fn the_last_row_of_a_page_leads_to_the_next_one() {
    for total in [0, 5, 10, 34] {
        let url = serve(stripe(total)).await;
        let flagged: Paginator =
            serde_json::from_value(json!({ "type": "last_row", "has_more": "has_more" })).unwrap();
        for paginator in [flagged, Paginator::last_row("id", "starting_after")] {
            let got =
                read(&source(rest(&url).stream("charges", "/charges").paginator(paginator)), None).await;
            let expected: Vec<String> = (1..=total).map(|n| format!("ch_{n}")).collect();
            assert_eq!(got.unwrap().ids(), expected, "{total}");
        }
    }
    // A parameter that the API does not know gives the first page again: no row is taken twice.
    let url = serve(stripe(34)).await;
    let unknown = Paginator::last_row("id", "after");
    let error = read(&source(rest(&url).stream("charges", "/charges").paginator(unknown)), None).await;
    assert!(error.unwrap_err().message().contains("same page again"));
}

#[tokio::test]
async fn a_mistyped_path_of_a_paginator_is_no_silent_end() {
    let server = EventsServer::builder().events(100).no_faults().start().await.unwrap();
    for (path, paginator) in [
        ("/paged/json-link", Paginator::json_link("nxt")),
        ("/paged/cursor", Paginator::cursor("cursor.next", "cursor")),
    ] {
        let builder = || rest(server.url()).stream("s", path).param("per_page", 40);
        let error = read(&source(builder().paginator(paginator)), None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{path}");
        assert!(error.context("path").is_some() && error.context("found").is_some(), "{error}");
        assert!(error.context("url").is_some_and(|url| url.contains(path)), "{error}");
    }
    // One page, whose API leaves the key out.
    let small = EventsServer::builder().events(10).no_faults().start().await.unwrap();
    let url =
        serve(Router::new().route("/one", get(|| async { json!({ "items": [{ "id": "1" }] }).to_string() })))
            .await;
    let got =
        read(&source(rest(&url).stream("s", "/one").paginator(Paginator::json_link("next"))), None).await;
    assert_eq!(got.unwrap().rows.len(), 1);
    let paginator = Paginator::json_link("next");
    let builder = rest(small.url()).stream("s", "/paged/json-link").paginator(paginator);
    assert_eq!(read(&source(builder), None).await.unwrap().rows.len(), 10);
}

#[tokio::test]
async fn a_page_that_is_a_list_of_what_is_told_of_it_and_of_its_rows_is_read() {
    let page = |Query(query): Query<Vec<(String, String)>>| async move {
        let page = query.iter().find(|(name, _)| name == "page").map_or(1, |(_, page)| page.parse().unwrap());
        let rows: Vec<Value> =
            (page * 10 - 9..=(page * 10).min(24)).map(|id: u64| json!({ "id": id })).collect();
        let next = (page < 3).then(|| format!("?page={}", page + 1));
        json!([{ "page": page, "pages": 3, "total": 24, "next": next }, rows]).to_string()
    };
    let counted = async move |query| page(query).await.replace("next", "before");
    let alone = async || json!([{ "page": 1, "pages": 3, "total": 24 }, [{ "id": 1 }]]).to_string();
    let router =
        Router::new().route("/a", get(page)).route("/counted", get(counted)).route("/alone", get(alone));
    let url = serve(router).await;
    let numbers: Paginator =
        serde_json::from_value(json!({ "type": "page_number", "total_pages": "0.pages" })).unwrap();
    let link = Paginator::json_link("0.next");
    let cases = [
        ("/a", Paginator::Auto, None),
        ("/counted", Paginator::Auto, None),
        ("/counted", Paginator::Auto, Some("1")),
        ("/counted", numbers, Some("$.1")),
        ("/a", link.clone(), Some("1")),
        ("/a", link, None),
    ];
    for (path, paginator, selector) in cases {
        let mut builder = rest(&url).stream("s", path).paginator(paginator.clone());
        if let Some(selector) = selector {
            builder = builder.data_selector(selector);
        }
        let got = read(&source(builder), None).await.unwrap();
        let ids: Vec<u64> = got.rows.iter().map(|row| row["id"].as_u64().unwrap()).collect();
        assert_eq!(ids, (1..=24).collect::<Vec<_>>(), "{path} {paginator:?} {selector:?}");
    }
    let single = source(rest(&url).stream("s", "/alone").data_selector("1.0").paginator(Paginator::Single));
    assert_eq!(read(&single, None).await.unwrap().rows, [json!({ "id": 1 })]);
    let link = source(rest(&url).stream("s", "/alone").paginator(Paginator::json_link("0.next")));
    assert_eq!(
        read(&link, None).await.unwrap().rows.len(),
        1,
        "the key is missing, and the way to it is there"
    );
}

#[tokio::test]
async fn what_stands_around_rows_that_were_found_is_about_them() {
    let page = |uri: Uri| async move {
        let id = if uri.query().is_some() { "2" } else { "1" };
        json!({ "result": { "items": [{ "id": id }], "is_last": true }, "next": "?page=2" }).to_string()
    };
    let url = serve(Router::new().route("/s", get(page))).await;
    let builder = |paginator| rest(&url).stream("s", "/s").paginator(paginator);
    for paginator in [Paginator::Auto, Paginator::json_link("next")] {
        assert_eq!(read(&source(builder(paginator)), None).await.unwrap().ids(), ["1"]);
    }
}

#[tokio::test]
async fn rows_and_what_leads_on_may_be_deep() {
    let page = |uri: Uri| async move {
        let number: u32 = uri.query().map_or(1, |query| query.trim_start_matches("after=c").parse().unwrap());
        let info = json!({ "hasNextPage": number < 3, "endCursor": format!("c{}", number + 1) });
        let history = json!({ "nodes": [{ "id": number.to_string() }], "pageInfo": info });
        let repository = json!({ "defaultBranchRef": { "target": { "history": history } } });
        json!({ "data": { "organization": { "team": { "repository": repository } } } }).to_string()
    };
    let url = serve(Router::new().route("/s", get(page))).await;
    let around = "data.organization.team.repository.defaultBranchRef.target.history";
    let builder = |paginator: Paginator| {
        rest(&url).stream("s", "/s").data_selector(format!("{around}.nodes")).paginator(paginator)
    };
    let cursor = Paginator::cursor(format!("{around}.pageInfo.endCursor"), "after");
    assert_eq!(read(&source(builder(cursor)), None).await.unwrap().ids(), ["1", "2", "3"]);
    let error = read(&source(builder(Paginator::Auto)), None).await.unwrap_err();
    assert_eq!(error.context("says_more"), Some(format!("{around}.pageInfo.hasNextPage").as_str()));
}

#[tokio::test]
async fn the_last_page_again_is_the_end_of_pages_by_number_where_all_rows_came() {
    // As Magento has it.
    let magento = |total: usize| {
        move |uri: Uri| async move {
            let number = uri
                .query()
                .and_then(|query| query.strip_prefix("p="))
                .map_or(1, |page| page.parse().unwrap());
            let start = (number.min(total.div_ceil(3)) - 1) * 3;
            let rows: Vec<_> =
                (start..total.min(start + 3)).map(|id| json!({ "id": id.to_string() })).collect();
            json!({ "items": rows, "total_count": total }).to_string()
        }
    };
    for total in [1, 3, 6, 7] {
        let url = serve(Router::new().route("/s", get(magento(total)))).await;
        let numbers: Paginator =
            serde_json::from_value(json!({ "type": "page_number", "param": "p" })).unwrap();
        let got = read(&source(rest(&url).stream("s", "/s").paginator(numbers)), None).await.unwrap();
        assert_eq!(got.rows.len(), total);
        // A parameter that it does not know gives the first page for ever.
        let got = read(&source(rest(&url).stream("s", "/s").paginator(Paginator::page_number())), None).await;
        match got {
            Ok(got) => assert!(total <= 3 && got.rows.len() == total),
            Err(error) => assert!(total > 3 && error.message().contains("same page again"), "{error}"),
        }
    }
}

#[tokio::test]
async fn rows_that_change_while_they_are_read_are_known_by_their_primary_key() {
    let asked = Arc::new(AtomicUsize::new(0));
    let page = move || {
        let age = asked.fetch_add(1, Ordering::SeqCst);
        async move { json!([{ "id": "1", "age": age }, { "id": "2", "age": age }]).to_string() }
    };
    let url = serve(Router::new().route("/s", get(page))).await;
    for paginator in [Paginator::page_number(), Paginator::offset(2)] {
        let builder = rest(&url).stream("s", "/s").paginator(paginator).primary_key("id");
        let error = read(&source(builder), None).await.unwrap_err();
        assert!(error.message().contains("primary keys of those before"), "{error}");
    }
    // A part of the key may be null in each row.
    let asked = Arc::new(AtomicUsize::new(0));
    let page = move || {
        let age = asked.fetch_add(1, Ordering::SeqCst);
        async move { json!([{ "id": "1", "part": null, "age": age }, { "id": "2", "age": age }]).to_string() }
    };
    let url = serve(Router::new().route("/s", get(page))).await;
    let builder = rest(&url).stream("s", "/s").paginator(Paginator::page_number());
    let error = read(&source(builder.primary_key("id").primary_key("part")), None).await.unwrap_err();
    assert!(error.message().contains("primary keys of those before"), "{error}");
    // A key that is null tells nothing.
    let page = |uri: Uri| async move {
        let number: u32 = uri.query().unwrap_or_default().trim_start_matches("page=").parse().unwrap();
        let rows = if number < 3 { json!([{ "id": number.to_string(), "key": null }]) } else { json!([]) };
        rows.to_string()
    };
    let url = serve(Router::new().route("/s", get(page))).await;
    let builder = rest(&url).stream("s", "/s").paginator(Paginator::page_number()).primary_key("key");
    assert_eq!(read(&source(builder), None).await.unwrap().ids(), ["1", "2"]);
}
