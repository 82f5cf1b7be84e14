//! From locations to object stores.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::{Error, ErrorKind, Result};

/// Options by name, as they come from a URL's query or a configuration.
pub type Options = BTreeMap<String, String>;

/// Refuses the first option that is not among `known`, naming those that are.
///
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
    #[must_use]
    pub fn location(&self) -> String {
        format!("{}/{}", self.root, self.path)
    }

    /// The object with its size known.
    #[must_use]
    pub fn with_size(mut self, size: u64) -> Self {
        self.size = Some(size);
        self
    }

    /// The object `name` (which may hold slashes) below this one.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        let path = name.split('/').filter(|part| !part.is_empty()).fold(self.path.clone(), |path, part| {
            // A part goes in as it is: object_store's own join would encode it.
            Path::parse(format!("{path}/{part}")).unwrap_or_else(|_| path.clone().join(part))
        });
        Self { path, size: None, ..self.clone() }
    }

    /// The size, asked of the store where it is not known.
    ///
    /// # Errors
    /// `NotFound`, or what the store says.
    pub async fn fetch_size(&self) -> Result<u64> {
        match self.size {
            Some(size) => Ok(size),
            None => Ok(self.store.head(&self.path).await.map_err(|e| self.error(e))?.size),
        }
    }

    /// An error of the store with the object's location.
    #[must_use]
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

struct Shared {
    factories: BTreeMap<String, StoreFactory>,
    opened: BTreeMap<String, Arc<dyn ObjectStore>>,
    options: Options,
    remaps: Vec<(String, String)>,
}

impl Stores {
    /// Stores for `file://` and `memory:`; further schemes come with [`Stores::register`].
    #[must_use]
    pub fn new() -> Self {
        let shared = Shared {
            factories: BTreeMap::new(),
            opened: BTreeMap::new(),
            options: Options::new(),
            remaps: Vec::new(),
        };
        let stores = Self { shared: Arc::new(Mutex::new(shared)) };
        stores.insert(
            "file",
            Arc::new(|_, options| {
                check_options(options, &[])?;
                Ok(Arc::new(LocalFileSystem::new()))
            }),
        );
        stores.insert(
            "memory",
            Arc::new(|_, options| {
                check_options(options, &[])?;
                Ok(Arc::new(InMemory::new()))
            }),
        );
        stores
    }

    /// Adds the stores of a scheme.
    ///
    /// # Errors
    /// `AlreadyExists` when the scheme is taken.
    pub fn register(&self, scheme: &str, factory: StoreFactory) -> Result<()> {
        if self.lock().factories.contains_key(scheme) {
            return Err(Error::new(ErrorKind::AlreadyExists, "the scheme of a store is taken")
                .with_context("scheme", scheme));
        }
        self.insert(scheme, factory);
        Ok(())
    }

    /// Uses `store` for every location under `root` (`file://`, `memory://`, `s3://bucket`), in place of the
    /// scheme's own: how tests put a fault-injecting store under everything.
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
    ///
    /// # Errors
    /// `InvalidInput` for a location that is none (a relative path, `..` in it), `NotFound` for an unknown
    /// scheme (the error lists the known ones), or what opening the store says.
    pub fn resolve(&self, location: &str) -> Result<Object> {
        let mut shared = self.lock();
        let remapped = shared
            .remaps
            .iter()
            .find_map(|(from, to)| Some(format!("{to}{}", location.strip_prefix(from.as_str())?)));
        let (root, path) = split(remapped.as_deref().unwrap_or(location))?;
        let path = Path::parse(&path).map_err(|e| {
            Error::invalid_input("the location is no path of an object")
                .with_context("location", location)
                .with_source(e)
        })?;
        let store = match shared.opened.get(&root) {
            Some(store) => store.clone(),
            None => {
                let scheme = root.split(':').next().unwrap_or_default();
                let Some(factory) = shared.factories.get(scheme) else {
                    let known = shared.factories.keys().cloned().collect::<Vec<_>>().join(",");
                    return Err(Error::not_found(
                        "no store is registered for the scheme; enable the feature that brings it",
                    )
                    .with_context("scheme", scheme)
                    .with_context("known", known));
                };
                let store = factory(&root, &shared.options)?;
                shared.opened.insert(root.clone(), store.clone());
                store
            }
        };
        Ok(Object { root, store, path, size: None })
    }

    fn insert(&self, scheme: &str, factory: StoreFactory) {
        self.lock().factories.insert(scheme.to_owned(), factory);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Shared> {
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

/// The root and the path of a location. Object paths have no leading or trailing slash.
fn split(location: &str) -> Result<(String, String)> {
    let refuse = |why: &str| Err(Error::invalid_input(why).with_context("location", location));
    let (root, path) = if let Some((scheme, rest)) = location.split_once("://") {
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        match (scheme, authority) {
            ("file", "" | "localhost") => ("file://".to_owned(), path),
            ("file", _) => return refuse("a file location has no host: write file:///absolute/path"),
            _ => (format!("{scheme}://{authority}"), path),
        }
    } else if let Some(path) = location.strip_prefix("file:/") {
        ("file://".to_owned(), path)
    } else if let Some(path) = location.strip_prefix("memory:") {
        ("memory://".to_owned(), path)
    } else if let Some(path) = location.strip_prefix('/') {
        ("file://".to_owned(), path)
    } else {
        return refuse("a location is scheme://… or an absolute path");
    };
    // Java writes doubled slashes now and then; to every file system they are one.
    let path = if root == "file://" {
        path.split('/').filter(|p| !p.is_empty()).collect::<Vec<_>>().join("/")
    } else {
        path.trim_matches('/').to_owned()
    };
    Ok((root, path))
}

/// `location` and `name` with exactly one slash between them.
#[must_use]
pub fn join(location: &str, name: &str) -> String {
    let separator = if location.ends_with(['/', ':']) { "" } else { "/" };
    format!("{location}{separator}{}", name.trim_start_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_resolve_without_decoding() {
        let stores = Stores::new();
        for (location, whole) in [
            ("file:///a b/x%2Fy", "file:///a b/x%2Fy"),
            ("/a//b/", "file:///a/b"),
            ("file:/a/b", "file:///a/b"),
            ("memory:", "memory:///"),
            ("memory:a/b", "memory:///a/b"),
            ("memory:///a/b", "memory:///a/b"),
        ] {
            assert_eq!(stores.resolve(location).unwrap().location(), whole);
        }
        assert_eq!(stores.resolve("memory:a").unwrap().child("b/c=%20").location(), "memory:///a/b/c=%20");
        assert_eq!(stores.resolve("memory:").unwrap().child("b").location(), "memory:///b");
    }

    #[test]
    fn bad_locations_and_options_say_what_to_do() {
        let stores = Stores::new();
        assert!(stores.resolve("a/b").is_err());
        assert!(stores.resolve("file://host/a").is_err());
        assert!(stores.resolve("file:///a/../b").is_err());
        let error = stores.resolve("s3://b/x").unwrap_err();
        assert_eq!(error.context("known"), Some("file,memory"));
        stores.set_options(Options::from([("regoin".to_owned(), "x".to_owned())]));
        assert_eq!(stores.resolve("memory:x").unwrap_err().context("option"), Some("regoin"));
    }

    #[test]
    fn a_mounted_store_takes_the_place_of_the_schemes_own() {
        let roots = [
            ("memory://", "memory:a"),
            ("file://", "/a"),
            ("file:///", "/a"),
            ("s3://b", "s3://b/a"),
            ("s3://b/", "s3://b/a"),
        ];
        for (root, location) in roots {
            let stores = Stores::new();
            let mounted: Arc<dyn ObjectStore> = Arc::new(InMemory::new());
            stores.mount(root, mounted.clone());
            let object = stores.resolve(location).unwrap();
            assert!(Arc::ptr_eq(&object.store, &mounted), "{root}");
        }
    }

    #[test]
    fn a_moved_table_is_found() {
        let stores = Stores::new();
        stores.remap("s3://old/t", "memory:new");
        assert_eq!(stores.resolve("s3://old/t/f").unwrap().location(), "memory:///new/f");
    }
}
