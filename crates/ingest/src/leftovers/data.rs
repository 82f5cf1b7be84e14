//! Data files that a load wrote, and which of them nobody needs.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use futures::TryStreamExt;
use object_store::path::Path;
use serde_json::Value;
use stitchwork_core::{At, Error, ErrorKind, FileFilter, HistoryArgs, Object, Result, Snapshot, Stores};
use stitchwork_table::Table;
use uuid::Uuid;

use super::{Leftover, LeftoverKind};
use crate::manifest::LoadManifest;

/// Files that may be left behind, by location, until something is found that needs them.
#[derive(Debug, Default)]
pub(super) struct Candidates {
    files: BTreeMap<String, Leftover>,
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
        self.files.extend(files.into_iter().map(|file| (file.location.clone(), file)));
        self.tables.push((name.to_owned(), table));
        Ok(())
    }

    /// Keeps whatever lies below a location, under whichever name: its table cannot be read.
    pub(super) fn skip(&mut self, stores: &Stores, location: &str) {
        if let Ok(folder) = stores.resolve(location) {
            self.skipped.push(format!("{}/", folder.location()));
        }
    }

    pub(super) fn tables(&self) -> impl Iterator<Item = (&str, &Table)> {
        self.tables.iter().map(|(name, table)| (name.as_str(), table))
    }

    /// Keeps what a load manifest names: its load may be about to commit it.
    pub(super) fn keep_manifest(&mut self, stores: &Stores, manifest: &LoadManifest) -> Result<()> {
        for file in manifest.tables.iter().flat_map(|table| &table.files) {
            let location = file.get("location").and_then(Value::as_str).ok_or_else(|| {
                Error::invalid_data(
                    "a file in a load manifest has no location, so that nobody knows what it needs",
                )
                .with_operation("ingest::leftovers")
                .with_context("pipeline", &manifest.pipeline)
                .with_context("load", manifest.load)
            })?;
            self.files.remove(&stores.resolve(location)?.location());
        }
        Ok(())
    }

    /// Keeps what any version of any table has, and everything of tables that cannot be read.
    pub(super) async fn keep_live(&mut self, stores: &Stores, skipped: &mut Vec<(String, Error)>) {
        for (name, table) in self.tables.clone() {
            if !self.files.is_empty()
                && let Err(e) = self.keep_live_of(stores, &table).await
            {
                self.skip(stores, table.log().location());
                self.files.retain(|_, file| file.table.as_deref() != Some(&name));
                skipped.push((name, e));
            }
        }
        let skipped = std::mem::take(&mut self.skipped);
        self.files.retain(|location, _| !skipped.iter().any(|folder| location.starts_with(folder)));
    }

    async fn keep_live_of(&mut self, stores: &Stores, table: &Table) -> Result<()> {
        self.keep_snapshot(stores, table.snapshot().await?.as_ref()).await?;
        if !table.log().capabilities().time_travel_by_version {
            return Ok(());
        }
        let mut history = table.history(HistoryArgs::default());
        // Most files are live, and then the past needs no look.
        while !self.files.is_empty() {
            let Some(version) = history.try_next().await? else { break };
            match table.log().snapshot(At::Version(version.id)).await {
                Ok(snapshot) => self.keep_snapshot(stores, snapshot.as_ref()).await?,
                // It is known, but nobody can read it any more.
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }

    async fn keep_snapshot(&mut self, stores: &Stores, snapshot: &dyn Snapshot) -> Result<()> {
        let mut chunks = snapshot.files(FileFilter::default());
        while let Some(chunk) = chunks.try_next().await? {
            for file in chunk {
                self.files.remove(&stores.resolve(&file.location)?.location());
            }
        }
        Ok(())
    }

    pub(super) fn into_leftovers(self) -> impl Iterator<Item = Leftover> {
        self.files.into_values()
    }
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
        let id = Uuid::now_v7().simple().to_string();
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
