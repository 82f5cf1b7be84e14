use std::sync::Arc;

use stitchwork_core::arrow::schema::ArrowError;
use stitchwork_core::{CommitState, Error, ErrorKind};

#[test]
fn displays_one_line_and_debugs_the_causes() {
    let error = Error::conflict("another writer replaced the snapshot")
        .with_operation("log::commit")
        .with_context("table", "a.b")
        .with_commit_state(CommitState::NotCommitted)
        .with_source(Error::not_found("no such file"));
    assert_eq!(
        error.to_string(),
        "conflict at log::commit: another writer replaced the snapshot table=a.b (not committed)"
    );
    assert!(format!("{error:?}").ends_with("caused by: not found: no such file"));
    assert_eq!(error.context("table"), Some("a.b"));
}

#[test]
fn an_error_that_is_kept_is_given_again_whole() {
    let kept = Error::conflict("another writer replaced the snapshot")
        .with_operation("log::commit")
        .with_context("table", "a.b")
        .with_commit_state(CommitState::NotCommitted)
        .with_source(Error::not_found("no such file"));
    let (line, lines) = (kept.to_string(), format!("{kept:?}"));
    let kept = Arc::new(kept);
    for _ in 0..2 {
        let again = Error::again(kept.clone());
        assert_eq!((again.kind(), again.context("table")), (ErrorKind::Conflict, Some("a.b")));
        assert_eq!(again.commit_state(), Some(CommitState::NotCommitted));
        assert_eq!(
            (again.to_string(), format!("{again:?}")),
            (line.clone(), lines.clone()),
            "nothing is told twice"
        );
    }
}

#[test]
fn texts_of_others_are_shown_on_one_line() {
    let error =
        Error::invalid_input("two\nlines").with_context("reason", "no such field\r\n\n  near: a,\nb\n");
    assert_eq!(error.to_string(), "invalid input: two lines reason=no such field near: a, b");
    assert_eq!(
        error.context("reason"),
        Some("no such field\r\n\n  near: a,\nb\n"),
        "it stays as it was given"
    );
}

/// An error that tells its cause, as most do.
#[derive(Debug)]
struct Telling(&'static str, Option<Box<Self>>);

impl std::fmt::Display for Telling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.1 {
            Some(cause) => write!(f, "{}\ncaused by\n{cause}", self.0),
            None => f.write_str(self.0),
        }
    }
}

impl std::error::Error for Telling {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.1.as_deref().map(|cause| cause as _)
    }
}

#[test]
fn a_cause_is_told_once() {
    let cause = || Telling("upper", Some(Box::new(Telling("lower", None))));
    let told = Error::invalid_data("a").with_context("reason", cause()).with_source(cause());
    assert_eq!(format!("{told:?}"), "invalid data: a reason=upper caused by lower");
    let lower = Error::invalid_data("a").with_context("reason", "lower").with_source(cause());
    assert_eq!(
        format!("{lower:?}"),
        "invalid data: a reason=lower\n  caused by: upper\ncaused by\nlower",
        "what says more than its cause is shown, and then not the cause"
    );
    let ours = Error::invalid_data("a").with_source(Error::not_found("b").with_source(Telling("c", None)));
    assert_eq!(format!("{ours:?}"), "invalid data: a\n  caused by: not found: b\n  caused by: c");
}

#[test]
fn an_unknown_commit_is_never_retryable() {
    let error = Error::new(ErrorKind::Unavailable, "no answer");
    assert!(error.is_retryable());
    assert!(!error.with_commit_state(CommitState::Unknown).is_retryable());
}

#[test]
fn a_lost_race_is_a_conflict_that_has_committed_nothing() {
    assert!(Error::conflict("x").is_lost_race());
    assert!(Error::conflict("x").with_commit_state(CommitState::NotCommitted).is_lost_race());
    for state in [CommitState::Unknown, CommitState::Committed] {
        assert!(!Error::conflict("x").with_commit_state(state).is_lost_race(), "{state:?}");
    }
    assert!(!Error::new(ErrorKind::Unavailable, "x").is_lost_race());
}

#[test]
fn an_own_error_survives_an_arrow_interface() {
    let error = Error::conflict("x").with_context("k", 1);
    let back = Error::from(ArrowError::ExternalError(Box::new(error)));
    assert_eq!(back.kind(), ErrorKind::Conflict);
    assert_eq!(back.context("k"), Some("1"));
}

#[tokio::test]
async fn what_the_operating_system_says_is_told() {
    use stitchwork_core::object_store::{ObjectStoreExt, PutPayload};
    let file = std::env::temp_dir().join(format!("stitchwork-core-{}", std::process::id()));
    std::fs::write(&file, b"no folder").unwrap();
    let object = stitchwork_core::Stores::new().resolve(&format!("file://{}/below", file.display())).unwrap();
    let refused = object.store.put(&object.path, PutPayload::from_static(b"x")).await.unwrap_err();
    std::fs::remove_file(&file).unwrap();
    let error = object.error(refused);
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
    assert!(error.context("reason").is_some_and(|reason| reason.contains("Not a directory")), "{error}");
    assert_eq!(format!("{error:?}").matches("Not a directory").count(), 2, "{error:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_keeps_a_folder_from_being_listed_is_named_with_a_remedy() {
    use std::os::unix::ffi::OsStrExt;
    let top = std::env::temp_dir().join(format!("stitchwork-core-list-{}", std::process::id()));
    let file = |name: &[u8]| std::fs::write(top.join(std::ffi::OsStr::from_bytes(name)), b"x").unwrap();
    let make: [(&dyn Fn(), &str, &str); 3] = [
        (&|| file(b"line\nfeed.csv"), "line\\nfeed.csv", "rename or remove it"),
        (&|| file(b"no \xff text.csv"), "%FF", "rename or remove it"),
        (&|| std::os::unix::fs::symlink(&top, top.join("round")).unwrap(), "/round", "remove the link"),
    ];
    for (make, name, remedy) in make {
        std::fs::create_dir(&top).unwrap();
        make();
        let folder = stitchwork_core::Stores::new().resolve(&format!("file://{}", top.display())).unwrap();
        let refused =
            futures::TryStreamExt::try_collect::<Vec<_>>(folder.store.list(Some(&folder.path))).await;
        let delimited = folder.store.list_with_delimiter(Some(&folder.path)).await;
        std::fs::remove_dir_all(&top).unwrap();
        let delimited = delimited.map(drop).map_err(|e| folder.error(e));
        for error in [Some(folder.error(refused.unwrap_err())), delimited.err()].into_iter().flatten() {
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
            let line = error.to_string();
            assert!(line.contains(name) && line.contains(remedy) && line.lines().count() == 1, "{line}");
            assert_eq!(error.context("location"), Some(folder.location().as_str()));
        }
    }
}

#[tokio::test]
async fn an_object_that_is_shorter_than_its_range_is_broken_data() {
    use stitchwork_core::object_store::{ObjectStoreExt, PutPayload};
    let folder = std::env::temp_dir().join(format!("stitchwork-core-range-{}", std::process::id()));
    for location in ["memory:///short".to_owned(), format!("file://{}/short", folder.display())] {
        let object = stitchwork_core::Stores::new().resolve(&location).unwrap();
        object.store.put(&object.path, PutPayload::from_static(b"short")).await.unwrap();
        let one = object.store.get_range(&object.path, 9..20).await.unwrap_err();
        let many = object.store.get_ranges(&object.path, &[0..2, 9..20]).await.unwrap_err();
        for refused in [one, many] {
            let error = object.error(refused);
            assert_eq!(error.kind(), ErrorKind::InvalidData, "{location}: {error:?}");
        }
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_the_system_refuses_for_good_is_not_tried_again() {
    use std::io::{Error as IoError, ErrorKind as Io};
    use stitchwork_core::object_store::Error as StoreError;
    for (io, kind) in [
        (Io::NotFound, ErrorKind::NotFound),
        (Io::PermissionDenied, ErrorKind::PermissionDenied),
        (Io::ReadOnlyFilesystem, ErrorKind::PermissionDenied),
        (Io::StorageFull, ErrorKind::StorageFull),
        (Io::QuotaExceeded, ErrorKind::StorageFull),
        (Io::FileTooLarge, ErrorKind::StorageFull),
        (Io::NotADirectory, ErrorKind::InvalidInput),
        (Io::TimedOut, ErrorKind::Unavailable),
        (Io::ConnectionReset, ErrorKind::Unavailable),
    ] {
        for store in ["LocalFileSystem", "LocalStore"] {
            let error = Error::from(StoreError::Generic { store, source: Box::new(IoError::from(io)) });
            assert_eq!(error.kind(), kind, "{store} {io:?}");
            assert_eq!(error.context("reason"), Some(IoError::from(io).to_string().as_str()));
        }
        assert_eq!(Error::from(IoError::from(io)).kind(), kind, "{io:?}");
    }
}

#[test]
fn what_no_patience_mends_is_not_tried_again() {
    use stitchwork_core::object_store::Error as StoreError;
    let kind = |store: &'static str, message: &str| {
        Error::from(StoreError::Generic { store, source: message.into() }).kind()
    };
    let status = |status: &str| {
        kind(
            "S3",
            &format!(
                "Error performing GET https://h in 1s - Server returned non-2xx status code: {status}: x"
            ),
        )
    };
    assert_eq!(kind("LocalFileSystem", "Filenames containing it are not supported"), ErrorKind::InvalidInput);
    assert_eq!(kind("InMemory", "Invalid range: Range started at 9"), ErrorKind::InvalidData);
    assert_eq!(kind("Config", "failed to parse \"x\" as boolean"), ErrorKind::InvalidConfig);
    assert_eq!(kind("S3", "Received redirect without LOCATION, this"), ErrorKind::InvalidConfig);
    assert_eq!(status("400 Bad Request"), ErrorKind::InvalidInput);
    assert_eq!(status("400 Bad Request: <Code>RequestTimeout</Code>"), ErrorKind::Unavailable);
    assert_eq!(status("401 Unauthorized"), ErrorKind::PermissionDenied);
    assert_eq!(status("403 Forbidden"), ErrorKind::PermissionDenied);
    assert_eq!(status("404 Not Found: <Code>NoSuchBucket</Code>"), ErrorKind::NotFound);
    assert_eq!(status("416 Range Not Satisfiable"), ErrorKind::InvalidData);
    assert_eq!(status("429 Too Many Requests"), ErrorKind::RateLimited);
    assert_eq!(status("503 Slow Down"), ErrorKind::Unavailable);
    assert_eq!(
        kind("S3", "Server returned error response: <Code>InternalError</Code>"),
        ErrorKind::Unavailable
    );
    assert_eq!(kind("S3", "the connection was reset"), ErrorKind::Unavailable);
}

#[test]
fn a_store_that_refuses_says_why_and_no_more() {
    use stitchwork_core::object_store::Error as StoreError;
    let reason = |message: &str| {
        let error = Error::from(StoreError::Generic { store: "S3", source: message.into() });
        error.context("reason").map(str::to_owned)
    };
    let url = "Error performing GET https://h/b?sig=s3cret in 1s - Server returned non-2xx status code: ";
    let body = "<?xml version=\"1.0\"?><Error><Code>SignatureDoesNotMatch</Code><Key>s3cret</Key></Error>";
    assert_eq!(
        reason(&format!("{url}403 Forbidden: {body}")).as_deref(),
        Some("403 Forbidden: SignatureDoesNotMatch")
    );
    assert_eq!(reason(&format!("{url}502 Bad Gateway: ")).as_deref(), Some("502 Bad Gateway"));
    assert_eq!(
        reason(&format!("{url}400 Bad Request: <Code>a b</Code>")).as_deref(),
        Some("400 Bad Request")
    );
    assert_eq!(reason("the connection was reset"), None);
}
