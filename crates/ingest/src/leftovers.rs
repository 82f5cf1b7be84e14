//! What loads that crashed have left behind: files that no table has or needs.

mod data;
mod metadata;
mod uploads;

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use object_store::ObjectStoreExt;
use stitchwork_core::{Error, Object, Result, Stores, join};

use crate::destination::{Destination, STATE};
use crate::state::State;
use data::Candidates;

/// What counts as left behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LeftoversArgs {
    /// Only what is at least this old, by the clock of whoever wrote it and by that of the store. A load that is
    /// still running must be younger than this: its files look like those of one that crashed.
    pub older_than: Duration,
}

impl LeftoversArgs {
    /// What is at least this old.
    #[must_use]
    pub fn older_than(age: Duration) -> Self {
        Self { older_than: age }
    }
}

impl Default for LeftoversArgs {
    /// Three days, longer than any load should take.
    fn default() -> Self {
        Self::older_than(Duration::from_secs(3 * 24 * 60 * 60))
    }
}

/// What kind of leftover it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum LeftoverKind {
    /// A data file that no version of its table has and no load manifest names.
    DataFile,
    /// A file of a log's own, such as a manifest, that a commit wrote which was stopped.
    Metadata,
    /// A file of an upload that never ended, where the store keeps such files in a folder.
    Upload,
    /// A load manifest, or its mark, of a load that is finished for long.
    Manifest,
}

impl LeftoverKind {
    /// Its name: `data file`, `metadata`, `upload`, `manifest`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::DataFile => "data file",
            Self::Metadata => "metadata",
            Self::Upload => "upload",
            Self::Manifest => "manifest",
        }
    }
}

/// One file that can go.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leftover {
    /// What it is.
    pub kind: LeftoverKind,
    /// The table that it lies in; none for the state of a pipeline.
    pub table: Option<String>,
    /// Where it is.
    pub location: String,
    /// Its size in bytes.
    pub size: u64,
    /// When it was written.
    pub modified: SystemTime,
}

/// What [`Destination::leftovers`] has found.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Leftovers {
    /// What can go, by kind and place.
    pub files: Vec<Leftover>,
    /// Tables that could not be read, and why: whatever lies in them stays.
    pub skipped: Vec<(String, Error)>,
}

impl Leftovers {
    /// The bytes of all files.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}

/// What [`Destination::clean`] has done.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Cleaned {
    /// What is gone.
    pub removed: Vec<Leftover>,
    /// What could not be removed, and why.
    pub failed: Vec<(Leftover, Error)>,
    /// What has been found and is needed by now, or may be: it stays.
    pub kept: Vec<Leftover>,
    /// Tables that could not be read, and why: whatever lies in them has stayed.
    pub skipped: Vec<(String, Error)>,
}

impl Destination {
    /// Finds what loads into this destination have left behind when they crashed, and changes nothing.
    ///
    /// A data file is listed only if a load wrote it (by its name and its place), if no version of any table of the
    /// destination that can still be read has it, if no load manifest names it, and if it is old enough. All versions
    /// that a table still has count, those on branches and those before a rollback among them; files are told apart by
    /// their names, which are unique, however their locations are spelled. The files are listed before the manifests
    /// are read, and these before the tables, so that a file on its way from one to the next is always seen.
    ///
    /// Of what a log keeps of its own, only what it says itself that no version needs ([`Log::orphan_files`]) is listed, by
    /// the store's clock.
    ///
    /// [`Log::orphan_files`]: stitchwork_core::Log::orphan_files
    ///
    /// # Errors
    /// What the store says, or a load manifest that cannot be read: then nobody knows what is needed.
    pub async fn leftovers(&self, args: &LeftoversArgs) -> Result<Leftovers> {
        let now = SystemTime::now();
        let is_old = |written: SystemTime| match now.duration_since(written) {
            Ok(age) => age >= args.older_than,
            // Written in the future: a clock is wrong, and nothing can be said about the age.
            Err(_) => args.older_than.is_zero(),
        };
        let mut found = Leftovers::default();
        let mut candidates = Candidates::default();
        let stores = self.registry.stores();
        for (name, location, opened) in self.tables_to_clean().await? {
            let listed = match opened {
                Ok(table) => candidates.add(stores, &name, table, &is_old).await,
                Err(e) => Err(e),
            };
            if let Err(e) = listed {
                candidates.skip(stores, &location);
                found.skipped.push((name, e));
            }
        }
        let forgotten = self.keep_needed(&mut candidates, &mut found.skipped).await?;
        found.files.extend(forgotten.into_iter().filter(|file| is_old(file.modified)));
        let (metadata, refused) =
            metadata::find(stores, &candidates, |_| true, &is_old, &mut found.skipped).await?;
        found.files.extend(metadata);
        candidates.keep_tables(&refused);
        let state = stores.resolve(&join(&self.location, STATE))?;
        let mut folders: BTreeSet<String> = BTreeSet::from([state.location()]);
        found.files.extend(uploads::find(&state, None, &is_old)?);
        for (name, table) in candidates.tables() {
            let folder = stores.resolve(table.log().location())?;
            if folders.insert(folder.location()) {
                found.files.extend(uploads::find(&folder, Some(name), &is_old)?);
            }
        }
        found.files.extend(candidates.into_leftovers());
        found.files.sort_by(|a, b| (a.kind, &a.location).cmp(&(b.kind, &b.location)));
        found.files.dedup_by(|a, b| a.location == b.location);
        Ok(found)
    }

    /// Takes out of the candidates what a load manifest or a table needs; gives the manifests that nobody needs.
    async fn keep_needed(
        &self,
        candidates: &mut Candidates,
        skipped: &mut Vec<(String, Error)>,
    ) -> Result<Vec<Leftover>> {
        let stores = self.registry.stores();
        let mut all_forgotten = Vec::new();
        for state in State::all(stores, &join(&self.location, STATE)).await? {
            let (manifests, forgotten) = state.kept_and_forgotten().await?;
            for manifest in manifests {
                candidates.keep_manifest(&manifest)?;
            }
            all_forgotten.extend(forgotten);
        }
        candidates.keep_live(stores, skipped).await;
        Ok(all_forgotten)
    }

    /// Finds what crashed loads have left behind, as [`Destination::leftovers`] does, and removes it.
    ///
    /// # Errors
    /// As [`Destination::leftovers`]. What is found but cannot be removed is no error but in [`Cleaned::failed`].
    pub async fn clean(&self, args: &LeftoversArgs) -> Result<Cleaned> {
        let found = self.leftovers(args).await?;
        Ok(self.remove(found.files, found.skipped).await)
    }

    /// Removes what [`Destination::leftovers`] has found before, perhaps after somebody has looked at it. Manifests and
    /// tables are read once more, so that what has come to be needed meanwhile stays.
    ///
    /// # Errors
    /// As [`Destination::leftovers`]; nothing is removed then.
    pub async fn remove_leftovers(&self, found: Leftovers) -> Result<Cleaned> {
        let Leftovers { files, mut skipped } = found;
        let stores = self.registry.stores();
        let (of_tables, mut others): (Vec<_>, Vec<_>) = files
            .into_iter()
            .partition(|file| matches!(file.kind, LeftoverKind::DataFile | LeftoverKind::Metadata));
        let mut candidates = Candidates::default();
        let data = of_tables.iter().filter(|file| file.kind == LeftoverKind::DataFile);
        data.for_each(|file| candidates.put(file.clone()));
        let mut unneeded = Vec::new();
        if !of_tables.is_empty() {
            for (name, location, opened) in self.tables_to_clean().await? {
                match opened {
                    Ok(table) => candidates.add_table(name, table),
                    Err(e) => {
                        candidates.skip(stores, &location);
                        skipped.push((name, e));
                    }
                }
            }
            self.keep_needed(&mut candidates, &mut skipped).await?;
            let has_some = |name: &str| of_tables.iter().any(|file| file.table.as_deref() == Some(name));
            let (now, refused) =
                metadata::find(stores, &candidates, has_some, &|_| true, &mut skipped).await?;
            unneeded.extend(now.into_iter().filter(|file| of_tables.contains(file)));
            candidates.keep_tables(&refused);
        }
        unneeded.extend(candidates.into_leftovers());
        let locations: BTreeSet<&str> = unneeded.iter().map(|file| file.location.as_str()).collect();
        let kept = of_tables.into_iter().filter(|file| !locations.contains(file.location.as_str())).collect();
        others.extend(unneeded);
        Ok(Cleaned { kept, ..self.remove(others, skipped).await })
    }

    async fn remove(&self, files: Vec<Leftover>, skipped: Vec<(String, Error)>) -> Cleaned {
        let mut cleaned = Cleaned { skipped, ..Cleaned::default() };
        for file in files {
            match remove(self.registry.stores(), &file).await {
                Ok(()) => cleaned.removed.push(file),
                Err(e) => cleaned.failed.push((file, e)),
            }
        }
        cleaned
    }
}

async fn remove(stores: &Stores, file: &Leftover) -> Result<()> {
    if file.kind == LeftoverKind::Upload {
        return uploads::remove(&file.location);
    }
    let object: Object = stores.resolve(&file.location)?;
    match object.store.delete(&object.path).await {
        Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
        Err(e) => Err(object.error(e)),
    }
}
