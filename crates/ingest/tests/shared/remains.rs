//! What lies in the store once leftovers are removed. Whoever looks for leftovers is not asked for it.

use std::collections::BTreeSet;
use std::fs;

use futures::TryStreamExt;
use object_store::ObjectStoreExt;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use stitchwork_core::{At, Error, FileFilter, Registry, TableIdent};
use stitchwork_iceberg_meta::{TableMeta, metadata_version, parse_manifest_list};
use stitchwork_ingest::Destination;
use stitchwork_table::Table;

use super::Violation;
use super::faults::Trouble;
use super::world::World;

/// Every data file, and every file of Iceberg's metadata, is one that a version of a table has, each of them is there, and
/// no upload is left half done.
pub(crate) async fn check(world: &World) -> Result<(), Violation> {
    let listed = world.listed().await?;
    let paths: BTreeSet<Path> = listed.into_iter().map(|object| object.location).collect();
    let had =
        had(world, &paths).await.map_err(|e| format!("the files of the tables cannot be found: {e:?}"))?;
    if let Some(gone) = had.difference(&paths).next() {
        return Err(format!("{gone} is gone, which a table has"));
    }
    let is_known = |path: &Path| is_data(path) || is_metadata(path);
    if let Some(left) = paths.iter().find(|path| is_known(path) && !had.contains(*path)) {
        return Err(format!("{left} is left behind: no version of a table has it"));
    }
    uploads(world, &paths)
}

/// Whether an object holds rows. Checkpoints of Delta's log are Parquet, too, but hold none.
fn is_data(path: &Path) -> bool {
    path.extension() == Some("parquet") && path.parts().all(|part| part.as_ref() != "_delta_log")
}

/// Whether an object is one of Iceberg's metadata.
fn is_metadata(path: &Path) -> bool {
    path.parts().any(|part| part.as_ref() == "metadata") && path.filename() != Some("version-hint.text")
}

/// The files of all versions of all tables.
async fn had(world: &World, paths: &BTreeSet<Path>) -> Result<BTreeSet<Path>, Error> {
    let destination = world.process(&Trouble::none()).await?;
    let mut had = BTreeSet::new();
    for name in destination.tables().await? {
        let table = destination.open(&name).await?;
        add(&destination.registry, &table, &mut had).await.map_err(|e| e.with_context("table", &name))?;
        if table.log().info().scheme == "iceberg" {
            let newest = newest_metadata(&destination, &name, table.log().location(), paths).await?;
            add_metadata(&destination.registry, &newest, &mut had)
                .await
                .map_err(|e| e.with_context("table", &name))?;
        }
    }
    Ok(had)
}

/// The metadata file that the catalog names; in a folder without a catalog each is one of the table's, and the last one
/// written the newest.
async fn newest_metadata(
    destination: &Destination,
    table: &str,
    location: &str,
    paths: &BTreeSet<Path>,
) -> Result<String, Error> {
    if let Some(catalog) = &destination.catalog {
        let ident = TableIdent { namespace: destination.namespace.clone(), name: table.to_owned() };
        let pointer = catalog.load(&ident).await?.pointer;
        return pointer.map(|pointer| pointer.0).ok_or_else(|| Error::unexpected("the entry has no pointer"));
    }
    let folder = destination.registry.stores().resolve(&format!("{location}/metadata"))?;
    let version = |path: &&Path| metadata_version(path.as_ref());
    let is_own = |path: &&Path| path.prefix_matches(&folder.path) && has_folders_form(path);
    let newest = paths.iter().filter(is_own).max_by_key(version);
    let newest = newest.and_then(Path::filename).unwrap_or_default();
    Ok(format!("{}/{newest}", folder.location()))
}

/// Whether the name is that of a metadata file where no catalog is: `v<number>.metadata.json`.
fn has_folders_form(path: &Path) -> bool {
    path.filename().is_some_and(|name| name.starts_with('v') && name.ends_with(".metadata.json"))
}

/// A metadata file, those before it, and the manifests of its snapshots.
async fn add_metadata(registry: &Registry, newest: &str, had: &mut BTreeSet<Path>) -> Result<(), Error> {
    let read = async |location: &str| {
        let object = registry.stores().resolve(location)?;
        let found = object.store.get(&object.path).await.map_err(|e| object.error(e))?;
        Ok::<_, Error>((object.path.clone(), found.bytes().await.map_err(|e| object.error(e))?))
    };
    let broken = |e| Error::unexpected("the metadata cannot be read").with_source(e);
    let (path, bytes) = read(newest).await?;
    let meta = TableMeta::parse(&bytes).map_err(broken)?;
    had.insert(path);
    for before in meta.metadata_log() {
        had.insert(registry.stores().resolve(&before.metadata_file)?.path);
    }
    for snapshot in meta.snapshots() {
        let (path, bytes) = read(&snapshot.manifest_list).await?;
        had.insert(path);
        for manifest in parse_manifest_list(&bytes, meta.format_version()).map_err(broken)? {
            had.insert(registry.stores().resolve(&manifest.path)?.path);
        }
    }
    Ok(())
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
