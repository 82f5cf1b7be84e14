use std::sync::{Arc, Mutex};

use object_store::ObjectStore;
use object_store::memory::InMemory;
use stitchwork_core::{Options, Stores, is_sensitive};

#[test]
fn locations_resolve_without_decoding() {
    let stores = Stores::new();
    for (location, whole) in [
        ("file:///a b/x%2Fy", "file:///a b/x%2Fy"),
        ("/a//b/", "file:///a/b"),
        ("file:/a/b", "file:///a/b"),
        ("memory:", "memory:///"),
        ("memory:a/b", "memory:///a/b"),
        ("memory:///a/b", "memory:///a/b"),
    ] {
        assert_eq!(stores.resolve(location).unwrap().location(), whole);
    }
    assert_eq!(stores.resolve("memory:a").unwrap().child("b/c=%20").location(), "memory:///a/b/c=%20");
    assert_eq!(stores.resolve("memory:").unwrap().child("b").location(), "memory:///b");
}

#[test]
fn bad_locations_and_options_say_what_to_do() {
    let stores = Stores::new();
    assert!(stores.resolve("a/b").is_err());
    assert!(stores.resolve("file://host/a").is_err());
    assert!(stores.resolve("file:///a/../b").is_err());
    let error = stores.resolve("s3://b/x").unwrap_err();
    assert_eq!(error.context("known"), Some("file,memory"));
    stores.set_options(Options::from([("regoin".to_owned(), "x".to_owned())]));
    assert_eq!(stores.resolve("memory:x").unwrap_err().context("option"), Some("regoin"));
}

#[test]
fn the_options_of_a_root_go_before_those_of_its_scheme_and_of_all() {
    let stores = Stores::new();
    let opened: Arc<Mutex<Vec<(String, Options)>>> = Arc::default();
    let seen = opened.clone();
    let factory = move |root: &str, options: &Options| {
        seen.lock().unwrap().push((root.to_owned(), options.clone()));
        Ok(Arc::new(InMemory::new()) as Arc<dyn ObjectStore>)
    };
    assert_eq!(stores.known(), ["file", "memory"]);
    stores.register("s3", Arc::new(factory)).unwrap();
    assert_eq!(stores.known(), ["file", "memory", "s3"]);
    stores.remap("s3a://", "s3://");
    stores.remap("s3://old/", "s3://new/");
    assert_eq!(stores.known(), ["file", "memory", "s3", "s3a"]);
    let options = |pairs: &[(&str, &str)]| -> Options {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    };
    stores.set_options(options(&[("region", "all"), ("key", "all"), ("timeout", "all")]));
    stores.set_options_for("s3://", options(&[("region", "scheme"), ("key", "scheme")]));
    // Another name of the store is that store.
    stores.set_options_for("s3a://one/", options(&[("key", "root")]));
    stores.set_options_for("s3://on", options(&[("key", "another")]));
    for location in ["s3://one/x", "s3://one/y", "s3://two/x"] {
        stores.resolve(location).unwrap();
    }
    let expected = [
        ("s3://one".to_owned(), options(&[("region", "scheme"), ("key", "root"), ("timeout", "all")])),
        ("s3://two".to_owned(), options(&[("region", "scheme"), ("key", "scheme"), ("timeout", "all")])),
    ];
    assert_eq!(*opened.lock().unwrap(), expected);
}

#[test]
fn a_mounted_store_takes_the_place_of_the_schemes_own() {
    let roots = [
        ("memory://", "memory:a"),
        ("file://", "/a"),
        ("file:///", "/a"),
        ("s3://b", "s3://b/a"),
        ("s3://b/", "s3://b/a"),
    ];
    for (root, location) in roots {
        let stores = Stores::new();
        let mounted: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
        stores.mount(root, mounted.clone());
        let object = stores.resolve(location).unwrap();
        assert!(Arc::ptr_eq(&object.store, &mounted), "{root}");
    }
}

#[test]
fn a_moved_table_is_found() {
    let stores = Stores::new();
    stores.remap("s3://old/t", "memory:new");
    assert_eq!(stores.resolve("s3://old/t/f").unwrap().location(), "memory:///new/f");
}

#[test]
fn names_that_sound_secret() {
    for name in [
        "X-Api-Key",
        "key",
        "token",
        "client_secret",
        "secret_access_key",
        "sas_token",
        "Authorization",
        "account_key",
        "sig",
        "X-Auth",
        "session-id",
        "HTTP_PROXY_URL",
    ] {
        assert!(is_sensitive(name), "{name}");
    }
    for name in
        ["page", "monkey", "since", "sign", "keyword", "author", "region", "endpoint", "path", "sessions"]
    {
        assert!(!is_sensitive(name), "{name}");
    }
}

#[test]
fn a_scheme_that_is_nearly_a_known_one_is_told() {
    let stores = Stores::new();
    for scheme in ["s3", "gs", "https"] {
        stores.register(scheme, Arc::new(|_: &str, _: &Options| Ok(Arc::new(InMemory::new()) as _))).unwrap();
    }
    for (written, meant) in [
        ("s4://b/x", Some("s3://")),
        ("S3://b/x", Some("s3://")),
        ("s33://b/x", Some("s3://")),
        ("http://b/x", Some("https://")),
        ("htttps://b/x", Some("https://")),
        ("fle:///x", Some("file://")),
        ("ftp://b/x", None),
        ("hdfs://b/x", None),
    ] {
        let error = stores.resolve(written).unwrap_err();
        assert_eq!(error.context("did_you_mean"), meant, "{written}: {error}");
        assert_eq!(error.context("known"), Some("file,gs,https,memory,s3"));
    }
}

#[test]
fn a_layer_is_around_every_store_that_is_opened_after_it() {
    let stores = Stores::new();
    stores.mount("memory://mounted", Arc::new(InMemory::new()));
    let roots: Arc<Mutex<Vec<String>>> = Arc::default();
    let seen = roots.clone();
    stores.set_layer(Arc::new(move |root, store| {
        seen.lock().unwrap().push(root.to_owned());
        store
    }));
    for location in ["memory:a", "memory:b", "/x", "memory://mounted/y"] {
        stores.resolve(location).unwrap();
    }
    assert_eq!(*roots.lock().unwrap(), ["memory://", "file://"]);
}
