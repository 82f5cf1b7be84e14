//! Google's and Azure's clients: their options, locations and conditional puts. The server is ours, so that this
//! shows what they ask, and not that the clouds answer.

use object_store::{ObjectStoreExt, PutMode, PutOptions};
use stitchwork_core::{ErrorKind, Stores};

use crate::server::{Asked, Server, stores};

async fn create_twice(stores: &Stores, location: &str) {
    let object = stores.resolve(location).unwrap();
    let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    object.store.put_opts(&object.path, "x".into(), options.clone()).await.unwrap();
    let again = object.store.put_opts(&object.path, "y".into(), options).await.unwrap_err();
    assert!(matches!(again, object_store::Error::AlreadyExists { .. }), "{again}");
    let read = object.store.get_range(&object.path, 0..1).await.unwrap();
    assert_eq!(read, "x");
}

fn last_put(server: &Server) -> Asked {
    server.asked().into_iter().rfind(|asked| asked.method == "PUT").unwrap()
}

#[tokio::test]
async fn google() {
    let server = Server::start().await;
    let options = [("base_url", server.url.as_str()), ("allow_http", "true"), ("bearer_token", "the-token")];
    let stores = stores("gs://", &options);
    create_twice(&stores, "gs://bucket/t/0.json").await;
    let put = last_put(&server);
    assert_eq!(put.path, "/bucket/t%2F0%2Ejson");
    assert_eq!(put.headers["x-goog-if-generation-match"], "0");
    assert_eq!(put.headers["authorization"], "Bearer the-token");
    assert_eq!(server.keys(), ["/bucket/t%2F0%2Ejson"], "the keys of the probe are gone");
}

#[tokio::test]
async fn google_asks_for_no_credentials_where_none_are_needed() {
    let server = Server::start().await;
    server.put("/public/x", b"there");
    let options = [("base_url", server.url.as_str()), ("allow_http", "true"), ("skip_signature", "true")];
    let object = stores("gs://public", &options).resolve("gs://public/x").unwrap();
    assert_eq!(object.store.get(&object.path).await.unwrap().bytes().await.unwrap(), "there");
    assert!(server.asked().iter().all(|asked| !asked.headers.contains_key("authorization")));
    // And looks for none by itself.
    let error = stores("gs://", &[]).resolve("gs://bucket/x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    assert!(error.to_string().contains("application_default_credentials"), "{error}");
    assert_eq!(error.context("missing"), Some("service_account"));
    let both = [("bearer_token", "abcd"), ("service_account_key", "{}")];
    assert_eq!(stores("gs://", &both).resolve("gs://bucket/x").unwrap_err().kind(), ErrorKind::InvalidConfig);
}

#[tokio::test]
async fn azure() {
    for (root, account) in
        [("az://", Some("acct")), ("abfs://", Some("acct")), ("abfss://", Some("acct")), ("abfss://", None)]
    {
        let server = Server::start().await;
        let mut options = vec![
            ("endpoint", server.url.as_str()),
            ("allow_http", "true"),
            ("azure_storage_account_key", "c2VjcmV0LWtleQ=="),
        ];
        options.extend(account.map(|name| ("account_name", name)));
        let place = if account.is_some() { "box" } else { "box@acct.dfs.core.windows.net" };
        create_twice(&stores(root, &options), &format!("{root}{place}/t/0.json")).await;
        let put = last_put(&server);
        assert_eq!(put.path, "/box/t/0.json");
        assert_eq!(put.headers["if-none-match"], "*");
        assert!(put.headers["authorization"].starts_with("SharedKey acct:"), "{put:?}");
    }
}

#[tokio::test]
async fn azures_signatures_are_not_printed() {
    let server = Server::start().await;
    let signature = "sv=2024-01-01&sp=rw&sig=abc%2Fdef%3D";
    let options = [
        ("endpoint", server.url.as_str()),
        ("allow_http", "true"),
        ("account_name", "acct"),
        ("sas_token", signature),
        ("max_retries", "0"),
    ];
    let object = stores("az://", &options).resolve("az://box/x").unwrap();
    server.refuse_puts(403, "no: sig=abc%2Fdef%3D");
    let error = object.store.put(&object.path, "x".into()).await.unwrap_err();
    assert!(last_put(&server).query.contains("sig=abc%2Fdef%3D"), "it was used");
    let text = format!("{error} {error:?} {:?}", object.store);
    assert!(!text.contains("abc%2Fdef") && !text.contains("abc/def"), "{text}");
}

#[tokio::test]
async fn azure_without_credentials_says_which_options_are_missing_and_asks_nobody() {
    let server = Server::start().await;
    let place = [("endpoint", server.url.as_str()), ("allow_http", "true"), ("max_retries", "0")];
    let client = [("client_id", "me"), ("tenant_id", "us")];
    for (more, missing) in [
        (vec![], "account_key,account_name"),
        (vec![("account_name", "acct")], "account_key"),
        ([&client[..], &[("account_name", "acct")]].concat(), "client_secret"),
    ] {
        let error = stores("az://", &[&place[..], &more].concat()).resolve("az://box/x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
        assert_eq!(error.context("missing"), Some(missing), "{error}");
        assert!(error.to_string().contains("managed_identity"), "{error}");
    }
    assert!(server.asked().is_empty(), "nobody was asked");
    let asks = [&place[..], &[("account_name", "acct"), ("msi_endpoint", &server.url)]].concat();
    let object = stores("az://", &asks).resolve("az://box/x").unwrap();
    let error = object.error(object.store.get(&object.path).await.unwrap_err());
    assert!(!server.asked().is_empty(), "who names the server means it");
    assert!(error.to_string().contains("set account_key"), "{error}");
}

#[test]
fn azures_locations_name_an_account_or_the_options_do() {
    let key = ("account_key", "c2VjcmV0LWtleQ==");
    let error = stores("az://", &[key]).resolve("az://box/x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidConfig);
    let error = stores("abfss://", &[key]).resolve("abfss://box@acct.example.org/x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let two = [key, ("account_name", "other")];
    let error = stores("abfss://", &two).resolve("abfss://box@acct.dfs.core.windows.net/x").unwrap_err();
    assert!(error.to_string().contains("another account"), "{error}");
}
