//! The name that a new table gets in a catalog.

use std::collections::BTreeMap;

use stitchwork_core::{CommitState, Entry, Error, ErrorKind, LogArgs, Result};

/// Refuses a name that is taken. Without a catalog and a name there is nothing to refuse.
///
/// # Errors
/// `AlreadyExists`, or what the catalog says.
pub async fn check_name(args: &LogArgs) -> Result<()> {
    let (Some(catalog), Some(ident)) = (&args.catalog, &args.ident) else { return Ok(()) };
    match catalog.load(ident).await {
        Ok(_) => Err(Error::new(ErrorKind::AlreadyExists, "the catalog has a table of that name")
            .with_context("table", ident)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Gives a new table of the log `scheme` its name, if it has one. The table itself is there already.
///
/// # Errors
/// What the catalog says, with the commit state *committed*: the table is there, only its name is not.
pub async fn enter(args: &LogArgs, scheme: &str) -> Result<()> {
    let (Some(catalog), Some(ident)) = (&args.catalog, &args.ident) else { return Ok(()) };
    let entry = Entry {
        ident: ident.clone(),
        log: scheme.to_owned(),
        location: args.location.clone(),
        pointer: None,
        properties: BTreeMap::new(),
    };
    let Err(error) = catalog.create(entry).await else { return Ok(()) };
    match catalog.load(ident).await {
        // It may be ours, of a request whose answer was lost: no other table lies at its location.
        Ok(there) if there.log == scheme && there.location == args.location => Ok(()),
        _ => Err(error.with_context("location", &args.location).with_commit_state(CommitState::Committed)),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use stitchwork_catalog_memory::MemoryCatalog;
    use stitchwork_core::{Catalog, Formats, Stores, TableIdent};
    use stitchwork_testkit::FlakyCatalog;

    use super::*;

    fn args(location: &str, catalog: &Arc<dyn Catalog>) -> LogArgs {
        let args = LogArgs::new(location, Stores::new(), Formats::default());
        args.with_catalog(catalog.clone(), TableIdent::new("lake", "events"))
    }

    #[tokio::test]
    async fn a_name_is_given_once() {
        let catalog: Arc<dyn Catalog> = Arc::new(MemoryCatalog::new());
        check_name(&args("memory:t", &catalog)).await.unwrap();
        enter(&args("memory:t", &catalog), "mine").await.unwrap();
        let entry = catalog.load(&TableIdent::new("lake", "events")).await.unwrap();
        assert_eq!((entry.log.as_str(), entry.location.as_str()), ("mine", "memory:t"));
        let error = check_name(&args("memory:other", &catalog)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        for (location, scheme) in [("memory:other", "mine"), ("memory:t", "other")] {
            let error = enter(&args(location, &catalog), scheme).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AlreadyExists);
            assert_eq!(error.commit_state(), Some(CommitState::Committed));
            assert_eq!(error.context("location"), Some(location));
        }
    }

    #[tokio::test]
    async fn a_table_without_a_name_needs_none() {
        let args = LogArgs::new("memory:t", Stores::new(), Formats::default());
        check_name(&args).await.unwrap();
        enter(&args, "mine").await.unwrap();
    }

    #[tokio::test]
    async fn our_own_entry_is_found_behind_a_lost_answer() {
        let silent = FlakyCatalog::new(Arc::new(MemoryCatalog::new()));
        silent.lose_creates(u32::MAX);
        let catalog: Arc<dyn Catalog> = Arc::new(silent);
        enter(&args("memory:t", &catalog), "mine").await.unwrap();
        let error = enter(&args("memory:other", &catalog), "mine").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    }
}
