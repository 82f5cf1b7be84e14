//! The server as a client sees it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

use std::collections::BTreeMap;
use std::time::Duration;

use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use stitchwork_events_server::{
    API_KEY, API_KEY_HEADER, API_KEY_PARAM, BASIC_PASSWORD, BASIC_USER, EventsServer, EventsServerBuilder,
    Faults,
};
use stitchwork_testkit::needs;

fn client() -> Client {
    // Another test of this process may have installed the provider before.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::new()
}

async fn start(builder: EventsServerBuilder) -> EventsServer {
    builder.start().await.unwrap()
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).map(|value| value.to_str().unwrap())
}

fn links(response: &Response) -> BTreeMap<String, String> {
    let Some(link) = header(response, "link") else { return BTreeMap::new() };
    let parts = link.split(", ").map(|part| {
        let (url, rel) = part.split_once("; ").unwrap();
        let rel = rel.strip_prefix("rel=\"").unwrap().strip_suffix('"').unwrap();
        (rel.to_owned(), url.strip_prefix('<').unwrap().strip_suffix('>').unwrap().to_owned())
    });
    parts.collect()
}

async fn json_of(response: Response) -> Value {
    assert_eq!(response.status(), StatusCode::OK);
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

/// Reads an address, again when the answer is 429, 502 or breaks off.
async fn get(client: &Client, url: &str) -> (BTreeMap<String, String>, Value) {
    for _ in 0..3 {
        let response = client.get(url).send().await.unwrap();
        match response.status() {
            StatusCode::OK => {}
            StatusCode::TOO_MANY_REQUESTS => {
                let wait = header(&response, "retry-after").unwrap().parse().unwrap();
                tokio::time::sleep(Duration::from_secs(wait)).await;
                continue;
            }
            StatusCode::BAD_GATEWAY => continue,
            status => panic!("{status} for {url}"),
        }
        let links = links(&response);
        if let Ok(body) = response.bytes().await {
            return (links, serde_json::from_slice(&body).unwrap());
        }
    }
    panic!("{url} fails again and again");
}

async fn follow(client: &Client, first: String) -> Vec<Value> {
    let mut events = Vec::new();
    let mut next = Some(first);
    while let Some(url) = next {
        let (links, page) = get(client, &url).await;
        events.extend(page.as_array().unwrap().iter().cloned());
        next = links.get("next").cloned();
    }
    events
}

fn ids(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn paging_over_failures_finds_each_event_once() {
    let faults = Faults { every_429: 5, every_502: 6, every_cut: 7 };
    let server = start(EventsServer::builder().seed(9).events(2_345).faults(faults)).await;
    let events = follow(&client(), format!("{}/events?per_page=50", server.url())).await;
    assert_eq!(events.len(), 2_345);
    assert!(server.events().eq(events.iter().cloned()));
    assert!(ids(&events).is_sorted_by(|a, b| a < b), "ids of one length grow");
    let mut counts = BTreeMap::new();
    for event in &events {
        *counts.entry(event["type"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    assert_eq!(counts, server.count_by_type());
    let requests = server.requests();
    assert_eq!((requests.pages, requests.events, requests.not_modified), (47, 2_345, 0));
    assert!(requests.too_many_requests > 5 && requests.bad_gateway > 4 && requests.cut > 2, "{requests:?}");
    let failures = requests.too_many_requests + requests.bad_gateway + requests.cut;
    assert_eq!(requests.total, requests.pages + failures);
    assert_eq!(server.request_targets().len() as u64, requests.total);
    assert_eq!(server.request_targets()[0], "/events?per_page=50");
}

#[tokio::test]
async fn links_name_the_pages_around() {
    let server = start(EventsServer::builder().events(95).no_faults()).await;
    let (client, url) = (client(), server.url());
    let page = async |query: &str| {
        let (links, page) = get(&client, &format!("{url}/repos/o/r/events{query}")).await;
        let numbers: BTreeMap<String, String> = links
            .into_iter()
            .map(|(rel, link)| {
                let number = link.strip_prefix(&format!("{url}/repos/o/r/events?")).unwrap();
                (rel, number.to_owned())
            })
            .collect();
        (json!(numbers), page.as_array().unwrap().len())
    };
    assert_eq!(page("").await, (json!({"next": "page=2", "last": "page=4"}), 30));
    let middle = json!({"prev": "per_page=40&page=1", "next": "per_page=40&page=3", "last": "per_page=40&page=3", "first": "per_page=40&page=1"});
    assert_eq!(page("?per_page=40&page=2").await, (middle, 40));
    assert_eq!(page("?page=4").await, (json!({"prev": "page=3", "first": "page=1"}), 5));
    assert_eq!(page("?page=9").await, (json!({"prev": "page=4", "first": "page=1"}), 0));
    assert_eq!(page("?per_page=1000").await, (json!({}), 95));
}

#[tokio::test]
async fn newest_first_is_the_same_stream_backwards() {
    let server = start(EventsServer::builder().events(75).no_faults()).await;
    let url = server.url();
    let mut down = follow(&client(), format!("{url}/orgs/o/events?direction=desc&per_page=20")).await;
    down.reverse();
    assert_eq!(down, follow(&client(), format!("{url}/events")).await);
}

#[tokio::test]
async fn since_finds_what_is_new_and_the_ties_at_the_boundary() {
    let server = start(EventsServer::builder().events(1_300).no_faults()).await;
    let (client, url) = (client(), server.url());
    let last = server.event(1_299)["created_at"].as_str().unwrap().to_owned();
    assert_eq!(server.append(100), 1_400);
    assert_eq!(server.event(1_300)["created_at"], *last, "the first new event ties with the last old one");
    let new = follow(&client, format!("{url}/events?since={last}&per_page=30")).await;
    let wanted: Vec<Value> =
        server.events().filter(|event| event["created_at"].as_str().unwrap() >= last.as_str()).collect();
    assert_eq!(new, wanted);
    assert!(new.len() > 100);
    let burst = follow(
        &client,
        format!("{url}/events?since={}", server.event(1_250)["created_at"].as_str().unwrap()),
    )
    .await;
    let seconds = burst.iter().take_while(|event| event["created_at"] == burst[0]["created_at"]).count();
    assert!(seconds > 100, "{seconds} events in one second");
    let (_, none) = get(&client, &format!("{url}/events?since=2999-01-01T00:00:00Z")).await;
    assert_eq!(none, json!([]));
    for query in ["since=yesterday", "direction=up"] {
        let response = client.get(format!("{url}/events?{query}")).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(server.requests().invalid, 2);
    server.set_events(10);
    assert_eq!(server.event(10), Value::Null);
    assert_eq!(follow(&client, format!("{url}/events")).await.len(), 10);
}

#[tokio::test]
async fn a_known_page_is_not_sent_again_and_costs_nothing() {
    let server = start(EventsServer::builder().events(30).no_faults()).await;
    let (client, url) = (client(), format!("{}/events", server.url()));
    let first = client.get(&url).send().await.unwrap();
    let etag = header(&first, "etag").unwrap().to_owned();
    assert!(etag.starts_with("W/\""));
    assert_eq!(header(&first, "x-ratelimit-used"), Some("1"));
    let again = client.get(&url).header("if-none-match", format!("\"other\", {etag}")).send().await.unwrap();
    assert_eq!(again.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(header(&again, "x-ratelimit-used"), Some("1"));
    assert_eq!(header(&again, "etag"), Some(etag.as_str()));
    assert!(again.bytes().await.unwrap().is_empty());
    // The page is full, so only its links change.
    server.append(1);
    let grown = client.get(&url).header("if-none-match", &etag).send().await.unwrap();
    assert_eq!(grown.status(), StatusCode::OK);
    assert!(links(&grown).contains_key("next"));
    let requests = server.requests();
    assert_eq!((requests.total, requests.pages, requests.not_modified), (3, 2, 1));
    server.reset_requests();
    assert_eq!(server.requests().total, 0);
}

#[tokio::test]
async fn the_rate_limit_is_told_and_kept() {
    let server =
        start(EventsServer::builder().events(3).no_faults().rate_limit(2, Duration::from_secs(900))).await;
    let (client, url) = (client(), format!("{}/events", server.url()));
    for (used, remaining) in [("1", "1"), ("2", "0")] {
        let response = client.get(&url).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        assert_eq!(header(&response, "x-ratelimit-limit"), Some("2"));
        assert_eq!(header(&response, "x-ratelimit-used"), Some(used));
        assert_eq!(header(&response, "x-ratelimit-remaining"), Some(remaining));
        assert_eq!(header(&response, "x-ratelimit-resource"), Some("core"));
        let reset: u64 = header(&response, "x-ratelimit-reset").unwrap().parse().unwrap();
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        assert!((now..=now + 900).contains(&reset));
    }
    let response = client.get(&url).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(&response, "retry-after"), None);
    assert_eq!(header(&response, "x-ratelimit-remaining"), Some("0"));
}

#[tokio::test]
async fn failures_tell_when_to_come_back() {
    let faults = Faults { every_429: 1, ..Faults::none() };
    let server = start(EventsServer::builder().events(3).faults(faults).retry_after_secs(600)).await;
    let (client, url) = (client(), format!("{}/events", server.url()));
    let response = client.get(&url).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(header(&response, "retry-after"), Some("600"));
    let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
    assert_eq!(body["message"], "You have exceeded a secondary rate limit");
    assert_eq!(client.get(&url).send().await.unwrap().status(), StatusCode::OK);
    assert_eq!(server.requests().too_early, 1);
}

#[tokio::test]
async fn the_token_opens_all_paths_but_health() {
    let server = start(EventsServer::builder().events(3).no_faults().token(Some("s3cret".into()))).await;
    let (client, url) = (client(), server.url());
    assert!(!format!("{server:?}").contains("s3cret"));
    let ask = async |path: &str, authorization: Option<&str>| {
        let mut request = client.get(format!("{url}{path}"));
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        request.send().await.unwrap()
    };
    for path in ["/events", "/repos/a/b/events", "/paged/cursor"] {
        for good in ["Bearer s3cret", "token s3cret", "bearer s3cret"] {
            assert_eq!(ask(path, Some(good)).await.status(), StatusCode::OK);
        }
        for (value, text) in [(Some("Bearer wrong"), "Bad credentials"), (None, "Requires authentication")] {
            let response = ask(path, value).await;
            assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
            assert!(header(&response, "www-authenticate").unwrap().starts_with("Bearer"));
            let body: Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
            assert_eq!(body["message"], text);
            assert_eq!(body["status"], "401");
        }
    }
    assert_eq!(server.requests().unauthorized, 6);
    assert_eq!(ask("/health", None).await.status(), StatusCode::OK);
    assert_eq!(ask("/nothing", None).await.status(), StatusCode::NOT_FOUND);
    let append = client.post(format!("{url}/control/append?count=4"));
    assert_eq!(append.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let append = client.post(format!("{url}/control/append?count=4")).bearer_auth("s3cret");
    assert_eq!(json_of(append.send().await.unwrap()).await, json!({"events": 7}));
    assert_eq!(server.len(), 7);
}

#[tokio::test]
async fn other_ways_of_paging_give_the_same_events() {
    let server = start(EventsServer::builder().events(205)).await;
    let (client, url) = (client(), server.url());
    let wanted: Vec<Value> = server.events().collect();

    let (mut got, mut next) = (Vec::new(), json!(format!("{url}/paged/json-link?per_page=50")));
    while let Some(link) = next.as_str() {
        let (_, mut body) = get(&client, link).await;
        got.extend(body["items"].as_array().unwrap().iter().cloned());
        next = body["next"].take();
    }
    assert_eq!(got, wanted);

    let (mut got, mut cursor) = (Vec::new(), String::new());
    loop {
        let (_, body) = get(&client, &format!("{url}/paged/cursor?per_page=50{cursor}")).await;
        got.extend(body["data"].as_array().unwrap().iter().cloned());
        let Some(next) = body["cursors"]["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    assert_eq!(got, wanted);
    let wrong = client.get(format!("{url}/paged/cursor?cursor=7")).send().await.unwrap();
    assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);

    let (mut got, mut total) = (Vec::new(), 1);
    while got.len() < total {
        let (_, body) = get(&client, &format!("{url}/paged/offset?limit=50&offset={}", got.len())).await;
        got.extend(body["results"].as_array().unwrap().iter().cloned());
        total = body["total"].as_u64().unwrap() as usize;
    }
    assert_eq!((got, total), (wanted.clone(), 205));

    let (mut got, mut page, mut pages) = (Vec::new(), 0, 1);
    while page < pages {
        page += 1;
        let (_, body) = get(&client, &format!("{url}/paged/page?per_page=50&page={page}")).await;
        got.extend(body["items"].as_array().unwrap().iter().cloned());
        pages = body["total_pages"].as_u64().unwrap();
    }
    assert_eq!((got, pages), (wanted, 5));
}

#[tokio::test]
async fn basic_and_api_key_authentication_are_checked() {
    let server = start(EventsServer::builder().events(40).no_faults()).await;
    let (client, url) = (client(), server.url());
    let at = |path: &str| client.get(format!("{url}/auth/{path}"));
    let good = [
        at("basic").basic_auth(BASIC_USER, Some(BASIC_PASSWORD)),
        at("api-key-header").header(API_KEY_HEADER, API_KEY),
        at("api-key-query").query(&[(API_KEY_PARAM, API_KEY)]),
    ];
    for request in good {
        let response = request.send().await.unwrap();
        assert!(!header(&response, "link").unwrap().contains(API_KEY), "the key must not come back");
        assert_eq!(json_of(response).await.as_array().unwrap().len(), 30);
    }
    let bad = [
        at("basic"),
        at("basic").basic_auth(BASIC_USER, Some("wrong")),
        at("basic").bearer_auth(BASIC_PASSWORD),
        at("api-key-header"),
        at("api-key-header").header(API_KEY_HEADER, "wrong"),
        at("api-key-query").header(API_KEY_HEADER, API_KEY),
        at("api-key-query").query(&[(API_KEY_PARAM, "")]),
    ];
    let count = bad.len() as u64;
    for request in bad {
        assert_eq!(request.send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    }
    assert_eq!(server.requests().unauthorized, count);
}

#[tokio::test]
async fn events_can_be_given() {
    let given: Vec<Value> = (0..70)
        .rev()
        .map(|n| json!({"id": n.to_string(), "event": "closed", "created_at": format!("2024-05-01T00:{:02}:00Z", n / 2)}))
        .collect();
    let server = start(EventsServer::builder().events_from_json(given).no_faults()).await;
    let url = format!("{}/repos/o/r/events", server.url());
    let all = follow(&client(), url.clone()).await;
    assert_eq!(all.len(), 70);
    assert!(all.is_sorted_by_key(|event| event["created_at"].as_str().unwrap()));
    assert_eq!(server.count_by_type(), BTreeMap::from([("closed".to_owned(), 70)]));
    let tail = follow(&client(), format!("{url}?since=2024-05-01T00:34:00Z")).await;
    assert_eq!(ids(&tail), ["69", "68"]);
    assert_eq!(server.append(5), 70);
}

#[tokio::test]
async fn real_events_are_served_as_they_are() {
    let test = "real_events_are_served_as_they_are";
    let Some(file) = needs::data(test, "github_events.json") else { return };
    let given: Vec<Value> = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let server = start(EventsServer::builder().events_from_json(given.clone())).await;
    let got = follow(&client(), format!("{}/repos/o/r/events?per_page=7", server.url())).await;
    assert!(got.is_sorted_by_key(|event| event["created_at"].as_str().unwrap()));
    let by_id = |events: Vec<Value>| -> BTreeMap<i64, Value> {
        events.into_iter().map(|event| (event["id"].as_i64().unwrap(), event)).collect()
    };
    assert_eq!(got.len(), given.len());
    assert_eq!(by_id(got), by_id(given));
}

#[tokio::test]
async fn a_dropped_server_frees_its_port() {
    let server = start(EventsServer::builder().events(1).no_faults()).await;
    let (url, port) = (server.url(), server.url().rsplit(':').next().unwrap().parse().unwrap());
    server.shutdown().await.unwrap();
    assert!(client().get(format!("{url}/health")).send().await.is_err());
    let again = start(EventsServer::builder().port(port)).await;
    assert_eq!(again.url(), url);
    drop(again);
    for _ in 0..100 {
        if client().get(format!("{url}/health")).send().await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the server answers after it was dropped");
}
