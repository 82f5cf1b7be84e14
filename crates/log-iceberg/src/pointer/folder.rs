//! Tables without a catalog: the file system decides who was first.

use std::time::Instant;

use bytes::Bytes;
use stitchwork_core::{CommitState, Error, ErrorKind, Result, Retry, join};
use stitchwork_iceberg_meta::metadata_version;

use super::{Published, is_lost_answer};
use crate::files::{Files, pause};

/// The endings that a metadata file can have, the usual one first.
const ENDINGS: [&str; 3] = [".metadata.json", ".gz.metadata.json", ".metadata.json.gz"];

/// The folder of a table whose metadata files are numbered.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    pub(crate) location: String,
}

impl Folder {
    fn file(&self, name: &str) -> String {
        join(&self.location, &format!("metadata/{name}"))
    }

    fn hint(&self) -> String {
        self.file("version-hint.text")
    }

    pub(crate) fn first(&self) -> String {
        self.file("v1.metadata.json")
    }

    pub(crate) fn next(&self, current: &str) -> Result<String> {
        let version = metadata_version(current).ok_or_else(|| {
            Error::invalid_data("the metadata file has no number").with_context("metadata", current)
        })?;
        Ok(self.file(&format!("v{}.metadata.json", version.saturating_add(1))))
    }

    /// The newest file: from one that is known, or hinted at, upwards until there is none.
    ///
    /// # Errors
    /// `InvalidData` where all files are older than the one that is hinted at, which was there before the hint.
    pub(crate) async fn current(&self, files: &Files, known: Option<&str>) -> Result<String> {
        let hinted = if known.is_none() { self.hinted(files).await? } else { None };
        let known = match (known, hinted) {
            (Some(known), _) => Some(known.to_owned()),
            (None, Some(version)) => self.find(files, version).await?,
            (None, None) => None,
        };
        let mut newest = match known {
            Some(known) => known,
            None => self.newest_listed(files).await?,
        };
        while let Some(next) =
            self.find(files, metadata_version(&newest).unwrap_or(0).saturating_add(1)).await?
        {
            newest = next;
        }
        match hinted.filter(|hinted| metadata_version(&newest).is_some_and(|newest| newest < *hinted)) {
            None => Ok(newest),
            Some(hinted) => Err(Error::invalid_data(
                "the newest metadata file is gone, and older ones would show the table as it was; restore it, or write the number of \
                 the newest one that is there into version-hint.text",
            )
            .with_context("hinted", hinted)
            .with_context("newest", newest)),
        }
    }

    async fn find(&self, files: &Files, version: u64) -> Result<Option<String>> {
        for ending in ENDINGS {
            let file = self.file(&format!("v{version}{ending}"));
            if files.exists(&file).await? {
                return Ok(Some(file));
            }
        }
        Ok(None)
    }

    /// The version that the hint names, if there is a hint.
    async fn hinted(&self, files: &Files) -> Result<Option<u64>> {
        let hint = match files.read(&self.hint()).await {
            Ok(hint) => hint,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let hint = String::from_utf8_lossy(&hint);
        // A broken hint is none: it is written without any guarantee.
        Ok(hint.trim().parse().ok())
    }

    async fn newest_listed(&self, files: &Files) -> Result<String> {
        let names = files.list(&self.file("")).await?;
        let numbered = names.iter().filter(|name| name.starts_with('v'));
        let newest = numbered.filter_map(|name| Some((metadata_version(name)?, name))).max();
        match newest {
            Some((_, name)) => Ok(self.file(name)),
            None => Err(Error::not_found("there is no Iceberg table at the location")
                .with_context("location", &self.location)),
        }
    }

    /// The newest file of a table that a catalog keeps: its names begin with a number that says the order.
    pub(crate) async fn newest_of_a_catalog(&self, files: &Files) -> Result<Option<String>> {
        let names = files.list(&self.file("")).await?;
        let newest = names.iter().filter_map(|name| Some((metadata_version(name)?, name))).max();
        Ok(newest.map(|(_, name)| self.file(name)))
    }

    pub(crate) async fn publish(&self, files: &Files, new: &str, bytes: &Bytes) -> Result<Published> {
        match files.create(new, bytes.clone()).await {
            Ok(()) => {
                self.write_hint(files, new).await;
                Ok(Published::Won)
            }
            // It may be our own file: an earlier attempt, made here or by the store, whose answer was lost.
            Err(error) if error.kind() == ErrorKind::AlreadyExists => match files.read(new).await {
                Ok(there) if there == *bytes => {
                    self.write_hint(files, new).await;
                    Ok(Published::Won)
                }
                Ok(_) => Ok(Published::Lost),
                // Some stores say this of two puts that meet, and neither may have landed.
                Err(missing) if missing.kind() == ErrorKind::NotFound => Ok(Published::Unknown(
                    Error::new(
                        ErrorKind::Unavailable,
                        "the store says that a file is there, and then that not",
                    )
                    .with_context("metadata", new)
                    .with_source(error),
                )),
                Err(error) => Ok(Published::Unknown(error)),
            },
            Err(error) if is_lost_answer(&error) => Ok(Published::Unknown(error)),
            Err(error) => Err(error),
        }
    }

    /// Publishes the first file of a new table, again and again while no answer comes; `false` when there is
    /// another's.
    pub(crate) async fn publish_first(&self, files: &Files, new: &str, bytes: &Bytes) -> Result<bool> {
        let begun = Instant::now();
        for attempt in 1.. {
            match self.publish(files, new, bytes).await? {
                Published::Won => return Ok(true),
                Published::Lost => return Ok(false),
                Published::Unknown(error) if begun.elapsed() >= Retry::default().patience => {
                    return Err(error.with_commit_state(CommitState::Unknown));
                }
                Published::Unknown(_) => pause(attempt).await,
            }
        }
        Err(Error::unexpected("a loop without end has ended"))
    }

    /// The hint only saves readers some probing, so that it need not be there or right.
    pub(crate) async fn write_hint(&self, files: &Files, metadata: &str) {
        let Some(version) = metadata_version(metadata) else { return };
        let written = files.replace(&self.hint(), Bytes::from(version.to_string())).await;
        if let Err(error) = written {
            tracing::debug!(%error, "the version hint was not written");
        }
    }
}
