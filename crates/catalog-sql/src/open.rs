//! The database of a place.

use std::time::Duration;

use stitchwork_core::Result;

use crate::config::Place;
use crate::database::{Database, prepare};

/// Opens the database and makes the tables that are missing.
pub(crate) async fn open(place: Place, lock_timeout: Duration) -> Result<Box<dyn Database>> {
    let database: Box<dyn Database> = match place {
        #[cfg(feature = "sqlite")]
        Place::File(path) => {
            Box::new(crate::sqlite::SqliteDatabase::open(path.as_deref(), lock_timeout).await?)
        }
        #[cfg(feature = "postgres")]
        Place::Server { url, schema } => {
            Box::new(crate::postgres::PostgresDatabase::open(&url, schema.as_deref(), lock_timeout).await?)
        }
    };
    prepare(&*database).await?;
    Ok(database)
}
