//! A catalog whose answers get lost, and that may call itself something else.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::BoxStream;
use parking_lot::Mutex;
use stitchwork_core::{
    Catalog, CatalogCapabilities, CommitState, Entry, Error, ErrorKind, Info, ListArgs, NamespaceChange,
    Result, SwapArgs, TableIdent,
};

/// A catalog that does what the one inside does, but can be told to lose the answers of its swaps and creates, and
/// may have a scheme of its own.
#[derive(Debug)]
pub struct FlakyCatalog {
    inner: Arc<dyn Catalog>,
    scheme: Option<&'static str>,
    lose: Mutex<u32>,
    lose_creates: Mutex<u32>,
    swaps: Mutex<u32>,
}

impl FlakyCatalog {
    /// Around a catalog; nothing is lost until told.
    #[must_use]
    pub fn new(inner: Arc<dyn Catalog>) -> Self {
        Self {
            inner,
            scheme: None,
            lose: Mutex::default(),
            lose_creates: Mutex::default(),
            swaps: Mutex::default(),
        }
    }

    /// The same under another scheme, as a catalog of another kind.
    #[must_use]
    pub fn with_scheme(self, scheme: &'static str) -> Self {
        Self { scheme: Some(scheme), ..self }
    }

    /// The next `creates` creates are done, but answered with `Unavailable`.
    pub fn lose_creates(&self, creates: u32) {
        *self.lose_creates.lock() = creates;
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
}

/// Whether this answer is lost, of those that are to be.
fn loses(left: &Mutex<u32>) -> bool {
    let mut left = left.lock();
    let lost = *left > 0;
    *left = left.saturating_sub(1);
    lost
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Catalog for FlakyCatalog {
    fn info(&self) -> Info {
        let info = self.inner.info();
        Info { scheme: self.scheme.unwrap_or(info.scheme), ..info }
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
        let done = self.inner.create(entry).await?;
        if loses(&self.lose_creates) {
            return Err(Error::new(ErrorKind::Unavailable, "the answer to the create was lost"));
        }
        Ok(done)
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
        if loses(&self.lose) {
            return Err(Error::new(ErrorKind::Unavailable, "the answer to the swap was lost")
                .with_operation("catalog::swap")
                .with_commit_state(CommitState::Unknown));
        }
        Ok(done)
    }

    async fn namespaces(&self) -> Result<Vec<Vec<String>>> {
        self.inner.namespaces().await
    }

    async fn namespace_properties(&self, namespace: &[String]) -> Result<BTreeMap<String, String>> {
        self.inner.namespace_properties(namespace).await
    }

    async fn alter_namespace(&self, namespace: &[String], change: NamespaceChange) -> Result<()> {
        self.inner.alter_namespace(namespace, change).await
    }
}
