//! SQLite as the database of a catalog.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::{
    Sqlite, SqliteArguments, SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteRow,
    SqliteSynchronous,
};
use sqlx::{ConnectOptions, Row as _};
use stitchwork_core::{CommitState, Error, ErrorKind, Result};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::database::{Binds, Database, Dialect, Row, Transaction};

/// The scheme of its URLs.
pub(crate) const SCHEME: &str = "sqlite";

/// How often a transaction is begun when the wait was in vain: SQLite's waiters do not queue, so one can be passed
/// over again and again.
const BEGIN_ATTEMPTS: u32 = 3;
/// Connections to a file: one that writes and some that read meanwhile.
const CONNECTIONS: u32 = 5;

const DIALECT: Dialect = Dialect {
    scheme: SCHEME,
    name: "SQLite",
    finds_tables: "SELECT name FROM sqlite_master WHERE type = 'table' \
         AND name IN ('iceberg_tables', 'iceberg_namespace_properties')",
    finds_type: "SELECT name FROM pragma_table_info('iceberg_tables') WHERE name = 'iceberg_type'",
    finds_extras: "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'stitchwork_table_properties'",
    // Of all transactions, one writes.
    locks: None,
    locks_namespace: None,
};

/// A SQLite database with the tables of a catalog.
#[derive(Debug)]
pub(crate) struct SqliteDatabase {
    pool: SqlitePool,
    durable: bool,
    /// Writers of this process queue here, in order; only those of other processes meet at the file's lock.
    writer: Arc<Mutex<()>>,
}

impl SqliteDatabase {
    /// Opens the database in a file, or in memory without one. A statement waits so long for a lock of another process.
    pub(crate) async fn open(path: Option<&Path>, lock_timeout: Duration) -> Result<Self> {
        let options = SqliteConnectOptions::new()
            .busy_timeout(lock_timeout)
            .synchronous(SqliteSynchronous::Full)
            .disable_statement_logging();
        let pool = SqlitePoolOptions::new().test_before_acquire(false);
        let (options, pool) = match path {
            None => {
                // The data lives as long as this one connection.
                let pool = pool.max_connections(1).min_connections(1).idle_timeout(None).max_lifetime(None);
                (options.in_memory(true), pool)
            }
            Some(path) => {
                make_folder(path).await?;
                (options.filename(path).create_if_missing(true), pool.max_connections(CONNECTIONS))
            }
        };
        let pool =
            pool.connect_with(options).await.map_err(|e| refused(e).with_operation("catalog::open"))?;
        Ok(Self { pool, durable: path.is_some(), writer: Arc::default() })
    }
}

async fn make_folder(path: &Path) -> Result<()> {
    let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) else { return Ok(()) };
    // The URL is told by whoever opens it, without what is secret of it.
    make_durably(folder).await.map_err(|error| {
        let kind = match error.kind() {
            std::io::ErrorKind::PermissionDenied => ErrorKind::PermissionDenied,
            _ => ErrorKind::InvalidConfig,
        };
        Error::new(kind, "the folder of the database cannot be made")
            .with_operation("catalog::open")
            .with_source(error)
    })
}

/// Makes a folder and those above it so that a power failure leaves them: `SQLite` syncs the folder of its file, and none above.
async fn make_durably(folder: &Path) -> std::io::Result<()> {
    let changed = changed_by_making(folder);
    tokio::fs::create_dir_all(folder).await?;
    if cfg!(unix) {
        for folder in changed {
            tokio::fs::File::open(folder).await?.sync_all().await?;
        }
    }
    Ok(())
}

/// The folders that have a new one in them once a folder and those above it are there.
fn changed_by_making(folder: &Path) -> Vec<&Path> {
    let missing = folder.ancestors().take_while(|folder| !folder.as_os_str().is_empty() && !folder.exists());
    let above = missing.filter_map(Path::parent);
    above.map(|folder| if folder.as_os_str().is_empty() { Path::new(".") } else { folder }).collect()
}

#[async_trait]
impl Database for SqliteDatabase {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn is_durable(&self) -> bool {
        self.durable
    }

    async fn fetch(&self, sql: &'static str, binds: Binds<'_>) -> Result<Vec<Row>> {
        let rows = query(sql, binds).fetch_all(&self.pool).await.map_err(refused)?;
        rows.iter().map(columns).collect()
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>> {
        let queue = Arc::clone(&self.writer).lock_owned().await;
        let mut attempt = 1;
        loop {
            // A deferred transaction could fail in its middle for another writer; this one waits at its beginning.
            match self.pool.begin_with("BEGIN IMMEDIATE").await {
                Ok(inner) => return Ok(Box::new(SqliteTransaction { inner, _queue: queue })),
                Err(error) if attempt < BEGIN_ATTEMPTS && is_busy(&error) => attempt += 1,
                Err(error) => return Err(refused(error)),
            }
        }
    }
}

/// A transaction and its place at the head of this process's writers.
struct SqliteTransaction {
    // The order matters: the transaction ends before the next writer is let in.
    inner: sqlx::Transaction<'static, Sqlite>,
    _queue: OwnedMutexGuard<()>,
}

#[async_trait]
impl Transaction for SqliteTransaction {
    async fn fetch(&mut self, sql: &'static str, binds: Binds<'_>) -> Result<Vec<Row>> {
        let rows = query(sql, binds).fetch_all(&mut *self.inner).await.map_err(refused)?;
        rows.iter().map(columns).collect()
    }

    async fn execute(&mut self, sql: &'static str, binds: Binds<'_>) -> Result<u64> {
        Ok(query(sql, binds).execute(&mut *self.inner).await.map_err(refused)?.rows_affected())
    }

    async fn commit(self: Box<Self>) -> Result<()> {
        self.inner.commit().await.map_err(|error| {
            // These codes mean that SQLite has kept or rolled back the transaction. After any other one the end of
            // the commit was not seen: its journal may be gone already.
            let state = match primary_code(&error) {
                Some(BUSY | LOCKED | READONLY | FULL | CONSTRAINT) => CommitState::NotCommitted,
                _ => CommitState::Unknown,
            };
            refused(error).with_commit_state(state)
        })
    }
}

fn query<'a>(sql: &'static str, binds: Binds<'_>) -> sqlx::query::Query<'a, Sqlite, SqliteArguments> {
    binds.iter().fold(sqlx::query(sql), |query, bind| query.bind(bind.map(str::to_owned)))
}

fn columns(row: &SqliteRow) -> Result<Row> {
    (0..row.len()).map(|place| row.try_get_unchecked(place).map_err(refused)).collect()
}

// The primary result codes of SQLite (<https://www.sqlite.org/rescode.html>) that are told apart here.
const PERM: i32 = 3;
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READONLY: i32 = 8;
const IOERR: i32 = 10;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const CONSTRAINT: i32 = 19;
const NOTADB: i32 = 26;

fn primary_code(error: &sqlx::Error) -> Option<i32> {
    let code: i32 = error.as_database_error()?.code()?.parse().ok()?;
    Some(code & 0xff)
}

fn is_busy(error: &sqlx::Error) -> bool {
    matches!(primary_code(error), Some(BUSY | LOCKED))
}

fn refused(error: sqlx::Error) -> Error {
    use sqlx::Error as S;
    let unique = error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation);
    let (kind, message) = match (primary_code(&error), &error) {
        _ if unique => (ErrorKind::AlreadyExists, "the key is taken"),
        (Some(BUSY | LOCKED), _) => {
            (ErrorKind::Unavailable, "another process holds the lock of the database")
        }
        (Some(PERM | READONLY), _) => (ErrorKind::PermissionDenied, "the database cannot be written"),
        (Some(FULL), _) => {
            (ErrorKind::StorageFull, "the disk of the database is full: make room, and do it again")
        }
        (Some(IOERR), _) => (ErrorKind::Unavailable, "the file of the database cannot be read or written"),
        (Some(CORRUPT | NOTADB), _) => (ErrorKind::InvalidData, "the file is no database, or a broken one"),
        (Some(CANTOPEN), _) => (ErrorKind::InvalidConfig, "the file of the database cannot be opened"),
        (_, S::Configuration(_)) => (ErrorKind::InvalidConfig, "the settings of the database are wrong"),
        (_, S::Io(_) | S::PoolTimedOut | S::PoolClosed | S::WorkerCrashed) => {
            (ErrorKind::Unavailable, "the database does not answer")
        }
        _ => (ErrorKind::Unexpected, "the database refuses the statement"),
    };
    Error::new(kind, message).with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn folders_that_are_made_are_synced_in_those_above() {
        let folder = tempfile::tempdir().unwrap();
        let deep = folder.path().join("a/b");
        assert_eq!(changed_by_making(&deep), [folder.path().join("a").as_path(), folder.path()]);
        make_durably(&deep).await.unwrap();
        assert!(deep.is_dir() && changed_by_making(&deep).is_empty());
        assert_eq!(changed_by_making(Path::new("no/such")), [Path::new("no"), Path::new(".")]);
    }
}
