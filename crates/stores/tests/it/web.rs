//! Web servers.

use futures::TryStreamExt;
use object_store::{ObjectStoreExt, PutMode, PutOptions};
use stitchwork_core::{Error, ErrorKind};

use crate::server::{Server, stores};

#[tokio::test]
async fn files_are_read_whole_and_in_parts() {
    let server = Server::start().await;
    server.put("/data/a%20b.txt", b"0123456789");
    let object = stores("http://", &[]).resolve(&format!("{}/data/a b.txt", server.url)).unwrap();
    assert_eq!(object.fetch_size().await.unwrap(), 10);
    assert_eq!(object.store.get_range(&object.path, 3..6).await.unwrap(), "345");
    assert_eq!(object.store.get(&object.path).await.unwrap().bytes().await.unwrap(), "0123456789");
    let missing = stores("http://", &[]).resolve(&format!("{}/nothing", server.url)).unwrap();
    assert_eq!(missing.fetch_size().await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_server_that_sends_whole_files_only_is_named_as_such() {
    let server = Server::start().await;
    server.put("/a.parquet", b"0123456789");
    server.send_whole_files_only();
    let object = stores("http://", &[]).resolve(&format!("{}/a.parquet", server.url)).unwrap();
    assert_eq!(object.store.get(&object.path).await.unwrap().bytes().await.unwrap(), "0123456789");
    for refused in [
        object.store.get_range(&object.path, 3..6).await.map(drop),
        object.store.get_ranges(&object.path, &[3..6, 8..9]).await.map(drop),
    ] {
        let error = object.error(refused.unwrap_err());
        assert_eq!(error.kind(), ErrorKind::Unsupported, "not to be tried again: {error:?}");
        for part in [server.url.as_str(), "/a.parquet", "range requests", "download the file"] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}

#[tokio::test]
async fn a_file_whose_length_nobody_says_is_named_as_such() {
    let server = Server::start().await;
    server.put("/a.csv", b"0123456789");
    server.hide_lengths();
    let object = stores("http://", &[]).resolve(&format!("{}/a.csv", server.url)).unwrap();
    let refused =
        [object.store.get(&object.path).await.map(drop), object.store.head(&object.path).await.map(drop)];
    for refused in refused {
        let error = object.error(refused.unwrap_err());
        assert_eq!(error.kind(), ErrorKind::Unsupported, "not to be tried again: {error:?}");
        for part in [server.url.as_str(), "/a.csv", "how long", "download the file"] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}

#[tokio::test]
async fn nothing_is_written_and_the_error_says_so() {
    let server = Server::start().await;
    let object = stores("http://", &[("max_retries", "0")]).resolve(&format!("{}/x", server.url)).unwrap();
    let create = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
    for error in [
        object.store.put(&object.path, "x".into()).await.map(drop).unwrap_err(),
        object.store.put_opts(&object.path, "x".into(), create).await.map(drop).unwrap_err(),
        object.store.put_multipart(&object.path).await.map(drop).unwrap_err(),
        object.store.delete(&object.path).await.unwrap_err(),
        object.store.copy(&object.path, &"y".into()).await.unwrap_err(),
        object.store.rename(&object.path, &"y".into()).await.unwrap_err(),
    ] {
        let error = Error::from(error);
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("read only"), "{error}");
    }
    assert!(server.asked().is_empty(), "nobody was asked");
    let listed = object.store.list(None).try_collect::<Vec<_>>().await.unwrap_err();
    let listed = Error::from(listed);
    assert_eq!(listed.kind(), ErrorKind::Unsupported);
    assert!(listed.to_string().contains("WebDAV"), "{listed}");
    assert!(
        listed.context("reason").is_some_and(|r| r.ends_with("itself: 405 Method Not Allowed")),
        "{listed}"
    );
}

#[test]
fn a_location_holds_no_password() {
    let error = stores("https://", &[]).resolve("https://me:hunter22@host/x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(!format!("{error:?}").contains("hunter22"), "{error:?}");
}

#[tokio::test]
async fn a_query_goes_with_each_request_and_into_no_error() {
    let server = Server::start().await;
    server.put("/a%20b.txt", b"0123456789");
    let query = "token=canary-12&raw=1&sig=a%2Fb%3D";
    let root = format!("{}?5ec4e7", server.url);
    let stores = stores(&root, &[("secret_query", query), ("max_retries", "0")]);
    let object = stores.resolve(&format!("{root}/a b.txt")).unwrap();
    assert_eq!(object.fetch_size().await.unwrap(), 10);
    assert_eq!(object.store.get_range(&object.path, 3..6).await.unwrap(), "345");
    let asked = server.asked();
    assert!(asked.iter().all(|asked| asked.path == "/a%20b.txt" && asked.query == query), "{asked:?}");
    let gone = stores.resolve(&format!("{root}/gone")).unwrap();
    // Nobody is there.
    let away = format!("{}?5ec4e7", crate::server::nobody());
    stores.set_options_for(&away, crate::server::pairs(&[("secret_query", query), ("max_retries", "0")]));
    let away = stores.resolve(&format!("{away}/x")).unwrap();
    for object in [gone, away] {
        let error = object.error(object.store.get(&object.path).await.unwrap_err());
        let told = format!("{error:?} {object:?} {stores:?}");
        for secret in ["canary", "a%2Fb", "raw=1"] {
            assert!(!told.contains(secret), "{told}");
        }
    }
}
