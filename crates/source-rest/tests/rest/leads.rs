//! Links and cursors: where they lead on though a page has no rows, and where they lead nowhere though there are more.

use serde_json::{Value, json};

use crate::ends::{Answer, Stream, answer, page, read_each};

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
