//! A server with objects, that speaks as much of each protocol as object_store's clients ask.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, Response, StatusCode};
use axum::response::IntoResponse;
use stitchwork_core::{Options, Stores};
use stitchwork_stores::register_stores;

/// What the server was asked.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
struct Inner {
    objects: BTreeMap<String, (Vec<u8>, u64)>,
    generation: u64,
    asked: Vec<Asked>,
    /// Answers every put with this.
    refuses_puts: Option<(u16, String)>,
    /// Knows no ranges.
    whole_only: bool,
    hides_lengths: bool,
}

/// The server; it ends with the test.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    inner: Arc<Mutex<Inner>>,
    pub(crate) url: String,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Mutex::new(Inner::default()));
        let router = Router::new().fallback(answer).with_state(inner.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { inner, url }
    }

    pub(crate) fn refuse_puts(&self, status: u16, body: &str) {
        self.inner.lock().unwrap().refuses_puts = Some((status, body.to_owned()));
    }

    pub(crate) fn hide_lengths(&self) {
        self.inner.lock().unwrap().hides_lengths = true;
    }

    pub(crate) fn send_whole_files_only(&self) {
        self.inner.lock().unwrap().whole_only = true;
    }

    pub(crate) fn put(&self, path: &str, body: &[u8]) {
        let mut inner = self.inner.lock().unwrap();
        inner.generation += 1;
        let generation = inner.generation;
        inner.objects.insert(path.to_owned(), (body.to_vec(), generation));
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.inner.lock().unwrap().asked.clone()
    }

    pub(crate) fn keys(&self) -> Vec<String> {
        self.inner.lock().unwrap().objects.keys().cloned().collect()
    }
}

/// Stores with these options for a scheme or root.
pub(crate) fn stores(root: &str, options: &[(&str, &str)]) -> Stores {
    let stores = Stores::new();
    register_stores(&stores).unwrap();
    stores.set_options_for(root, pairs(options));
    stores
}

pub(crate) fn pairs(options: &[(&str, &str)]) -> Options {
    options.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
}

async fn answer(State(inner): State<Arc<Mutex<Inner>>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let mut inner = inner.lock().unwrap();
    let headers = parts
        .headers
        .iter()
        .map(|(k, v)| (k.to_string(), String::from_utf8_lossy(v.as_bytes()).into_owned()));
    let path = parts.uri.path().to_owned();
    inner.asked.push(Asked {
        method: parts.method.to_string(),
        path: path.clone(),
        query: parts.uri.query().unwrap_or_default().to_owned(),
        headers: headers.collect(),
    });
    match parts.method {
        Method::PUT => put(&mut inner, &path, &parts.headers, &body),
        Method::GET | Method::HEAD => get(&inner, &path, &parts.headers),
        Method::DELETE => match inner.objects.remove(&path) {
            Some(_) => StatusCode::NO_CONTENT.into_response(),
            None => StatusCode::NOT_FOUND.into_response(),
        },
        // S3's deletion of many.
        Method::POST if parts.uri.query() == Some("delete") => {
            let text = String::from_utf8_lossy(&body).into_owned();
            for key in text.split("<Key>").skip(1).filter_map(|rest| rest.split("</Key>").next()) {
                inner.objects.remove(&format!("{path}/{key}"));
            }
            "<DeleteResult></DeleteResult>".into_response()
        }
        _ => StatusCode::METHOD_NOT_ALLOWED.into_response(),
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn put(inner: &mut Inner, path: &str, headers: &HeaderMap, body: &[u8]) -> Response<Body> {
    if let Some((status, body)) = &inner.refuses_puts {
        return (StatusCode::from_u16(*status).unwrap(), body.clone()).into_response();
    }
    let there = inner.objects.get(path).map(|(_, generation)| *generation);
    let tag = |generation: u64| format!("\"{generation}\"");
    let holds = match (header(headers, "if-none-match"), header(headers, "if-match")) {
        (Some(_), _) => there.is_none(),
        (_, Some(wanted)) => there.is_some_and(|generation| tag(generation) == wanted),
        _ => match header(headers, "x-goog-if-generation-match") {
            Some("0") => there.is_none(),
            Some(wanted) => there.is_some_and(|generation| generation.to_string() == wanted),
            None => true,
        },
    };
    // Azure says "conflict" of a blob that is there.
    if !holds && headers.contains_key("x-ms-version") && headers.contains_key("if-none-match") {
        return StatusCode::CONFLICT.into_response();
    }
    if !holds {
        return StatusCode::PRECONDITION_FAILED.into_response();
    }
    inner.generation += 1;
    let generation = inner.generation;
    inner.objects.insert(path.to_owned(), (body.to_vec(), generation));
    let headers = [("etag", tag(generation)), ("x-goog-generation", generation.to_string())];
    (StatusCode::CREATED, headers).into_response()
}

fn get(inner: &Inner, path: &str, headers: &HeaderMap) -> Response<Body> {
    let Some((body, generation)) = inner.objects.get(path) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let common = [
        ("etag", format!("\"{generation}\"")),
        ("x-goog-generation", generation.to_string()),
        ("last-modified", "Tue, 24 Nov 2026 12:00:00 GMT".to_owned()),
    ];
    if inner.hides_lengths {
        let body = Body::from_stream(futures::stream::iter([Ok::<_, std::io::Error>(body.clone())]));
        return (common, body).into_response();
    }
    let range =
        header(headers, "range").filter(|_| !inner.whole_only).and_then(|text| text.strip_prefix("bytes="));
    let Some((first, last)) = range.and_then(|range| range.split_once('-')) else {
        return (common, body.clone()).into_response();
    };
    let len = body.len();
    let (first, last) = match (first.parse::<usize>(), last.parse::<usize>()) {
        (Ok(first), Ok(last)) => (first, last.min(len - 1)),
        (Ok(first), Err(_)) => (first, len - 1),
        (_, suffix) => (len - suffix.unwrap(), len - 1),
    };
    let part = body[first..=last].to_vec();
    let range = [("content-range", format!("bytes {first}-{last}/{len}"))];
    (StatusCode::PARTIAL_CONTENT, common, range, part).into_response()
}

/// The URL of a port at which nobody listens.
pub(crate) fn nobody() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}
