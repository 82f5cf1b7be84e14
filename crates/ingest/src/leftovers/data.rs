//! Data files that a load wrote, and which of them nobody needs.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use futures::TryStreamExt;
use object_store::path::Path;
use serde_json::Value;
use stitchwork_core::{At, Error, ErrorKind, FileFilter, Object, Result, Snapshot, Stores};
use stitchwork_table::Table;
use uuid::Uuid;

use super::{Leftover, LeftoverKind};
use crate::manifest::LoadManifest;

/// Files that may be left behind, until something is found that needs them.
///
/// They go by their names, which hold a random number: a location can be spelled in many ways, by other programs, by
/// links, or by a table that was moved, and a file that is live under any of them is live.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    files: BTreeMap<String, Vec<Leftover>>,
    tables: Vec<(String, Table)>,
    /// The folders of tables that cannot be read.
    skipped: Vec<String>,
}

impl Candidates {
    /// Lists the old files of a table whose names and places say that a load wrote them.
    pub(super) async fn add(
        &mut self,
        stores: &Stores,
        name: &str,
        table: Table,
        is_old: &(impl Fn(SystemTime) -> bool + Sync),
    ) -> Result<()> {
        let folder = data_folder(stores, &table)?;
        let mut listing = folder.store.list(Some(&folder.path));
        let mut files = Vec::new();
        while let Some(meta) = listing.try_next().await.map_err(|e| folder.error(e))? {
            let modified = SystemTime::from(meta.last_modified);
            if let Some(written) = written_by_a_load(&folder.path, &meta.location)
                && is_old(written)
                && is_old(modified)
            {
                let location = Object { path: meta.location, ..folder.clone() }.location();
                files.push(Leftover {
                    kind: LeftoverKind::DataFile,
                    table: Some(name.to_owned()),
                    location,
                    size: meta.size,
                    modified,
                });
            }
        }
        self.tables.push((name.to_owned(), table));
        files.into_iter().for_each(|file| self.put(file));
        Ok(())
    }

    /// Adds a file that was found before.
    pub(super) fn put(&mut self, file: Leftover) {
        self.files.entry(file_name(&file.location).to_owned()).or_default().push(file);
    }

    /// Adds a table that may need a file.
    pub(super) fn add_table(&mut self, name: String, table: Table) {
        self.tables.push((name, table));
    }

    /// Keeps whatever lies below a location, under whichever name: its table cannot be read.
    pub(super) fn skip(&mut self, stores: &Stores, location: &str) {
        if let Ok(folder) = below(stores, location) {
            self.skipped.push(folder);
        }
    }

    /// Whether a table that cannot be read lies in this folder.
    pub(super) fn is_unread(&self, folder: &str) -> bool {
        self.skipped.iter().any(|skipped| skipped == folder)
    }

    pub(super) fn tables(&self) -> impl Iterator<Item = (&str, &Table)> {
        self.tables.iter().map(|(name, table)| (name.as_str(), table))
    }

    /// Keeps what a load manifest names: its load may be about to commit it.
    pub(super) fn keep_manifest(&mut self, manifest: &LoadManifest) -> Result<()> {
        for file in manifest.tables.iter().flat_map(|table| &table.files) {
            let location = file.get("location").and_then(Value::as_str).ok_or_else(|| {
                Error::invalid_data(
                    "a file in a load manifest has no location, so that nobody knows what it needs",
                )
                .with_operation("ingest::leftovers")
                .with_context("pipeline", &manifest.pipeline)
                .with_context("load", manifest.load)
            })?;
            self.files.remove(file_name(location));
        }
        Ok(())
    }

    /// Keeps what any version of any table has, and everything of tables that cannot be read.
    pub(super) async fn keep_live(&mut self, stores: &Stores, skipped: &mut Vec<(String, Error)>) {
        for (name, table) in self.tables.clone() {
            if !self.files.is_empty()
                && let Err(e) = self.keep_live_of(&table).await
            {
                self.skip(stores, table.log().location());
                self.retain(|file| file.table.as_deref() != Some(&name));
                skipped.push((name, e));
            }
        }
        let skipped = self.skipped.clone();
        if skipped.is_empty() {
            return;
        }
        // Tables may have a folder elsewhere in common for their data: nobody knows whose a file in it is.
        let own: BTreeMap<String, String> = self
            .tables()
            .filter_map(|(name, table)| Some((name.to_owned(), below(stores, table.log().location()).ok()?)))
            .collect();
        self.retain(|file| {
            let own = file.table.as_ref().and_then(|table| own.get(table));
            own.is_some_and(|own| file.location.starts_with(own))
                && !skipped.iter().any(|folder| file.location.starts_with(folder))
        });
    }

    /// Keeps all files that were found in these tables.
    pub(super) fn keep_tables(&mut self, names: &[String]) {
        self.retain(|file| file.table.as_ref().is_none_or(|table| !names.contains(table)));
    }

    fn retain(&mut self, keep: impl Fn(&Leftover) -> bool) {
        self.files.values_mut().for_each(|files| files.retain(&keep));
        self.files.retain(|_, files| !files.is_empty());
    }

    async fn keep_live_of(&mut self, table: &Table) -> Result<()> {
        let newest = table.snapshot().await?;
        self.keep_snapshot(newest.as_ref()).await?;
        if !table.log().capabilities().time_travel_by_version {
            return Ok(());
        }
        let mut versions = table.log().versions();
        // Most files are live, and then the past needs no look.
        while !self.files.is_empty() {
            let Some(version) = versions.try_next().await? else { break };
            if version == newest.version() {
                continue;
            }
            match self.keep_version(table, version).await {
                // It was dropped meanwhile, and nobody can read it any more.
                Err(e) if e.kind() == ErrorKind::NotFound && !is_listed(table, version).await? => {}
                kept => kept?,
            }
        }
        Ok(())
    }

    async fn keep_version(&mut self, table: &Table, version: i64) -> Result<()> {
        let snapshot = table.log().snapshot(At::Version(version)).await?;
        self.keep_snapshot(snapshot.as_ref()).await.map_err(|e| e.with_context("version", version))
    }

    async fn keep_snapshot(&mut self, snapshot: &dyn Snapshot) -> Result<()> {
        let mut chunks = snapshot.files(FileFilter::default());
        while let Some(chunk) = chunks.try_next().await? {
            for file in chunk {
                self.files.remove(file_name(&file.location));
            }
        }
        Ok(())
    }

    pub(super) fn into_leftovers(self) -> impl Iterator<Item = Leftover> {
        self.files.into_values().flatten()
    }
}

async fn is_listed(table: &Table, version: i64) -> Result<bool> {
    let mut versions = table.log().versions();
    while let Some(listed) = versions.try_next().await? {
        if listed == version {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The last part of a location.
fn file_name(location: &str) -> &str {
    location.rsplit('/').next().unwrap_or(location)
}

/// What the locations of all that lies in a folder begin with.
pub(super) fn below(stores: &Stores, folder: &str) -> Result<String> {
    Ok(format!("{}/", stores.resolve(folder)?.location()))
}

/// The folder of the files that a table's sinks write.
fn data_folder(stores: &Stores, table: &Table) -> Result<Object> {
    let location = table.log().data_location(&[], "x");
    let folder = location.rsplit_once('/').map_or("", |(folder, _)| folder);
    stores.resolve(folder)
}

/// When a load wrote the object, if one did: its name is `load-<load>-<time and chance>.<format>`, and nothing but the
/// folders of a partition lies between it and the folder of the table's data. A table within a table is thus never
/// touched.
fn written_by_a_load(folder: &Path, object: &Path) -> Option<SystemTime> {
    let mut parts: Vec<_> = object.prefix_match(folder)?.collect();
    let name = parts.pop()?;
    if !parts.iter().all(|part| part.as_ref().contains('=')) {
        return None;
    }
    let name = name.as_ref();
    // Folders of plain files hide a file by an underscore until its commit.
    let (stem, _) = name.strip_prefix('_').unwrap_or(name).split_once('.')?;
    let (load, unique) = stem.strip_prefix("load-")?.split_once('-')?;
    if load.len() < 8 || !load.bytes().all(|byte| byte.is_ascii_digit()) || unique.len() != 32 {
        return None;
    }
    let (seconds, nanos) = Uuid::try_parse(unique).ok()?.get_timestamp()?.to_unix();
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(path: &str) -> bool {
        written_by_a_load(&Path::from("data/t"), &Path::parse(path).unwrap()).is_some()
    }

    #[test]
    fn only_files_of_loads_in_their_places_are_looked_at() {
        let id = stitchwork_table::id_with_time();
        assert!(written(&format!("data/t/load-00000001-{id}.parquet")));
        assert!(written(&format!("data/t/_load-00000001-{id}.parquet")));
        assert!(written(&format!("data/t/day=1/hour=2/load-123456789-{id}.csv.gz")));
        for other in [
            format!("data/t/part-{id}.parquet"),
            format!("data/t/load-1-{id}.parquet"),
            format!("data/t/load-0000000x-{id}.parquet"),
            format!("data/t/load-00000001-{id}"),
            "data/t/load-00000001-0123.parquet".to_owned(),
            // Not a number with a time in it.
            "data/t/load-00000001-00000000000000000000000000000000.parquet".to_owned(),
            // A table within the table.
            format!("data/t/other/load-00000001-{id}.parquet"),
            format!("data/t2/load-00000001-{id}.parquet"),
        ] {
            assert!(!written(&other), "{other}");
        }
    }
}
