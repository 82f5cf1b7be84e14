//! Every way to show who one is, and to whom it is shown.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::routing::get;
use stitchwork_core::ErrorKind;
use stitchwork_events_server::{
    API_KEY, API_KEY_HEADER, API_KEY_PARAM, BASIC_PASSWORD, BASIC_USER, EventsServer,
};
use stitchwork_source_rest::{Auth, KeyLocation, RestBuilder, rest};

use crate::{all_ids, read, serve, source};

fn key(name: &str, location: KeyLocation) -> Auth {
    Auth::ApiKey { name: name.into(), key: API_KEY.into(), location }
}

#[tokio::test]
async fn credentials_open_every_page() {
    let server =
        EventsServer::builder().events(70).no_faults().token(Some("tökén".into())).start().await.unwrap();
    let ids = all_ids(&server);
    let with = |path: &str, auth: Auth| rest(server.url()).auth(auth).stream("s", path);
    let streams: [RestBuilder; 4] = [
        rest(server.url()).bearer("tökén").stream("s", "/events"),
        with("/auth/basic", Auth::Basic { username: BASIC_USER.into(), password: BASIC_PASSWORD.into() }),
        with("/auth/api-key-header", key(API_KEY_HEADER, KeyLocation::Header)),
        with("/auth/api-key-query", key(API_KEY_PARAM, KeyLocation::Query)),
    ];
    for (place, builder) in streams.into_iter().enumerate() {
        match read(&source(builder), None).await {
            Ok(got) => assert_eq!(got.ids(), ids, "{place}"),
            // The server reads headers as visible ASCII, so it cannot take this token.
            Err(error) if place == 0 => assert_eq!(error.kind(), ErrorKind::PermissionDenied),
            Err(error) => panic!("{place}: {error:?}"),
        }
    }
    let server =
        EventsServer::builder().events(70).no_faults().token(Some("token".into())).start().await.unwrap();
    let got = read(&source(rest(server.url()).bearer("token").stream("s", "/events")), None).await.unwrap();
    assert_eq!(got.ids(), all_ids(&server));
    let error =
        read(&source(rest(server.url()).bearer("wrong").stream("s", "/events")), None).await.unwrap_err();
    assert_eq!((error.kind(), error.context("status")), (ErrorKind::PermissionDenied, Some("401")));
    assert_eq!(server.requests().unauthorized, 1, "a refusal is not tried again");
}

#[tokio::test]
async fn a_cookie_carries_a_key() {
    let page = |headers: HeaderMap| async move {
        let cookie = headers.get(header::COOKIE).map(|value| value.to_str().unwrap().to_owned());
        format!("[{{\"id\": {:?}}}]", cookie.unwrap_or_default())
    };
    let url = serve(Router::new().route("/", get(page))).await;
    let got = read(&source(rest(url).auth(key("session", KeyLocation::Cookie))), None).await.unwrap();
    assert_eq!(got.ids(), [format!("session={API_KEY}")]);
}

/// What a server was shown: the request target, `Authorization` and `x-key`.
type Shown = Arc<Mutex<Vec<(String, bool, bool)>>>;

fn note(shown: &Shown, uri: &Uri, headers: &HeaderMap) {
    let has = |name: &str| headers.contains_key(name);
    shown.lock().unwrap().push((uri.to_string(), has("authorization"), has("x-key")));
}

#[tokio::test]
async fn other_origins_are_refused_or_see_no_credentials() {
    let foreign: Shown = Arc::default();
    let seen = Arc::clone(&foreign);
    let other = serve(Router::new().route(
        "/rows",
        get(move |uri: Uri, headers: HeaderMap| async move {
            note(&seen, &uri, &headers);
            r#"[{"id": "2"}]"#
        }),
    ))
    .await;
    let target = format!("{other}/rows");
    let own: Shown = Arc::default();
    let (seen, link) = (Arc::clone(&own), format!("<{target}>; rel=next"));
    let links = move |uri: Uri, headers: HeaderMap| async move {
        note(&seen, &uri, &headers);
        ([("link", link)], r#"[{"id": "1"}]"#)
    };
    let redirect = move || async move { (StatusCode::FOUND, [(header::LOCATION, target)]) };
    let near = || async { (StatusCode::PERMANENT_REDIRECT, [(header::LOCATION, "/link")]) };
    let router =
        Router::new().route("/link", get(links)).route("/redirect", get(redirect)).route("/near", get(near));
    let url = serve(router).await;
    let builder =
        |path: &str| rest(&url).bearer("canary-token").header("x-key", "canary-key").stream("s", path);

    for path in ["/link", "/redirect", "/near"] {
        let error = read(&source(builder(path)), None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert_eq!(error.context("target"), Some(other.as_str()), "{error:?}");
        assert!(foreign.lock().unwrap().is_empty());
        let got = read(&source(builder(path).allow_cross_origin()), None).await.unwrap();
        assert_eq!(got.ids().last().unwrap(), "2");
        assert_eq!(
            foreign.lock().unwrap().drain(..).collect::<Vec<_>>(),
            [("/rows".to_owned(), false, false)]
        );
    }
    // A redirect within the origin keeps them.
    assert!(own.lock().unwrap().iter().all(|(_, authorization, key)| *authorization && *key));
}

#[tokio::test]
async fn redirects_end() {
    let again = || async { (StatusCode::SEE_OTHER, [(header::LOCATION, "/a")]) };
    let nowhere = || async { StatusCode::FOUND };
    let url = serve(Router::new().route("/a", get(again)).route("/b", get(nowhere))).await;
    for path in ["/a", "/b"] {
        let error = read(&source(rest(&url).stream("s", path)), None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error:?}");
    }
}
