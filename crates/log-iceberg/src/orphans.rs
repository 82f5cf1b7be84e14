//! Metadata that nothing refers to: what commits have written that were stopped before they were published.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use stitchwork_core::{ErrorKind, Result};
use stitchwork_iceberg_meta::{TableMeta, metadata_path};
use uuid::Uuid;

use crate::part::{Part, PartKind};
use crate::pointer::Pointers;
use crate::state::{Shared, State, read_manifest_list, read_meta};

/// How many manifest lists are read at once.
const AT_ONCE: usize = 8;

/// The locations of the metadata files, manifest lists and manifests in the table's folder that no version needs.
///
/// Files go by their names, which hold a UUID, so that it does not matter how a location is spelled; those whose names
/// have another form are somebody else's. In doubt there are none: where only a catalog's server writes, where the folder is
/// one of several tables (`write.metadata.path`), or where metadata files in it tell of another table than this one, or
/// of another line of versions.
pub(crate) async fn find(shared: &Shared) -> Result<Vec<String>> {
    if shared.pointers.check_writable().is_err() {
        return Ok(vec![]);
    }
    let folder = metadata_path(&shared.location, None, "");
    let mut found = Found::among(shared.files.list(&folder).await?);
    // Only now, so that what was published since the listing is seen as needed.
    let state = shared.load().await?;
    let is_shared = state.meta.property("write.metadata.path").is_some()
        || state.meta.location() != shared.location
        || (matches!(shared.pointers, Pointers::Folder(_)) && !found.metadata.is_empty());
    if is_shared {
        return Ok(vec![]);
    }
    found.keep_published(shared, &state).await?;
    if !found.are_of_stopped_commits(shared, &folder, state.meta.uuid()).await? {
        return Ok(vec![]);
    }
    found.keep_manifests(shared, &state).await?;
    let names = [found.metadata, found.lists, found.manifests].into_iter().flatten();
    names.map(|name| Ok(shared.files.object(&format!("{folder}{name}"))?.location())).collect()
}

/// Files in the folder, by kind, until something is found that needs them.
#[derive(Debug, Default)]
struct Found {
    metadata: BTreeSet<String>,
    lists: BTreeSet<String>,
    manifests: BTreeSet<String>,
}

impl Found {
    fn among(names: Vec<String>) -> Self {
        let mut found = Self::default();
        for name in names {
            match Form::of(&name) {
                Some(Form::Metadata) => found.metadata.insert(name),
                Some(Form::ManifestList) => found.lists.insert(name),
                Some(Form::Manifest) => found.manifests.insert(name),
                None => false,
            };
        }
        found
    }

    /// Keeps the newest metadata file, those before it, and the manifest lists of all snapshots.
    async fn keep_published(&mut self, shared: &Shared, state: &State) -> Result<()> {
        self.metadata.remove(file_name(&state.location));
        for snapshot in state.meta.snapshots() {
            self.lists.remove(file_name(&snapshot.manifest_list));
        }
        // The log of metadata files has the last hundred: the oldest of them names those before it.
        let mut oldest = self.keep_log(&state.meta);
        let mut seen = BTreeSet::from([state.location.clone()]);
        while let Some(location) = oldest.filter(|location| seen.insert(location.clone())) {
            if self.metadata.is_empty() {
                break;
            }
            oldest = match read(shared, &location).await? {
                Some(meta) => self.keep_log(&meta),
                // It was removed, as tables may ask for.
                None => None,
            };
        }
        Ok(())
    }

    /// Keeps the metadata files that another one names, and gives the oldest.
    fn keep_log(&mut self, meta: &TableMeta) -> Option<String> {
        let log = meta.metadata_log();
        for entry in &log {
            self.metadata.remove(file_name(&entry.metadata_file));
        }
        log.into_iter().next().map(|entry| entry.metadata_file)
    }

    /// Whether each of the metadata files that are left is one that a stopped commit, or a stopped creation, of this table
    /// can have left: one of another table has no snapshots, and none was gone on from. A table of another catalog that
    /// lies in the same folder, and a branch that a catalog keeps apart, show themselves by that.
    async fn are_of_stopped_commits(&self, shared: &Shared, folder: &str, table: Uuid) -> Result<bool> {
        for name in &self.metadata {
            let Some(meta) = read(shared, &format!("{folder}{name}")).await? else { continue };
            let before = meta.metadata_log();
            let is_gone_on_from = before.iter().any(|e| self.metadata.contains(file_name(&e.metadata_file)));
            let is_other = meta.uuid() != table && !meta.snapshots().is_empty();
            if is_gone_on_from || is_other {
                tracing::debug!(folder, name, "metadata of another table or catalog lies in the folder");
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Keeps the manifests of all snapshots, newest first: most are in the first lists, and then the others need no look.
    async fn keep_manifests(&mut self, shared: &Shared, state: &State) -> Result<()> {
        let mut snapshots = state.meta.snapshots();
        snapshots.sort_by_key(|snapshot| Reverse((snapshot.sequence_number, snapshot.timestamp_ms)));
        let mut lists = stream::iter(snapshots)
            .map(async |snapshot| read_manifest_list(&shared.files, &state.meta, &snapshot).await)
            .buffered(AT_ONCE);
        while !self.manifests.is_empty() {
            let Some(list) = lists.try_next().await? else { break };
            for manifest in list.iter() {
                self.manifests.remove(file_name(&manifest.path));
            }
        }
        Ok(())
    }
}

/// A metadata file; none where it is gone.
///
/// # Errors
/// `InvalidData` for one that is broken: nobody knows what it would have needed.
async fn read(shared: &Shared, location: &str) -> Result<Option<TableMeta>> {
    match read_meta(&shared.files, Part::new(PartKind::FoundMetadata, location)).await {
        Ok(meta) => Ok(Some(meta)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// The names that this log gives to its files, and Iceberg's other writers to theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// `<number>-<uuid>.metadata.json`
    Metadata,
    /// `snap-<snapshot>-<attempt>-<uuid>.avro`
    ManifestList,
    /// `<uuid>-m<number>.avro`
    Manifest,
}

impl Form {
    fn of(name: &str) -> Option<Self> {
        if let Some((number, id)) = name.strip_suffix(".metadata.json").and_then(|stem| stem.split_once('-'))
        {
            return (is_number(number) && is_uuid(id)).then_some(Self::Metadata);
        }
        let stem = name.strip_suffix(".avro")?;
        if let Some(list) = stem.strip_prefix("snap-") {
            let mut parts = list.splitn(3, '-');
            let numbers = parts.by_ref().take(2).all(is_number);
            return (numbers && parts.next().is_some_and(is_uuid)).then_some(Self::ManifestList);
        }
        let (id, number) = stem.rsplit_once("-m")?;
        (is_uuid(id) && is_number(number)).then_some(Self::Manifest)
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && Uuid::try_parse(text).is_ok()
}

/// The last part of a location.
fn file_name(location: &str) -> &str {
    location.rsplit('/').next().unwrap_or(location)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_metadata_are_looked_at() {
        let id = "3f1801a5-7dfb-4072-b14a-39cd12f9279b";
        for (name, expected) in [
            (format!("00007-{id}.metadata.json"), Some(Form::Metadata)),
            (format!("snap-4386092342-0-{id}.avro"), Some(Form::ManifestList)),
            (format!("{id}-m0.avro"), Some(Form::Manifest)),
            (format!("{id}-m12.avro"), Some(Form::Manifest)),
            ("v7.metadata.json".to_owned(), None),
            ("version-hint.text".to_owned(), None),
            (format!("00007-{id}.gz.metadata.json"), None),
            (format!("x7-{id}.metadata.json"), None),
            ("00007-3f1801a5.metadata.json".to_owned(), None),
            (format!("snap-4386092342-{id}.avro"), None),
            (format!("snap-x-0-{id}.avro"), None),
            (format!("{id}-m.avro"), None),
            (format!("{id}.avro"), None),
            (format!("optimized-m-{id}.avro"), None),
            (format!("{}-m0.avro", id.replace('-', "")), None),
            (format!("{id}-m0.avro.crc"), None),
            ("4386092342-6b01a3e5.stats".to_owned(), None),
            (String::new(), None),
        ] {
            assert_eq!(Form::of(&name), expected, "{name}");
        }
    }
}
