//! S3's client, from the options to what it asks.

use object_store::{ObjectStoreExt, PutMode, PutOptions};
use stitchwork_core::{ErrorKind, Registry};

use crate::server::{Server, pairs, stores};

const SECRET: &str = "a-secret/key+1";

fn options(url: &str) -> Vec<(&str, &str)> {
    vec![
        ("endpoint", url),
        ("allow_http", "true"),
        ("region", "eu-central-1"),
        ("access_key_id", "the-key-id"),
        ("secret_access_key", SECRET),
        ("max_retries", "1"),
        ("retry_initial_backoff", "1ms"),
    ]
}

fn create() -> PutOptions {
    PutOptions { mode: PutMode::Create, ..PutOptions::default() }
}

#[tokio::test]
async fn options_reach_the_requests() {
    let server = Server::start().await;
    let stores = stores("s3://", &options(&server.url));
    let object = stores.resolve("s3://bucket/t/_delta_log/0.json").unwrap();
    object.store.put_opts(&object.path, "x".into(), create()).await.unwrap();
    let again = object.store.put_opts(&object.path, "y".into(), create()).await.unwrap_err();
    assert!(matches!(again, object_store::Error::AlreadyExists { .. }), "{again}");
    assert_eq!(server.keys(), ["/bucket/t/_delta_log/0.json"], "the keys of the probe are gone");
    let asked = server.asked();
    let puts: Vec<_> = asked.iter().filter(|asked| asked.method == "PUT").collect();
    assert!(
        puts.iter()
            .all(|put| put.headers.contains_key("if-none-match") || put.headers.contains_key("if-match"))
    );
    assert!(
        puts.iter().all(|put| put.path.starts_with("/bucket/t/_delta_log/")),
        "path style, in the log's folder"
    );
    let probes = puts.iter().filter(|put| put.path.contains("/.stitchwork-probe-")).count();
    assert_eq!(puts.len() - probes, 2, "the probe comes once");
    let signed = &puts[0].headers["authorization"];
    assert!(signed.contains("/eu-central-1/s3/") && signed.contains("the-key-id"), "{signed}");
}

#[tokio::test]
async fn hadoops_schemes_are_the_same_store() {
    let server = Server::start().await;
    server.put("/bucket/x", b"there");
    let stores = stores("s3://bucket", &options(&server.url));
    for scheme in ["s3", "s3a", "s3n"] {
        let object = stores.resolve(&format!("{scheme}://bucket/x")).unwrap();
        assert_eq!(object.root, "s3://bucket");
        assert_eq!(object.store.get(&object.path).await.unwrap().bytes().await.unwrap(), "there");
    }
}

#[tokio::test]
async fn each_root_has_its_own_options() {
    let (one, two) = (Server::start().await, Server::start().await);
    let stores = stores("s3://", &options(&one.url));
    stores.set_options_for("s3://two", pairs(&[("endpoint", &two.url), ("access_key_id", "another")]));
    for bucket in ["one", "two"] {
        let object = stores.resolve(&format!("s3://{bucket}/x")).unwrap();
        object.store.put(&object.path, "x".into()).await.unwrap();
    }
    assert_eq!((one.keys(), two.keys()), (vec!["/one/x".to_owned()], vec!["/two/x".to_owned()]));
    assert!(two.asked()[0].headers["authorization"].contains("another"));
}

#[tokio::test]
async fn a_server_without_conditional_puts_is_refused() {
    let server = Server::start().await;
    server.refuse_puts(501, "<Error><Code>NotImplemented</Code></Error>");
    let stores = stores("s3://", &options(&server.url));
    let object = stores.resolve("s3://bucket/t/0.json").unwrap();
    let error = object.error(object.store.put_opts(&object.path, "x".into(), create()).await.unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    for part in ["501", "catalog", "s3://bucket"] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[tokio::test]
async fn no_secret_is_printed() {
    let server = Server::start().await;
    // As AWS does with a token that it refuses.
    server.refuse_puts(403, &format!("<Error><Token-0>{SECRET}</Token-0></Error>"));
    let stores = stores("s3://", &options(&server.url));
    let object = stores.resolve("s3://bucket/x").unwrap();
    let mut texts = vec![format!("{:?} {} {stores:?} {object:?}", object.store, object.store)];
    for error in [
        object.store.put(&object.path, "x".into()).await.unwrap_err(),
        object.store.put_opts(&object.path, "x".into(), create()).await.unwrap_err(),
    ] {
        assert!(matches!(error, object_store::Error::PermissionDenied { .. }), "{error}");
        let text = format!("{error} {error:?}");
        texts.push(format!("{text} {:?}", object.error(error)));
    }
    for text in &texts {
        assert!(!text.contains(SECRET), "{text}");
    }
    assert!(texts[1].contains("***"));
}

#[test]
fn mistakes_are_told_when_the_store_is_opened() {
    for (options, expected) in [
        (vec![("regoin", "x")], "unknown option"),
        (vec![("endpoint", "http://127.0.0.1:1")], "allow_http"),
        (vec![("access_key_id", "only-half"), ("region", "x")], "missing=secret_access_key "),
        (vec![("skip_signature", "true"), ("checksum_algorithm", "crc7")], "crc7"),
    ] {
        let error = stores("s3://", &options).resolve("s3://bucket/x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error:?}");
        assert!(format!("{error:?}").contains(expected), "{error:?}");
    }
    assert_eq!(stores("s3://", &[]).resolve("s3:///x").unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn a_store_without_credentials_says_which_options_are_missing_and_asks_nobody() {
    let server = Server::start().await;
    let place = [("endpoint", server.url.as_str()), ("allow_http", "true"), ("max_retries", "0")];
    for (more, missing) in [
        (vec![], "access_key_id,secret_access_key"),
        (vec![("access_key_id", "the-id")], "secret_access_key"),
        (vec![("session_token", "the-token")], "access_key_id,secret_access_key"),
        (vec![("role_arn", "arn:aws:iam::1:role/x")], "web_identity_token_file"),
        (vec![("instance_credentials", "false")], "access_key_id,secret_access_key"),
    ] {
        let error = stores("s3://", &[&place[..], &more].concat()).resolve("s3://bucket/x").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig, "{error}");
        assert_eq!(error.context("missing"), Some(missing), "{error}");
        assert!(error.to_string().contains("skip_signature"), "{error}");
    }
    let nothing = stores("s3://", &[]).resolve("s3://bucket/x").unwrap_err();
    assert_eq!(nothing.context("missing"), Some("access_key_id,secret_access_key,region"));
    assert!(server.asked().is_empty(), "nobody was asked");
}

#[tokio::test]
async fn the_machine_is_asked_for_credentials_where_an_option_says_so() {
    let server = Server::start().await;
    let options = [
        ("endpoint", server.url.as_str()),
        ("allow_http", "true"),
        ("max_retries", "0"),
        ("instance_credentials", "true"),
        ("metadata_endpoint", server.url.as_str()),
    ];
    let object = stores("s3://", &options).resolve("s3://bucket/x").unwrap();
    let error = object.error(object.store.get(&object.path).await.unwrap_err());
    let asked: Vec<_> = server.asked().into_iter().map(|asked| asked.path).collect();
    assert!(asked.iter().all(|path| path.starts_with("/latest/")) && !asked.is_empty(), "{asked:?}");
    // The server is no metadata server, and says 404.
    assert_eq!(error.kind(), ErrorKind::PermissionDenied, "{error}");
    assert!(error.to_string().contains("access_key_id,secret_access_key"), "{error}");
    // Who names the server means it.
    stores("s3://", &[("metadata_endpoint", &server.url)]).resolve("s3://bucket/x").unwrap();
}

#[test]
fn a_taken_scheme_is_refused() {
    let mut registry = Registry::new();
    stitchwork_stores::register(&mut registry).unwrap();
    assert_eq!(stitchwork_stores::register(&mut registry).unwrap_err().kind(), ErrorKind::AlreadyExists);
    assert_eq!(stitchwork_stores::options_from("ftp", []).unwrap_err().kind(), ErrorKind::NotFound);
}
