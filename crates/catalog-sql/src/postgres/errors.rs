//! What an error of PostgreSQL means to the caller of a catalog.

use stitchwork_core::{CommitState, Error, ErrorKind};

use crate::database::SQLSTATE;

/// The error of anything but a commit. A transaction that it happened in is rolled back, by us or by the server when
/// our connection is gone.
pub(super) fn refused(error: sqlx::Error) -> Error {
    use sqlx::Error as S;
    let state = sqlstate(&error);
    let (kind, message) = match (state.as_deref(), &error) {
        (Some(state), _) => of_state(state),
        (None, S::Configuration(_)) => (ErrorKind::InvalidConfig, "the settings of the database are wrong"),
        (None, S::Tls(_)) => (ErrorKind::Unavailable, "the connection to the database cannot be encrypted"),
        (None, S::Io(_) | S::Protocol(_) | S::PoolTimedOut | S::PoolClosed | S::WorkerCrashed) => {
            (ErrorKind::Unavailable, "the database does not answer")
        }
        // The connection ended while it began.
        (None, S::BeginFailed) => (ErrorKind::Unavailable, "the database begins no transaction"),
        _ => (ErrorKind::Unexpected, "the database refuses the statement"),
    };
    let refused = Error::new(kind, message);
    let refused = match state {
        Some(state) => refused.with_context(SQLSTATE, state),
        None => refused,
    };
    refused.with_source(error)
}

/// The error of a commit: only an answer that speaks of a rollback says that nothing was committed.
pub(super) fn lost(error: sqlx::Error) -> Error {
    let rolled_back = sqlstate(&error).is_some_and(|state| is_rolled_back(&state));
    let state = if rolled_back { CommitState::NotCommitted } else { CommitState::Unknown };
    refused(error).with_commit_state(state)
}

fn sqlstate(error: &sqlx::Error) -> Option<String> {
    error.as_database_error()?.code().map(|code| code.into_owned())
}

/// Whether a commit that is answered so has rolled back: a constraint was looked at late (class 23), or the transaction
/// gave way (class 40, but for the state that the answer itself calls unknown).
fn is_rolled_back(state: &str) -> bool {
    state.starts_with("23") || (state.starts_with("40") && state != "40003")
}

/// The states of <https://www.postgresql.org/docs/current/errcodes-appendix.html> that are told apart here.
fn of_state(state: &str) -> (ErrorKind, &'static str) {
    match state {
        "23505" => (ErrorKind::AlreadyExists, "the key is taken"),
        "40001" | "40P01" => (ErrorKind::Unavailable, "the transaction gave way to another one"),
        "55P03" => (ErrorKind::Unavailable, "another writer holds the lock of the table's row"),
        "42501" => (ErrorKind::PermissionDenied, "the user of the database may not do this"),
        "25006" => (ErrorKind::PermissionDenied, "the database can only be read"),
        "22001" => (ErrorKind::InvalidInput, "a text is longer than the column of the shared table layout"),
        "22021" => (ErrorKind::InvalidInput, "a text has a character that the database cannot store"),
        "3D000" => (ErrorKind::InvalidConfig, "the server has no such database"),
        "3F000" => (ErrorKind::InvalidConfig, "the database has no such schema"),
        _ if state.starts_with("28") => (ErrorKind::PermissionDenied, "the database refuses the user"),
        // Connections (08), resources (53), shutdown and cancellation (57), the disk (58).
        _ if ["08", "53", "57", "58"].iter().any(|class| state.starts_with(class)) => {
            (ErrorKind::Unavailable, "the database is not there for now")
        }
        _ => (ErrorKind::Unexpected, "the database refuses the statement"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_become_kinds() {
        for (state, kind) in [
            ("23505", ErrorKind::AlreadyExists),
            ("40P01", ErrorKind::Unavailable),
            ("28P01", ErrorKind::PermissionDenied),
            ("57P01", ErrorKind::Unavailable),
            ("53300", ErrorKind::Unavailable),
            ("22001", ErrorKind::InvalidInput),
            ("42601", ErrorKind::Unexpected),
        ] {
            assert_eq!(of_state(state).0, kind, "{state}");
        }
    }

    #[test]
    fn only_a_rollback_says_that_nothing_was_committed() {
        assert!(is_rolled_back("40001") && is_rolled_back("23505"));
        assert!(!is_rolled_back("40003") && !is_rolled_back("57P01") && !is_rolled_back("08006"));
        for error in [sqlx::Error::PoolTimedOut, sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into())]
        {
            let error = lost(error);
            assert_eq!(error.commit_state(), Some(CommitState::Unknown));
            assert!(!error.is_retryable());
        }
        assert_eq!(refused(sqlx::Error::PoolTimedOut).commit_state(), None);
    }
}
