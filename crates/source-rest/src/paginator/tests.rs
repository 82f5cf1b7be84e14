mod first;
mod leads;
mod model;
mod others;

use std::sync::{Arc, Mutex};

use stitchwork_core::ErrorKind;

use super::*;
use crate::json::{Node, RowsAt};

/// The URLs that a paginator asks for, given the pages that come.
fn run(paginator: &Paginator, pages: &[(&str, &[&str], u64)]) -> Result<Vec<String>> {
    run_at(paginator, None, pages)
}

/// The same, where it is known where the rows are.
fn run_at(
    paginator: &Paginator,
    selector: Option<&str>,
    pages: &[(&str, &[&str], u64)],
) -> Result<Vec<String>> {
    let mut pager = Pager::new(paginator)?;
    let mut request = PageRequest { url: Url::parse("http://h/a?x=1").unwrap(), body: None };
    pager.begin(&mut request)?;
    let mut urls = vec![shown(&request)];
    for (place, page) in pages.iter().enumerate() {
        let read = pages.iter().take(place + 1).map(|(_, _, rows)| rows).sum();
        match next(&mut pager, &request, selector, *page, read, place == 0)? {
            Some(next) => request = next,
            None => {
                urls.push("end".to_owned());
                break;
            }
        }
        urls.push(shown(&request));
    }
    Ok(urls)
}

/// What a paginator asks for after a page, with which so many rows were read.
fn next(
    pager: &mut Pager,
    request: &PageRequest,
    selector: Option<&str>,
    (body, links, rows): (&str, &[&str], u64),
    read: u64,
    is_first: bool,
) -> Result<Option<PageRequest>> {
    let outline = Outline::of(body.as_bytes())?;
    let path = match selector {
        Some(selector) => JsonPath::parse(selector),
        None => outline.find_rows(crate::Partial::Error).map(Node::json_path),
    };
    let rows_at = path.as_ref().ok().and_then(|path| outline.rows(path).ok());
    let around = path.as_ref().ok().and_then(|path| path.keys().split_last());
    let links: Vec<String> = links.iter().map(|link| (*link).to_owned()).collect();
    let (url, body) = (request.url.clone(), body.as_bytes());
    let info = PageInfo {
        url: &url,
        links: &links,
        body,
        outline: &outline,
        array: match rows_at {
            Some(RowsAt::Array(ref range)) => &body[range.clone()],
            _ => &[],
        },
        name: path.as_ref().ok().and_then(|path| path.keys().last()).map_or("", String::as_str),
        row: path.as_ref().ok().map(JsonPath::keys).filter(|_| matches!(rows_at, Some(RowsAt::Object(_)))),
        around: around.map(|(_, around)| around).unwrap_or_default(),
        rows,
        read,
        told: Told::default(),
        is_first,
        shown_url: "~",
    };
    pager.next(request, &info)
}

fn shown(request: &PageRequest) -> String {
    let body = request.body.as_ref().map(|body| format!(" {body}")).unwrap_or_default();
    format!("{}{body}", request.url).replace("http://h/a?x=1", "~")
}

#[test]
fn links_are_followed_until_there_is_none() {
    let pages: [(&str, &[&str], u64); 2] = [("[]", &["</a?p=2>; rel=next"], 1), ("[]", &[], 1)];
    assert_eq!(run(&Paginator::header_link(), &pages).unwrap(), ["~", "http://h/a?p=2", "end"]);
    let pages: [(&str, &[&str], u64); 2] =
        [(r#"{"m":{"n":"?p=2"}}"#, &[], 1), (r#"{"m":{"n":null}}"#, &[], 1)];
    assert_eq!(run(&Paginator::json_link("m.n"), &pages).unwrap(), ["~", "http://h/a?p=2", "end"]);
    assert!(run(&Paginator::json_link("n"), &[(r#"{"n":7}"#, &[], 1)]).is_err());
    assert!(run(&Paginator::json_link("n"), &[(r#"{"n":"http://"}"#, &[], 1)]).is_err());
}

#[test]
fn cursors_are_given_back() {
    let pages: [(&str, &[&str], u64); 3] =
        [(r#"{"c":"a b"}"#, &[], 1), (r#"{"c":7}"#, &[], 1), (r#"{"c":""}"#, &[], 1)];
    assert_eq!(
        run(&Paginator::cursor("c", "after"), &pages).unwrap(),
        ["~", "~&after=a+b", "~&after=7", "end"]
    );
    let body = Paginator::Cursor {
        path: "c".into(),
        param: "page.after".into(),
        send_in: SendIn::Body,
        has_more: Some("more".into()),
    };
    let pages: [(&str, &[&str], u64); 2] =
        [(r#"{"c":"x","more":true}"#, &[], 1), (r#"{"c":"y","more":false}"#, &[], 1)];
    assert_eq!(run(&body, &pages).unwrap(), ["~", r#"~ {"page":{"after":"x"}}"#, "end"]);
}

#[test]
fn the_last_row_leads_on_until_a_page_says_no_or_is_empty() {
    let with_flag = |more| Paginator::LastRow {
        path: "meta.id".into(),
        param: "after".into(),
        send_in: SendIn::Query,
        has_more: Some(more),
    };
    let pages: [(&str, &[&str], u64); 2] = [
        (r#"{"data":[{"meta":{"id":"a"}},{"meta":{"id":"b c"}}],"has_more":true}"#, &[], 2),
        (r#"{"data":[{"meta":{"id":7}}],"has_more":false}"#, &[], 1),
    ];
    assert_eq!(run(&with_flag("has_more".into()), &pages).unwrap(), ["~", "~&after=b+c", "end"]);
    let silent = ["~", "~&after=b+c", "~&after=7"];
    assert_eq!(run(&with_flag("more".into()), &pages).unwrap(), silent, "silence is no end");
    let pages: [(&str, &[&str], u64); 2] = [(r#"[{"id":1},{"id":2}]"#, &[], 2), ("[]", &[], 0)];
    assert_eq!(run(&Paginator::last_row("id", "since"), &pages).unwrap(), ["~", "~&since=2", "end"]);
    let row = (r#"{"data":{"id":7},"id":8}"#, &[][..], 1);
    let urls = run_at(&Paginator::last_row("id", "since"), Some("data"), &[row]).unwrap();
    assert_eq!(urls, ["~", "~&since=7"], "a row may be an object");
    for odd in [r#"[{"id":1},{}]"#, r#"[{"id":null}]"#, r#"[{"id":{}}]"#] {
        let error = run(&Paginator::last_row("id", "since"), &[(odd, &[], 1)]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{odd}");
    }
}

#[test]
fn a_path_that_the_first_page_lacks_is_told() {
    let link = |path: &str, pages: &[(&str, &[&str], u64)]| run(&Paginator::json_link(path), pages);
    // Mistyped for certain: the page has another way to the next one, or the path cannot be.
    for (path, body) in [
        ("nextt", r#"{"items":[{}],"next":"/b"}"#),
        ("meta.next", r#"{"items":[{}],"links":{"next":"/b"}}"#),
        ("next", r#"{"items":[{}],"has_more":true}"#),
        ("next", r#"{"items":[{}],"page":{"last":false}}"#),
        ("next_url", r#"{"items":[{}],"next_cursor":"abc"}"#),
        ("items.next", r#"{"items":[{}]}"#),
        ("total.next", r#"{"items":[{}],"total":1}"#),
        ("next", r#"[{}]"#),
    ] {
        let error = link(path, &[(body, &[], 1)]).expect_err(body);
        assert_eq!((error.kind(), error.context("path")), (ErrorKind::InvalidData, Some(path)), "{body}");
        let cursor = run(&Paginator::cursor(path, "c"), &[(body, &[], 1)]);
        assert_eq!(cursor.expect_err(body).context("path"), Some(path));
    }
    let error =
        link("meta.next", &[(r#"{"items":[{}],"meta":{"nxt":null},"more":true}"#, &[], 1)]).unwrap_err();
    assert_eq!((error.context("found"), error.context("says_more")), (Some("meta.nxt"), Some("more")));
    assert!(link("n", &[("{}", &["</b>; rel=next"], 1)]).is_err(), "a header is a way, too");
    let row = (r#"{"id":1,"next":"?page=2"}"#, &[][..], 1);
    assert!(run_at(&Paginator::json_link("nxt"), Some("$"), &[row]).is_err(), "a row has one for itself");
    // One page, as APIs say it.
    for body in [
        r#"{"items":[{}]}"#,
        r#"{"items":[{}],"paging":null}"#,
        r#"{"items":[{}],"paging":{}}"#,
        r#"{"items":[{}],"paging":{"next":null}}"#,
        r#"{"items":[{}],"paging":{"next":false}}"#,
        r#"{"items":[{}],"paging":{"next":[]}}"#,
        r#"{"items":[{}],"paging":{"next":""},"has_more":false,"total":100}"#,
    ] {
        assert_eq!(link("paging.next", &[(body, &[], 1)]).unwrap(), ["~", "end"], "{body}");
    }
    assert_eq!(
        link("next", &[("[]", &[], 0)]).unwrap(),
        ["~", "end"],
        "without rows there is nothing to miss"
    );
    // Later the absence is the end, unless the page denies it.
    let first: (&str, &[&str], u64) = (r#"{"next":"?p=2"}"#, &[], 1);
    assert_eq!(link("next", &[first, ("{}", &[], 1)]).unwrap().last().unwrap(), "end");
    assert!(link("next", &[first, (r#"{"items":[{}],"has_more":true}"#, &[], 1)]).is_err());
    assert!(link("next", &[(r#"{"next":{"href":"/b"}}"#, &[], 1)]).is_err(), "an object is no link");
}

/// What is said while a paginator runs.
fn said(paginator: &Paginator, pages: &[(&str, &[&str], u64)]) -> String {
    let (urls, said) = listen(|| run(paginator, pages));
    urls.unwrap();
    said
}

/// What comes of something, and what it says.
fn listen<T>(run: impl FnOnce() -> T) -> (T, String) {
    let text = Arc::new(Mutex::new(vec![]));
    let writer = text.clone();
    let subscriber = tracing_subscriber::fmt()
        .without_time()
        .with_ansi(false)
        .with_writer(move || Lines(writer.clone()))
        .finish();
    let got = tracing::subscriber::with_default(subscriber, run);
    let text = text.lock().unwrap().clone();
    (got, String::from_utf8(text).unwrap())
}

struct Lines(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_page_that_may_be_the_only_one_is_told_about() {
    let (link, next) = (Paginator::json_link("meta.next"), Paginator::json_link("next"));
    let warned = said(&link, &[(r#"{"items":[{}],"meta":{"nxt":null,"size":1}}"#, &[], 1)]);
    for words in
        ["WARN", "taken for the only page", "path=\"meta.next\"", "found=\"meta.nxt,meta.size\"", "url=\"~\""]
    {
        assert!(warned.contains(words), "{words}: {warned}");
    }
    for silent in [r#"{"items":[{}],"meta":{"next":null}}"#, r#"{"items":[{}],"meta":{"next":""}}"#] {
        assert_eq!(said(&link, &[(silent, &[], 1)]), "");
    }
    assert_eq!(said(&link, &[(r#"{"items":[]}"#, &[], 0)]), "", "there is nothing to miss");
    let last: [(&str, &[&str], u64); 2] = [(r#"{"next":"?p=2"}"#, &[], 1), ("{}", &[], 1)];
    assert_eq!(said(&next, &last), "", "later it is the end");
}

#[test]
fn a_page_without_any_sign_is_told_about_where_it_is_as_large_as_pages_are() {
    for size in [30, 100, 1000] {
        let warned = said(&Paginator::Auto, &[("[{}]", &[], size)]);
        for words in
            ["WARN", "taken for the only page", "set `paginator`", "url=\"~\"", &format!("rows={size}")]
        {
            assert!(warned.contains(words), "{words}: {warned}");
        }
    }
    let count = r#"{"items":[{}],"count":100,"next_update":7}"#;
    assert!(said(&Paginator::Auto, &[(count, &[], 100)]).contains("WARN"), "it may be that of the page");
    assert_eq!(said(&Paginator::Auto, &[("[{}]", &[], 31)]), "");
    assert_eq!(said(&Paginator::Auto, &[(r#"{"items":[{}],"next":null}"#, &[], 30)]), "");
    assert_eq!(said(&Paginator::Single, &[("[{}]", &[], 30)]), "", "somebody has said so");
    assert_eq!(
        said(&Paginator::Auto, &[(r#"{"items":[{}],"total":30}"#, &[], 30)]),
        "",
        "the page has said so"
    );
}

#[test]
fn offsets_may_begin_with_one() {
    let scim: Paginator = serde_json::from_value(serde_json::json!({
        "type": "offset", "first": 1, "limit": 3, "offset_param": "startIndex", "limit_param": "count", "total": "totalResults"
    }))
    .unwrap();
    let pages: [(&str, &[&str], u64); 3] = [(r#"{"totalResults":7}"#, &[], 3); 3];
    let urls = run(&scim, &pages[..2]).unwrap();
    assert_eq!(urls, ["~&count=3&startIndex=1", "~&count=3&startIndex=4", "~&count=3&startIndex=7"]);
    let last: (&str, &[&str], u64) = (r#"{"totalResults":7}"#, &[], 1);
    assert_eq!(run(&scim, &[pages[0], pages[1], last]).unwrap().last().unwrap(), "end");
    let none: (&str, &[&str], u64) = (r#"{"Resources":[]}"#, &[], 0);
    let error = run(&scim, &[pages[0], pages[1], none]).unwrap_err();
    assert_eq!((error.context("told"), error.context("read")), (Some("7"), Some("6")));
}

#[test]
fn a_number_that_is_the_least_of_all_rows_ends_no_offsets() {
    let found = |relation: &str| {
        let page = format!(r#"{{"hits":{{"total":{{"value":3,"relation":"{relation}"}},"hits":[{{}}]}}}}"#);
        let offset: Paginator =
            serde_json::from_str(r#"{"type":"offset","limit":3,"total":"hits.total.value"}"#).unwrap();
        run_at(&offset, Some("hits.hits"), &[(&page, &[], 3)]).unwrap().pop().unwrap()
    };
    assert_eq!(found("eq"), "end");
    assert_eq!(found("gte"), "~&limit=3&offset=3");
}

#[test]
fn offsets_count_the_rows_that_came() {
    let pages: [(&str, &[&str], u64); 2] = [(r#"{"total":150}"#, &[], 80), (r#"{"total":150}"#, &[], 70)];
    let urls = run(&Paginator::offset(100), &pages).unwrap();
    assert_eq!(urls, ["~&limit=100&offset=0", "~&limit=100&offset=80", "end"]);
    let pages: [(&str, &[&str], u64); 2] = [("[]", &[], 100), ("[]", &[], 0)];
    assert_eq!(run(&Paginator::offset(100), &pages).unwrap().last().unwrap(), "end");
    assert!(Paginator::offset(0).validate().is_err());
}

#[test]
fn page_numbers_end_with_the_last_or_an_empty_page() {
    let pages: [(&str, &[&str], u64); 2] =
        [(r#"{"total_pages":2}"#, &[], 5), (r#"{"total_pages":2}"#, &[], 5)];
    assert_eq!(run(&Paginator::page_number(), &pages).unwrap(), ["~&page=1", "~&page=2", "end"]);
    let pages: [(&str, &[&str], u64); 2] = [("[]", &[], 5), ("[]", &[], 0)];
    assert_eq!(run(&Paginator::page_number(), &pages).unwrap(), ["~&page=1", "~&page=2", "end"]);
    // A number of rows may be that of the page, or at most so many, or of pages.
    let told: (&str, &[&str], u64) = (r#"{"total":5}"#, &[], 5);
    assert_eq!(run(&Paginator::page_number(), &[told]).unwrap(), ["~&page=1", "~&page=2"]);
    let told: (&str, &[&str], u64) = (r#"{"total":10}"#, &[], 5);
    assert_eq!(run(&Paginator::page_number(), &[told; 2]).unwrap().last().unwrap(), "~&page=3");
    let zero: Paginator = serde_json::from_str(r#"{"type":"page_number","first":0,"param":"p"}"#).unwrap();
    let pages: [(&str, &[&str], u64); 2] =
        [(r#"{"total_pages":2}"#, &[], 5), (r#"{"total_pages":2}"#, &[], 5)];
    assert_eq!(run(&zero, &pages).unwrap(), ["~&p=0", "~&p=1", "end"]);
}

#[test]
fn links_that_are_always_there_end_with_what_the_page_says() {
    let first: (&str, &[&str], u64) = (r#"{"total":3,"next":"/b","has_more":true}"#, &[], 3);
    for (last, end) in [
        (r#"{"total":"3","items":[],"next":"/c"}"#, "end"),
        (r#"{"total":4,"items":[],"next":"/c"}"#, "http://h/c"),
        (r#"{"items":[],"next":"/c"}"#, "http://h/c"),
        (r#"{"items":[],"next":"/b"}"#, "end"),
        (r#"{"items":[],"next":"/c","has_more":false}"#, "end"),
        (r#"{"items":[],"next":"/c","has_more":1}"#, "http://h/c"),
    ] {
        let urls = run(&Paginator::Auto, &[first, (last, &[], 0)]).unwrap();
        assert_eq!(urls[2], end, "{last}");
    }
    let cursors: [(&str, &[&str], u64); 2] = [(r#"{"c":7}"#, &[], 1), (r#"{"c":"0"}"#, &[], 1)];
    assert_eq!(run(&Paginator::cursor("c", "c"), &cursors).unwrap(), ["~", "~&c=7", "end"]);
}
