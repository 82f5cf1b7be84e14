//! From locations to object stores.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::{Error, ErrorKind, Result};

/// Options by name, as they come from a URL's query or a configuration.
pub type Options = BTreeMap<String, String>;

/// Refuses the first option that is not among `known`, naming those that are.
/// # Errors
/// `InvalidConfig` for an option that nobody would read.
pub fn check_options(options: &Options, known: &[&str]) -> Result<()> {
    match options.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(()),
        Some(key) => Err(Error::invalid_config("unknown option")
            .with_context("option", key)
            .with_context("known", if known.is_empty() { "none".to_owned() } else { known.join(",") })),
    }
}

/// Opens the store of a scheme: given the root (`s3://bucket`) and the options.
pub type StoreFactory = Arc<dyn Fn(&str, &Options) -> Result<Arc<dyn ObjectStore>> + Send + Sync>;

/// One object: a store and a path in it.
#[derive(Clone)]
pub struct Object {
    /// The root of the store (`file://`, `memory://`, `s3://bucket`): equal roots are the same store.
    pub root: String,
    /// The store.
    pub store: Arc<dyn ObjectStore>,
    /// The path in the store.
    pub path: Path,
    /// The size in bytes where it is known, which saves a request.
    pub size: Option<u64>,
}

impl Object {
    /// The whole location, as [`Stores::resolve`] takes it.
    pub fn location(&self) -> String {
        format!("{}/{}", self.root, self.path)
    }

    /// The object with its size known.
    pub fn with_size(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    /// The object `name` (which may hold slashes) below this one.
    pub fn child(&self, name: &str) -> Self {
        let path = name.split('/').filter(|part| !part.is_empty()).fold(self.path.clone(), |path, part| {
            // A part goes in as it is: object_store's own join would encode it.
            Path::parse(format!("{path}/{part}")).unwrap_or_else(|_| path.clone().join(part))
        });
        Self { path, size: None, ..self.clone() }
    }

    /// The size, asked of the store where it is not known.
    /// # Errors
    /// `NotFound`, or what the store says.
    pub async fn fetch_size(&self) -> Result<u64> {
        match self.size {
            Some(size) => Ok(size),
            None => Ok(self.store.head(&self.path).await.map_err(|e| self.error(e))?.size),
        }
    }

    /// An error of the store with the object's location.
    pub fn error(&self, error: object_store::Error) -> Error {
        Error::from(error).with_context("location", self.location())
    }
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Object").field(&self.location()).finish()
    }
}

/// Finds the store of a location; one store per root, opened once. Clones share the stores.
///
/// A location is `scheme://authority/path`, `memory:path` or an absolute path of the file system, **without
/// URL encoding**: `file:///a b/x%2Fy` is the file `/a b/x%2Fy`.
#[derive(Clone)]
pub struct Stores {
    shared: Arc<Mutex<Shared>>,
}

#[derive(Default)]
struct Shared {
    factories: BTreeMap<String, StoreFactory>,
    opened: BTreeMap<String, Arc<dyn ObjectStore>>,
    options: Options,
    remaps: Vec<(String, String)>,
}

impl Stores {
    /// Stores for `file://` and `memory:`; further schemes come with [`Stores::register`].
    pub fn new() -> Self {
        let stores = Self { shared: Arc::default() };
        stores.lock().factories.insert("file".to_owned(), without_options(LocalFileSystem::new));
        stores.lock().factories.insert("memory".to_owned(), without_options(InMemory::new));
        stores
    }

    /// Adds the stores of a scheme.
    /// # Errors
    /// `AlreadyExists` when the scheme is taken.
    pub fn register(&self, scheme: &str, factory: StoreFactory) -> Result<()> {
        match self.lock().factories.entry(scheme.to_owned()) {
            Entry::Vacant(free) => free.insert(factory),
            Entry::Occupied(_) => {
                return Err(Error::new(ErrorKind::AlreadyExists, "the scheme of a store is taken")
                    .with_context("scheme", scheme));
            }
        };
        Ok(())
    }

    /// Uses `store` for all below `root` (`memory://`, `s3://bucket`), in place of the scheme's own store.
    pub fn mount(&self, root: &str, store: Arc<dyn ObjectStore>) {
        // A trailing slash is no part of a root, but the two of an empty authority are.
        let root = root.strip_suffix('/').filter(|root| !root.ends_with(":/")).unwrap_or(root);
        self.lock().opened.insert(root.to_owned(), store);
    }

    /// Options for stores that are opened from now on.
    pub fn set_options(&self, options: Options) {
        self.lock().options = options;
    }

    /// Reads locations that start with `from` as if they started with `to`: a table that was moved.
    pub fn remap(&self, from: &str, to: &str) {
        self.lock().remaps.push((from.to_owned(), to.to_owned()));
    }

    /// The object at a location.
    /// # Errors
    /// `InvalidInput` for a location that is none (a relative path, `..` in it), `NotFound` for an unknown
    /// scheme (the error lists the known ones), or what opening the store says.
    pub fn resolve(&self, location: &str) -> Result<Object> {
        let mut shared = self.lock();
        let mut remaps = shared.remaps.iter();
        let remapped =
            remaps.find_map(|(from, to)| Some(format!("{to}{}", location.strip_prefix(from.as_str())?)));
        let (root, path) = split(remapped.as_deref().unwrap_or(location))?;
        let path = Path::parse(&path).map_err(|e| {
            Error::invalid_input("the location is no path of an object")
                .with_context("location", location)
                .with_source(e)
        })?;
        if let Some(store) = shared.opened.get(&root).cloned() {
            return Ok(Object { root, store, path, size: None });
        }
        let scheme = root.split(':').next().unwrap_or_default();
        let factory = shared.factories.get(scheme).ok_or_else(|| {
            Error::not_found("no store is registered for the scheme; add one with `Stores::register`")
                .with_context("scheme", scheme)
                .with_context("known", names(&shared.factories))
        })?;
        let store = factory(&root, &shared.options)?;
        shared.opened.insert(root.clone(), store.clone());
        Ok(Object { root, store, path, size: None })
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Stores {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Stores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stores")
            .field("opened", &self.lock().opened.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// The factory of a store that takes no options.
fn without_options<S: ObjectStore>(open: fn() -> S) -> StoreFactory {
    Arc::new(move |_, options| {
        check_options(options, &[])?;
        Ok(Arc::new(open()))
    })
}

/// The keys of a map as they stand in errors.
pub(crate) fn names<T>(map: &BTreeMap<String, T>) -> String {
    map.keys().map(String::as_str).collect::<Vec<_>>().join(",")
}

/// The root and the path of a location. Object paths have no leading or trailing slash.
fn split(location: &str) -> Result<(String, String)> {
    let refuse = |why: &str| Err(Error::invalid_input(why).with_context("location", location));
    let (scheme, authority, path) = if let Some((scheme, rest)) = location.split_once("://") {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        (scheme, authority, path)
    } else if let Some(path) = location.strip_prefix("memory:") {
        ("memory", "", path)
    } else if let Some(path) = location.strip_prefix("file:/").or(location.strip_prefix('/')) {
        ("file", "", path)
    } else {
        return refuse("a location is scheme://… or an absolute path");
    };
    match (scheme, authority) {
        // Java writes doubled slashes now and then; to every file system they are one.
        ("file", "" | "localhost") => {
            let parts: Vec<_> = path.split('/').filter(|part| !part.is_empty()).collect();
            Ok(("file://".to_owned(), parts.join("/")))
        }
        ("file", _) => refuse("a file location has no host: write file:///absolute/path"),
        _ => Ok((format!("{scheme}://{authority}"), path.trim_matches('/').to_owned())),
    }
}

/// `location` and `name` with exactly one slash between them.
pub fn join(location: &str, name: &str) -> String {
    let separator = if location.ends_with(['/', ':']) { "" } else { "/" };
    format!("{location}{separator}{}", name.trim_start_matches('/'))
}
