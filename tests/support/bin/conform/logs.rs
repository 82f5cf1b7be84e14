//! Logs by URL: tables in a folder of their own, which is emptied afterwards.

use std::process::ExitCode;

use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use stitchwork_core::{Error, LogArgs, OpenUrl, Registry, Result, join};
use stitchwork_testkit::log::{SUITE, Subject};
use stitchwork_testkit::unique;

/// Where a log is tried: it has no URL of its own, so that its scheme stands before that of the place
/// (`delta+s3://bucket/folder`), and the options are those of the place's store.
#[derive(Debug, Clone)]
struct Place {
    scheme: String,
    location: String,
    open: OpenUrl,
}

impl Place {
    fn new(open: OpenUrl) -> Result<Self> {
        let (scheme, location) = open.url.split_once('+').ok_or_else(|| {
            Error::invalid_config("write the log before the place: delta+s3://bucket/folder")
        })?;
        let (scheme, location) = (scheme.to_owned(), join(location, &unique("conform")));
        Ok(Self { scheme, location, open })
    }

    /// Connections are of the runtime that made them, and each trial has one of its own.
    fn registry(&self) -> Result<Registry> {
        let registry = crate::registry()?;
        registry.stores().set_options(self.open.options.clone());
        Ok(registry)
    }

    fn subject(&self) -> Result<Subject> {
        let registry = self.registry()?;
        let args = LogArgs::new(&self.location, registry.stores().clone(), registry.formats().clone());
        Ok(Subject::new(registry.log(&self.scheme)?, args))
    }

    async fn empty(&self) -> Result<()> {
        let folder = self.registry()?.stores().resolve(&self.location)?;
        let objects = folder.store.list(Some(&folder.path)).map_ok(|meta| meta.location).boxed();
        let removed: std::result::Result<Vec<Path>, _> =
            folder.store.delete_stream(objects).try_collect().await;
        removed.map(drop).map_err(|e| folder.error(e))
    }
}

/// Runs the suite.
///
/// # Errors
/// For a URL that names no log or no place, and what the store says when the objects of the trials are removed.
pub(crate) fn run(open: OpenUrl) -> Result<ExitCode> {
    let place = Place::new(open)?;
    let tried = place.clone();
    let code = SUITE.conclude(move || {
        let subject = tried.subject();
        async move { subject }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|e| Error::invalid_config("no runtime could be made").with_source(e))?;
    runtime.block_on(place.empty())?;
    Ok(code)
}
