//! The paths of the server and how a request is answered.

mod auth;
mod shape;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use axum::routing::{MethodRouter, get, post};
use bytes::Bytes;
use futures::StreamExt as _;
use serde_json::{Value, json};

pub use auth::{API_KEY, API_KEY_HEADER, API_KEY_PARAM, BASIC_PASSWORD, BASIC_USER};

use crate::faults::Fault;
use crate::limit::Standing;
use crate::page::Query;
use crate::server::Shared;
use auth::Guard;
use shape::{Page, Shape};

/// The router over the state that is shared with the handle of the server.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/events", pages(Shape::Links, Guard::Token))
        .route("/repos/{owner}/{repo}/events", pages(Shape::Links, Guard::Token))
        .route("/orgs/{org}/events", pages(Shape::Links, Guard::Token))
        .route("/paged/json-link", pages(Shape::JsonLink, Guard::Token))
        .route("/paged/cursor", pages(Shape::Cursor, Guard::Token))
        .route("/paged/offset", pages(Shape::Offset, Guard::Token))
        .route("/paged/page", pages(Shape::PageNumber, Guard::Token))
        .route("/auth/basic", pages(Shape::Links, Guard::Basic))
        .route("/auth/api-key-header", pages(Shape::Links, Guard::ApiKeyHeader))
        .route("/auth/api-key-query", pages(Shape::Links, Guard::ApiKeyQuery))
        .route("/control/append", post(append))
        .route("/health", get(health))
        .fallback(not_found)
        .with_state(shared)
}

async fn health() -> Response {
    json_answer(StatusCode::OK, &json!({"status": "ok"}))
}

async fn not_found() -> Response {
    json_answer(StatusCode::NOT_FOUND, &message("Not Found", StatusCode::NOT_FOUND))
}

fn pages(shape: Shape, guard: Guard) -> MethodRouter<Arc<Shared>> {
    get(move |State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap| async move {
        answer(&shared, shape, guard, &uri, &headers)
    })
}

/// Makes `count` further events visible, so that a server in a process of its own can grow too.
async fn append(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response {
    let query = Query::parse(uri.query().unwrap_or_default());
    if let Some(refusal) = Guard::Token.refuse(shared.token.as_deref(), &query, &headers) {
        return refusal;
    }
    match query.get("count").map(str::parse::<usize>) {
        Some(Ok(count)) => json_answer(StatusCode::OK, &json!({"events": shared.stream.grow(count)})),
        _ => invalid("count", "the number of events to add is missing or not a number"),
    }
}

fn answer(shared: &Shared, shape: Shape, guard: Guard, uri: &Uri, headers: &HeaderMap) -> Response {
    let target = uri.path_and_query().map_or(uri.path(), |target| target.as_str());
    shared.journal().note(target);
    let query = Query::parse(uri.query().unwrap_or_default());
    if let Some(refusal) = guard.refuse(shared.token.as_deref(), &query, headers) {
        shared.journal().counts.unauthorized += 1;
        return refusal;
    }
    let verdict = shared.faults().judge(target, Instant::now());
    shared.journal().counts.too_early += u64::from(verdict.too_early);
    match verdict.fault {
        Some(Fault::TooManyRequests) => {
            shared.journal().counts.too_many_requests += 1;
            let standing = shared.limit().take(SystemTime::now(), false);
            return with_limit(too_many_requests(Some(shared.retry_after)), standing);
        }
        Some(Fault::BadGateway) => {
            shared.journal().counts.bad_gateway += 1;
            return bad_gateway();
        }
        Some(Fault::Cut) | None => {}
    }
    let page = match shape.page(shared, &query, uri.path()) {
        Ok(page) => page,
        Err(error) => {
            shared.journal().counts.invalid += 1;
            let standing = shared.limit().take(SystemTime::now(), false);
            return with_limit(invalid(error.field, &error.message), standing);
        }
    };
    let fresh = is_fresh(headers, &page.etag);
    let standing = shared.limit().take(SystemTime::now(), fresh);
    if standing.exceeded {
        shared.journal().counts.too_many_requests += 1;
        return with_limit(too_many_requests(None), standing);
    }
    let response = if fresh {
        shared.journal().counts.not_modified += 1;
        page_answer(StatusCode::NOT_MODIFIED, &page, Body::empty())
    } else if verdict.fault == Some(Fault::Cut) {
        shared.journal().counts.cut += 1;
        page_answer(StatusCode::OK, &page, cut(&page.body))
    } else {
        let mut journal = shared.journal();
        journal.counts.pages += 1;
        journal.counts.events += page.events as u64;
        page_answer(StatusCode::OK, &page, Body::from(page.body.clone()))
    };
    with_limit(response, standing)
}

/// Whether the client has the page already: one of the tags in `If-None-Match` equals its own, compared weakly
/// (RFC 9110, section 13.1.2).
fn is_fresh(headers: &HeaderMap, etag: &str) -> bool {
    let opaque = |tag: &str| tag.trim().trim_start_matches("W/").to_owned();
    let tags = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    tags.flat_map(|tags| tags.split(',')).any(|tag| tag.trim() == "*" || opaque(tag) == opaque(etag))
}

fn page_answer(status: StatusCode, page: &Page, body: Body) -> Response {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    if status == StatusCode::OK {
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    }
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=60, s-maxage=60"));
    headers.insert("x-poll-interval", HeaderValue::from_static("60"));
    insert(headers, "etag", &page.etag);
    if let Some(link) = &page.link {
        insert(headers, "link", link);
    }
    response
}

/// Adds a header of visible ASCII, which each one here is.
fn insert(headers: &mut HeaderMap, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}

fn with_limit(mut response: Response, standing: Standing) -> Response {
    let remaining = standing.limit.saturating_sub(standing.used);
    let headers = response.headers_mut();
    headers.insert("x-ratelimit-limit", standing.limit.into());
    headers.insert("x-ratelimit-remaining", remaining.into());
    headers.insert("x-ratelimit-used", standing.used.into());
    headers.insert("x-ratelimit-reset", standing.reset.into());
    headers.insert("x-ratelimit-resource", HeaderValue::from_static("core"));
    response
}

/// A body that ends with an error half-way, which the client sees as a connection that broke off.
fn cut(body: &Bytes) -> Body {
    let half = body.slice(..body.len() / 2);
    let broken = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "the answer breaks off on purpose");
    let end = async {
        // Only a body that is not ready yet makes the HTTP library send what it has.
        tokio::task::yield_now().await;
        Err(broken)
    };
    Body::from_stream(futures::stream::iter([Ok(half)]).chain(futures::stream::once(end)))
}

fn too_many_requests(retry_after: Option<Duration>) -> Response {
    let status = StatusCode::TOO_MANY_REQUESTS;
    let text = if retry_after.is_some() {
        "You have exceeded a secondary rate limit"
    } else {
        "API rate limit exceeded"
    };
    let mut response = json_answer(status, &message(text, status));
    if let Some(wait) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, wait.as_secs().into());
    }
    response
}

fn bad_gateway() -> Response {
    let mut response = Response::new(Body::from("<html><body><h1>502 Bad Gateway</h1></body></html>\n"));
    *response.status_mut() = StatusCode::BAD_GATEWAY;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/html"));
    response
}

fn invalid(field: &str, problem: &str) -> Response {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let mut body = message("Validation Failed", status);
    body["errors"] = json!([{"field": field, "code": "invalid", "message": problem}]);
    json_answer(status, &body)
}

/// The JSON object that GitHub sends with an error.
fn message(text: &str, status: StatusCode) -> Value {
    json!({
        "message": text,
        "documentation_url": "https://docs.github.com/rest",
        "status": status.as_u16().to_string(),
    })
}

fn json_answer(status: StatusCode, body: &Value) -> Response {
    let mut response = Response::new(Body::from(body.to_string()));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
