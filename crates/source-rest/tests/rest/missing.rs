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
        ("data", json!({ "result_info": { "count": 0 }, "errors": [] })),
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
        ("dat", json!({ "data": [], "count": 0 })),
        ("data", json!({ "meta": { "total": 3 } })),
        ("data", json!({ "meta": { "count": 0, "total": 3 } })),
        ("data", json!({ "message": "the quota is used up" })),
        ("data", json!({ "order": { "count": 0 } })),
        ("data", json!({ "kind": "storage#objects" })),
        ("data", json!([])),
        ("data", json!(5)),
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
    let elsewhere = json!({ "data": [{ "id": "1" }], "count": 0 });
    let builder = || async { pages(std::slice::from_ref(&elsewhere)).await.data_selector("dat") };
    let error = read(&source(builder().await), None).await.unwrap_err();
    assert_eq!((error.context("path"), error.context("list")), (Some("dat"), Some("data")), "{error}");
    let got = read(&source(builder().await.on_missing_rows(MissingRows::Empty)), None).await.unwrap();
    assert!(got.rows.is_empty());
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
    for (selector, last, word) in [
        (Some("data"), json!({ "next": null }), None),
        (None, json!({ "next": null }), None),
        (None, json!({ "next": null, "data": null }), None),
        (Some("data"), json!({ "next": null, "exception": "x" }), Some("exception")),
        (None, json!({ "next": null, "exception": "x" }), Some("exception")),
        (Some("data"), json!({ "next": null, "items": [{ "id": "2" }] }), Some("items")),
        (None, json!({ "next": null, "items": [{ "id": "2" }] }), Some("items")),
        (None, json!({ "next": null, "data": { "2": { "id": "2" } } }), Some("data")),
        (Some("data"), json!({ "next": null, "data": { "2": { "id": "2" } } }), Some("data")),
        (
            Some("data"),
            json!({ "next": null, "data": { "sku": { "id": "2" }, "b": { "id": "3" } } }),
            Some("data"),
        ),
        (None, json!({ "next": null, "data": "x" }), Some("data")),
    ] {
        let bodies = [first.clone(), last.clone()];
        let given = |builder: RestBuilder| {
            let builder = builder.paginator(Paginator::json_link("next"));
            match selector {
                Some(selector) => builder.data_selector(selector),
                None => builder,
            }
        };
        match (read(&source(given(pages(&bodies).await)), None).await, word) {
            (Ok(got), None) => assert_eq!(got.ids(), ["1"], "{last}"),
            (Err(error), Some(word)) => {
                assert_eq!(error.kind(), ErrorKind::InvalidData);
                let places = ["field", "list", "path"].map(|key| error.context(key));
                assert!(places.contains(&Some(word)), "{last}: {error}");
            }
            (got, _) => panic!("{last}: {got:?}"),
        }
        let builder = given(pages(&bodies).await).on_missing_rows(MissingRows::Empty);
        // What is there is not left out.
        let is_left_out = word != Some("data");
        assert_eq!(read(&source(builder), None).await.is_ok(), is_left_out, "{last}");
    }
    // A page without rows is no usual one: what it alone has is new.
    let bodies =
        [first, json!({ "next": "?page=3", "data": null, "exception": "x" }), json!({ "exception": "y" })];
    let builder = pages(&bodies).await.data_selector("data").paginator(Paginator::json_link("next"));
    assert_eq!(read(&source(builder), None).await.unwrap_err().context("field"), Some("exception"));
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

#[tokio::test]
async fn a_row_that_is_an_object_comes_once() {
    let builder = |body: Value, selector: &'static str| async move {
        pages(std::slice::from_ref(&body)).await.data_selector(selector)
    };
    let counting = || [Paginator::page_number(), Paginator::offset(1)];
    for (selector, body) in
        [("$", json!({ "id": "1" })), ("data", json!({ "ok": true, "data": { "id": "1", "next": "/b" } }))]
    {
        for paginator in counting() {
            let error = read(&source(builder(body.clone(), selector).await.paginator(paginator)), None).await;
            let error = error.unwrap_err();
            assert!(
                error.message().contains("same page again") && error.message().contains("`single`"),
                "{error}"
            );
        }
        let got = read(&source(builder(body, selector).await), None).await.unwrap();
        assert_eq!(got.ids(), ["1"]);
    }
    // Small ones may be equal where another link leads to each.
    let bodies = [json!("?page=2"), json!("?page=3"), Value::Null]
        .map(|next| json!({ "data": { "id": "0" }, "next": next }));
    let equal = pages(&bodies).await.data_selector("data").paginator(Paginator::json_link("next"));
    assert_eq!(read(&source(equal), None).await.unwrap().ids(), ["0"; 3]);
    // One in the place of a list that lost its other rows is one.
    let bodies =
        [json!({ "data": [{ "id": "1" }], "next": "?page=2" }), json!({ "data": { "id": "2", "a": {} } })];
    let one = pages(&bodies).await.data_selector("data").paginator(Paginator::json_link("next"));
    assert_eq!(read(&source(one), None).await.unwrap().ids(), ["1", "2"]);
    // What some languages write for an empty list.
    for paginator in counting().into_iter().chain([Paginator::Auto, Paginator::json_link("next")]) {
        let empty = json!({ "data": {}, "total": 0, "next": null });
        let got = read(&source(builder(empty, "data").await.paginator(paginator)), None).await.unwrap();
        assert!(got.rows.is_empty());
    }
    // What stands around it is the page's own, and what is in it is not.
    let bodies = [1, 2].map(|id: u32| {
        let next = if id == 1 { json!("?page=2") } else { Value::Null };
        json!({ "data": { "id": id.to_string(), "has_more": true, "next": "/c" }, "links": { "next": next } })
    });
    for paginator in [Paginator::Auto, Paginator::json_link("links.next")] {
        let builder = pages(&bodies).await.data_selector("data").paginator(paginator);
        assert_eq!(read(&source(builder), None).await.unwrap().ids(), ["1", "2"]);
    }
}

/// An object with the places of rows as its keys is no row, where pages before had lists; whatever it has for them.
#[tokio::test]
async fn a_list_that_becomes_a_map_of_places_is_refused() {
    for map in [
        json!({ "2": { "id": 2 }, "3": { "id": 3 } }),
        json!({ "2": { "id": 2 }, "3": null }),
        json!({ "2": [{ "id": 2 }] }),
        json!({ "2": "c", "3": "d" }),
    ] {
        let first = json!({ "data": [{ "id": "1" }], "next": "/s?page=2" });
        let api = pages(&[first, json!({ "data": map })]).await.data_selector("data");
        let got = read(&source(api.paginator(Paginator::json_link("next"))), None).await;
        assert_eq!(got.expect_err(&map.to_string()).kind(), ErrorKind::InvalidData, "{map}");
    }
}

/// One object may be equal to the one before it, but not for ever.
#[tokio::test]
async fn objects_that_are_equal_for_ever_end() {
    let api = |most: usize| async move {
        let place = Arc::new(AtomicUsize::new(0));
        let page = move || {
            let n = place.fetch_add(1, Ordering::SeqCst);
            let next = (n < most).then(|| format!("/s?n={n}"));
            async move { json!({ "data": { "id": "0" }, "next": next }).to_string() }
        };
        rest(serve(Router::new().route("/s", get(page))).await)
            .stream("s", "/s")
            .data_selector("data")
            .paginator(Paginator::json_link("next"))
    };
    assert_eq!(read(&source(api(20).await), None).await.unwrap().rows.len(), 21);
    let error = read(&source(api(usize::MAX).await), None).await.unwrap_err();
    assert!(error.message().contains("the same page again"), "{error}");
}

/// A stream of one object takes on the paginator of the source, which finds nothing in it.
#[tokio::test]
async fn an_object_alone_is_a_page_of_its_own() {
    for paginator in [Paginator::last_row("id", "after"), Paginator::json_link("links.next")] {
        for body in [
            json!({ "id": "acct_1" }),
            json!({ "id": "1", "done": false }),
            json!({ "id": "1", "is_last": false, "more": true }),
            json!({ "id": "1", "next": "abc" }),
        ] {
            let api =
                pages(std::slice::from_ref(&body)).await.data_selector("$").paginator(paginator.clone());
            let got = read(&source(api), None).await;
            assert!(got.as_ref().is_ok_and(|got| got.rows.len() == 1), "{paginator:?} {body}: {got:?}");
        }
    }
}
