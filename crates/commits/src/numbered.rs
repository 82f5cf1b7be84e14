//! Where the commits of a log lie, and how they are read.

use std::sync::Arc;

use bytes::Bytes;
use futures::future;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use object_store::ObjectStoreExt;
use stitchwork_core::{Error, ErrorKind, Object, Result};

use crate::time::now_ms;

/// How many commits are fetched at a time.
const FETCHES: usize = 16;

/// A commit as it stands in its object.
pub trait Commit: Sized + Send + Sync + 'static {
    /// Reads the commit of a version; `modified_ms` is when its object was written.
    ///
    /// # Errors
    /// Why the bytes are no commit that is understood here.
    fn parse(version: i64, modified_ms: i64, bytes: &[u8]) -> Result<Self>;

    /// What no other commit has inside; `None` where its writer has given it nothing of the kind.
    fn id(&self) -> Option<&str>;
}

/// The folder of a log whose commit `N` is the object `N.json`, `N` in twenty digits.
#[derive(Debug, Clone)]
pub struct Commits {
    folder: Object,
}

impl Commits {
    /// The commits in a folder.
    #[must_use]
    pub fn new(folder: Object) -> Self {
        Self { folder }
    }

    /// The object of a version, whether it is there or not.
    #[must_use]
    pub fn object(&self, version: i64) -> Object {
        self.folder.child(&format!("{version:020}.json"))
    }

    /// The bytes of a version and when they were written, or `None` where it is not there.
    ///
    /// # Errors
    /// What the store says.
    pub async fn bytes(&self, version: i64) -> Result<Option<(Bytes, i64)>> {
        get(&self.object(version)).await
    }

    /// When the object of a version, which has just been written, counts as written: by the store's clock, as
    /// whoever opens the table later will see it, or by ours where the store does not say.
    pub async fn written_ms(&self, version: i64) -> i64 {
        let object = self.object(version);
        let told = object.store.head(&object.path).await.map(|meta| meta.last_modified);
        told.map_or_else(|_| now_ms(), |time| time.timestamp_millis())
    }

    /// The commit of a version, or `None` where it is not there.
    ///
    /// # Errors
    /// What the store says, and what [`Commit::parse`] says, with the location.
    pub async fn read<C: Commit>(&self, version: i64) -> Result<Option<C>> {
        let Some((bytes, modified_ms)) = self.bytes(version).await? else { return Ok(None) };
        self.parse(version, modified_ms, &bytes).map(Some)
    }

    pub(crate) fn parse<C: Commit>(&self, version: i64, modified_ms: i64, bytes: &[u8]) -> Result<C> {
        // What a machine that lost its power leaves of a file: no bytes, or zeros in their place. As a commit that
        // changes nothing it would hide what the version had added.
        let lost = bytes.iter().all(|byte| *byte == 0 || byte.is_ascii_whitespace());
        let parsed = match lost {
            true => Err(Error::invalid_data(
                "a commit of the log is empty: its writer was cut off, or the disk has lost what it wrote",
            )),
            false => C::parse(version, modified_ms, bytes),
        };
        parsed.map_err(|error| match error.kind() {
            ErrorKind::InvalidData => self.located(version, error).with_context("remedy", remedy(version)),
            _ => self.located(version, error),
        })
    }

    pub(crate) fn located(&self, version: i64, error: Error) -> Error {
        error.with_context("location", self.object(version).location())
    }

    /// The error about a version that must be there and is not, with its location and what to do.
    #[must_use]
    pub fn lost(&self, version: i64, error: Error) -> Error {
        self.located(version, error).with_context("remedy", remedy(version))
    }

    /// The commits from a version on, as many as there are in one sequence.
    #[must_use]
    pub fn read_from<C: Commit>(&self, first: i64) -> BoxStream<'static, Result<C>> {
        let read = |commits: Self| {
            move |version| {
                let commits = commits.clone();
                async move { commits.read(version).await }
            }
        };
        // One alone at first: mostly there is nothing new.
        let one = stream::iter([first]).then(read(self.clone()));
        let more = stream::iter(first.saturating_add(1)..i64::MAX).map(read(self.clone())).buffered(FETCHES);
        one.chain(more)
            .try_take_while(|commit| future::ready(Ok(commit.is_some())))
            .try_filter_map(|commit| future::ready(Ok(commit)))
            .boxed()
    }

    /// These commits in this order; `missing` says what is wrong when one is not there.
    ///
    /// # Errors
    /// That of `missing` with the location, and those of [`Self::read`].
    pub async fn read_all<C: Commit>(
        &self,
        versions: impl IntoIterator<Item = i64, IntoIter: Send>,
        missing: impl Fn(i64) -> Error + Sync,
    ) -> Result<Vec<Arc<C>>> {
        let missing = &missing;
        stream::iter(versions)
            .map(|version| async move {
                self.read(version).await?.map(Arc::new).ok_or_else(|| self.lost(version, missing(version)))
            })
            .buffered(FETCHES)
            .try_collect()
            .await
    }
}

/// What to do about a commit that is damaged or lost.
fn remedy(version: i64) -> &'static str {
    match version {
        0 => "restore the object from a copy: without it no version can be read",
        _ => "restore the object from a copy; until then versions before this one can be read",
    }
}

/// The bytes of an object and when they were written, or `None` where it is not there.
///
/// # Errors
/// What the store says, with the location.
pub async fn get(object: &Object) -> Result<Option<(Bytes, i64)>> {
    let result = match object.store.get(&object.path).await {
        Ok(result) => result,
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(error) => return Err(object.error(error)),
    };
    let modified_ms = result.meta.last_modified.timestamp_millis();
    let bytes = result.bytes().await.map_err(|e| object.error(e))?;
    Ok(Some((bytes, modified_ms)))
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use object_store::memory::InMemory;
    use stitchwork_core::Stores;
    use stitchwork_testkit::{FaultStore, Operation};

    use super::*;

    /// A commit that is nothing but an id; without one it is broken.
    #[derive(Debug, PartialEq)]
    pub(crate) struct Note {
        pub(crate) version: i64,
        id: String,
    }

    impl Commit for Note {
        fn parse(version: i64, _: i64, bytes: &[u8]) -> Result<Self> {
            match String::from_utf8_lossy(bytes).strip_prefix("id ") {
                Some(id) => Ok(Self { version, id: id.to_owned() }),
                None => Err(Error::invalid_data("a note is broken")),
            }
        }

        fn id(&self) -> Option<&str> {
            Some(&self.id)
        }
    }

    /// An empty folder in a store that fails on demand.
    pub(crate) fn folder() -> (Commits, FaultStore) {
        let (stores, store) = (Stores::new(), FaultStore::new(Arc::new(InMemory::new())));
        stores.mount("store://test", Arc::new(store.clone()));
        (Commits::new(stores.resolve("store://test/log").unwrap()), store)
    }

    /// Writes a version as somebody else would.
    pub(crate) async fn write(commits: &Commits, version: i64, text: &str) {
        let object = commits.object(version);
        object.store.put(&object.path, text.to_owned().into()).await.unwrap();
    }

    #[tokio::test]
    async fn a_sequence_ends_before_the_first_gap() {
        let (commits, store) = folder();
        for version in [0, 1, 2, 3, 5] {
            write(&commits, version, &format!("id {version}")).await;
        }
        let found: Vec<Note> = commits.read_from(1).try_collect().await.unwrap();
        assert_eq!(found.iter().map(|note| note.version).collect::<Vec<_>>(), [1, 2, 3]);
        store.forget();
        let none: Vec<Note> = commits.read_from(4).try_collect().await.unwrap();
        assert!(none.is_empty());
        assert_eq!(store.count(Operation::Get), 1, "that there is nothing new costs one request");
    }

    #[tokio::test]
    async fn what_is_missing_or_broken_says_so() {
        let (commits, _) = folder();
        write(&commits, 0, "id 0").await;
        write(&commits, 2, "").await;
        let missing = |version| Error::not_found("gone").with_context("version", version);
        let error = commits.read_all::<Note>([0, 1], missing).await.unwrap_err();
        assert_eq!((error.kind(), error.context("version")), (ErrorKind::NotFound, Some("1")));
        assert_eq!(error.context("location"), Some("store://test/log/00000000000000000001.json"));
        assert!(error.context("remedy").is_some_and(|remedy| remedy.contains("restore")), "{error}");
        // A disk that lost its power may keep the length of a file and give zeros for its bytes.
        for (text, words) in [("", "empty"), ("\0\0\0", "empty"), (" \n", "empty"), ("i", "broken")] {
            write(&commits, 2, text).await;
            let error = commits.read::<Note>(2).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidData);
            assert!(error.message().contains(words), "{text:?}: {error}");
            assert_eq!(error.context("location"), Some("store://test/log/00000000000000000002.json"));
            assert!(error.context("remedy").is_some_and(|remedy| remedy.contains("restore")), "{error}");
        }
    }
}
