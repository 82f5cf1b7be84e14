//! Writing manifests: of added files, and of what stays of a manifest when files are removed from it.

use std::collections::BTreeSet;

use bytes::Bytes;
use stitchwork_core::{Error, Result};
use stitchwork_iceberg_meta::{
    FileContent, IceDataFile, IceManifestEntry, IceSchema, IceSpec, ManifestContent, ManifestInfo,
    ManifestWrite, TableMeta, metadata_path, parse_manifest, write_manifest,
};

use crate::deletes::FILE_PATH_ID;
use crate::error;
use crate::part::{Part, PartKind};
use crate::state::Shared;

/// A manifest in place of another one, and the files that it lost.
#[derive(Debug, Clone)]
pub(super) struct Rewritten {
    pub(super) info: ManifestInfo,
    pub(super) removed: Vec<IceDataFile>,
}

/// Writes the manifests of one attempt.
pub(super) struct Writer<'a> {
    pub(super) shared: &'a Shared,
    pub(super) meta: &'a TableMeta,
    pub(super) snapshot_id: i64,
    pub(super) written: &'a mut BTreeSet<String>,
}

impl Writer<'_> {
    /// Where a file of metadata goes that nobody else names so.
    pub(super) fn path(&self, name: &str) -> String {
        metadata_path(self.meta.location(), self.meta.property("write.metadata.path"), name)
    }

    /// Writes a file under a name of its own.
    pub(super) async fn put(&mut self, path: &str, bytes: Vec<u8>) -> Result<()> {
        self.written.insert(path.to_owned());
        self.shared.files.put_unique(path, Bytes::from(bytes)).await
    }

    pub(super) async fn manifest(
        &mut self,
        content: ManifestContent,
        spec: &IceSpec,
        entries: &[IceManifestEntry],
    ) -> Result<ManifestInfo> {
        let path = self.path(&format!("{}-m0.avro", uuid::Uuid::new_v4()));
        let schema = schema_for(self.meta, spec);
        let written = write_manifest(ManifestWrite {
            path: &path,
            format_version: self.meta.format_version(),
            content,
            snapshot_id: self.snapshot_id,
            schema,
            spec,
            entries,
        })
        .map_err(error::argument)?;
        self.put(&path, written.bytes).await?;
        Ok(written.info)
    }

    /// The entries of a manifest that a new one takes over, with all numbers written out.
    pub(super) async fn live_entries(&self, info: &ManifestInfo) -> Result<Vec<IceManifestEntry>> {
        let part = Part::new(PartKind::Manifest, &info.path);
        let bytes = part.read(&self.shared.files).await?;
        let parsed = parse_manifest(&bytes, Some(info)).map_err(|e| part.fail(error::meta(e)))?;
        let spec = self.spec(info.spec_id)?;
        let types = spec.partition_types(schema_for(self.meta, spec)).map_err(error::meta)?;
        let live = parsed.entries.into_iter().filter(IceManifestEntry::is_live);
        Ok(live
            .map(|mut entry| {
                // A column may have been widened since the manifest was written.
                let values = std::mem::take(&mut entry.file.partition).into_iter().zip(&types);
                entry.file.partition = values.map(|(value, ty)| value.map(|v| v.promote(ty))).collect();
                entry
            })
            .collect())
    }

    pub(super) fn spec(&self, id: i32) -> Result<&IceSpec> {
        self.meta.spec(id).ok_or_else(|| {
            Error::invalid_data("a manifest has a partition spec that the table lacks")
                .with_context("spec", id)
        })
    }

    /// The manifest without the files that `remove` picks.
    pub(super) async fn without(
        &mut self,
        info: &ManifestInfo,
        remove: impl Fn(&IceDataFile) -> bool,
    ) -> Result<Option<Rewritten>> {
        let mut removed = Vec::new();
        let mut entries = Vec::new();
        for entry in self.live_entries(info).await? {
            entries.push(if remove(&entry.file) {
                removed.push(entry.file.clone());
                entry.into_deleted(self.snapshot_id)
            } else {
                entry.into_existing()
            });
        }
        if removed.is_empty() {
            return Ok(None);
        }
        let entries = entries.into_iter().collect::<Result<Vec<_>, _>>().map_err(error::meta)?;
        let spec = self.spec(info.spec_id)?.clone();
        let info = self.manifest(info.content, &spec, &entries).await?;
        Ok(Some(Rewritten { info, removed }))
    }
}

/// A schema that has the columns of a spec: the current one, unless a column was dropped.
fn schema_for<'a>(meta: &'a TableMeta, spec: &IceSpec) -> &'a IceSchema {
    let has_all =
        |schema: &&IceSchema| spec.fields.iter().all(|field| schema.field_by_id(field.source_id).is_some());
    let current = meta.current_schema();
    match has_all(&current) {
        true => current,
        false => meta.schemas().iter().rev().find(has_all).unwrap_or(current),
    }
}

/// The one data file that a delete file is for, if there is just one.
pub(super) fn only_file(delete: &IceDataFile) -> Option<&str> {
    if delete.content != FileContent::PositionDeletes {
        return None;
    }
    if let Some(path) = &delete.referenced_data_file {
        return Some(path);
    }
    let lower = delete.lower_bounds.get(&FILE_PATH_ID)?;
    let upper = delete.upper_bounds.get(&FILE_PATH_ID)?;
    if lower == upper { std::str::from_utf8(lower).ok() } else { None }
}
