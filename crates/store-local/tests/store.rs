//! The durable store does what object_store's own does.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test by panicking")]

use std::path::Path as FilePath;
use std::sync::Arc;

use futures::{StreamExt, TryStreamExt, stream};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, CopyMode, CopyOptions, Error, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    PutPayload, RenameOptions, RenameTargetMode, UpdateVersion,
};
use stitchwork_core::{ErrorKind, Options, Registry};
use stitchwork_store_local::{LocalStore, register};

fn at(folder: &FilePath, name: &str) -> Path {
    Path::from_absolute_path(folder.join(name)).unwrap()
}

async fn text(store: &dyn ObjectStore, path: &Path) -> String {
    String::from_utf8(store.get(path).await.unwrap().bytes().await.unwrap().to_vec()).unwrap()
}

/// The names of all files, the hidden ones too.
fn files(folder: &FilePath) -> Vec<String> {
    let mut names = vec![];
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => names.extend(files(&entry.path()).iter().map(|inner| format!("{name}/{inner}"))),
            false => names.push(name),
        }
    }
    names.sort();
    names
}

/// What an operation says, so that two stores can be compared.
fn word<T>(result: Result<T, Error>) -> &'static str {
    match result {
        Ok(_) => "done",
        Err(Error::AlreadyExists { .. }) => "already exists",
        Err(Error::NotFound { .. }) => "not found",
        Err(Error::PermissionDenied { .. }) => "denied",
        Err(Error::NotImplemented { .. }) => "not implemented",
        Err(_) => "another error",
    }
}

async fn everything(store: &dyn ObjectStore, folder: &FilePath) -> Vec<(&'static str, &'static str)> {
    let (a, b, c) = (at(folder, "deep/er/a"), at(folder, "b"), at(folder, "c"));
    let mut said = vec![];
    let create = || PutOptions::from(PutMode::Create);
    let update = PutMode::Update(UpdateVersion { e_tag: Some("1".to_owned()), version: None });
    let attributes = Attributes::from_iter([(Attribute::ContentType, "text/plain")]);
    said.push(("create", word(store.put_opts(&a, "one".into(), create()).await)));
    said.push(("create again", word(store.put_opts(&a, "two".into(), create()).await)));
    said.push(("put over", word(store.put(&a, "three".into()).await)));
    said.push(("put nothing", word(store.put(&b, PutPayload::new()).await)));
    said.push(("update", word(store.put_opts(&a, "four".into(), update.into()).await)));
    said.push(("attributes", word(store.put_opts(&c, "five".into(), attributes.clone().into()).await)));
    said.push(("attributes, parts", word(store.put_multipart_opts(&c, attributes.into()).await)));
    said.push(("below a file", word(store.put(&at(folder, "b/d"), "six".into()).await)));
    said.push(("get what is not there", word(store.get(&c).await)));
    said.push(("copy", word(store.copy(&a, &c).await)));
    let unless = CopyOptions::default().with_mode(CopyMode::Create);
    said.push(("copy over", word(store.copy_opts(&b, &c, unless).await)));
    said.push(("copy nothing", word(store.copy(&at(folder, "nothing"), &c).await)));
    said.push(("copy below a file", word(store.copy(&a, &at(folder, "b/d")).await)));
    let create = || RenameOptions::new().with_target_mode(RenameTargetMode::Create);
    said.push(("rename over", word(store.rename_opts(&c, &b, create()).await)));
    said.push(("rename onto itself", word(store.rename(&c, &c).await)));
    said.push(("rename", word(store.rename_opts(&c, &at(folder, "far/away/d"), create()).await)));
    said.push(("rename again", word(store.rename(&at(folder, "far/away/d"), &at(folder, "new/d")).await)));
    said.push(("rename nothing", word(store.rename(&c, &b).await)));
    said.push(("delete", word(store.delete(&b).await)));
    said
}

#[tokio::test]
async fn it_says_what_the_plain_store_says() {
    let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let found = everything(&LocalStore::new(), ours.path()).await;
    assert_eq!(found, everything(&LocalFileSystem::new(), theirs.path()).await);
    assert_eq!(files(ours.path()), ["deep/er/a", "new/d"]);
    assert_eq!(files(ours.path()), files(theirs.path()));
    assert_eq!(text(&LocalStore::new(), &at(ours.path(), "new/d")).await, "three");
}

#[tokio::test]
async fn an_object_that_is_copied_onto_itself_stays_and_leaves_nothing_beside_it() {
    let (store, folder) = (LocalStore::new(), tempfile::tempdir().unwrap());
    let path = at(folder.path(), "a");
    store.put(&path, "one".into()).await.unwrap();
    store.copy(&path, &path).await.unwrap();
    assert_eq!(text(&store, &path).await, "one");
    // The plain store leaves its hidden file behind.
    assert_eq!(files(folder.path()), ["a"]);
}

#[tokio::test]
async fn versions_are_those_that_reading_gives() {
    let (store, folder) = (LocalStore::new(), tempfile::tempdir().unwrap());
    let path = at(folder.path(), "a");
    let one = store.put(&path, "one".into()).await.unwrap();
    assert_eq!(one.e_tag, store.head(&path).await.unwrap().e_tag);
    let two = store.put(&path, "two, longer".into()).await.unwrap();
    assert_ne!(one.e_tag, two.e_tag);
}

#[tokio::test]
async fn parts_may_be_awaited_in_any_order_and_are_seen_when_all_are_there() {
    let (store, folder) = (LocalStore::new(), tempfile::tempdir().unwrap());
    let path = at(folder.path(), "deep/parts");
    let mut upload = store.put_multipart(&path).await.unwrap();
    let mut parts: Vec<_> =
        (0..20).map(|n| upload.put_part(format!("part {n};").into_bytes().into())).collect();
    parts.reverse();
    for part in parts {
        part.await.unwrap();
    }
    assert!(store.list(Some(&at(folder.path(), ""))).next().await.is_none(), "nothing is seen yet");
    upload.complete().await.unwrap();
    let expected: String = (0..20).map(|n| format!("part {n};")).collect();
    assert_eq!(text(&store, &path).await, expected);
    assert!(upload.put_part("more".into()).await.is_err() && upload.complete().await.is_err());
    assert_eq!(files(folder.path()), ["deep/parts"]);
}

#[tokio::test]
async fn uploads_that_are_given_up_leave_nothing() {
    let (store, folder) = (LocalStore::new(), tempfile::tempdir().unwrap());
    let path = at(folder.path(), "parts");
    for abort in [true, false] {
        let mut upload = store.put_multipart(&path).await.unwrap();
        upload.put_part("one".into()).await.unwrap();
        assert_eq!(files(folder.path()).len(), 1);
        if abort {
            upload.abort().await.unwrap();
        }
        drop(upload);
        assert_eq!(files(folder.path()), [""; 0]);
    }
    let mut upload = store.put_multipart(&path).await.unwrap();
    upload.complete().await.unwrap();
    assert_eq!(text(&store, &path).await, "", "an upload without parts is an empty object");
}

#[tokio::test]
async fn one_of_many_writers_wins() {
    let (store, folder) = (LocalStore::new(), tempfile::tempdir().unwrap());
    for round in 0..20 {
        let path = at(folder.path(), &format!("log/{round}"));
        let puts = stream::iter(0..16).map(|writer| {
            let (store, path) = (store.clone(), path.clone());
            tokio::spawn(async move {
                let put = store.put_opts(&path, format!("{writer}").into(), PutMode::Create.into()).await;
                (writer, word(put))
            })
        });
        let said: Vec<_> = puts.buffer_unordered(16).try_collect().await.unwrap();
        let won: Vec<_> = said.iter().filter(|(_, word)| *word == "done").collect();
        assert_eq!(won.len(), 1, "{said:?}");
        assert!(said.iter().all(|(_, word)| ["done", "already exists"].contains(word)), "{said:?}");
        assert_eq!(text(&store, &path).await, won[0].0.to_string());
    }
    assert_eq!(files(folder.path()).len(), 20);
}

#[tokio::test]
async fn a_registry_opens_it_and_the_option_turns_it_off() {
    let opened = |options: Option<&str>| {
        let mut registry = Registry::new();
        register(&mut registry).unwrap();
        if let Some(sync) = options {
            let options = Options::from([("sync".to_owned(), sync.to_owned())]);
            registry.stores().set_options_for("file://", options);
        }
        registry.stores().resolve("file:///a").map(|object| format!("{}", object.store))
    };
    assert_eq!(opened(None).unwrap(), LocalStore::new().to_string());
    assert_eq!(opened(Some("true")).unwrap(), LocalStore::new().to_string());
    assert!(opened(Some("false")).unwrap().starts_with("LocalFileSystem"));
    let error = opened(Some("perhaps")).unwrap_err();
    assert_eq!((error.kind(), error.context("option")), (ErrorKind::InvalidConfig, Some("sync")));
    let mut registry = Registry::new();
    register(&mut registry).unwrap();
    let error = register(&mut registry).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists, "it is taken by a store that somebody chose");
}

#[test]
fn it_works_without_a_runtime() {
    let (store, folder) = (Arc::new(LocalStore::new()), tempfile::tempdir().unwrap());
    let path = at(folder.path(), "a");
    futures::executor::block_on(store.put(&path, "one".into())).unwrap();
    assert_eq!(files(folder.path()), ["a"]);
}

#[cfg(unix)]
#[tokio::test]
async fn a_pipe_is_refused_and_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap();
    assert!(made.success());
    for path in [at(folder.path(), "pipe"), Path::from_absolute_path("/dev/null").unwrap()] {
        let error = stitchwork_core::Error::from(LocalStore::new().head(&path).await.unwrap_err());
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert!(
            error.context("reason").is_some_and(|reason| reason.contains("write what it gives to a file")),
            "{error}"
        );
    }
    assert!(LocalStore::new().head(&at(folder.path(), "nothing")).await.is_err());
    let listed: Vec<_> = LocalStore::new().list(Some(&at(folder.path(), ""))).try_collect().await.unwrap();
    assert!(listed.is_empty(), "{listed:?}");
    let listed = LocalStore::new().list_with_delimiter(Some(&at(folder.path(), ""))).await.unwrap();
    assert!(listed.objects.is_empty(), "{listed:?}");
}
