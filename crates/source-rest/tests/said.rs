//! Events and spans, of ours and of what we use, show no secret, and warn of what they should. This is a program of its own, since what is said by one thread
//! would be missed where tests beside it have met the same event before anybody listened.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::http::{StatusCode, Uri};
use axum::routing::get;
use futures::TryStreamExt;
use stitchwork_core::{OpenArgs, Source};
use stitchwork_source_rest::{Auth, KeyLocation, Paginator, RequestConfig, rest};
use tokio::net::TcpListener;
use tracing_subscriber::fmt::format::FmtSpan;

const CANARY: &str = "canary/4711 ü";

/// Everything that is said.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn no_event_and_no_span_shows_a_secret() {
    let said = Said::default();
    let writer = said.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_span_events(FmtSpan::FULL)
        .without_time()
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::set_global_default(subscriber).unwrap();
    // Rows, warnings and failures, all of them with what was asked for.
    let page = |uri: Uri| async move {
        match uri.path() {
            "/500" => (StatusCode::INTERNAL_SERVER_ERROR, format!("no: {uri}")),
            "/places" => (StatusCode::OK, r#"{"data":{"1":{"id":1},"2":{"id":2}}}"#.to_owned()),
            "/parts" => (StatusCode::OK, r#"{"data":{"user":{"id":1},"book":{"id":2}}}"#.to_owned()),
            "/done" => (StatusCode::OK, r#"{"data":[{"id":1}],"done":true}"#.to_owned()),
            "/silent" => (StatusCode::OK, r#"{"data":[{"id":1}]}"#.to_owned()),
            // As many rows as pages often have, which is warned of.
            _ => (
                StatusCode::OK,
                serde_json::json!(vec![serde_json::json!({ "asked": uri.to_string() }); 10]).to_string(),
            ),
        }
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, Router::new().fallback(get(page))).into_future());
    for base in [url.as_str(), "http://127.0.0.1:1"] {
        for path in ["/200", "/500"] {
            let key = |name: &str, location| Auth::ApiKey { name: name.into(), key: CANARY.into(), location };
            let builders = [
                rest(base).bearer(CANARY),
                rest(base).basic("user", CANARY),
                rest(base).auth(key("odd", KeyLocation::Query)),
                rest(base).auth(key("c", KeyLocation::Cookie)),
                rest(base).header("x-auth-token", CANARY),
                rest(format!("{base}?token=canary-4711")),
            ];
            for builder in builders {
                let requests =
                    RequestConfig { backoff_seconds: 0.001, max_attempts: 3, ..Default::default() };
                let source = builder.stream("s", path).param("access_token", CANARY).requests(requests);
                let messages = source.build().unwrap().open(OpenArgs::default()).await.unwrap();
                let read = messages.try_collect::<Vec<_>>().await;
                assert!(read.is_ok() == (base == url && path == "/200"), "{base} {path}: {read:?}");
            }
        }
    }
    for path in ["/places", "/parts", "/done", "/silent"] {
        let links = Paginator::json_link("next");
        let source = rest(&url).stream("s", path).data_selector("data").paginator(links).build().unwrap();
        let messages = source.open(OpenArgs::default()).await.unwrap();
        messages.try_collect::<Vec<_>>().await.unwrap();
    }
    let said = String::from_utf8(said.0.lock().unwrap().clone()).unwrap();
    for ours in ["the request is made again", "taken for the only page"] {
        assert!(said.contains(ours), "{ours}: {said}");
    }
    let warns = |path: &str, of: &str| {
        said.lines().any(|line| line.contains("WARN") && line.contains(path) && line.contains(of))
    };
    for (warned, other, of) in
        [("/places", "/parts", "whose keys are numbers"), ("/silent", "/done", "taken for the only page")]
    {
        assert!(warns(warned, of) && !warns(other, of), "{of}: {said}");
    }
    for line in said.lines() {
        let shows = ["canary", "4711", "dXNlcjpjYW5hcnk"].iter().any(|secret| line.contains(secret));
        assert!(!shows, "{line}");
    }
}
