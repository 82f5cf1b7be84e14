//! From a manifest to commits.

use std::collections::BTreeMap;

use serde_json::json;
use stitchwork_core::{CommitTag, DataFile, Error, ErrorKind, Result};
use stitchwork_table::{CommitFilesArgs, Table};

use super::{Run, others};
use crate::config::Progress;
use crate::manifest::{LoadManifest, ManifestTable};
use crate::mutation::Mutation;
use crate::report::{LoadReport, TableReport};

impl Run<'_> {
    /// Commits every table of a manifest that does not carry the load's tag already, then marks the load. The
    /// files are those of the manifest, by table, where this process has written them itself.
    pub(super) async fn commit(
        &mut self,
        manifest: &LoadManifest,
        mut written: BTreeMap<String, Vec<DataFile>>,
    ) -> Result<LoadReport> {
        let mut report = LoadReport { id: manifest.load, rows: manifest.rows, tables: BTreeMap::new() };
        for share in &manifest.tables {
            let tables = manifest.tables.len();
            self.tell(&Progress::Committing { load: manifest.load, table: share.name.clone(), tables });
            let files = written.remove(&share.name);
            let size = self
                .commit_table(manifest, share, files)
                .await
                .map_err(|e| e.with_context("table", &share.name))?;
            report.tables.insert(share.name.clone(), size);
        }
        self.state.finish(manifest.load).await?;
        self.tell(&Progress::Committed { load: manifest.load, rows: manifest.rows });
        Ok(report)
    }

    async fn commit_table(
        &mut self,
        manifest: &LoadManifest,
        share: &ManifestTable,
        mut written: Option<Vec<DataFile>>,
    ) -> Result<TableReport> {
        let tag = CommitTag {
            application: self.application(),
            id: manifest.load,
            payload: Some(json!({
                "cursor": manifest.cursor,
                "streams": manifest.known.get(&share.name),
                "left": manifest.left,
                // The table that is committed last: with it, the whole load is there.
                "last": manifest.tables.last().map(|table| &table.name),
            })),
        };
        let table = match self.tables.get(&share.name).await {
            Ok(table) => table.clone(),
            Err(e) if e.kind() == ErrorKind::NotFound => {
                return Err(Error::not_found(
                    "a table of an interrupted load is gone; put it back, or give up its rows by taking it out \
                     of `tables` in the load's manifest, then run again",
                )
                .with_operation("ingest::commit")
                .with_context("manifest", self.state.manifest_location(manifest.load))
                .with_source(e));
            }
            Err(e) => return Err(e),
        };
        let mut tries = self.destination.config.conflict_retries;
        loop {
            // Only what replaces is tried again.
            let files = if share.replace { written.clone() } else { written.take() };
            match self.commit_once(manifest, share, &table, files, tag.clone()).await {
                Ok(()) => break,
                // Another commit has changed what the replacement was checked against, or is that of the same load.
                Err(e)
                    if share.replace
                        && tries > 0
                        && (e.is_lost_race() || e.kind() == ErrorKind::AlreadyExists) =>
                {
                    tries -= 1;
                }
                Err(e) => return Err(e),
            }
        }
        let size =
            |file: &serde_json::Value| file.get("size").and_then(serde_json::Value::as_u64).unwrap_or(0);
        Ok(TableReport {
            rows: share.rows,
            files: share.files.len() as u64,
            bytes: share.files.iter().map(size).sum(),
        })
    }

    /// Commits to a table, unless it carries the tag already. A replacement is made of the very state of the table in which no
    /// other pipeline has rows.
    async fn commit_once(
        &mut self,
        manifest: &LoadManifest,
        share: &ManifestTable,
        table: &Table,
        written: Option<Vec<DataFile>>,
        tag: CommitTag,
    ) -> Result<()> {
        let snapshot = table.snapshot().await?;
        if snapshot.tag(&tag.application).await?.is_some_and(|known| known.id >= tag.id) {
            return Ok(());
        }
        if share.replace {
            // Whoever has committed by then has had a state before.
            let others = others::find(self).await?;
            others::refuse_in(&self.pipeline.name, snapshot.as_ref(), &others, others::COMMITTING)
                .await
                .map_err(|e| e.with_context("manifest", self.state.manifest_location(manifest.load)))?;
        }
        let files = match written {
            Some(files) => files,
            None => {
                let described = share.files.iter();
                described.map(|file| table.file_from_json(file, snapshot.as_ref())).collect::<Result<_>>()?
            }
        };
        let tag = (!self.has(Mutation::CommitUntagged)).then_some(tag);
        let base = share.replace.then_some(snapshot);
        let commit = CommitFilesArgs { files, replace: share.replace, tag, base };
        if let Some(done) = table.commit_files(commit).await? {
            self.tables.refresh(&share.name, done.snapshot);
        }
        Ok(())
    }
}
