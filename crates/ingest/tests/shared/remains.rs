//! What lies in the store once leftovers are removed. Whoever looks for leftovers is not asked for it.

use std::collections::BTreeSet;
use std::fs;

use futures::TryStreamExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use stitchwork_core::{At, Error, FileFilter, Registry};
use stitchwork_table::Table;

use super::Violation;
use super::faults::Trouble;
use super::world::World;

/// Every data file is one that a version of a table has, each of them is there, and no upload is left half done.
pub(crate) async fn check(world: &World) -> Result<(), Violation> {
    let listed = world.listed().await?;
    let paths: BTreeSet<Path> = listed.into_iter().map(|object| object.location).collect();
    let had = had(world).await.map_err(|e| format!("the files of the tables cannot be found: {e:?}"))?;
    if let Some(gone) = had.difference(&paths).next() {
        return Err(format!("{gone} is gone, which a table has"));
    }
    if let Some(left) = paths.iter().find(|path| is_data(path) && !had.contains(*path)) {
        return Err(format!("{left} is left behind: no version of a table has it"));
    }
    uploads(world, &paths)
}

/// Whether an object holds rows. Checkpoints of Delta's log are Parquet, too, but hold none.
fn is_data(path: &Path) -> bool {
    path.extension() == Some("parquet") && path.parts().all(|part| part.as_ref() != "_delta_log")
}

/// The files of all versions of all tables.
async fn had(world: &World) -> Result<BTreeSet<Path>, Error> {
    let destination = world.process(&Trouble::none()).await?;
    let mut had = BTreeSet::new();
    for name in destination.tables().await? {
        let table = destination.open(&name).await?;
        add(&destination.registry, &table, &mut had).await.map_err(|e| e.with_context("table", name))?;
    }
    Ok(had)
}

async fn add(registry: &Registry, table: &Table, had: &mut BTreeSet<Path>) -> Result<(), Error> {
    let newest = table.snapshot().await?;
    let versions: Vec<_> = table.log().versions().try_collect().await?;
    let mut snapshots = vec![newest.clone()];
    for version in versions.into_iter().filter(|version| *version != newest.version()) {
        snapshots.push(table.log().snapshot(At::Version(version)).await?);
    }
    for snapshot in snapshots {
        let files: Vec<_> = snapshot.files(FileFilter::default()).try_concat().await?;
        for file in files {
            had.insert(registry.stores().resolve(&file.location)?.path);
        }
    }
    Ok(())
}

/// In a folder nothing lies but objects: a file that the store does not list is one of an upload that never ended.
fn uploads(world: &World, paths: &BTreeSet<Path>) -> Result<(), Violation> {
    let Some(folder) = world.address.location.strip_prefix("file://") else { return Ok(()) };
    let failed = |e| format!("{folder} cannot be read: {e}");
    let objects: BTreeSet<_> =
        paths.iter().filter_map(|path| LocalFileSystem::new().path_to_filesystem(path).ok()).collect();
    let mut folders = vec![folder.into()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir::<&std::path::PathBuf>(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if !objects.contains(&path) {
                return Err(format!("{} is left behind: it is no object of the store", path.display()));
            }
        }
    }
    Ok(())
}
