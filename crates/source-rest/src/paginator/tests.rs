use super::*;

/// The URLs that a paginator asks for, given the pages that come.
fn run(paginator: &Paginator, pages: &[(&str, &[&str], u64)]) -> Result<Vec<String>> {
    let mut pager = Pager::new(paginator)?;
    let mut request = PageRequest { url: Url::parse("http://h/a?x=1").unwrap(), body: None };
    pager.begin(&mut request)?;
    let mut urls = vec![shown(&request)];
    for (body, links, rows) in pages {
        let outline = Outline::of(body.as_bytes())?;
        let links: Vec<String> = links.iter().map(|link| (*link).to_owned()).collect();
        let (url, body) = (request.url.clone(), body.as_bytes());
        let info = PageInfo {
            url: &url,
            links: &links,
            body,
            outline: &outline,
            rows: *rows,
            told: Told::default(),
        };
        match pager.next(&request, &info)? {
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
    let zero: Paginator = serde_json::from_str(r#"{"type":"page_number","first":0,"param":"p"}"#).unwrap();
    let pages: [(&str, &[&str], u64); 2] =
        [(r#"{"total_pages":2}"#, &[], 5), (r#"{"total_pages":2}"#, &[], 5)];
    assert_eq!(run(&zero, &pages).unwrap(), ["~&p=0", "~&p=1", "end"]);
}

#[test]
fn the_first_page_tells_how_to_go_on() {
    let second =
        |body: &str, links: &[&str]| run(&Paginator::Auto, &[(body, links, 10)]).map(|urls| urls[1].clone());
    assert_eq!(second(r#"{"next":"/b"}"#, &["</c>; rel=next"]).unwrap(), "http://h/c");
    assert_eq!(second(r#"{"next":"/b","total_pages":3}"#, &[]).unwrap(), "http://h/b");
    assert_eq!(second(r#"{"links":{"next":{"href":"http://h/d"}}}"#, &[]).unwrap(), "http://h/d");
    assert_eq!(second(r#"{"items":[],"total_pages":3}"#, &[]).unwrap(), "~&page=2");
    assert_eq!(second(r#"{"page":0,"pages":3}"#, &[]).unwrap(), "~&page=1");
    assert_eq!(second(r#"{"cursors":{"next":"abc"}}"#, &[]).unwrap(), "~&cursor=abc");
    assert_eq!(second(r#"{"nextPageToken":"abc"}"#, &[]).unwrap(), "~&pageToken=abc");
    for (body, expected) in [
        (r#"{"@odata.nextLink":"http://h/o?$skip=2"}"#, "http://h/o?$skip=2"),
        (r#"{"paging":{"next":{"after":"10","link":"http://h/l"}}}"#, "http://h/l"),
        (r#"{"paging":{"next":{"after":"10"}}}"#, "~&after=10"),
        (r#"{"next":"?page=2"}"#, "http://h/a?page=2"),
        (r#"{"next_cursor":100}"#, "~&cursor=100"),
        (r#"{"next_page":2}"#, "~&page=2"),
        (r#"{"NextMarker":"m"}"#, "~&marker=m"),
        (r#"{"continuationToken":"c"}"#, "~&continuationToken=c"),
        (r#"{"current_page":1,"last_page":10}"#, "~&page=2"),
        (r#"{"number":0,"totalPages":10,"last":false}"#, "~&page=1"),
        (r#"{"count":1000,"offset":0,"limit":10}"#, "~&offset=10"),
        (r#"{"total":30,"skip":0,"limit":10}"#, "~&skip=10"),
        (r#"{"number":0,"totalPages":1,"last":true,"totalElements":10}"#, "end"),
        (r#"{"items":[],"total":10,"next":null}"#, "end"),
        (r#"{"count":10,"has_more":false,"isLast":true}"#, "end"),
    ] {
        assert_eq!(second(body, &[]).unwrap(), expected, "{body}");
    }
    assert_eq!(second("[]", &["</c>; rel=last"]).unwrap(), "end");
    for silent in [
        r#"{"items":[],"total":11}"#,
        r#"{"items":[],"has_more":true}"#,
        r#"{"page":{"hasNextPage":true}}"#,
        r#"{"next":true}"#,
        r#"{"last":false}"#,
        r#"{"isLast":false}"#,
        r#"{"totalElements":11}"#,
        r#"{"total_items":11}"#,
        r#"{"hits":{"total":{"value":11}}}"#,
        r#"{"count":11}"#,
    ] {
        assert_eq!(second(silent, &[]).unwrap_err().kind(), stitchwork_core::ErrorKind::InvalidData);
    }
}

#[test]
fn headers_that_tell_of_more_are_not_overlooked() {
    let outline = Outline::of(b"[]").unwrap();
    let url = Url::parse("http://h/a").unwrap();
    let detect = |told| {
        auto::detect(&PageInfo { url: &url, links: &[], body: b"[]", outline: &outline, rows: 10, told })
    };
    assert!(matches!(detect(Told { total: Some(10), next_page: false }), Ok(Pager::Single)));
    assert!(detect(Told { total: Some(11), next_page: false }).is_err());
    assert!(detect(Told { total: None, next_page: true }).is_err());
}
