//! Pages that have nothing where their rows should be.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::routing::get;
use serde_json::{Value, json};
use stitchwork_core::{ErrorKind, Result};
use stitchwork_source_rest::{MissingRows, Paginator, RestBuilder, rest};

use crate::{Read, read, serve, source};

/// An API that gives these pages, whatever it is asked for.
async fn pages(pages: &[Value]) -> RestBuilder {
    let (served, place) = (pages.to_vec(), Arc::new(AtomicUsize::new(0)));
    let page = move || {
        let page = served[place.fetch_add(1, Ordering::SeqCst) % served.len()].to_string();
        async move { page }
    };
    rest(serve(Router::new().route("/s", get(page))).await).stream("s", "/s")
}

async fn read_at(selector: &str, bodies: &[Value]) -> Result<Read> {
    read(&source(pages(bodies).await.data_selector(selector)), None).await
}

#[tokio::test]
async fn a_page_that_says_that_it_has_no_rows_needs_no_list() {
    for (selector, empty) in [
        ("data", json!({ "meta": { "result_count": 0 } })),
        ("data", json!({ "meta": { "total": "0", "pages": 1 }, "warnings": [{ "w": 1 }] })),
        (
            "_embedded.users",
            json!({
                "_links": { "self": { "href": "/users" } },
                "page": { "size": 20, "totalElements": 0, "totalPages": 0, "number": 0 }
            }),
        ),
        (
            "entry",
            json!({
                "resourceType": "Bundle", "type": "searchset", "total": 0, "link": [{ "relation": "self", "url": "/P" }]
            }),
        ),
        ("messages", json!({ "resultSizeEstimate": 0 })),
        ("a.b.items", json!({ "a": { "b": { "totalItems": 0, "error_count": 0 } } })),
        ("objects", json!({})),
    ] {
        let got = read_at(selector, std::slice::from_ref(&empty)).await;
        assert!(got.as_ref().is_ok_and(|got| got.rows.is_empty()), "{empty}: {got:?}");
    }
}

#[tokio::test]
async fn a_first_page_that_may_have_its_rows_elsewhere_is_an_error() {
    for (selector, body) in [
        ("dat", json!({ "data": [{ "id": "1" }], "count": 0 })),
        ("dat", json!({ "data": [], "count": 0 })),
        ("data", json!({ "meta": { "total": 3 } })),
        ("data", json!({ "meta": { "count": 0, "total": 3 } })),
        ("data", json!({ "message": "the quota is used up" })),
        ("data", json!({ "order": { "count": 0 } })),
        ("data", json!({ "kind": "storage#objects" })),
        ("data", json!([])),
    ] {
        let error = read_at(selector, std::slice::from_ref(&body)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{body}: {error}");
        assert!(error.message().contains("`on_missing_rows`"), "{body}: {error}");
        // Whoever knows better says so.
        let builder = pages(std::slice::from_ref(&body)).await.data_selector(selector);
        let builder = builder.paginator(Paginator::Single).on_missing_rows(MissingRows::Empty);
        let got = read(&source(builder), None).await.unwrap();
        assert!(got.rows.is_empty(), "{body}");
    }
    // What says that it failed is a failure, whatever is set.
    for failed in [json!({ "error": "x" }), json!({ "meta": { "total": 0 }, "status": 500 })] {
        let error = read_at("data", std::slice::from_ref(&failed)).await.unwrap_err();
        assert!(error.message().contains("failed"), "{failed}: {error}");
        let builder = pages(std::slice::from_ref(&failed)).await.on_missing_rows(MissingRows::Empty);
        let error = read(&source(builder), None).await.unwrap_err();
        assert!(error.message().contains("failed"), "{failed}: {error}");
    }
}

#[tokio::test]
async fn a_page_of_links_that_says_that_there_are_no_rows_has_none() {
    let bundle = json!({ "total": 0, "link": [{ "relation": "self", "url": "/P" }] });
    let got = read(&source(pages(std::slice::from_ref(&bundle)).await), None).await.unwrap();
    assert!(got.rows.is_empty());
    let list = json!({ "total": 1, "links": [{ "id": "1" }] });
    assert_eq!(read(&source(pages(std::slice::from_ref(&list)).await), None).await.unwrap().ids(), ["1"]);
    // Of a page without any list nobody knows what it is, unless it is said.
    let bare = json!({ "open": 3, "total": 0 });
    assert!(read(&source(pages(std::slice::from_ref(&bare)).await), None).await.is_err());
    let said = pages(std::slice::from_ref(&bare)).await.on_missing_rows(MissingRows::Empty);
    assert!(read(&source(said), None).await.unwrap().rows.is_empty());
}

#[tokio::test]
async fn a_later_page_may_leave_its_list_out() {
    let first = json!({ "data": [{ "id": "1" }], "next": "?page=2" });
    for (selector, last, reads) in [
        (Some("data"), json!({ "next": null }), true),
        (None, json!({ "next": null }), true),
        (Some("data"), json!({ "next": null, "exception": "x" }), false),
        (None, json!({ "next": null, "exception": "x" }), false),
        (Some("data"), json!({ "next": null, "items": [{ "id": "2" }] }), false),
    ] {
        let bodies = [first.clone(), last.clone()];
        let given = |builder: RestBuilder| {
            let builder = builder.paginator(Paginator::json_link("next"));
            match selector {
                Some(selector) => builder.data_selector(selector),
                None => builder,
            }
        };
        let got = read(&source(given(pages(&bodies).await)), None).await;
        match got {
            Ok(got) => assert!(reads && got.ids() == ["1"], "{last}"),
            Err(error) => assert!(!reads && error.message().contains("`on_missing_rows`"), "{last}: {error}"),
        }
        let builder = given(pages(&bodies).await).on_missing_rows(MissingRows::Empty);
        assert_eq!(read(&source(builder), None).await.unwrap().ids(), ["1"], "{last}");
    }
}

#[tokio::test]
async fn an_incremental_load_without_news_needs_no_list_and_keeps_its_cursor() {
    let rows = json!({ "data": [{ "id": "1", "at": 5 }] });
    let builder =
        |builder: RestBuilder| source(builder.data_selector("data").primary_key("id").incremental("at"));
    let first = read(&builder(pages(std::slice::from_ref(&rows)).await), None).await.unwrap();
    let silent = json!({ "kind": "storage#objects" });
    // Nobody knows it without a load before it.
    assert!(read(&builder(pages(std::slice::from_ref(&silent)).await), None).await.is_err());
    let got = read(&builder(pages(std::slice::from_ref(&silent)).await), Some(first.cursor())).await.unwrap();
    assert_eq!((got.rows.len(), got.cursor()), (0, first.cursor()));
    // A list elsewhere may be that of the rows.
    let moved = json!({ "items": [{ "id": "2", "at": 6 }] });
    assert!(read(&builder(pages(std::slice::from_ref(&moved)).await), Some(first.cursor())).await.is_err());
}
