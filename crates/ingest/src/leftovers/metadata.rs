//! A log's own files that no version of its table needs.

use std::time::SystemTime;

use object_store::ObjectStoreExt;
use stitchwork_core::{Object, Result, Stores};
use stitchwork_table::Table;

use super::{Leftover, LeftoverKind};

/// The old ones of a table.
pub(super) async fn find(
    stores: &Stores,
    name: &str,
    table: &Table,
    is_old: &(impl Fn(SystemTime) -> bool + Sync),
) -> Result<Vec<Leftover>> {
    let mut found = Vec::new();
    for location in table.log().orphan_files().await? {
        let object: Object = stores.resolve(&location)?;
        let meta = match object.store.head(&object.path).await {
            // The commit that wrote it has removed it meanwhile.
            Err(object_store::Error::NotFound { .. }) => continue,
            meta => meta.map_err(|e| object.error(e))?,
        };
        let modified = SystemTime::from(meta.last_modified);
        if is_old(modified) {
            found.push(Leftover {
                kind: LeftoverKind::Metadata,
                table: Some(name.to_owned()),
                location: object.location(),
                size: meta.size,
                modified,
            });
        }
    }
    Ok(found)
}
