//! Opening and creating tables.

use std::sync::Arc;

use async_trait::async_trait;
use stitchwork_commits::{Commit as _, Patience, Put, check_name, enter};
use stitchwork_core::{
    CreateArgs, Error, ErrorKind, Info, Log, LogArgs, LogCapabilities, LogFactory, Registry, Result, Retry,
    check_options,
};

use crate::actions::Commit;
use crate::commit::base_info;
use crate::evolve;
use crate::log::{DeltaLog, Shared};
use crate::state::{Head, State};
use crate::store::LogStore;

/// The name under which the logs are registered.
pub const SCHEME: &str = "delta";

/// Opens and creates Delta tables.
#[derive(Debug, Clone, Copy, Default)]
pub struct DeltaLogFactory;

/// Adds Delta's logs to a registry, under [`SCHEME`].
///
/// # Errors
/// `AlreadyExists` when the name is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    registry.register_log(Arc::new(DeltaLogFactory))
}

pub(crate) fn info() -> Info {
    Info { scheme: SCHEME, name: "Delta Lake log".to_owned(), version: env!("CARGO_PKG_VERSION") }
}

/// What every table can do. Deletion vectors and column ids depend on the table's own features.
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
impl LogFactory for DeltaLogFactory {
    fn info(&self) -> Info {
        info()
    }

    fn capabilities(&self) -> LogCapabilities {
        capabilities()
    }

    async fn open(&self, args: LogArgs) -> Result<Arc<dyn Log>> {
        let open = async {
            check_options(&args.options, &[])?;
            let shared =
                Shared::new(LogStore::new(&args.resolve_location(SCHEME).await?, args.stores.clone())?);
            match shared.kept_or_load().await {
                // What is damaged stands in the way of the newest version, and whoever asks for that is told; older ones
                // can be read all the same.
                Err(e) if e.kind() == ErrorKind::InvalidData => {
                    tracing::debug!(error = %e, "a log is damaged")
                }
                loaded => drop(loaded?),
            }
            Ok(shared)
        };
        let shared = open.await.map_err(|e: Error| e.with_operation("log::open"))?;
        Ok(Arc::new(DeltaLog::new(shared)))
    }

    async fn create(&self, args: LogArgs, create: CreateArgs) -> Result<Arc<dyn Log>> {
        let shared = make(&args, &create).await.map_err(|e| e.with_operation("log::create"))?;
        Ok(Arc::new(DeltaLog::new(shared)))
    }
}

async fn make(args: &LogArgs, create: &CreateArgs) -> Result<Shared> {
    check_options(&args.options, &[])?;
    if args.location.is_empty() {
        return Err(Error::invalid_input("a new Delta table needs a location"));
    }
    check_name(args).await?;
    let taken = || {
        Error::new(ErrorKind::AlreadyExists, "there is a Delta table already")
            .with_context("location", &args.location)
    };
    let store = LogStore::new(&args.location, args.stores.clone())?;
    let (protocol, metadata) = evolve::created(args.ident.as_ref().map(|ident| ident.name.as_str()), create)?;
    if store.exists().await? {
        return Err(taken());
    }
    let mut commit = Commit {
        info: Some(base_info("CREATE TABLE")),
        protocol: Some(protocol),
        metadata: Some(metadata),
        ..Commit::default()
    };
    let payload = commit.to_bytes()?.into();
    let (id, patience) = (commit.id().unwrap_or_default(), Patience::new(Retry::default().patience));
    match store.commits.put::<Commit>(0, &payload, id, &patience).await? {
        Put::Won => {}
        Put::Lost(_) => return Err(taken()),
    }
    commit.timestamp_ms = store.commits.written_ms(0).await;
    let state = State::build(None, Head::default(), (-1, 0), vec![Arc::new(commit)])?;
    let shared = Shared::new(store);
    shared.keep(&Arc::new(state));
    enter(args, SCHEME).await?;
    Ok(shared)
}
