//! From locations to object stores.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
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

/// Options as the fields of a configuration that serde reads: numbers and truth values as JSON has them, everything
/// else as text.
pub fn settings(options: &Options) -> serde_json::Map<String, serde_json::Value> {
    let typed = |text: &String| serde_json::from_str(text).unwrap_or_else(|_| text.clone().into());
    options.iter().map(|(name, text)| (name.clone(), typed(text))).collect()
}

/// Whether an option, a parameter or a header of this name (`secret_access_key`, `X-Api-Key`) is likely to hold a secret, which
/// no message may show.
pub fn is_sensitive(name: &str) -> bool {
    let name = name.to_ascii_lowercase().replace('-', "_");
    let parts = ["token", "secret", "passw", "apikey", "authorization", "signature", "credential", "cookie"];
    let whole = ["key", "sig", "pwd", "pat", "auth", "session", "session_id"];
    parts.iter().any(|part| name.contains(part))
        || whole.contains(&name.as_str())
        || ["_key", "_key_base64", "_auth", "proxy_url"].iter().any(|ending| name.ends_with(ending))
}

/// Opens the store of a scheme: given the root (`s3://bucket`) and the options.
pub type StoreFactory = Arc<dyn Fn(&str, &Options) -> Result<Arc<dyn ObjectStore>> + Send + Sync>;

/// Puts something around a store that has been opened at a root (`s3://bucket`).
pub type StoreLayer = Arc<dyn Fn(&str, Arc<dyn ObjectStore>) -> Arc<dyn ObjectStore> + Send + Sync>;

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
    /// By root, by scheme with its slashes, and for all stores under the empty name.
    options: BTreeMap<String, Options>,
    remaps: Vec<(String, String)>,
    layer: Option<StoreLayer>,
}

impl Stores {
    /// Stores for `file://` and `memory:`; further schemes come with [`Stores::register`].
    pub fn new() -> Self {
        Self { shared: Arc::default() }
    }

    /// Adds the stores of a scheme. Those of `file` and `memory`, which are there from the start, are replaced.
    /// # Errors
    /// `AlreadyExists` when the scheme was registered before.
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
        self.lock().opened.insert(trim_root(root).to_owned(), store);
    }

    /// Puts something around every store that is opened from now on, such as what counts its requests. Stores that are
    /// mounted stay as they are.
    pub fn set_layer(&self, layer: StoreLayer) {
        self.lock().layer = Some(layer);
    }

    /// Options for every store that is opened from now on. Each of them must be known to each of these stores.
    pub fn set_options(&self, options: Options) {
        self.set_options_for("", options);
    }

    /// Options for the stores of a scheme (`s3://`) or for one root (`s3://bucket`) that are opened from now on.
    /// Those of a root go before those of its scheme, and these before those for every store, name by name.
    pub fn set_options_for(&self, scheme_or_root: &str, options: Options) {
        let mut shared = self.lock();
        let place = shared.remapped(scheme_or_root).unwrap_or_else(|| scheme_or_root.to_owned());
        shared.options.insert(trim_root(&place).to_owned(), options);
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
        let (root, path) = split(shared.remapped(location).as_deref().unwrap_or(location))?;
        let path = Path::parse(&path).map_err(|e| {
            Error::invalid_input("the location is no path of an object")
                .with_context("location", location)
                .with_source(e)
        })?;
        if let Some(store) = shared.opened.get(&root).cloned() {
            return Ok(Object { root, store, path, size: None });
        }
        let scheme = root.split(':').next().unwrap_or_default();
        let factory = shared
            .factories
            .get(scheme)
            .cloned()
            .or_else(|| built_in(scheme))
            .ok_or_else(|| shared.unknown(scheme))?;
        let mut options = Options::new();
        for name in ["", &format!("{scheme}://"), &root] {
            options
                .extend(shared.options.get(name).into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())));
        }
        let mut store = factory(&root, &options)?;
        if let Some(layer) = &shared.layer {
            store = layer(&root, store);
        }
        shared.opened.insert(root.clone(), store.clone());
        Ok(Object { root, store, path, size: None })
    }

    /// The schemes of the stores that are at hand, other spellings of them among them, sorted.
    pub fn known(&self) -> Vec<String> {
        self.lock().known()
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn remapped(&self, location: &str) -> Option<String> {
        let mut remaps = self.remaps.iter();
        remaps.find_map(|(from, to)| Some(format!("{to}{}", location.strip_prefix(from.as_str())?)))
    }

    fn unknown(&self, scheme: &str) -> Error {
        let error = Error::not_found(
            "no store is known for the scheme; write a known one, or register what brings it, which a feature of the \
             build may have left out",
        )
        .with_context("scheme", scheme);
        let known = self.known();
        let error = match known.iter().find(|known| is_near(scheme, known)) {
            Some(near) => error.with_context("did_you_mean", format!("{near}://")),
            None => error,
        };
        error.with_context("known", known.join(","))
    }

    fn known(&self) -> Vec<String> {
        let own = self.factories.keys().map(String::as_str);
        let remapped = self.remaps.iter().filter_map(|(from, _)| from.strip_suffix("://"));
        BUILT_IN
            .into_iter()
            .chain(own)
            .chain(remapped)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .map(str::to_owned)
            .collect()
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

/// Whether two schemes differ in one character at most: another one, one more, one less, or the case.
fn is_near(written: &str, known: &str) -> bool {
    let written = written.to_ascii_lowercase();
    let (short, long) =
        if written.len() <= known.len() { (written.as_str(), known) } else { (known, &*written) };
    let same = short.bytes().zip(long.bytes()).take_while(|(one, other)| one == other).count();
    let rest = |text: &str, from: usize| text.as_bytes().get(from..).map(<[u8]>::to_vec);
    match long.len() - short.len() {
        0 => rest(short, same + 1).is_none_or(|left| Some(left) == rest(long, same + 1)),
        1 => rest(short, same) == rest(long, same + 1),
        _ => false,
    }
}

const BUILT_IN: [&str; 2] = ["file", "memory"];

/// The store of a scheme that needs no registration.
fn built_in(scheme: &str) -> Option<StoreFactory> {
    match scheme {
        "file" => Some(without_options(LocalFileSystem::new)),
        "memory" => Some(without_options(InMemory::new)),
        _ => None,
    }
}

/// The factory of a store that takes no options.
fn without_options<S: ObjectStore>(open: fn() -> S) -> StoreFactory {
    Arc::new(move |_, options| {
        check_options(options, &[])?;
        Ok(Arc::new(open()))
    })
}

/// A trailing slash is no part of a root, but the two of an empty authority are.
fn trim_root(root: &str) -> &str {
    root.strip_suffix('/').filter(|root| !root.ends_with(":/")).unwrap_or(root)
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
