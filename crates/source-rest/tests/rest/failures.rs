//! Pages that come as a success and say that something failed.

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::routing::get;
use stitchwork_core::ErrorKind;
use stitchwork_source_rest::{Paginator, Partial, RestBuilder, SendIn, rest};

use crate::{read, serve, source};

/// A server whose first page has a row, and whose second one is the given text.
async fn second(page: &'static str) -> String {
    let answer = move |uri: Uri| async move {
        let is_first = uri.query().is_none_or(|query| query.contains("page=1") || query.contains("offset=0"));
        if is_first { r#"{"items": [{"id": "1"}], "next": "/s?page=2"}"# } else { page }
    };
    serve(Router::new().route("/s", get(answer))).await
}

#[tokio::test]
async fn a_page_without_rows_that_tells_of_a_failure_is_no_end() {
    for page in [
        r#"{"items": [], "errors": ["the day is over"]}"#,
        r#"{"items": null, "errors": {"code": 7}}"#,
        r#"{"items": [], "errors": "the day is over"}"#,
        r#"{"items": [], "error": "the day is over"}"#,
        r#"{"items": [], "error": {"code": 7}}"#,
        r#"{"items": [], "error": true}"#,
        r#"{"items": [], "ok": false}"#,
        r#"{"items": [], "success": false}"#,
        r#"{"ok": false, "error": "ratelimited"}"#,
        r#"{"items": [], "status": 503}"#,
        r#"{"code": 7, "fault": {"text": "the day is over"}}"#,
    ] {
        let url = second(page).await;
        let to = || rest(&url).stream("s", "/s");
        let builders: [RestBuilder; 5] = [
            to().paginator(Paginator::json_link("next")),
            to().paginator(Paginator::json_link("next")).data_selector("items").incremental("id"),
            to().paginator(Paginator::page_number()).data_selector("items"),
            to().paginator(Paginator::page_number()),
            to().paginator(Paginator::offset(1)),
        ];
        for (place, builder) in builders.into_iter().enumerate() {
            let error = read(&source(builder), None).await.unwrap_err();
            let shown = format!("{place} {page}: {error:?}");
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{shown}");
            assert!(error.context("url").unwrap().contains("/s?"), "{shown}");
            assert_eq!(error.context("body"), Some(page), "{shown}");
            assert!(error.message().contains("says that the API failed"), "{shown}");
        }
    }
}

#[tokio::test]
async fn a_page_that_lacks_its_list_ends_the_stream_only_where_it_has_nothing_new() {
    for (page, ends) in [
        (r#"{"next": null}"#, true),
        ("{}", true),
        (r#"{"exception": "the day is over"}"#, false),
        (r#"{"next": null, "detail": "the day is over"}"#, false),
    ] {
        let url = second(page).await;
        for paginator in [Paginator::json_link("next"), Paginator::page_number()] {
            let read = read(&source(rest(&url).stream("s", "/s").paginator(paginator)), None).await;
            match read {
                Ok(got) => assert!(ends && got.rows.len() == 1, "{page}"),
                Err(error) => {
                    assert!(!ends && error.message().contains("that no page with rows had"), "{error:?}");
                    assert_eq!(error.context("body"), Some(page));
                }
            }
        }
    }
}

#[tokio::test]
async fn a_first_page_that_tells_of_a_failure_is_no_empty_stream() {
    for (page, selector) in [
        (r#"{"data": [], "errors": [{"message": "no canary-1"}]}"#, Some("data")),
        (r#"{"data": null, "errors": [{"message": "no canary-1"}]}"#, Some("data")),
        (r#"{"data": [], "error": "no canary-1"}"#, None),
        (r#"{"ok": false, "error": "no canary-1"}"#, None),
        (r#"{"ok": false, "error": "no canary-1"}"#, Some("data")),
    ] {
        let url = serve(Router::new().route("/s", get(move || async move { page }))).await;
        let mut builder = rest(&url).bearer("canary-1").stream("s", "/s");
        if let Some(selector) = selector {
            builder = builder.data_selector(selector);
        }
        let error = read(&source(builder), None).await.unwrap_err();
        assert_eq!(error.context("url"), Some(format!("{url}/s").as_str()), "{page}: {error:?}");
        assert_eq!(
            error.context("body"),
            Some(page.replace("canary-1", "***").as_str()),
            "{page}: {error:?}"
        );
        assert!(!format!("{error:?}").contains("canary"), "{error:?}");
    }
}

#[tokio::test]
async fn rows_beside_errors_are_taken_only_where_that_is_wanted() {
    let page = r#"{"data": {"nodes": [{"id": "1"}]}, "errors": [{"message": "one of two is missing"}]}"#;
    let url = serve(Router::new().route("/s", get(move || async move { page }))).await;
    let stream = || rest(&url).stream("s", "/s").data_selector("data.nodes");
    let error = read(&source(stream()), None).await.unwrap_err();
    assert!(
        error.message().contains("rows may be missing") && error.message().contains("`on_errors`"),
        "{error}"
    );
    assert_eq!((error.context("field"), error.context("body")), (Some("errors"), Some(page)));
    let got = read(&source(stream().on_errors(Partial::Include)), None).await.unwrap();
    assert_eq!(got.rows.len(), 1);

    let bare = r#"{"nodes": [{"id": "1"}], "errors": [{"message": "one of two is missing"}]}"#;
    let url = serve(Router::new().route("/s", get(move || async move { bare }))).await;
    let error = read(&source(rest(&url).stream("s", "/s")), None).await.unwrap_err();
    assert!(error.message().contains("`on_errors: include`"), "{error}");
    let got = read(&source(rest(&url).stream("s", "/s").on_errors(Partial::Include)), None).await.unwrap();
    assert_eq!(got.rows.len(), 1);

    let later = second(r#"{"items": [{"id": "2"}], "success": false}"#).await;
    let error = read(&source(rest(&later).stream("s", "/s")), None).await.unwrap_err();
    assert_eq!(error.context("field"), Some("success"), "{error}");
    // A row that is the page itself has such fields of its own.
    let own = r#"{"id": "1", "error": "x", "ok": false}"#;
    let url = serve(Router::new().route("/s", get(move || async move { own }))).await;
    let got = read(&source(rest(&url).stream("s", "/s").data_selector("$")), None).await.unwrap();
    assert_eq!(got.rows.len(), 1);
}

#[tokio::test]
async fn a_page_without_rows_is_no_end_where_the_api_has_told_of_more() {
    // The last one is an answer without a body (204).
    for page in ["{\"items\": []}", r#"{"items": [], "total_pages": 3, "total": 3}"#, ""] {
        let answer = move |uri: Uri| async move {
            let query = uri.query().unwrap_or_default();
            let is_first = query.contains("page=1") || query.contains("offset=0") || query.is_empty();
            let body =
                if is_first { r#"{"items": [{"id": "1"}], "total_pages": 3, "total": 3}"# } else { page };
            let status = if body.is_empty() { StatusCode::NO_CONTENT } else { StatusCode::OK };
            (status, body)
        };
        let url = serve(Router::new().route("/s", get(answer))).await;
        for paginator in [Paginator::Auto, Paginator::page_number(), Paginator::offset(1)] {
            let to = |paginator| source(rest(&url).stream("s", "/s").paginator(paginator));
            let error = read(&to(paginator), None).await.unwrap_err();
            assert_eq!((error.context("told"), error.context("read")), (Some("3"), Some("1")), "{error}");
            assert!(error.message().contains("has no rows, though"), "{error}");
        }
        let nowhere = Paginator::PageNumber {
            first: 1,
            param: "page".to_owned(),
            send_in: SendIn::Query,
            total_pages: "nowhere".to_owned(),
        };
        let got = read(&source(rest(&url).stream("s", "/s").paginator(nowhere)), None).await.unwrap();
        assert_eq!(got.rows.len(), 1, "the way out");
    }
    // Without new rows, the number is that of the old ones.
    let url = serve(Router::new().route("/s", get(|| async { r#"{"items": [], "total": 3}"# }))).await;
    let got =
        read(&source(rest(&url).stream("s", "/s").paginator(Paginator::offset(1))), None).await.unwrap();
    assert!(got.rows.is_empty());
}

#[tokio::test]
async fn what_is_well_is_read_as_before() {
    for (page, rows) in [
        (r#"{"data": [], "errors": [], "error": null, "ok": true, "success": true}"#, 0),
        (r#"{"data": [{"id": "1"}], "errors": [], "error_count": 3, "status": "failed"}"#, 1),
    ] {
        let url = serve(Router::new().route("/s", get(move || async move { page }))).await;
        let got = read(&source(rest(&url).stream("s", "/s").data_selector("data")), None).await.unwrap();
        assert_eq!(got.rows.len(), rows, "{page}");
    }
}

#[tokio::test]
async fn a_next_page_for_ever_is_an_error_and_not_for_ever() {
    let answer = |uri: Uri| async move {
        let page: u32 = uri.query().and_then(|query| query.strip_prefix("page=")?.parse().ok()).unwrap_or(0);
        let rows = if page == 0 { r#"{"id": "1"}"# } else { "" };
        format!(r#"{{"items": [{rows}], "next": "/s?page={}"}}"#, page + 1)
    };
    let url = serve(Router::new().route("/s", get(answer))).await;
    let error = read(&source(rest(&url).stream("s", "/s")), None).await.unwrap_err();
    assert_eq!(error.context("pages"), Some("102"), "{error}");
    assert!(error.message().contains("`paginator`"), "{error}");
}

#[tokio::test]
async fn the_only_list_of_a_page_has_the_rows_whatever_its_name() {
    for name in ["messages", "links", "warnings"] {
        let page = format!(r#"{{"{name}": [{{"id": "1"}}], "ok": true}}"#);
        let url = serve(Router::new().route("/s", get(move || async move { page }))).await;
        assert_eq!(read(&source(rest(&url).stream("s", "/s")), None).await.unwrap().rows.len(), 1, "{name}");
    }
}
