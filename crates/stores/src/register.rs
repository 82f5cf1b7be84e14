//! The schemes of the stores.

use std::str::FromStr;
use std::sync::Arc;

use object_store::ObjectStore;
use stitchwork_core::{Error, Options, Registry, Result, StoreFactory, Stores};

use crate::guard::{GuardedStore, Writes};
use crate::options::Vocabulary;
use crate::secrets::Secrets;

/// Adds the stores to those of a registry, see [`register_stores`].
///
/// # Errors
/// `AlreadyExists` when a scheme is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    register_stores(registry.stores())
}

/// Adds `s3`, `gs`, `az`, `abfs`, `abfss`, `http` and `https`, each if its feature is on. `s3a://` and `s3n://`
/// are names for the same store as `s3://`.
///
/// # Errors
/// `AlreadyExists` when a scheme is taken.
pub fn register_stores(stores: &Stores) -> Result<()> {
    for (scheme, open, _) in schemes() {
        let factory: StoreFactory = Arc::new(open);
        stores.register(scheme, factory)?;
    }
    if cfg!(feature = "s3") {
        // Hadoop's names: one root for all of them is one connection, one probe and one set of options.
        stores.remap("s3a://", "s3://");
        stores.remap("s3n://", "s3://");
    }
    Ok(())
}

/// The options of a scheme among pairs such as `std::env::vars()`, which an application may pass and this crate
/// does not read: `AWS_REGION` becomes `region`. Pairs that are none of the scheme's options are left out, as are
/// empty ones.
///
/// # Errors
/// `NotFound` for a scheme that is none of ours; with the known ones.
pub fn options_from(scheme: &str, pairs: impl IntoIterator<Item = (String, String)>) -> Result<Options> {
    match schemes().into_iter().find(|(known, ..)| *known == scheme) {
        Some((.., vocabulary)) => Ok(vocabulary.pick(pairs)),
        None => Err(Error::not_found("no store has the scheme").with_context("scheme", scheme).with_context(
            "known",
            schemes().iter().map(|(scheme, ..)| *scheme).collect::<Vec<_>>().join(","),
        )),
    }
}

type Open = fn(&str, &Options) -> Result<Arc<dyn ObjectStore>>;

fn schemes() -> Vec<(&'static str, Open, Vocabulary)> {
    Vec::from([
        #[cfg(feature = "s3")]
        ("s3", crate::s3::open as Open, crate::s3::VOCABULARY),
        #[cfg(feature = "gcs")]
        ("gs", crate::gcs::open as Open, crate::gcs::VOCABULARY),
        #[cfg(feature = "azure")]
        ("az", crate::azure::open as Open, crate::azure::VOCABULARY),
        #[cfg(feature = "azure")]
        ("abfs", crate::azure::open as Open, crate::azure::VOCABULARY),
        #[cfg(feature = "azure")]
        ("abfss", crate::azure::open as Open, crate::azure::VOCABULARY),
        #[cfg(feature = "http")]
        ("http", crate::http::open as Open, crate::http::VOCABULARY),
        #[cfg(feature = "http")]
        ("https", crate::http::open as Open, crate::http::VOCABULARY),
    ])
}

/// The bucket, container or host of a root.
pub(crate) fn authority(root: &str) -> Result<&str> {
    match root.split_once("://") {
        Some((_, authority)) if !authority.is_empty() => Ok(authority),
        _ => Err(Error::invalid_input("the location names no bucket").with_context("root", root)),
    }
}

/// The builder's key of an option.
pub(crate) fn key<K: FromStr>(name: &'static str) -> Result<K> {
    name.parse()
        .map_err(|_| Error::invalid_config("object_store lacks the option").with_context("option", name))
}

/// The store that a builder has made, guarded; or its error without secrets.
pub(crate) fn built(
    root: &str,
    store: object_store::Result<impl ObjectStore>,
    secrets: Secrets,
) -> Result<Arc<dyn ObjectStore>> {
    match store {
        Ok(store) => {
            let writes = Writes::Probed(tokio::sync::OnceCell::new());
            Ok(Arc::new(GuardedStore::new(root, Arc::new(store), secrets, writes)))
        }
        Err(error) => Err(refused(root, secrets.clean(error))),
    }
}

pub(crate) fn refused(root: &str, error: object_store::Error) -> Error {
    // The builders' errors are about one option or the lack of it, and short.
    let reason = error.to_string();
    Error::invalid_config("the store cannot be opened with these options")
        .with_context("root", root)
        .with_context("reason", reason)
        .with_source(error)
}
