//! Stores and catalogs for worlds: on this machine, and on the real servers of tests.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use object_store::ObjectStore;
use object_store::memory::InMemory;
use stitchwork_catalog_memory::MemoryCatalog;
use stitchwork_core::{Catalog, OpenUrl, Options};
use stitchwork_services::{POSTGRES, Running, Service, VERSITYGW, in_test};
use tempfile::TempDir;
use tokio::sync::OnceCell;

use super::Violation;
use super::world::{Address, World, registry};

/// Where the files are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// In memory.
    Memory,
    /// In a folder, written by our own durable store.
    Files,
    /// On a server that speaks S3.
    S3,
}

/// Where the names of tables are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Names {
    /// Nowhere: a table is a folder.
    Folders,
    /// In a value.
    Memory,
    /// In a database in a file.
    Sqlite,
    /// In a database on a server.
    Postgres,
}

/// A server, and the bucket or database on it that nobody else has.
#[derive(Debug, Clone)]
struct Own {
    server: Running,
    url: String,
}

/// A store and a kind of catalog, with as many worlds as one likes, which see nothing of each other.
pub(crate) struct Place {
    store: Store,
    names: Names,
    s3: Option<Own>,
    postgres: Option<Own>,
    /// Where the database in a file is.
    folder: TempDir,
    /// One client for all worlds, as for all tasks of a process: a store is asked only once whether its conditional
    /// puts work, and to open a database, or to prove a password to it, takes longer than a load. Processes that are
    /// killed have clients of their own.
    client: OnceCell<Arc<dyn ObjectStore>>,
    catalog: OnceCell<Arc<dyn Catalog>>,
    worlds: AtomicUsize,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} with {:?}", self.store, self.names)
    }
}

impl Place {
    /// The place, or `None` where a server of it is missing, which is said by name.
    ///
    /// # Errors
    /// When a server that is there makes no bucket or database.
    pub(crate) fn new(store: Store, names: Names) -> Result<Option<Self>, Violation> {
        let (mut s3, mut postgres) = (None, None);
        if store == Store::S3 {
            let Some(server) = own(&VERSITYGW)? else { return Ok(None) };
            s3 = Some(server);
        }
        if names == Names::Postgres {
            let Some(server) = own(&POSTGRES)? else { return Ok(None) };
            postgres = Some(server);
        }
        let (folder, worlds) = (folder()?, AtomicUsize::new(0));
        let (client, catalog) = (OnceCell::new(), OnceCell::new());
        Ok(Some(Self { store, names, s3, postgres, folder, client, catalog, worlds }))
    }

    /// A new world.
    ///
    /// # Errors
    /// What opening the store and the catalog says.
    pub(crate) async fn world(&self, log: &str) -> Result<World, Violation> {
        let n = self.worlds.fetch_add(1, Ordering::Relaxed);
        let folder = folder()?;
        let (root, location, options) = match (self.store, &self.s3) {
            (Store::S3, Some(Own { server, url })) => {
                (url.clone(), format!("{url}/{n}"), server.s3_options(&server.url()))
            }
            (Store::Memory, _) => ("memory://".to_owned(), "memory:data".to_owned(), Options::new()),
            _ => {
                let location = format!("file://{}/data", folder.path().display());
                ("file://".to_owned(), location, Options::new())
            }
        };
        let catalog = match (self.names, &self.postgres) {
            (Names::Sqlite, _) => Some(format!("sqlite://{}/catalog.db", self.folder.path().display())),
            (Names::Postgres, Some(Own { url, .. })) => Some(url.clone()),
            _ => None,
        };
        let (log, namespace) = (log.to_owned(), format!("n{n}"));
        let address = Address { log, root, location, options, catalog, namespace };
        let failed = |e| format!("the world cannot be made: {e:?}");
        let store: Arc<dyn ObjectStore> = match self.store {
            Store::Memory => Arc::new(InMemory::new()),
            Store::Files => address.store().map_err(failed)?,
            Store::S3 => {
                self.client.get_or_try_init(|| async { address.store() }).await.map_err(failed)?.clone()
            }
        };
        let catalog: Option<Arc<dyn Catalog>> = match (self.names, &address.catalog) {
            (Names::Memory, _) => Some(Arc::new(MemoryCatalog::new())),
            (_, Some(url)) => {
                let open = || async { registry()?.catalog(OpenUrl::new(url)).await };
                Some(self.catalog.get_or_try_init(open).await.map_err(failed)?.clone())
            }
            (_, None) => None,
        };
        Ok(World { address, store, catalog, keep: Box::new(folder) })
    }
}

/// A folder that goes with its value: in memory where the system has such a place, since what a disk keeps is the
/// business of the durable store's own tests.
///
/// # Errors
/// When none can be made.
pub(crate) fn folder() -> Result<TempDir, Violation> {
    let fast = PathBuf::from("/dev/shm");
    let made = if fast.is_dir() { tempfile::tempdir_in(fast) } else { tempfile::tempdir() };
    made.map_err(|e| format!("no temporary folder: {e}"))
}

fn own(service: &'static Service) -> Result<Option<Own>, Violation> {
    let Some(server) = in_test(service) else { return Ok(None) };
    let url = server.fresh("crash").map_err(|e| format!("{}: {e}", service.name))?;
    Ok(Some(Own { server, url }))
}
