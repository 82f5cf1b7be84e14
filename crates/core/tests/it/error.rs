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
