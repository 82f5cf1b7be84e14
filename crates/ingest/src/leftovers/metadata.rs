//! A log's own files that no version of its table needs.

use std::collections::BTreeMap;
use std::time::SystemTime;

use object_store::ObjectStoreExt;
use stitchwork_core::{Error, Object, Result, Stores};
use stitchwork_table::Table;

use super::data::{Candidates, below};
use super::{Leftover, LeftoverKind};

/// The old ones of the tables that have one of these names, where all tables in a folder say so: under two names of a catalog
/// may lie one folder, of which one name knows less than the other. With them come the tables in whose folder there is what may
/// be another's: data files that none of these tables has may be, too.
pub(super) async fn find(
    stores: &Stores,
    candidates: &Candidates,
    is_wanted: impl Fn(&str) -> bool,
    is_old: &(impl Fn(SystemTime) -> bool + Sync),
    skipped: &mut Vec<(String, Error)>,
) -> Result<(Vec<Leftover>, Vec<String>)> {
    let mut folders: BTreeMap<String, Vec<(&str, &Table)>> = BTreeMap::new();
    for (name, table) in candidates.tables() {
        folders.entry(below(stores, table.log().location())?).or_default().push((name, table));
    }
    let (mut found, mut refused) = (Vec::new(), Vec::new());
    for (folder, tables) in folders {
        let is_skipped = |name: &str| skipped.iter().any(|(skipped, _)| skipped == name);
        let unread = tables.iter().any(|(name, _)| is_skipped(name)) || candidates.is_unread(&folder);
        if unread || !tables.iter().any(|(name, _)| is_wanted(name)) {
            continue;
        }
        match orphans(&tables).await {
            Ok(orphans) => {
                for (name, location) in orphans {
                    found.extend(old(stores, name, &location, is_old).await?);
                }
            }
            Err((name, e)) => {
                refused.extend(tables.iter().map(|(name, _)| (*name).to_owned()));
                skipped.push((name.to_owned(), e));
            }
        }
    }
    Ok((found, refused))
}

/// What every one of these tables, which lie in one folder, says that no version needs, under the name of the first.
async fn orphans<'t>(tables: &[(&'t str, &Table)]) -> Result<Vec<(&'t str, String)>, (&'t str, Error)> {
    let mut said: BTreeMap<String, usize> = BTreeMap::new();
    for (name, table) in tables {
        for location in table.log().orphan_files().await.map_err(|e| (*name, e))? {
            *said.entry(location).or_default() += 1;
        }
    }
    let by_all = said.into_iter().filter(|(_, times)| *times == tables.len());
    let first = tables.first().map(|(name, _)| *name).unwrap_or_default();
    Ok(by_all.map(|(location, _)| (first, location)).collect())
}

async fn old(
    stores: &Stores,
    name: &str,
    location: &str,
    is_old: &(impl Fn(SystemTime) -> bool + Sync),
) -> Result<Option<Leftover>> {
    let object: Object = stores.resolve(location)?;
    let meta = match object.store.head(&object.path).await {
        // The commit that wrote it has removed it meanwhile.
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        meta => meta.map_err(|e| object.error(e))?,
    };
    let modified = SystemTime::from(meta.last_modified);
    Ok(is_old(modified).then(|| Leftover {
        kind: LeftoverKind::Metadata,
        table: Some(name.to_owned()),
        location: object.location(),
        size: meta.size,
        modified,
    }))
}
