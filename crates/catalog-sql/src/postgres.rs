//! PostgreSQL as the database of a catalog.
//!
//! Transactions run side by side at READ COMMITTED, whatever the server's default is: each statement sees what was
//! committed before it, and an `UPDATE` waits for whoever changes its row and then looks at its conditions again. That
//! is what pyiceberg and Java rely on too.

mod address;
mod errors;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgPool, PgPoolOptions, PgRow, Postgres};
use sqlx::{AssertSqlSafe, ConnectOptions, Row as _};
use stitchwork_core::{Error, Result};
use url::Url;

use crate::database::{Binds, Database, Dialect, Row, Transaction};
use address::Address;
use errors::{lost, refused};

/// The scheme of its URLs, and the one that libpq takes as well.
pub(crate) const SCHEME: &str = "postgres";
pub(crate) const OTHER_SCHEME: &str = "postgresql";

/// Connections of one catalog.
const CONNECTIONS: u32 = 8;
/// How long a call waits for one of them, beyond what the calls before it may wait for locks.
const PATIENCE: Duration = Duration::from_secs(30);

const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// `IF NOT EXISTS` alone lets two sessions make one table, of which one fails.
const ONE_MAKES_TABLES: &str = "SELECT pg_advisory_xact_lock(hashtext('stitchwork catalog tables'))";
const MAKES_TABLE: &str = "CREATE TABLE";

const DIALECT: Dialect = Dialect {
    scheme: SCHEME,
    name: "PostgreSQL",
    finds_tables: "SELECT name FROM (VALUES ('iceberg_tables'), ('iceberg_namespace_properties')) t (name) \
         WHERE to_regclass(name) IS NOT NULL",
    finds_type: "SELECT '1' FROM pg_attribute WHERE attrelid = to_regclass('iceberg_tables') \
         AND attname = 'iceberg_type' AND NOT attisdropped",
    // The table itself is read, since a name that was looked up in vain is remembered until the transaction ends.
    finds_extras: "SELECT '1' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
         WHERE c.relname = 'stitchwork_table_properties' AND n.nspname = ANY (current_schemas(false))",
    locks: Some(
        "SELECT '1' FROM iceberg_tables \
         WHERE catalog_name = ? AND table_namespace = ? AND table_name = ? FOR UPDATE",
    ),
    // There is no one row to lock: a namespace is all the rows with its name, and any of them may go.
    locks_namespace: Some("SELECT '1' FROM pg_advisory_xact_lock(hashtext(?), hashtext(?))"),
};

/// A database of PostgreSQL with the tables of a catalog.
pub(crate) struct PostgresDatabase {
    pool: PgPool,
    address: Address,
}

impl PostgresDatabase {
    /// Connects. The tables lie in the schema, which is made where it is missing, or else where the search path leads.
    pub(crate) async fn open(url: &Url, schema: Option<&str>, lock_timeout: Duration) -> Result<Self> {
        let wrong = |e| Error::invalid_config("the URL of the database has a wrong option").with_source(e);
        let options = PgConnectOptions::from_url(url).map_err(wrong)?.disable_statement_logging();
        // Zero would mean to wait for ever.
        let timeout = format!("{}ms", lock_timeout.as_millis().max(1));
        let schema = schema.map(str::to_owned);
        let searched = schema.clone();
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(PATIENCE + lock_timeout)
            .after_connect(move |connection, _| {
                let (timeout, schema) = (timeout.clone(), searched.clone());
                Box::pin(async move {
                    let set = "SELECT set_config('lock_timeout', $1, false)";
                    sqlx::query(set).bind(timeout).execute(&mut *connection).await?;
                    if let Some(schema) = schema {
                        let set = "SELECT set_config('search_path', quote_ident($1), false)";
                        sqlx::query(set).bind(schema).execute(&mut *connection).await?;
                    }
                    Ok(())
                })
            });
        let (address, pool) = (Address::of(&options), pool.connect_lazy_with(options));
        drop(address.connected(pool.acquire()).await?);
        if let Some(schema) = schema {
            make_schema(&pool, &schema).await.map_err(refused)?;
        }
        Ok(Self { pool, address })
    }
}

async fn make_schema(pool: &PgPool, schema: &str) -> sqlx::Result<()> {
    let found = sqlx::query("SELECT 1 FROM pg_namespace WHERE nspname = $1").bind(schema);
    if found.fetch_optional(pool).await?.is_some() {
        return Ok(());
    }
    let mut transaction = pool.begin_with(BEGIN).await?;
    sqlx::query(ONE_MAKES_TABLES).execute(&mut *transaction).await?;
    let make = format!("CREATE SCHEMA IF NOT EXISTS \"{}\"", schema.replace('"', "\"\""));
    sqlx::query(AssertSqlSafe(make)).execute(&mut *transaction).await?;
    transaction.commit().await
}

#[async_trait]
impl Database for PostgresDatabase {
    fn dialect(&self) -> &'static Dialect {
        &DIALECT
    }

    fn is_durable(&self) -> bool {
        true
    }

    async fn fetch(&self, sql: &'static str, binds: Binds<'_>) -> Result<Vec<Row>> {
        let mut connection = self.address.connected(self.pool.acquire()).await?;
        let rows = query(sql, binds).fetch_all(&mut *connection).await.map_err(refused)?;
        rows.iter().map(columns).collect()
    }

    async fn begin(&self) -> Result<Box<dyn Transaction>> {
        let inner = self.address.connected(self.pool.begin_with(BEGIN)).await?;
        Ok(Box::new(PostgresTransaction { inner }))
    }
}

impl fmt::Debug for PostgresDatabase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The pool knows the password.
        f.debug_struct("PostgresDatabase").finish_non_exhaustive()
    }
}

struct PostgresTransaction {
    inner: sqlx::Transaction<'static, Postgres>,
}

#[async_trait]
impl Transaction for PostgresTransaction {
    async fn fetch(&mut self, sql: &'static str, binds: Binds<'_>) -> Result<Vec<Row>> {
        let rows = query(sql, binds).fetch_all(&mut *self.inner).await.map_err(refused)?;
        rows.iter().map(columns).collect()
    }

    async fn execute(&mut self, sql: &'static str, binds: Binds<'_>) -> Result<u64> {
        if sql.starts_with(MAKES_TABLE) {
            query(ONE_MAKES_TABLES, &[]).execute(&mut *self.inner).await.map_err(refused)?;
        }
        Ok(query(sql, binds).execute(&mut *self.inner).await.map_err(refused)?.rows_affected())
    }

    async fn commit(self: Box<Self>) -> Result<()> {
        self.inner.commit().await.map_err(lost)
    }
}

type Query<'q> = sqlx::query::Query<'q, Postgres, PgArguments>;

fn query<'q>(sql: &'static str, binds: Binds<'_>) -> Query<'q> {
    let query = sqlx::query(AssertSqlSafe(in_its_own_way(sql)));
    binds.iter().fold(query, |query, bind| query.bind(bind.map(str::to_owned)))
}

/// Numbers the binds, and names byte order as PostgreSQL does. No statement has a `?` that is none.
fn in_its_own_way(sql: &str) -> String {
    let mut text = String::with_capacity(sql.len() + 16);
    for (place, part) in sql.split('?').enumerate() {
        if place > 0 {
            text.push_str(&format!("${place}"));
        }
        text.push_str(part);
    }
    text.replace("COLLATE BINARY", "COLLATE \"C\"")
}

fn columns(row: &PgRow) -> Result<Row> {
    (0..row.len()).map(|place| row.try_get_unchecked(place).map_err(refused)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statements;

    #[test]
    fn binds_are_numbered_and_byte_order_is_named() {
        assert_eq!(in_its_own_way("SELECT 1"), "SELECT 1");
        assert_eq!(in_its_own_way("a = ? AND b = ?"), "a = $1 AND b = $2");
        let list = in_its_own_way(statements::LIST);
        assert!(list.contains("> ($6, $7)") && !list.contains('?') && !list.contains("BINARY"), "{list}");
        assert_eq!(list.matches("COLLATE \"C\"").count(), 4, "{list}");
    }
}
