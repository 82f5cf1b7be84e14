//! Pages without rows, and whether they end a stream of which more was told.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Response, Uri};
use axum::routing::get;
use serde_json::{Value, json};
use stitchwork_core::{ErrorKind, OpenArgs, Result};
use stitchwork_source_rest::{Paginator, rest};

use crate::{Read, read, read_with, serve, source};

pub(super) type Headers = &'static [(&'static str, &'static str)];

/// What a server answers; with null in the place of the body, 204.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    headers: Headers,
    body: Value,
}

pub(super) fn answer(headers: Headers, body: Value) -> Answer {
    Answer { headers, body }
}

/// Nothing at all, and an empty list.
fn nothings() -> [Answer; 2] {
    [answer(&[], Value::Null), answer(&[], json!({ "items": [] }))]
}

fn respond(answer: &Answer) -> Response<Body> {
    let status = if answer.body.is_null() { 204 } else { 200 };
    let with = |response: axum::http::response::Builder, (name, value): &(&str, &str)| {
        response.header(*name, *value)
    };
    let response = answer.headers.iter().fold(Response::builder().status(status), with);
    let body = if answer.body.is_null() { Body::empty() } else { Body::from(answer.body.to_string()) };
    response.body(body).unwrap()
}

/// A stream: its paginator and its pages, whatever leads from one to the next.
pub(super) type Stream = (Value, Vec<Answer>);

/// Reads streams, one after the other. All are of one source, since many are slow.
pub(super) async fn read_each(streams: &[Stream]) -> Vec<Result<Read>> {
    let served: Vec<Vec<Answer>> = streams.iter().map(|(_, answers)| answers.clone()).collect();
    let page = move |uri: Uri| async move {
        let query = uri.query().unwrap_or_default();
        let number = |param: &str| {
            let value = query.split('&').find_map(|pair| pair.strip_prefix(param)?.strip_prefix('='));
            value.map(|value| value.parse::<usize>().unwrap())
        };
        // A cursor is the number of a page, and there are three rows on each.
        let place = number("page").or(number("cursor")).map(|page| page - 1);
        let place = place.or(number("starting_after").or(number("offset")).map(|rows| rows / 3));
        let stream: usize = uri.path().trim_start_matches("/s").parse().unwrap();
        respond(&served[stream][place.unwrap_or(0)])
    };
    let mut builder = rest(serve(Router::new().fallback(get(page))).await);
    for (place, (paginator, _)) in streams.iter().enumerate() {
        let paginator: Paginator = serde_json::from_value(paginator.clone()).unwrap();
        builder = builder.stream(format!("s{place}"), format!("/s{place}")).paginator(paginator);
    }
    let source = source(builder);
    let mut got = vec![];
    for place in 0..streams.len() {
        let args = OpenArgs { streams: vec![format!("s{place}")], ..Default::default() };
        got.push(read_with(&source, args).await);
    }
    got
}

/// What comes of a stream: so many rows, or the error that this was told in that field.
type Outcome = std::result::Result<usize, (&'static str, &'static str)>;

/// Reads streams and holds what comes of them against what should.
async fn assert_read(cases: Vec<(Stream, Outcome)>) {
    let (streams, outcomes): (Vec<Stream>, Vec<Outcome>) = cases.into_iter().unzip();
    for ((got, stream), outcome) in read_each(&streams).await.into_iter().zip(&streams).zip(outcomes) {
        let is_it = match (&got, outcome) {
            (Ok(got), Ok(rows)) => got.rows.len() == rows,
            (Err(error), Err((field, told))) => {
                error.kind() == ErrorKind::InvalidData
                    && error.message().contains("has no rows, though")
                    && (error.context("field"), error.context("told")) == (Some(field), Some(told))
                    && ["read", "url", "paginator"].iter().all(|key| error.context(key).is_some())
            }
            _ => false,
        };
        assert!(is_it, "{stream:?} gave {got:?}, not {outcome:?}");
    }
}

/// A page with three rows and other fields.
pub(super) fn page(number: u64, fields: &Value) -> Value {
    let rows: Vec<Value> = (number * 3 - 2..=number * 3).map(|id| json!({ "id": id })).collect();
    let mut page = fields.clone();
    page["items"] = rows.into();
    page
}

const LINK: (&str, &str) = ("link", "<?page=2>; rel=\"next\"");

/// Each way from a first page to a second one: the paginator, what the page has for it in its body, and whether it has a
/// `Link`.
fn ways() -> Vec<(Value, Value, bool)> {
    let (auto, link, cursor) =
        (json!({ "type": "auto" }), json!({ "next": "?page=2" }), json!({ "next_cursor": "2" }));
    vec![
        (auto.clone(), json!({}), true),
        (json!({ "type": "header_link" }), json!({}), true),
        (auto.clone(), link.clone(), false),
        (json!({ "type": "json_link" }), link, false),
        (auto, cursor.clone(), false),
        (json!({ "type": "cursor", "path": "next_cursor" }), cursor, false),
        (json!({ "type": "last_row" }), json!({}), false),
        (json!({ "type": "page_number" }), json!({}), false),
        (json!({ "type": "offset", "limit": 3 }), json!({}), false),
    ]
}

/// The first page of a way, with more fields and headers.
fn first(lead: &Value, has_link: bool, sign: &Value, header: Option<(&'static str, &'static str)>) -> Answer {
    let mut fields = lead.clone();
    fields.as_object_mut().unwrap().extend(sign.as_object().unwrap().clone());
    let headers: Vec<_> = has_link.then_some(LINK).into_iter().chain(header).collect();
    answer(headers.leak(), page(1, &fields))
}

#[tokio::test]
async fn a_page_without_rows_that_says_nothing_ends_no_stream_of_which_more_was_told() {
    let signs = [
        (json!({ "has_more": true }), "has_more", "more"),
        (json!({ "meta": { "hasNextPage": true } }), "meta.hasNextPage", "more"),
        (json!({ "page": { "last": false } }), "page.last", "more"),
        (json!({ "more_records": 1 }), "more_records", "more"),
        (json!({ "total": 9 }), "total", "9"),
        (json!({ "total": 9, "has_more": true }), "total", "9"),
        (json!({ "total_count": "9" }), "total_count", "9"),
        (json!({ "count": 9 }), "count", "9"),
        (json!({ "count": 3, "has_more": true }), "has_more", "more"),
        (json!({ "meta": { "total": 9 } }), "meta.total", "9"),
        (json!({ "meta": { "total": { "value": 9 } } }), "meta.total.value", "9"),
        (json!({ "meta": { "total_pages": 3 } }), "meta.total_pages", "3"),
        (json!({ "pagination": { "page": 1, "pages": 3 } }), "pagination.pages", "3"),
    ];
    let headers = [
        (("x-total-count", "9"), "9"),
        (("content-range", "items 0-2/9"), "9"),
        (("x-has-more", "true"), "more"),
        (("x-next-page", "2"), "more"),
        (("x-total-pages", "3"), "3"),
        (("x-wp-totalpages", "3"), "3"),
    ];
    let in_body = signs.into_iter().map(|(sign, field, told)| (sign, None, field, told));
    let in_header = headers.into_iter().map(|(header, told)| (json!({}), Some(header), "a header", told));
    let mut cases = vec![];
    for (sign, header, field, told) in in_body.chain(in_header) {
        for (paginator, lead, has_link) in ways() {
            for second in nothings() {
                let answers = vec![first(&lead, has_link, &sign, header), second];
                cases.push(((paginator.clone(), answers), Err((field, told))));
            }
        }
    }
    assert_read(cases).await;
}

#[tokio::test]
async fn a_page_without_rows_ends_a_stream_where_nothing_was_told_or_it_says_so() {
    let nothing = || Value::Null;
    let empty = |fields: Value| {
        let mut page = fields;
        page["items"] = json!([]);
        page
    };
    let (more, nine) = (json!({ "has_more": true }), json!({ "total": 9 }));
    let mut cases = vec![
        // All that was told of was read.
        (json!({ "total": 3 }), answer(&[], nothing())),
        (json!({ "total": 3, "has_more": true }), answer(&[], nothing())),
        (json!({ "count": 3 }), answer(&[], nothing())),
        (json!({ "meta": { "total_pages": 1 } }), answer(&[], nothing())),
        // The page says that it is the end.
        (more.clone(), answer(&[], empty(json!({ "has_more": false })))),
        (more.clone(), answer(&[], empty(json!({ "next": null })))),
        (more.clone(), answer(&[], empty(json!({ "meta": { "next_cursor": "" } })))),
        (more.clone(), answer(&[], empty(json!({ "isLast": true })))),
        (more.clone(), answer(&[], empty(json!({ "done": true })))),
        (more.clone(), answer(&[], empty(json!({ "total": 3 })))),
        (more.clone(), answer(&[("x-has-more", "false")], nothing())),
        (more.clone(), answer(&[("x-next-page", "")], nothing())),
        (more, answer(&[("x-total-count", "3")], nothing())),
        (nine.clone(), answer(&[], empty(json!({ "next": null, "total": 9 })))),
        // Some rows have gone meanwhile.
        (nine, answer(&[], empty(json!({ "meta": { "total": 5 } })))),
        // Something else than the page is not done.
        (json!({ "project": { "done": false, "total": 9 } }), answer(&[], nothing())),
    ];
    cases.extend(nothings().map(|second| (json!({}), second)));
    let mut streams = vec![];
    for (sign, second) in cases {
        for (paginator, lead, has_link) in ways() {
            let own = (paginator["type"].as_str(), sign.get("total").and_then(Value::as_u64));
            // A number where the settings say it is holds until another one is told there.
            if own == (Some("offset"), Some(9)) {
                continue;
            }
            streams.push(((paginator, vec![first(&lead, has_link, &sign, None), second.clone()]), Ok(3)));
        }
    }
    assert_read(streams).await;
}

#[tokio::test]
async fn what_the_last_page_with_rows_says_counts() {
    let two = |one: Value, two: Value| {
        vec![answer(&[], page(1, &one)), answer(&[], page(2, &two)), answer(&[], Value::Null)]
    };
    let none = || json!({});
    let pages = |page: u64, pages: u64| json!({ "meta": { "page": page, "pages": pages } });
    let cases = [
        (two(json!({ "has_more": true }), json!({ "has_more": false })), Ok(6)),
        (two(json!({ "has_more": true }), none()), Ok(6)),
        (two(none(), json!({ "has_more": true })), Err(("has_more", "more"))),
        // Some tell the number on the first page only.
        (two(json!({ "total": 6 }), none()), Ok(6)),
        (two(json!({ "total": 7 }), none()), Err(("total", "7"))),
        (two(json!({ "total": 7 }), json!({ "has_more": false })), Ok(6)),
        (two(json!({ "total": 7 }), json!({ "total": 6 })), Ok(6)),
        (two(json!({ "total": 9, "count": 3 }), json!({ "count": 3 })), Err(("total", "9"))),
        // One that is less than what came is none of all, and takes back no flag.
        (
            two(json!({ "total": 3, "has_more": true }), json!({ "total": 3, "has_more": true })),
            Err(("has_more", "more")),
        ),
        (two(json!({ "total": 7 }), json!({ "total": 3 })), Ok(6)),
        (two(json!({ "meta": { "pages": 2 } }), none()), Ok(6)),
        (two(json!({ "meta": { "pages": 3 } }), none()), Err(("meta.pages", "3"))),
        // Those before the first one were not asked for.
        (two(pages(4, 5), pages(5, 5)), Ok(6)),
        // A book has pages too, and may not be the last one.
        (two(json!({ "book": { "pages": 300, "last": false } }), none()), Ok(6)),
    ];
    let page_number = json!({ "type": "page_number" });
    assert_read(cases.map(|(answers, outcome)| ((page_number.clone(), answers), outcome)).into()).await;
}

#[tokio::test]
async fn a_count_of_the_page_takes_nothing_back() {
    let then_none = |one: Value, none: Value| {
        let mut empty = none;
        empty["items"] = json!([]);
        (one, answer(&[], empty))
    };
    let cases = [
        (then_none(json!({ "count": 3, "total": 9 }), json!({ "count": 0 })), Err(("total", "9"))),
        (then_none(json!({ "total": 9 }), json!({ "count": 0 })), Err(("total", "9"))),
        (
            then_none(json!({ "count": 3, "has_more": true }), json!({ "count": 0 })),
            Err(("has_more", "more")),
        ),
        (
            then_none(json!({ "meta": { "count": 3, "total": 9 } }), json!({ "meta": { "count": 0 } })),
            Err(("meta.total", "9")),
        ),
        (then_none(json!({ "IsTruncated": true }), json!({})), Err(("IsTruncated", "more"))),
        (
            then_none(json!({ "meta": { "end_of_stream": false } }), json!({})),
            Err(("meta.end_of_stream", "more")),
        ),
        // One that is at most what was read is no number of all either, as where it is the size of a page.
        (then_none(json!({ "count": 3, "total": 9 }), json!({ "count": 3 })), Err(("total", "9"))),
        (then_none(json!({ "total": 9 }), json!({ "count": 2 })), Err(("total", "9"))),
        (
            then_none(json!({ "count": 3, "has_more": true }), json!({ "count": 3 })),
            Err(("has_more", "more")),
        ),
        (
            then_none(json!({ "paging": { "count": 3, "total": 9 } }), json!({ "paging": { "count": 3 } })),
            Err(("paging.total", "9")),
        ),
        (then_none(json!({ "count": 3 }), json!({ "count": 3 })), Ok(3)),
        (then_none(json!({ "total": 9 }), json!({ "total": 0 })), Ok(3)),
        (then_none(json!({ "count": 9 }), json!({ "count": 3 })), Ok(3)),
    ];
    let mut streams = vec![];
    for ((sign, second), outcome) in cases {
        for (paginator, lead, has_link) in ways() {
            // What is told where the settings say it holds until more than what was read is told there.
            let outcome = if paginator["type"] == "offset" && sign["total"] == 9 {
                Err(("total", "9"))
            } else {
                outcome
            };
            let answers = vec![first(&lead, has_link, &sign, None), second.clone()];
            streams.push(((paginator, answers), outcome));
        }
    }
    assert_read(streams).await;
}

#[tokio::test]
async fn a_row_that_is_the_page_itself_says_nothing_of_others() {
    let row = |uri: Uri| async move {
        let row = json!({ "id": 1, "done": false, "total": 9, "pages": 300 });
        respond(&answer(&[], if uri.query() == Some("page=1") { row } else { Value::Null }))
    };
    let url = serve(Router::new().route("/s", get(row))).await;
    let stream = rest(&url).stream("s", "/s").data_selector("$").paginator(Paginator::page_number());
    assert_eq!(read(&source(stream), None).await.unwrap().rows.len(), 1);
}

#[tokio::test]
async fn an_answer_without_a_body_has_headers_like_another_page() {
    let link = json!({ "type": "header_link" });
    let rows = |number| answer(&[], page(number, &json!({})));
    let start = || answer(&[LINK], page(1, &json!({})));
    let mut cases = vec![];
    for body in [Value::Null, json!({ "items": [] })] {
        let second = |headers| answer(headers, body.clone());
        for paginator in [link.clone(), json!({ "type": "auto" })] {
            let on = second(&[("link", "<?page=3>; rel=next")]);
            cases.push(((paginator.clone(), vec![start(), on, rows(3)]), Ok(6)));
            cases.push(((paginator, vec![second(&[LINK]), rows(2)]), Ok(3)));
        }
        let more = Err(("a header", "more"));
        for (headers, outcome) in [
            (&[("x-has-more", "true")][..], more),
            (&[("x-next-page", "3")], more),
            (&[("x-total-count", "9")], Err(("a header", "9"))),
            (&[("x-has-more", "false")], Ok(3)),
        ] {
            cases.push(((link.clone(), vec![start(), second(headers)]), outcome));
        }
        let first = answer(&[LINK, ("x-has-more", "true")], page(1, &json!({})));
        let nowhere = second(&[("link", "<?page=3>; rel=next; results=false")]);
        cases.push(((link.clone(), vec![first, nowhere]), Ok(3)));
        // Without any row the number may be that of the old ones.
        for (paginator, ..) in ways().into_iter().filter(|(paginator, ..)| paginator["type"] != "auto") {
            cases.push(((paginator.clone(), vec![second(&[("x-total-count", "9")])]), Ok(0)));
            cases.push(((paginator, vec![second(&[("x-has-more", "true")])]), more));
        }
    }
    assert_read(cases).await;
}

#[tokio::test]
async fn an_answer_without_a_body_is_an_empty_stream_and_is_asked_for_again() {
    let nothing = |headers: HeaderMap| async move {
        assert!(!headers.contains_key("if-none-match"));
        respond(&answer(&[("etag", "\"a\"")], Value::Null))
    };
    let mut builder = rest(serve(Router::new().route("/s", get(nothing))).await);
    for (place, (paginator, ..)) in ways().into_iter().enumerate() {
        let paginator: Paginator = serde_json::from_value(paginator).unwrap();
        let selected = builder.stream(format!("s{place}"), "/s").data_selector("data.items");
        builder = selected.paginator(paginator).incremental("id");
    }
    let source = source(builder);
    let got = read(&source, None).await.unwrap();
    assert!(got.rows.is_empty() && read(&source, Some(got.cursor())).await.unwrap().rows.is_empty());
}

#[tokio::test]
async fn who_points_to_where_nothing_is_has_the_first_page_without_rows_for_the_end() {
    let mut cases = vec![];
    // Whoever knows better than `auto` names another one.
    for (mut paginator, lead, has_link) in ways().into_iter().filter(|way| way.0["type"] != "auto") {
        let (option, there, told) = match paginator["type"].as_str().unwrap() {
            "offset" => ("total", json!(9), "9"),
            "page_number" => ("total_pages", json!(9), "9"),
            _ => ("has_more", json!(true), "more"),
        };
        paginator[option] = "there".into();
        let all =
            json!({ "meta": { "total": 9, "hasMore": true, "pages": 3 }, "total": 9, "total_pages": 3 });
        for second in nothings() {
            let first_page = first(&lead, has_link, &all, Some(("x-has-more", "true")));
            cases.push(((paginator.clone(), vec![first_page, second.clone()]), Ok(3)));
            // Where something is, it counts, and so does what else was told.
            let first_page = first(&lead, has_link, &json!({ "there": there }), None);
            cases.push(((paginator.clone(), vec![first_page, second.clone()]), Err(("there", told))));
            let silent = json!({ "there": null, "has_more": true });
            let first_page = first(&lead, has_link, &silent, None);
            cases.push(((paginator.clone(), vec![first_page, second]), Err(("has_more", "more"))));
        }
    }
    assert_read(cases).await;
}
