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
fn an_unknown_commit_is_never_retryable() {
    let error = Error::new(ErrorKind::Unavailable, "no answer");
    assert!(error.is_retryable());
    assert!(!error.with_commit_state(CommitState::Unknown).is_retryable());
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
}
