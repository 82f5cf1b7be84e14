//! Secrets are sent and never shown.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Response, Uri};
use axum::routing::get;
use stitchwork_core::{OpenUrl, Registry};
use stitchwork_source_rest::{Auth, KeyLocation, RestBuilder, register, rest};

use crate::{read, serve, source};

const CANARY: &str = "canary/4711 ü";

#[tokio::test]
async fn no_error_and_no_debug_shows_a_secret() {
    // A server that repeats everything it was sent, as debugging endpoints do.
    let repeat = |status: u16| {
        get(move |uri: Uri, headers: HeaderMap| async move {
            let text: Vec<String> = headers
                .iter()
                .map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value.as_bytes())))
                .collect();
            Response::builder()
                .status(status)
                .body(Body::from(format!("<{uri} {}>", text.join(" "))))
                .unwrap()
        })
    };
    let mut router = Router::new();
    for status in [200, 400, 401, 429, 500] {
        router = router.route(&format!("/{status}"), repeat(status));
    }
    let url = serve(router).await;
    let nobody = "http://127.0.0.1:1".to_owned();
    let key = |name: &str, location| Auth::ApiKey { name: name.into(), key: CANARY.into(), location };
    for base in [url, nobody] {
        for status in [200, 400, 401, 429, 500] {
            let start = || rest(&base);
            let path = format!("/{status}");
            let builders: [RestBuilder; 7] = [
                start().bearer(CANARY),
                start().basic("user", CANARY),
                start().api_key("x-key", CANARY),
                start().auth(key("odd", KeyLocation::Query)),
                start().auth(key("c", KeyLocation::Cookie)),
                start().header("x-auth-token", CANARY),
                start(),
            ];
            for (place, builder) in builders.into_iter().enumerate() {
                let mut builder = builder.stream("s", &path);
                if place == 6 {
                    builder = builder.param("access_token", CANARY);
                }
                let shown = format!("{builder:?} {:?}", builder.config());
                let source = source(builder);
                let error = read(&source, None).await.unwrap_err();
                let shown = format!("{shown} {source:?} {error} {error:?} {:?}", source.config());
                assert!(!shown.contains("canary") && !shown.contains("4711"), "{place} {status}: {shown}");
                assert!(!shown.contains("dXNlcjpjYW5hcnk"), "{place} {status}: {shown}");
            }
        }
    }
}

#[tokio::test]
async fn what_is_repeated_is_hidden_wherever_the_message_is_cut() {
    // The server repeats what it was sent after so many characters that a message ends in the middle of it.
    let repeat = |uri: Uri, headers: HeaderMap, body: String| async move {
        let skip: usize = headers["x-skip"].to_str().unwrap().parse().unwrap();
        let customer = headers.get("x-customer").map_or("", |value| value.to_str().unwrap());
        let said = format!("{}{customer} {uri} {body}", "x".repeat(skip));
        Response::builder().status(400).body(Body::from(said)).unwrap()
    };
    let url = serve(Router::new().route("/echo", get(repeat).post(repeat))).await;
    let canary = "canary-4711-0815-canary";
    for skip in (150..200).step_by(7) {
        let to = |base: String| rest(base).header("x-skip", skip.to_string());
        let mut post = stitchwork_source_rest::StreamConfig::new("s", "/echo");
        post.method = stitchwork_source_rest::Method::Post;
        post.json = Some(serde_json::json!({"a": {"api_key": canary}}));
        let builders = [
            to(url.clone()).header("x-customer", canary).stream("s", "/echo"),
            to(url.clone()).stream("s", format!("/echo?api_key={canary}&z=1")),
            to(format!("{url}/echo?token={canary}")),
            to(url.clone()).stream_config(post),
        ];
        for (place, builder) in builders.into_iter().enumerate() {
            let settings = format!("{builder:?}");
            let error = read(&source(builder), None).await.unwrap_err();
            let shown = format!("{settings} {error} {error:?}");
            assert!(error.context("body").unwrap().contains("xxx"), "{place}: {shown}");
            assert!(!shown.contains("cana") && !shown.contains("4711"), "{place} {skip}: {shown}");
        }
    }
}

#[tokio::test]
async fn the_secret_of_a_url_is_hidden_in_what_the_server_says() {
    let repeat = |uri: Uri| async move { (axum::http::StatusCode::BAD_REQUEST, format!("no: {uri}")) };
    let url = serve(Router::new().route("/echo", get(repeat))).await;
    let mut registry = Registry::new();
    register(&mut registry).unwrap();
    let opened = registry.source(OpenUrl::new(format!("{url}/echo?api_key=canary-1&z=1"))).await.unwrap();
    let messages = opened.open(Default::default()).await.unwrap();
    let error = futures::TryStreamExt::try_collect::<Vec<_>>(messages).await.unwrap_err();
    assert_eq!(error.context("body"), Some("no: /echo?api_key=***&z=1"), "{error:?}");
    assert!(!format!("{error:?}").contains("canary"), "{error:?}");
}

#[tokio::test]
async fn a_registry_opens_urls() {
    let mut registry = Registry::new();
    register(&mut registry).unwrap();
    let server =
        stitchwork_events_server::EventsServer::builder().events(5).no_faults().start().await.unwrap();
    let mut open = OpenUrl::new(format!("{}/paged/json-link?per_page=2", server.url()));
    open.options.insert("primary_key".into(), "id".into());
    let source = registry.source(open.clone()).await.unwrap();
    assert_eq!(source.info().scheme, "http");
    let info = source.discover().await.unwrap();
    assert_eq!(
        (info[0].name.as_str(), info[0].primary_key.as_slice()),
        ("json-link", &["id".to_owned()][..])
    );
    let messages = source.open(Default::default()).await.unwrap();
    assert_eq!(futures::TryStreamExt::try_collect::<Vec<_>>(messages).await.unwrap().len(), 3);
    open.options.insert("tokn".into(), "canary".into());
    let error = registry.source(open).await.err().unwrap();
    assert!(error.to_string().contains("tokn") && !error.to_string().contains("canary"), "{error}");
}
