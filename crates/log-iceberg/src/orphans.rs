//! Metadata that nothing refers to: what commits have written that were stopped before they were published.

mod superseded;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use futures::{StreamExt, TryStreamExt, stream};
use stitchwork_core::{Error, ErrorKind, Result};
use stitchwork_iceberg_meta::{TableMeta, metadata_path};
use uuid::Uuid;

use crate::part::{Part, PartKind};
use crate::pointer::Pointers;
use crate::state::{Shared, State, read_manifest_list, read_meta};
use superseded::{Adds, added_files, is_creation_of};

/// How many manifest lists are read at once.
const AT_ONCE: usize = 8;
/// How many files an error names.
const NAMED: usize = 20;

/// The locations of the metadata files, manifest lists and manifests in the table's folder that no version needs.
///
/// Files go by their names, which hold a UUID, so that it does not matter how a location is spelled; those whose names
/// have another form are somebody else's. There are none where nobody here can know: where only a catalog's server writes, and
/// where the folder is one of several tables (`write.metadata.path`).
///
/// # Errors
/// `Conflict` where a metadata file in the folder tells of more than the table does: another catalog, or another name, may
/// have it as the newest. What the store says, and `InvalidData` for a broken file.
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
    found.check_superseded(shared, &folder, &state.meta).await?;
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
    /// The names of the metadata files of the table's own line, and the first of them, where it is still there.
    published: BTreeSet<String>,
    first: Option<TableMeta>,
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
        self.publish(&state.location);
        for snapshot in state.meta.snapshots() {
            self.lists.remove(file_name(&snapshot.manifest_list));
        }
        // The log of metadata files has the last hundred: the oldest of them names those before it.
        let mut oldest = self.keep_log(&state.meta);
        self.first = oldest.is_none().then(|| state.meta.clone());
        let mut seen = BTreeSet::from([state.location.clone()]);
        while let Some(location) = oldest.filter(|location| seen.insert(location.clone())) {
            if self.metadata.is_empty() {
                break;
            }
            let part = Part::new(PartKind::FoundMetadata, &location);
            oldest = match read_meta(&shared.files, part).await {
                Ok(meta) => {
                    let before = self.keep_log(&meta);
                    self.first = before.is_none().then_some(meta);
                    before
                }
                // It was removed, as tables may ask for, or is damaged, which hurts nobody who reads the table.
                Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::InvalidData) => None,
                Err(e) => return Err(e),
            };
        }
        Ok(())
    }

    /// Keeps the metadata files that another one names, and gives the oldest.
    fn keep_log(&mut self, meta: &TableMeta) -> Option<String> {
        let log = meta.metadata_log();
        for entry in &log {
            self.publish(&entry.metadata_file);
        }
        log.into_iter().next().map(|entry| entry.metadata_file)
    }

    fn publish(&mut self, location: &str) {
        let name = file_name(location);
        self.metadata.remove(name);
        self.published.insert(name.to_owned());
    }

    /// Refuses metadata files that are left where one of them tells of more than the table does.
    async fn check_superseded(&self, shared: &Shared, folder: &str, table: &TableMeta) -> Result<()> {
        let mut in_doubt = Vec::new();
        for name in &self.metadata {
            let location = format!("{folder}{name}");
            let left = read_meta(&shared.files, Part::new(PartKind::FoundMetadata, &location)).await;
            match left {
                // The commit that wrote it has removed it meanwhile.
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(e),
                Ok(left) if self.is_superseded(shared, &left, table).await? => {}
                Ok(_) => in_doubt.push(name.as_str()),
            }
        }
        if in_doubt.is_empty() {
            return Ok(());
        }
        let count = in_doubt.len();
        in_doubt.truncate(NAMED);
        Err(Error::conflict(
            "metadata files in the table's folder tell of more than the table does: they are of another table or catalog, or of a \
             commit that was stopped and not made again; nothing in the folder is taken for left behind as long as they are \
             there; remove those that no catalog names and that are older than any load takes",
        )
        .with_context("folder", folder)
        .with_context("metadata", in_doubt.join(","))
        .with_context("files", count))
    }

    /// Whether a metadata file is one of a creation that was stopped, and made again; or of a commit that was stopped, on a
    /// state of the table's own line, and made again.
    async fn is_superseded(&self, shared: &Shared, left: &TableMeta, table: &TableMeta) -> Result<bool> {
        if left.uuid() != table.uuid() {
            let first = self.first.as_ref();
            return Ok(first.is_some_and(|first| is_creation_of(left, first)));
        }
        let Some(before) =
            left.metadata_log().pop().filter(|e| self.published.contains(file_name(&e.metadata_file)))
        else {
            return Ok(false);
        };
        let part = Part::new(PartKind::FoundMetadata, &before.metadata_file);
        let same = async {
            let before = read_meta(&shared.files, part).await?;
            match Adds::of(left, &before, table) {
                Adds::Schema => Ok::<_, Error>(true),
                Adds::Load(snapshots) => {
                    let [new, known] = *snapshots;
                    Ok(added_files(shared, left, &new).await? == added_files(shared, table, &known).await?)
                }
                Adds::More => Ok(false),
            }
        };
        match same.await {
            // What is gone or damaged tells nothing.
            Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::InvalidData) => Ok(false),
            same => same,
        }
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
