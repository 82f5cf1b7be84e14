//! APIs made up by chance, which page in a known way and say this and that of other things: whatever they say, no row is lost in
//! silence, and none comes twice.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, json};

use super::*;

/// How an API pages.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// The link in a header.
    Header,
    Link,
    Cursor,
    /// The number of the page, from this one, and how many there are.
    Pages(usize),
    /// The number of the page, from 0, and that of the last one.
    LastPage,
    Offset,
}

/// The names of links, cursors, numbers of all pages and of all rows.
type Spelling = [&'static str; 4];

const SPELLINGS: [Spelling; 4] = [
    ["next", "next_cursor", "pages", "total"],
    ["next_url", "nextPageToken", "total_pages", "totalCount"],
    ["@odata.nextLink", "next_page_token", "pageCount", "total_results"],
    ["nextPageUrl", "NextMarker", "numPages", "count"],
];

#[derive(Debug, Clone)]
struct Api {
    kind: Kind,
    rows: usize,
    size: usize,
    /// What stands around the rows, and around what it says of its pages there.
    around: &'static [&'static str],
    place: &'static [&'static str],
    /// How it calls what leads on and what it counts.
    spelling: Spelling,
    /// Whether what leads on is left out on the last page.
    leaves_out: bool,
    flag: Option<&'static str>,
    /// Whether it says how many rows there are, or how many the page has under that name.
    total: Option<bool>,
    /// The page that fails: it comes without its rows, and without anything else.
    failing: Option<usize>,
    /// What it says of other things, with the names around it.
    others: Vec<(Vec<&'static str>, &'static str, Value)>,
}

impl Api {
    fn pages(&self) -> usize {
        self.rows.div_ceil(self.size).max(1)
    }

    /// The number of the page that is asked for; the first one for parameters that it does not know.
    fn asked(&self, url: &Url) -> usize {
        let param = |name: &str| {
            let (_, value) = url.query_pairs().find(|(key, _)| key == name)?;
            value.trim_start_matches('c').parse::<usize>().ok()
        };
        let number = match self.kind {
            Kind::Header | Kind::Link => param("p"),
            Kind::Cursor => ["cursor", "pageToken", "page_token", "marker"].into_iter().find_map(param),
            Kind::Pages(first) => param("page").map(|number| number.saturating_sub(first)),
            Kind::LastPage => param("page"),
            Kind::Offset => param("offset").map(|offset| offset.div_ceil(self.size)),
        };
        number.unwrap_or(0)
    }

    /// The first row of a page and the one behind the last.
    fn span(&self, number: usize) -> (usize, usize) {
        let at = |number: usize| number.saturating_mul(self.size).min(self.rows);
        (at(number), at(number + 1))
    }

    fn page(&self, number: usize) -> String {
        let (start, end) = self.span(number);
        let is_last = number + 1 >= self.pages();
        let mut page = json!({});
        if self.failing == Some(number) {
            put(&mut page, self.around, "items", json!([]));
            return page.to_string();
        }
        let rows: Vec<Value> = (start..end).map(|id| json!({ "id": id })).collect();
        put(&mut page, self.around, "items", rows.into());
        let lead = |lead: String| if is_last { Value::Null } else { lead.into() };
        let [link, cursor, pages, total] = self.spelling;
        let mut fields = match self.kind {
            Kind::Header => vec![],
            Kind::Link => vec![(link, lead(format!("?p={}", number + 1)))],
            Kind::Cursor => vec![(cursor, lead(format!("c{}", number + 1)))],
            Kind::Pages(first) => vec![("page", (number + first).into()), (pages, self.pages().into())],
            Kind::LastPage => vec![("page", number.into()), ("last_page", (self.pages() - 1).into())],
            Kind::Offset => {
                vec![("offset", start.into()), ("limit", self.size.into()), (total, self.rows.into())]
            }
        };
        let is_end = |flag: &str| flag.contains("last") || flag == "done";
        fields.extend(self.flag.map(|flag| (flag, (is_end(flag) == is_last).into())));
        fields.retain(|(_, value)| !(self.leaves_out && value.is_null()));
        let of_all = self.total.filter(|_| self.kind != Kind::Offset);
        fields.extend(of_all.map(|of_all| (total, if of_all { self.rows } else { end - start }.into())));
        for (name, value) in fields {
            put(&mut page, &[self.around, self.place].concat(), name, value);
        }
        for (place, name, value) in &self.others {
            put(&mut page, place, name, value.clone());
        }
        page.to_string()
    }

    /// The paginators that its documentation would ask for, and that which asks for none.
    fn paginators(&self) -> [Paginator; 2] {
        let path = |name: &str| {
            let keys: Vec<String> = [self.around, self.place, &[name]]
                .concat()
                .iter()
                .map(|key| format!("[\"{key}\"]"))
                .collect();
            format!("${}", keys.concat())
        };
        let [link, cursor, pages, total] = self.spelling;
        let param = match cursor {
            "nextPageToken" => "pageToken",
            "next_page_token" => "page_token",
            "NextMarker" => "marker",
            _ => "cursor",
        };
        let way = match self.kind {
            Kind::Header => json!({ "type": "header_link" }),
            Kind::Link => json!({ "type": "json_link", "path": path(link) }),
            Kind::Cursor => json!({ "type": "cursor", "path": path(cursor), "param": param }),
            Kind::Pages(first) => {
                json!({ "type": "page_number", "first": first, "total_pages": path(pages) })
            }
            Kind::LastPage => json!({ "type": "page_number", "first": 0, "total_pages": path("last_page") }),
            Kind::Offset => json!({ "type": "offset", "limit": self.size, "total": path(total) }),
        };
        [serde_json::from_value(way).unwrap(), Paginator::Auto]
    }

    /// The first rows and the last ones of the pages that a paginator reads.
    ///
    /// # Errors
    /// As those of the paginator; and the same page or the same request comes again, which the reader refuses.
    fn read(&self, paginator: &Paginator) -> Result<Vec<(usize, usize)>> {
        let selector = [self.around, &["items"]].concat().join(".");
        let again = || Error::invalid_data("again");
        let mut pager = Pager::new(paginator)?;
        let mut request = PageRequest { url: Url::parse("http://h/a").unwrap(), body: None };
        pager.begin(&mut request)?;
        let (mut spans, mut seen, mut read): (Vec<(usize, usize)>, Vec<Url>, u64) = (vec![], vec![], 0);
        loop {
            if seen.contains(&request.url) {
                return Err(again());
            }
            let number = self.asked(&request.url);
            let (mut span, body) = (self.span(number), self.page(number));
            if self.failing == Some(number) {
                span.1 = span.0;
            }
            if span.0 < span.1 && spans.last() == Some(&span) {
                return Err(again());
            }
            let rows = (span.1 - span.0) as u64;
            read += rows;
            spans.push(span);
            seen.push(request.url.clone());
            let link = format!("<?p={}>; rel=next", number + 1);
            let links = [link.as_str()];
            let has_link =
                self.kind == Kind::Header && number + 1 < self.pages() && self.failing != Some(number);
            let page = (body.as_str(), if has_link { &links[..] } else { &[] }, rows);
            let is_first = seen.len() == 1;
            match next(&mut pager, &request, Some(&selector), page, read, is_first)? {
                Some(next) => request = next,
                None => return Ok(spans),
            }
        }
    }
}

fn put(page: &mut Value, place: &[&str], name: &str, value: Value) {
    let object = place.iter().fold(page, |object, name| {
        object.as_object_mut().unwrap().entry(*name).or_insert_with(|| Map::new().into())
    });
    object[name] = value;
}

prop_compose! {
    fn apis()(
        kind in select(vec![Kind::Header, Kind::Link, Kind::Cursor, Kind::Pages(0), Kind::Pages(1), Kind::LastPage, Kind::Offset]),
        (rows, size) in (0..9_usize, 1..4_usize),
        place in select(vec![&[][..], &["meta"], &["paging"], &["meta", "pagination"], &["links"], &["result_info"]]),
        around in select(vec![&[][..], &["data"], &["data", "orders"]]),
        (spelling, leaves_out) in (select(SPELLINGS.to_vec()), any::<bool>()),
        flag in proptest::option::of(select(vec!["has_more", "hasNextPage", "is_last", "last_page", "done"])),
        total in proptest::option::of(any::<bool>()),
        others in proptest::collection::vec(others(), 0..5),
    ) -> Api {
        // Under one name there is one value.
        let flag = flag.filter(|flag| *flag != "last_page" || kind != Kind::LastPage);
        Api { kind, rows, size, around, place, spelling, leaves_out, flag, total, failing: None, others }
    }
}

prop_compose! {
    fn others()(
        place in select(vec![
            vec!["report"], vec!["facets", "brand"], vec!["comments"], vec!["comments", "paging"],
            vec!["labels", "pageInfo"], vec!["query"], vec!["user", "meta"],
            vec!["data", "labels", "meta"], vec!["book_info"],
        ]),
        name in select(vec![
            "next", "next_cursor", "page", "pages", "last_page", "total_pages", "total", "count", "has_more",
            "is_last", "done", "last", "offset", "limit", "more", "number",
        ]),
        value in select(vec![
            json!(0), json!(1), json!(3), json!(true), json!(false), json!(null), json!(""), json!("/c"), json!("x"),
        ]),
    ) -> (Vec<&'static str>, &'static str, Value) {
        // What tells of a page there, or leads on, is taken for that of the rows.
        let is_taken = name.starts_with("next") || ["page", "offset", "limit"].contains(&name);
        let name = if place == ["book_info"] && is_taken { "pages" } else { name };
        (place, name, value)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1000) })]

    #[test]
    fn no_row_is_lost_in_silence_and_none_comes_twice(api in apis()) {
        for paginator in api.paginators() {
            let (spans, said) = listen(|| api.read(&paginator));
            let Ok(spans) = spans else { continue };
            let rows: Vec<usize> = spans.iter().flat_map(|(start, end)| *start..*end).collect();
            let all: Vec<usize> = (0..api.rows).collect();
            prop_assert!(rows == all || said.contains("WARN"), "{:?}: {:?}", paginator, spans);
        }
    }

    #[test]
    fn an_api_is_read_by_its_paginator_whatever_it_says_of_other_things(api in apis()) {
        // A flag with a name that only pages have is heard wherever it stands, and any in what may be about pages; and where a
        // first page has nothing that leads on, which may be mistyped, anything else is.
        let is_heard = |place: &[&str], name: &str| name == "has_more" || place == ["book_info"];
        let others = api.others.iter().filter(|(place, name, _)| !is_heard(place, name) && api.kind != Kind::Header);
        let others = others.cloned().collect();
        let [own, auto] = api.paginators();
        for (paginator, others) in [(own, others), (auto, vec![])] {
            let leaves_out = api.leaves_out && others.is_empty();
            let got = Api { others, leaves_out, ..api.clone() }.read(&paginator);
            prop_assert!(got.is_ok(), "{:?}: {:?}", paginator, got);
        }
    }

    #[test]
    fn a_page_that_fails_is_an_error_where_more_was_told(api in apis(), number in 0..8_usize) {
        // A number of all rows in what is likely of pages may be that of others.
        let tells = api.flag.is_some() || api.total == Some(true) && api.place != ["result_info"];
        let tells = tells || matches!(api.kind, Kind::Pages(_) | Kind::LastPage | Kind::Offset);
        if api.pages() == 1 || !tells {
            return Ok(());
        }
        let number = 1 + number % (api.pages() - 1);
        // The total of a page alone says, where it is reached, that all rows came.
        let total = api.total.filter(|of_all| *of_all);
        let api = Api { failing: Some(number), total, others: vec![], ..api };
        for paginator in api.paginators() {
            let got = api.read(&paginator);
            prop_assert!(got.is_err(), "{:?}: {:?}", paginator, got);
        }
    }
}
