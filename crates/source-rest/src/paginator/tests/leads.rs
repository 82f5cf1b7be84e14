//! Pages with rows, and whether they may be the last ones.

use super::*;

/// What says that there are more, where the paginator of a stream leads nowhere; none where the stream ends.
fn says_more(paginator: &Paginator, pages: &[(&str, &[&str], u64)]) -> Option<String> {
    match run(paginator, pages) {
        Ok(urls) => {
            assert_eq!(urls.last().unwrap(), "end", "{pages:?}");
            None
        }
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
            assert!(error.message().contains("says that there are more"), "{error}");
            Some(error.context("says_more").unwrap().to_owned())
        }
    }
}

pub(super) fn with_flag(kind: &str, path: Option<&str>, has_more: Option<&str>) -> Paginator {
    let mut config = serde_json::json!({ "type": kind });
    let options = [("path", path), ("has_more", has_more)];
    for (name, value) in options.into_iter().filter_map(|(name, value)| Some((name, value?))) {
        config[name] = value.into();
    }
    serde_json::from_value(config).unwrap()
}

#[test]
fn a_page_with_rows_that_says_there_are_more_leads_somewhere() {
    let two = (r#"{"items":[{}],"next":"?page=2","c":"2"}"#, &["<?page=2>; rel=next"][..], 1);
    let paths = [("json_link", Some("next")), ("cursor", Some("c")), ("header_link", None)];
    for (kind, path) in paths {
        for nothing in ["null", "\"\"", "false", "[]"] {
            let page =
                |fields: &str| format!(r#"{{"items":[{{}}],"next":{nothing},"c":{nothing},{fields}}}"#);
            for (fields, own, sign) in [
                (r#""has_more":true"#, None, Some("has_more")),
                (r#""has_more":true"#, Some("has_more"), Some("has_more")),
                (r#""rest":1"#, Some("rest"), Some("rest")),
                (r#""meta":{"hasNextPage":"true"}"#, None, Some("meta.hasNextPage")),
                (r#""isLast":false,"total":9"#, None, Some("isLast")),
                // It says that there are none, or all were read.
                (r#""has_more":false"#, None, None),
                (r#""has_more":false,"total":9"#, Some("has_more"), None),
                (r#""rest":0,"has_more":true"#, Some("rest"), None),
                (r#""has_more":true,"is_truncated":false"#, None, None),
                (r#""count":1"#, None, None),
                (r#""offset":0,"count":1,"limit":10"#, None, None),
                (r#""total":9"#, None, None),
                // Something else than the page is not done.
                (r#""job":{"done":false}"#, None, None),
                // Somebody knows that it is nothing to go by.
                (r#""has_more":true"#, Some("nowhere"), None),
            ] {
                let (body, paginator) = (page(fields), with_flag(kind, path, own));
                let sign = sign.map(str::to_owned);
                assert_eq!(says_more(&paginator, &[(&body, &[], 1)]), sign, "{kind} {body} {own:?}");
                assert_eq!(says_more(&paginator, &[two, (&body, &[], 1)]), sign, "{kind} {body} {own:?}");
            }
            let body = page(r#""has_more":true,"total":2"#);
            assert_eq!(says_more(&with_flag(kind, path, None), &[two, (&body, &[], 1)]), None, "{body}");
        }
    }
    let zero = r#"{"items":[{}],"has_more":true,"next_cursor":0}"#;
    assert_eq!(says_more(&Paginator::cursor("next_cursor", "c"), &[(zero, &[], 1)]).unwrap(), "has_more");
    assert_eq!(says_more(&Paginator::Auto, &[(zero, &[], 1)]).unwrap(), "has_more");
    for lead in [r#""next":"?page=2""#, r#""next_cursor":"2""#] {
        let first = format!(r#"{{"items":[{{}}],{lead}}}"#);
        for nothing in ["null", "\"\"", "false", "[]"] {
            let second =
                format!(r#"{{"items":[{{}}],"has_more":true,"next":{nothing},"next_cursor":{nothing}}}"#);
            let pages = [(first.as_str(), &[][..], 1), (second.as_str(), &[][..], 1)];
            assert_eq!(says_more(&Paginator::Auto, &pages).unwrap(), "has_more", "{second}");
        }
    }
}

#[test]
fn a_first_page_without_a_link_in_its_header_has_no_other_way_on() {
    let link = Paginator::header_link();
    let rel: Paginator = serde_json::from_str(r#"{"type":"header_link","rel":"nxt"}"#).unwrap();
    let next = ["<?page=2>; rel=\"next\""];
    for (paginator, body, links, sign) in [
        (&rel, "[{}]", &next[..], "the header Link"),
        (&link, r#"{"items":[{}],"has_more":true,"total":47}"#, &[], "has_more"),
        (&link, r#"{"items":[{}],"next":"?page=2"}"#, &[], "next"),
        (&link, r#"{"items":[{}],"meta":{"next_cursor":"a"}}"#, &[], "meta.next_cursor"),
    ] {
        assert_eq!(says_more(paginator, &[(body, links, 2)]).as_deref(), Some(sign), "{body}");
    }
    for (body, links) in [
        ("[{}]", &[][..]),
        ("[{}]", &["<?page=1>; rel=last"]),
        ("[{}]", &["<?page=2>; rel=next; results=false"]),
        (r#"{"items":[{}],"next":null,"total":47}"#, &[]),
        (r#"{"items":[{}],"next_cursor":"a","has_more":false}"#, &[]),
        (r#"{"items":[{}],"next_cursor":"a","total":2}"#, &[]),
    ] {
        assert_eq!(says_more(&link, &[(body, links, 2)]), None, "{body}");
    }
    let lead = r#"{"items":[{}],"next":"?page=2"}"#;
    let deaf = with_flag("header_link", None, Some("nowhere"));
    assert_eq!(says_more(&deaf, &[(lead, &[], 2)]), None);
    let row = run_at(&link, Some("$"), &[(r#"{"id":1,"next":"?x=2"}"#, &[], 1)]);
    assert_eq!(row.unwrap(), ["~", "end"], "it is a row");
    let later = [("[{}]", &["<?page=2>; rel=next"][..], 2), (lead, &[], 2)];
    assert_eq!(says_more(&link, &later), None, "its links have led on");
}

#[test]
fn a_number_of_all_rows_that_is_not_reached_is_told_about_where_nothing_leads_on() {
    let (header, link, cursor) =
        (Paginator::header_link(), Paginator::json_link("next"), Paginator::cursor("next", "c"));
    let start = (r#"{"items":[{}],"next":"?page=2"}"#, &["<?page=2>; rel=next"][..], 10);
    for paginator in [&header, &link, &cursor, &Paginator::Auto] {
        let warned = said(paginator, &[start, (r#"{"items":[{}],"next":null,"total":47}"#, &[], 10)]);
        for words in
            ["WARN", "more rows than were read", "field=\"total\"", "told=47", "read=20", "url=\"~\""]
        {
            assert!(warned.contains(words), "{words}: {warned}");
        }
        for silent in [
            r#"{"items":[{}],"next":null,"total":20}"#,
            r#"{"items":[{}],"next":null,"total":12}"#,
            r#"{"items":[{}],"next":null,"count":47}"#,
            r#"{"items":[{}],"next":null,"total":47,"has_more":false}"#,
        ] {
            assert_eq!(said(paginator, &[start, (silent, &[], 10)]), "", "{silent}");
        }
    }
    assert!(said(&header, &[(r#"{"items":[{}],"total":47}"#, &[], 10)]).contains("told=47"));
    let deaf = with_flag("header_link", None, Some("nowhere"));
    assert_eq!(said(&deaf, &[(r#"{"items":[{}],"total":47}"#, &[], 10)]), "");
}

#[test]
fn what_stands_around_deep_rows_counts() {
    let page =
        |rows: &str, info: &str| format!(r#"{{"data":{{"shop":{{"orders":{{"nodes":{rows},{info}}}}}}}}}"#);
    let more = r#""pageInfo":{"hasNextPage":true,"endCursor":"x"}"#;
    let place = "data.shop.orders.pageInfo.hasNextPage";
    // The list is the only one, which a selector points to.
    let read = |paginator: &Paginator, bodies: &[(&str, u64)]| {
        let pages: Vec<(&str, &[&str], u64)> =
            bodies.iter().map(|(body, rows)| (*body, &[][..], *rows)).collect();
        run_at(paginator, Some("data.shop.orders.nodes"), &pages)
    };
    let says_more =
        |result: Result<Vec<String>>| result.unwrap_err().context("says_more").unwrap().to_owned();
    let first = page("[{}]", more);
    assert_eq!(says_more(read(&Paginator::Auto, &[(&first, 7)])), place);
    let total = page("[{}]", r#""totalCount":47"#);
    assert_eq!(says_more(read(&Paginator::Auto, &[(&total, 7)])), "data.shop.orders.totalCount");
    let mistyped = Paginator::cursor("data.shop.orders.pageInfo.endCursorr", "after");
    assert_eq!(says_more(read(&mistyped, &[(&first, 7)])), place);
    // They end a stream, too.
    let cursor = Paginator::cursor("data.shop.orders.pageInfo.endCursor", "after");
    let last = page("[{}]", r#""pageInfo":{"hasNextPage":false,"endCursor":"y"}"#);
    assert_eq!(read(&cursor, &[(&first, 7), (&last, 7)]).unwrap(), ["~", "~&after=x", "end"]);
    let numbers = Paginator::page_number();
    for (empty, told) in
        [(page("[]", more), place), (page("[]", r#""totalCount":47"#), "data.shop.orders.totalCount")]
    {
        let error = read(&numbers, &[(&page("[{}]", r#""a":1"#), 7), (&empty, 0)]).unwrap_err();
        assert_eq!(error.context("field"), Some(told));
    }
    // What stands elsewhere at that depth is of something else.
    for other in [r#""fees":{"a":{"total":47,"has_more":true}}"#, r#""a":{"pageInfo":{"hasNextPage":true}}"#]
    {
        assert_eq!(read(&Paginator::Auto, &[(&page("[{}]", other), 7)]).unwrap(), ["~", "end"], "{other}");
    }
}

#[test]
fn a_page_that_says_that_it_is_the_one_before_is_an_error() {
    let page = |fields: &str, at: u64| format!(r#"{{"data":[{{"id":1,"at":{at}}}],{fields}}}"#);
    let deaf: Paginator = serde_json::from_str(r#"{"type":"page_number","total_pages":"nowhere"}"#).unwrap();
    let zero: Paginator = serde_json::from_str(r#"{"type":"page_number","first":0}"#).unwrap();
    let numbers = Paginator::page_number();
    let read = |paginator: &Paginator, fields: &[&str]| {
        let bodies: Vec<String> = fields.iter().zip(0..).map(|(fields, at)| page(fields, at)).collect();
        let pages: Vec<(&str, &[&str], u64)> =
            bodies.iter().map(|body| (body.as_str(), &[][..], 10)).collect();
        run(paginator, &pages)
    };
    let stuck = |paginator: &Paginator, fields: &[&str], field: &str| {
        let error = read(paginator, fields).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert_eq!(
            (error.context("field"), error.context("paginator")),
            (Some(field), Some("page_number")),
            "{error}"
        );
        assert!(error.message().contains("the one before"), "{error}");
    };
    stuck(&Paginator::Auto, &[r#""page":1,"pages":2"#; 2], "page");
    stuck(&Paginator::Auto, &[r#""number":0,"totalPages":3"#; 2], "number");
    stuck(&numbers, &[r#""meta":{"current_page":"1"}"#; 2], "meta.current_page");
    stuck(&zero, &[r#""page":1"#; 2], "page");
    stuck(&numbers, &[r#""page":1"#, r#""page":2"#, r#""page":2"#], "page");
    // None of these is the number of the page, or it moves.
    for fields in
        [r#""number":10"#, r#""page":40"#, r#""page":"home""#, r#""book":{"page":1}"#, r#""limit":1"#]
    {
        assert_eq!(read(&numbers, &[fields; 3]).unwrap().len(), 4, "{fields}");
    }
    assert_eq!(read(&deaf, &[r#""page":1"#; 3]).unwrap().len(), 4);
    assert_eq!(read(&zero, &[r#""page":1"#, r#""page":2"#, r#""page":3"#]).unwrap().len(), 4);
    assert_eq!(read(&numbers, &[r#""page":1"#, r#""a":1"#, r#""page":1"#]).unwrap().len(), 4);
}

#[test]
fn the_number_of_the_last_page_is_one_less_than_how_many_there_are_where_they_are_counted_from_zero() {
    let last_page: Paginator =
        serde_json::from_str(r#"{"type":"page_number","first":0,"total_pages":"last_page"}"#).unwrap();
    let page = |fields: &str, number: u64| {
        let fields = fields.replace('@', &number.to_string());
        format!(r#"{{"data":[{{"id":{number}}}],{fields}}}"#)
    };
    for (fields, first, pages) in [
        (r#""page":@,"last_page":0"#, 0, 1),
        (r#""page":@,"last_page":1"#, 0, 2),
        (r#""page":@,"last_page":2"#, 0, 3),
        (r#""meta":{"currentPage":"@","lastPage":1}"#, 0, 2),
        // Where all rows were read, it is how many there are.
        (r#""page":@,"last_page":2,"total":2"#, 0, 2),
        (r#""page":@,"last_page":2,"total":3"#, 0, 3),
        // These totals are of the page, or of something else.
        (r#""page":@,"last_page":1,"total":1"#, 0, 2),
        (r#""page":@,"last_page":1,"labels":{"meta":{"total":1}}"#, 0, 2),
        (r#""page":@,"last_page":1,"facets":{"total":1}"#, 0, 2),
        (r#""page":@,"pages":2"#, 0, 2),
        (r#""page":@,"last_page":1"#, 1, 1),
        (r#""page":@,"last_page":2"#, 1, 2),
        (r#""current_page":@,"last_page":2,"page_index":0"#, 1, 2),
        (r#""meta":{"current_page":@,"last_page":2},"book":{"page":0}"#, 1, 2),
    ] {
        let bodies: Vec<String> = (first..first + 4).map(|number| page(fields, number)).collect();
        let bodies: Vec<(&str, &[&str], u64)> =
            bodies.iter().map(|body| (body.as_str(), &[][..], 1)).collect();
        let mut paginators = vec![Paginator::Auto];
        paginators
            .extend((first == 0 && fields.starts_with(r#""page":@,"last_page""#)).then(|| last_page.clone()));
        for paginator in paginators {
            let urls = run(&paginator, &bodies).unwrap();
            assert_eq!((urls.len(), urls.last().unwrap().as_str()), (pages + 1, "end"), "{fields} {urls:?}");
        }
    }
    // One that was asked for in vain.
    let none = r#"{"data":[],"page":1,"last_page":1,"total":1}"#;
    let first = page(r#""page":@,"last_page":1,"total":1"#, 0);
    assert_eq!(run(&Paginator::Auto, &[(&first, &[], 1), (none, &[], 0)]).unwrap().last().unwrap(), "end");
    // A page that the number promises is missed.
    let (first, none) = (page(r#""page":@,"last_page":1"#, 0), r#"{"data":[]}"#);
    let error = run(&Paginator::Auto, &[(&first, &[], 1), (none, &[], 0)]).unwrap_err();
    assert_eq!((error.context("field"), error.context("told")), (Some("last_page"), Some("2")));
}

#[test]
fn a_number_of_rows_or_pages_is_no_flag() {
    let way = |config: &str| serde_json::from_str::<Paginator>(config).unwrap();
    let pages = way(r#"{"type":"page_number","total_pages":"pagination.page_count"}"#);
    let offset = way(r#"{"type":"offset","limit":2,"total":"pagination.rows"}"#);
    for number in ["0", "1", "\"1\"", "2"] {
        let body = format!(r#"{{"pagination":{{"page_count":{number},"rows":{number}}},"events":[]}}"#);
        for paginator in [&pages, &offset, &Paginator::Auto] {
            let urls = run(paginator, &[(&body, &[], 0)]).unwrap();
            assert_eq!(urls.last().unwrap(), "end", "{body} {paginator:?}");
        }
    }
    // A number that is not reached still is a promise.
    let first = r#"{"pagination":{"page_count":2,"rows":2},"events":[{}]}"#;
    for paginator in [&pages, &offset, &Paginator::Auto] {
        let error = run(paginator, &[(first, &[], 1), (r#"{"events":[]}"#, &[], 0)]).unwrap_err();
        assert_eq!(error.context("told"), Some("2"), "{paginator:?}");
    }
}

#[test]
fn a_last_page_by_its_number_does_not_say_that_there_are_more() {
    let numbers = Paginator::page_number();
    let deaf: Paginator = serde_json::from_str(r#"{"type":"page_number","total_pages":"nowhere"}"#).unwrap();
    let page = |fields: &str| format!(r#"{{"items":[{{}}],"total_pages":1,{fields}}}"#);
    for fields in
        [r#""has_more":true"#, r#""has_more":true,"total":0"#, r#""meta":{"is_last":false},"total":9"#]
    {
        let body = page(fields);
        for paginator in [&numbers, &Paginator::Auto] {
            let error = run(paginator, &[(&body, &[], 1)]).unwrap_err();
            assert!(error.message().contains("the last number"), "{body}: {error}");
            assert!(
                error.context("says_more").is_some() && error.context("paginator").is_some(),
                "{error:?}"
            );
        }
        assert_eq!(run(&deaf, &[(&body, &[], 1)]).unwrap(), ["~&page=1", "~&page=2"], "{body}");
    }
    for fields in [
        r#""has_more":false"#,
        r#""has_more":true,"total":1"#,
        r#""has_more":true,"meta":{"is_last":true}"#,
        r#""facets":{"has_more":true}"#,
        r#""done":false"#,
        r#""links":{"last":false,"next":false}"#,
    ] {
        let body = page(fields);
        for (paginator, first) in [(&numbers, "~&page=1"), (&Paginator::Auto, "~")] {
            assert_eq!(run(paginator, &[(&body, &[], 1)]).unwrap(), [first, "end"], "{body}");
        }
    }
    let warned = said(&numbers, &[(&page(r#""total":9"#), &[], 1)]);
    for words in ["WARN", "more rows than were read", "told=9", "read=1"] {
        assert!(warned.contains(words), "{words}: {warned}");
    }
    assert_eq!(said(&numbers, &[(&page(r#""total":9,"is_last":true"#), &[], 1)]), "");
}
