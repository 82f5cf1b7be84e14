//! A catalog whose answers get lost.

use async_trait::async_trait;
use futures::stream::BoxStream;
use parking_lot::Mutex;
use std::sync::Arc;
use stitchwork_core::{
    Catalog, CatalogCapabilities, CommitState, Entry, Error, ErrorKind, Info, ListArgs, NamespaceChange,
    Result, SwapArgs, TableIdent,
};

/// A catalog that does what the one inside does, but can be told to lose the answers of its swaps.
#[derive(Debug)]
pub struct FlakyCatalog {
    inner: Arc<dyn Catalog>,
    lose: Mutex<u32>,
    swaps: Mutex<u32>,
}

impl FlakyCatalog {
    /// Around a catalog; nothing is lost until told.
    #[must_use]
    pub fn new(inner: Arc<dyn Catalog>) -> Self {
        Self { inner, lose: Mutex::new(0), swaps: Mutex::new(0) }
    }

    /// The next `swaps` swaps are done, but answered with `Unavailable` and *unknown*.
    pub fn lose_answers(&self, swaps: u32) {
        *self.lose.lock() = swaps;
    }

    /// How many swaps there were.
    #[must_use]
    pub fn swaps(&self) -> u32 {
        *self.swaps.lock()
    }

    /// Whether this swap's answer is lost.
    fn loses(&self) -> bool {
        let mut lose = self.lose.lock();
        let lost = *lose > 0;
        *lose = lose.saturating_sub(1);
        lost
    }
}

#[async_trait]
impl Catalog for FlakyCatalog {
    fn info(&self) -> Info {
        self.inner.info()
    }

    fn capabilities(&self) -> CatalogCapabilities {
        self.inner.capabilities()
    }

    fn list(&self, args: ListArgs) -> BoxStream<'static, Result<TableIdent>> {
        self.inner.list(args)
    }

    async fn load(&self, ident: &TableIdent) -> Result<Entry> {
        self.inner.load(ident).await
    }

    async fn create(&self, entry: Entry) -> Result<Entry> {
        self.inner.create(entry).await
    }

    async fn remove(&self, ident: &TableIdent) -> Result<()> {
        self.inner.remove(ident).await
    }

    async fn rename(&self, from: &TableIdent, to: &TableIdent) -> Result<()> {
        self.inner.rename(from, to).await
    }

    async fn swap(&self, swaps: Vec<SwapArgs>) -> Result<Vec<Entry>> {
        *self.swaps.lock() += 1;
        let done = self.inner.swap(swaps).await?;
        if self.loses() {
            return Err(Error::new(ErrorKind::Unavailable, "the answer to the swap was lost")
                .with_operation("catalog::swap")
                .with_commit_state(CommitState::Unknown));
        }
        Ok(done)
    }

    async fn namespaces(&self) -> Result<Vec<Vec<String>>> {
        self.inner.namespaces().await
    }

    async fn alter_namespace(&self, namespace: &[String], change: NamespaceChange) -> Result<()> {
        self.inner.alter_namespace(namespace, change).await
    }
}
