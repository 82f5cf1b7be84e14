//! What pages say of other things than their rows.

use super::leads::with_flag;
use super::*;
use crate::paginator::names::OTHER_TOTALS;

#[test]
fn what_other_things_say_ends_no_stream() {
    let leads = [
        (r#""paging":{"next":"/b"}"#, "http://h/b", Some(("json_link", "paging.next"))),
        (r#""next":"/b""#, "http://h/b", Some(("json_link", "next"))),
        (r#""paging":{"next_cursor":"b"}"#, "~&cursor=b", Some(("cursor", "paging.next_cursor"))),
        (r#""meta":{"page":1,"total_pages":3}"#, "~&page=2", None),
    ];
    let first = |fields: &str, lead: &str| format!(r#"{{"results":[{{}},{{}}],{fields},{lead}}}"#);
    let second =
        |paginator: &Paginator, body: &str| run(paginator, &[(body, &[], 2)]).map(|urls| urls[1].clone());
    for other in [
        r#""facets":{"brand":{"has_more":false}},"total":5"#,
        r#""comments":{"has_more":false,"data":[]}"#,
        r#""comments":{"paging":{"has_more":false},"data":[]}"#,
        r#""comments":{"paging":{"has_more":false},"data":{"items":["a"]}}"#,
        r#""labels":{"totalCount":1,"pageInfo":{"hasNextPage":false}}"#,
        r#""users":{"1":{},"meta":{"has_more":false}}"#,
        r#""more_info":false"#,
        r#""show_more":false,"commentsHasMore":false,"has_more_comments":false"#,
        r#""ui":{"show_more":false}"#,
        r#""query":{"is_last":true}"#,
        r#""first":0,"last":1"#,
        r#""range":{"first":0,"last":1}"#,
        r#""meta":{"last":"1"}"#,
    ] {
        for (lead, next, way) in leads {
            let body = first(other, lead);
            let given = way.map(|(kind, path)| {
                [with_flag(kind, Some(path), None), with_flag(kind, Some(path), Some("nowhere"))]
            });
            for paginator in given.into_iter().flatten().chain([Paginator::Auto]) {
                assert_eq!(second(&paginator, &body).unwrap(), next, "{body} {paginator:?}");
            }
        }
        // They take back nothing, either.
        for last in [format!(r#"{{"results":[],{other}}}"#), first(other, r#""next":null,"has_more":true"#)] {
            let rows = if last.contains("[]") && !last.contains("null") { 0 } else { 2 };
            let start = first(r#""has_more":true"#, r#""next":"/b""#);
            let pages = [(start.as_str(), &[][..], 2), (last.as_str(), &[][..], rows)];
            assert!(run(&Paginator::json_link("next"), &pages).is_err(), "{last}");
        }
    }
    // These are about the rows, or about what leads on.
    for (lead, _, way) in leads {
        let Some((kind, path)) = way else { continue };
        for flag in
            ["has_more", "more", "more_results", "has_more_items", "is_there_more", "isMoreDataAvailable"]
        {
            let last = r#""meta":{"is_last":1}"#.to_owned();
            for fields in [format!(r#""{flag}":false"#), format!(r#""page":{{"{flag}":"false"}}"#), last] {
                let body = first(&fields, lead);
                assert_eq!(second(&with_flag(kind, Some(path), None), &body).unwrap(), "end", "{body}");
                assert_eq!(second(&Paginator::Auto, &body).unwrap(), "end", "{body}");
                let deaf = with_flag(kind, Some(path), Some("nowhere"));
                assert_ne!(second(&deaf, &body).unwrap(), "end", "{body}");
            }
        }
    }
    for more in [r#""is_last":0"#, r#""is_last_page":false"#, r#""no_more":0"#, r#""done":0"#] {
        let body = format!(r#"{{"results":[{{}}],{more}}}"#);
        assert!(second(&Paginator::Auto, &body).is_err(), "{body}");
    }
    let beside = r#"{"results":[{}],"search":{"next":"/b","is_last":true}}"#;
    assert_eq!(second(&Paginator::json_link("search.next"), beside).unwrap(), "end");
}

#[test]
fn the_own_way_of_a_page_goes_before_that_of_other_things() {
    let second = |fields: &str| {
        let body = format!(r#"{{"results":[{{}},{{}}],{fields}}}"#);
        run(&Paginator::Auto, &[(&body, &[], 2)]).map(|urls| urls[1].clone())
    };
    let ways = [
        (r#""next":"/b""#, "http://h/b"),
        (r#""meta":{"next_page_token":"b"}"#, "~&page_token=b"),
        (r#""paging":{"next_cursor":"b"}"#, "~&cursor=b"),
        (r#""meta":{"page":1,"total_pages":3}"#, "~&page=2"),
        (r#""offset":0,"limit":2,"total":9"#, "~&offset=2"),
        (r#""result_info":{"page":1,"total_pages":3,"cursors":{"after":"c"}}"#, "~&page=2"),
    ];
    for other in [
        r#""report":{"pages":1}"#,
        r#""report":{"pages":9}"#,
        r#""facets":{"brand":{"last_page":1}}"#,
        r#""comments":{"next":"/c","data":["a"]}"#,
        r#""comments":{"next_cursor":"c"}"#,
        r#""comments":{"page":4,"pages":4}"#,
        r#""query":{"offset":0,"limit":3}"#,
    ] {
        for (way, next) in ways {
            assert_eq!(second(&format!("{other},{way}")).unwrap(), next, "{other},{way}");
        }
    }
    // A flag of the rows by their name is theirs, and what has said that there are more takes that back.
    let of_rows = |more: bool| format!(r#"{{"orders":[{{}}],"next":"/b","has_more_orders":{more}}}"#);
    let link = Paginator::json_link("next");
    assert_eq!(run(&link, &[(&of_rows(true), &[], 1)]).unwrap(), ["~", "http://h/b"]);
    assert_eq!(run(&link, &[(&of_rows(false), &[], 1)]).unwrap(), ["~", "end"]);
    let of_others = r#"{"results":[{}],"next":"/b","has_more_orders":true}"#;
    for (last, ends) in
        [(r#""has_more_orders":false"#, true), (r#""has_more_orders":true"#, false), (r#""a":1"#, false)]
    {
        let last = format!(r#"{{"results":[],{last}}}"#);
        assert_eq!(run(&link, &[(of_others, &[], 1), (&last, &[], 0)]).is_ok(), ends, "{last}");
    }
    // A thing of which there are more may be a row.
    assert!(second(r#""has_more_orders":true"#).is_err());
    // A rarer name of a total counts where there is no usual one.
    assert!(second(r#""total_objects":500"#).is_err());
    assert_eq!(second(r#""total":2,"total_objects":500"#).unwrap(), "end");
    // The number of the page is that beside the count.
    assert_eq!(second(r#""number":7,"meta":{"page":1,"total_pages":3}"#).unwrap(), "~&page=2");
    // Without another sign they may be of the rows.
    for (fields, next) in [
        (r#""report":{"pages":3}"#, "~&page=2"),
        (r#""search":{"page":1,"pages":3}"#, "~&page=2"),
        (r#""search":{"next":"/c"}"#, "http://h/c"),
        (r#""result_info":{"page":1,"total_pages":1}"#, "end"),
        (r#""report":{"pages":1}"#, "end"),
    ] {
        assert_eq!(second(fields).unwrap(), next, "{fields}");
    }
    let rows =
        |fields: &str| said(&Paginator::Auto, &[(&format!(r#"{{"results":[{{}}],{fields}}}"#), &[], 10)]);
    assert!(rows(r#""report":{"pages":1}"#).contains("taken for the only page"));
    assert_eq!(rows(r#""result_info":{"page":1,"total_pages":1}"#), "");
}

/// A number of rows that may be of the page alone hides no other one, and a flag that is of other things takes none back.
#[test]
fn what_may_be_of_the_page_alone_hides_no_total() {
    for total in OTHER_TOTALS {
        for own in ["count", "itemCount"] {
            let body = format!(r#"{{"results":[{{}},{{}},{{}}],"{own}":3,"{total}":500}}"#);
            let error = run(&Paginator::Auto, &[(&body, &[], 3)]).expect_err(&body);
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{body}");
            let first = format!(r#"{{"results":[{{}},{{}},{{}}],"{own}":3,"{total}":500,"next":"?p=2"}}"#);
            let empty = format!(r#"{{"results":[],"{own}":0,"{total}":500}}"#);
            let pages: [(&str, &[&str], u64); 2] = [(&first, &[], 3), (&empty, &[], 0)];
            assert!(run(&Paginator::json_link("next"), &pages).is_err(), "{empty}");
        }
        // Beside a usual name it may be of something else.
        let body = format!(r#"{{"results":[{{}},{{}},{{}}],"totalCount":3,"{total}":500}}"#);
        assert_eq!(run(&Paginator::Auto, &[(&body, &[], 3)]).unwrap(), ["~", "end"], "{body}");
    }
    let first = r#"{"total":500,"next":"?p=2","has_more_comments":true,"results":[{},{},{}]}"#;
    let ends = |empty: &str| run(&Paginator::json_link("next"), &[(first, &[], 3), (empty, &[], 0)]);
    let error = ends(r#"{"results":[],"has_more_comments":false}"#).unwrap_err();
    assert_eq!((error.context("told"), error.context("read")), (Some("500"), Some("3")));
    let first = r#"{"next":"?p=2","has_more_comments":true,"results":[{}]}"#;
    let ends = |empty: &str| run(&Paginator::json_link("next"), &[(first, &[], 1), (empty, &[], 0)]);
    assert_eq!(ends(r#"{"results":[],"has_more_comments":false}"#).unwrap(), ["~", "?p=2", "end"].map(url));
    assert!(ends(r#"{"results":[],"has_more_comments":"soon"}"#).is_err(), "no answer takes nothing back");
}

/// A flag is of the rows where it has the name of their list, however it is written.
#[test]
fn a_flag_by_the_name_of_the_list_is_heard() {
    let body = r#"{"order_items":[{}],"hasMoreOrderItems":false,"next":"?p=2"}"#;
    assert_eq!(run(&Paginator::json_link("next"), &[(body, &[], 1)]).unwrap(), ["~", "end"]);
    let body = r#"{"order_items":[{}],"hasMoreOrders":false,"next":"?p=2"}"#;
    assert_eq!(run(&Paginator::json_link("next"), &[(body, &[], 1)]).unwrap(), ["~", "?p=2"].map(url));
}

fn url(text: &str) -> String {
    text.replace('?', "http://h/a?")
}

/// A mere `total` is the number of pages in some APIs.
#[test]
fn pages_by_number_end_with_a_number_of_rows_that_is_nothing_else() {
    let ends = |bodies: &[&str]| {
        let rows = |body: &str| body.matches("{}").count() as u64;
        let pages: Vec<(&str, &[&str], u64)> =
            bodies.iter().map(|body| (*body, &[][..], rows(body))).collect();
        run(&Paginator::page_number(), &pages).unwrap().len() == bodies.len() + 1
            && run(&Paginator::page_number(), &pages).unwrap().last().unwrap() == "end"
    };
    let full = |rest: &str| format!(r#"{{"items":[{{}},{{}}],{rest}}}"#);
    let short = |rest: &str| format!(r#"{{"items":[{{}}],{rest}}}"#);
    for rest in [r#""total_count":4"#, r#""total":4,"per_page":2"#, r#""meta":{"total":4,"limit":2}"#] {
        assert!(ends(&[&full(rest), &full(rest)]), "{rest}");
        assert!(!ends(&[&full(rest)]), "{rest}");
    }
    // It may be four pages, but one that is not full is the last.
    assert!(!ends(&[&full(r#""total":4"#), &full(r#""total":4"#)]));
    assert!(ends(&[&full(r#""total":3"#), &short(r#""total":3"#)]));
    // Behind so many pages there is none.
    let total = full(r#""total":3"#);
    assert!(!ends(&[&total, &total]));
    assert!(ends(&[&total, &total, &total]));
}
