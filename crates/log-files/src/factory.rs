//! Opening and creating tables.

use std::sync::Arc;

use async_trait::async_trait;
use stitchwork_commits::{Patience, Put, check_name, enter};
use stitchwork_core::{
    CreateArgs, Error, ErrorKind, Info, Log, LogArgs, LogCapabilities, LogFactory, Registry, Result, Retry,
};

use crate::commit::Prepared;
use crate::config::Config;
use crate::lines::Commit;
use crate::log::{FilesLog, Shared};
use crate::state::State;
use crate::store::LogStore;
use crate::{evolve, folder};

/// The name under which the logs are registered.
pub const SCHEME: &str = "files";

/// Opens and creates tables that are folders.
#[derive(Debug, Clone, Copy, Default)]
pub struct FilesLogFactory;

/// Adds the logs of folders to a registry, under [`SCHEME`].
///
/// # Errors
/// `AlreadyExists` when the name is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    registry.register_log(Arc::new(FilesLogFactory))
}

pub(crate) fn info() -> Info {
    Info { scheme: SCHEME, name: "folders of files".to_owned(), version: env!("CARGO_PKG_VERSION") }
}

pub(crate) fn capabilities() -> LogCapabilities {
    LogCapabilities {
        time_travel_by_version: true,
        time_travel_by_timestamp: true,
        add_column: true,
        without_catalog: true,
        ..LogCapabilities::default()
    }
}

#[async_trait]
impl LogFactory for FilesLogFactory {
    fn info(&self) -> Info {
        info()
    }

    fn capabilities(&self) -> LogCapabilities {
        capabilities()
    }

    async fn open(&self, args: LogArgs) -> Result<Arc<dyn Log>> {
        let shared = find(&args).await.map_err(|e| e.with_operation("log::open"))?;
        Ok(Arc::new(FilesLog::new(shared)))
    }

    async fn create(&self, args: LogArgs, create: CreateArgs) -> Result<Arc<dyn Log>> {
        let shared = make(&args, &create).await.map_err(|e| e.with_operation("log::create"))?;
        Ok(Arc::new(FilesLog::new(shared)))
    }
}

async fn find(args: &LogArgs) -> Result<Shared> {
    let config = Config::parse(&args.options)?;
    let store = LogStore::new(&args.resolve_location(SCHEME).await?, args.stores.clone())?;
    let shared = Shared::new(store, config, args.formats.clone());
    let found = match shared.manifest().await {
        // What is damaged stands in the way of the newest version, and whoever asks for that is told; older ones can be
        // read all the same.
        Err(e) if e.kind() == ErrorKind::InvalidData => true,
        manifest => manifest?.is_some(),
    };
    if !found && !folder::has_files(&shared.store).await? {
        return Err(Error::not_found("there is no manifest and no file")
            .with_context("location", &shared.store.root.location));
    }
    Ok(shared)
}

async fn make(args: &LogArgs, create: &CreateArgs) -> Result<Shared> {
    let config = Config::parse(&args.options)?;
    if args.location.is_empty() {
        return Err(Error::invalid_input("a new table needs a location"));
    }
    check_name(args).await?;
    let taken =
        |what: &str| Error::new(ErrorKind::AlreadyExists, what).with_context("location", &args.location);
    let store = LogStore::new(&args.location, args.stores.clone())?;
    let mut commit = Commit::new("create");
    commit.table = Some(evolve::created(create)?);
    let shared = Shared::new(store, config, args.formats.clone());
    if shared.manifest().await?.is_some() {
        return Err(taken("there is a table already"));
    }
    if folder::has_files(&shared.store).await? {
        return Err(taken(
            "there are files already; open the folder, and the first commit makes them a table",
        ));
    }
    let mut prepared = Prepared::new(commit)?;
    let patience = Patience::new(Retry::default().patience);
    match prepared.put_first(&shared.store, &patience).await? {
        Put::Won => {}
        Put::Lost(_) => return Err(taken("there is a table already")),
    }
    shared.keep(&Arc::new(State::first(Arc::new(prepared.into_commit()))?));
    enter(args, SCHEME).await?;
    Ok(shared)
}
