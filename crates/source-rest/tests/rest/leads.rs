//! Links and cursors: where they lead on though a page has no rows, and where they lead nowhere though there are more.

use serde_json::{Value, json};
use stitchwork_core::ErrorKind;

use crate::ends::{Answer, Headers, Stream, answer, page, read_each};

/// How pages lead to the next one: the paginator, and the field or the header that has the number of the page.
#[derive(Debug, Clone)]
struct Lead {
    paginator: Value,
    field: Option<&'static str>,
}

/// Each way by a link or a cursor.
fn leads() -> Vec<Lead> {
    let lead = |paginator: Value, field| Lead { paginator, field };
    let auto = || json!({ "type": "auto" });
    vec![
        lead(auto(), None),
        lead(json!({ "type": "header_link" }), None),
        lead(auto(), Some("next")),
        lead(json!({ "type": "json_link" }), Some("next")),
        lead(auto(), Some("next_cursor")),
        lead(json!({ "type": "cursor", "path": "next_cursor" }), Some("next_cursor")),
    ]
}

impl Lead {
    /// The answer that leads to the page of a number.
    fn to(&self, number: u64, mut body: Value) -> Answer {
        let to = format!("?page={number}");
        match self.field {
            None => {
                let link: &'static str = format!("<{to}>; rel=next").leak();
                return answer(vec![("link", link)].leak(), body);
            }
            Some("next") => body["next"] = to.into(),
            Some(field) => body[field] = number.to_string().into(),
        }
        answer(&[], body)
    }
}

/// A page without rows and with other fields.
fn empty(fields: &Value) -> Value {
    let mut page = fields.clone();
    page["items"] = json!([]);
    page
}

/// Holds the numbers of rows of streams against what they should be.
async fn assert_rows(streams: Vec<Stream>, rows: usize) {
    for (got, stream) in read_each(&streams).await.into_iter().zip(&streams) {
        assert_eq!(got.as_ref().ok().map(|got| got.rows.len()), Some(rows), "{stream:?} gave {got:?}");
    }
}

#[tokio::test]
async fn a_page_without_rows_leads_on_whatever_its_own_count_is() {
    let signs = [
        (json!({}), json!({})),
        (json!({ "count": 3 }), json!({ "count": 0 })),
        (json!({ "Count": 3 }), json!({ "Count": 0 })),
        (json!({ "meta": { "count": 3 } }), json!({ "meta": { "count": 0 } })),
        (json!({ "count": 3 }), json!({ "count": 3 })),
        (json!({ "count": 3, "has_more": true }), json!({ "count": 0, "has_more": true })),
        (json!({ "count": 3, "total": 6 }), json!({ "count": 0, "total": 6 })),
    ];
    let mut streams = vec![];
    for (full, gap) in signs {
        for lead in leads() {
            let last = answer(&[], page(2, &json!({ "count": 3 })));
            let in_the_middle = vec![lead.to(2, page(1, &full)), lead.to(3, empty(&gap)), last];
            streams.push((lead.paginator.clone(), in_the_middle));
        }
    }
    for lead in leads() {
        let rows = |number| page(number, &json!({ "count": 3 }));
        let at_first =
            vec![lead.to(2, empty(&json!({ "count": 0 }))), lead.to(3, rows(1)), answer(&[], rows(2))];
        streams.push((lead.paginator.clone(), at_first));
    }
    assert_rows(streams, 6).await;
}

#[tokio::test]
async fn a_page_without_rows_leads_nowhere_where_all_were_read() {
    let mut streams = vec![];
    // A count that is more than the rows of a page is one of all rows.
    for sign in [json!({ "total": 6 }), json!({ "meta": { "total": 6, "count": 3 } }), json!({ "count": 6 })]
    {
        for lead in leads() {
            // There is no page behind the last one, though it leads to one.
            let answers =
                vec![lead.to(2, page(1, &sign)), lead.to(3, page(2, &sign)), lead.to(4, empty(&sign))];
            streams.push((lead.paginator, answers));
        }
    }
    assert_rows(streams, 6).await;
}

/// Holds the errors of streams against what they should say.
async fn assert_refused(streams: Vec<Stream>, message: &str, context: (&str, &str)) {
    for (got, stream) in read_each(&streams).await.into_iter().zip(&streams) {
        let Err(error) = got else { panic!("{stream:?} gave {got:?}") };
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{stream:?}: {error}");
        assert!(error.message().contains(message) && error.context("url").is_some(), "{stream:?}: {error}");
        assert_eq!(error.context(context.0), Some(context.1), "{stream:?}: {error}");
    }
}

#[tokio::test]
async fn the_same_rows_behind_another_link_or_cursor_are_an_error() {
    let mut streams = vec![];
    for lead in leads() {
        let answers = (2..5).map(|number| lead.to(number, page(1, &json!({ "at": number })))).collect();
        streams.push((lead.paginator, answers));
    }
    assert_refused(streams, "the same page again", ("pages", "2")).await;
}

#[tokio::test]
async fn a_header_that_tells_of_more_is_no_silent_end_of_links() {
    for header in [("x-has-more", "true"), ("x-next-page", "2"), ("x-next-cursor", "abc")] {
        let first =
            answer(vec![header, ("x-total", "47"), ("x-total-pages", "5")].leak(), page(1, &json!({})));
        let streams = vec![(json!({ "type": "header_link" }), vec![first])];
        assert_refused(streams, "says that there are more", ("says_more", "a header")).await;
    }
    let mut streams = vec![];
    for lead in leads() {
        let last = answer(&[("x-has-more", "true")], page(2, &json!({ "next": null, "next_cursor": null })));
        streams.push((lead.paginator.clone(), vec![lead.to(2, page(1, &json!({}))), last]));
    }
    assert_refused(streams, "says that there are more", ("says_more", "a header")).await;
}

#[tokio::test]
async fn a_page_leads_on_whatever_it_says_of_something_else() {
    let signs = [
        json!({ "facets": { "brand": { "has_more": false } }, "total": 6 }),
        json!({ "comments": { "has_more": false, "data": [] } }),
        json!({ "more_info": false, "ui": { "show_more": false }, "query": { "is_last": true } }),
        json!({ "first": 0, "last": 1, "range": { "last": 1 } }),
    ];
    let mut streams = vec![];
    for sign in signs {
        for lead in leads() {
            let last = answer(&[], page(2, &json!({ "next": null, "next_cursor": null })));
            streams.push((lead.paginator.clone(), vec![lead.to(2, page(1, &sign)), last]));
        }
    }
    assert_rows(streams, 6).await;
}

#[tokio::test]
async fn a_load_without_rows_that_tells_a_number_of_pages_is_no_error() {
    let by_number = json!({ "type": "page_number", "total_pages": "pagination.page_count" });
    let none = || vec![answer(&[], empty(&json!({ "pagination": { "page_count": 1 } })))];
    assert_rows(vec![(by_number, none()), (json!({ "type": "auto" }), none())], 0).await;
}

#[tokio::test]
async fn pages_by_number_end_with_the_number_that_a_header_tells() {
    let headers: Headers = &[("x-wp-totalpages", "2")];
    let answers = |body: Value| {
        // There is no third one.
        [1, 2].map(|number| answer(headers, page(number, &body))).to_vec()
    };
    let numbers = json!({ "type": "page_number" });
    assert_rows(vec![(numbers.clone(), answers(json!({})))], 6).await;
    assert_rows(vec![(numbers, answers(json!({ "total_pages": 1 })))], 3).await;
    // Whoever points elsewhere has the first page without rows for the end.
    let deaf = json!({ "type": "page_number", "total_pages": "nowhere" });
    let mut three = answers(json!({}));
    three.extend([answer(headers, page(3, &json!({}))), answer(headers, json!({ "items": [] }))]);
    assert_rows(vec![(deaf, three)], 9).await;
}

#[tokio::test]
async fn a_header_that_tells_of_more_than_the_last_number_is_an_error() {
    let answers = |header: &'static [(&'static str, &'static str)]| {
        vec![answer(header, page(1, &json!({ "total_pages": 1 })))]
    };
    let numbers = || json!({ "type": "page_number" });
    let streams =
        vec![(numbers(), answers(&[("x-has-more", "true")])), (numbers(), answers(&[("x-next-page", "2")]))];
    assert_refused(streams, "has the last number", ("says_more", "a header")).await;
    assert_rows(vec![(numbers(), answers(&[("x-has-more", "false")]))], 3).await;
}
