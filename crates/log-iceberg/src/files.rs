//! Metadata files in object stores.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use object_store::{ObjectStoreExt, PutMode, PutOptions, PutPayload};
use stitchwork_core::{Error, ErrorKind, Object, Result, Stores};

/// How often a request that may succeed later is made again before its error is passed on.
const ATTEMPTS: u32 = 4;

/// Reads and writes whole files.
#[derive(Debug, Clone)]
pub(crate) struct Files {
    stores: Stores,
}

impl Files {
    pub(crate) fn new(stores: Stores) -> Self {
        Self { stores }
    }

    pub(crate) fn object(&self, location: &str) -> Result<Object> {
        // Hadoop's schemes for S3 name the same store.
        let plain = location.strip_prefix("s3a://").or_else(|| location.strip_prefix("s3n://"));
        match plain {
            Some(rest) => self.stores.resolve(&format!("s3://{rest}")),
            None => self.stores.resolve(location),
        }
    }

    /// The whole file.
    pub(crate) async fn read(&self, location: &str) -> Result<Bytes> {
        let object = self.object(location)?;
        retry(|| async {
            let found = object.store.get(&object.path).await.map_err(|e| object.error(e))?;
            found.bytes().await.map_err(|e| object.error(e))
        })
        .await
    }

    /// A part of the file.
    pub(crate) async fn read_range(&self, location: &str, range: Range<u64>) -> Result<Bytes> {
        let object = self.object(location)?;
        retry(|| async {
            object.store.get_range(&object.path, range.clone()).await.map_err(|e| object.error(e))
        })
        .await
    }

    pub(crate) async fn exists(&self, location: &str) -> Result<bool> {
        let object = self.object(location)?;
        let found =
            retry(|| async { object.store.head(&object.path).await.map_err(|e| object.error(e)) }).await;
        match found {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Puts a file that must not be there; one attempt. Any error but `AlreadyExists` leaves open whether the
    /// file is there.
    pub(crate) async fn create(&self, location: &str, bytes: Bytes) -> Result<()> {
        let object = self.object(location)?;
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        let put = object.store.put_opts(&object.path, PutPayload::from(bytes), options).await;
        put.map(|_| ()).map_err(|e| object.error(e))
    }

    /// Puts a file under a name that nobody else chooses. No condition is needed then, so that this works on
    /// stores that have none, and a repetition of a put whose answer was lost changes nothing.
    pub(crate) async fn put_unique(&self, location: &str, bytes: Bytes) -> Result<()> {
        retry(|| self.replace(location, bytes.clone())).await
    }

    /// Puts a file in place of one that may be there.
    pub(crate) async fn replace(&self, location: &str, bytes: Bytes) -> Result<()> {
        let object = self.object(location)?;
        let put = object.store.put(&object.path, PutPayload::from(bytes)).await;
        put.map(|_| ()).map_err(|e| object.error(e))
    }

    /// Removes files that nothing refers to. One that stays costs space only, so errors are just told.
    pub(crate) async fn remove_quietly(&self, locations: impl IntoIterator<Item = String>) {
        for location in locations {
            let removed = match self.object(&location) {
                Ok(object) => object.store.delete(&object.path).await.map_err(|e| object.error(e)),
                Err(error) => Err(error),
            };
            if let Err(error) = removed {
                tracing::debug!(%error, location, "a metadata file that is not needed stays");
            }
        }
    }

    /// The names of the files in a folder.
    pub(crate) async fn list(&self, folder: &str) -> Result<Vec<String>> {
        let object = self.object(folder)?;
        let listed = retry(|| async {
            object.store.list_with_delimiter(Some(&object.path)).await.map_err(|e| object.error(e))
        })
        .await;
        let listed = match listed {
            // Some stores know no folders, others say so when one is missing.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(vec![]),
            other => other?,
        };
        let name = |meta: object_store::ObjectMeta| meta.location.filename().map(str::to_owned);
        Ok(listed.objects.into_iter().filter_map(name).collect())
    }
}

/// Makes a request again, a little later each time, while its error says that this may help.
async fn retry<T, F: Future<Output = Result<T>> + Send>(request: impl Fn() -> F + Send) -> Result<T> {
    for attempt in 1.. {
        match request().await {
            Err(error) if error.is_retryable() && attempt < ATTEMPTS => pause(attempt).await,
            other => return other,
        }
    }
    Err(Error::unexpected("a loop without end has ended"))
}

/// Waits longer after each attempt, by a random part of it, so that rivals do not meet again.
pub(crate) async fn pause(attempt: u32) {
    let most = 5_u64 << attempt.min(8);
    let wait = rand::random_range(1..=most);
    tokio::time::sleep(Duration::from_millis(wait)).await;
}
