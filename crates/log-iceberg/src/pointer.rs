//! Where the newest metadata file is, and how a newer one takes its place.

mod folder;

use std::sync::Arc;

use bytes::Bytes;
use stitchwork_core::{Catalog, Entry, Error, ErrorKind, Pointer, Result, SwapArgs, TableIdent};

use crate::files::Files;

pub(crate) use folder::Folder;

/// The one thing about a table that changes.
#[derive(Debug, Clone)]
pub(crate) enum Pointers {
    /// A catalog keeps the location of the newest metadata file.
    Catalog { catalog: Arc<dyn Catalog>, ident: TableIdent },
    /// The newest of the numbered files `metadata/v<N>.metadata.json` (Iceberg spec, "File System Tables").
    Folder(Folder),
    /// The folder of a table that a catalog keeps, without the catalog: its newest metadata file can be read only.
    OfCatalog(Folder),
    /// One metadata file, whatever comes after it: it can be read only.
    Fixed { metadata: String },
}

/// What became of an attempt to publish a metadata file.
#[derive(Debug)]
pub(crate) enum Published {
    /// It is the newest now.
    Won,
    /// Another writer was faster; nothing of ours is visible.
    Lost,
    /// No answer came, and it is not known yet what happened.
    Unknown(Error),
}

impl Pointers {
    /// The location of the newest metadata file. `known` is the newest that was seen before.
    pub(crate) async fn current(&self, files: &Files, known: Option<&str>) -> Result<String> {
        match self {
            Self::Catalog { catalog, ident } => metadata_of(&catalog.load(ident).await?),
            Self::Folder(folder) => folder.current(files, known).await,
            Self::OfCatalog(folder) => match folder.newest_of_a_catalog(files).await? {
                Some(metadata) => Ok(metadata),
                None => Err(Error::not_found("the folder has no metadata file any more")
                    .with_context("location", &folder.location)),
            },
            Self::Fixed { metadata } => Ok(metadata.clone()),
        }
    }

    /// Where the metadata file after `current` goes.
    pub(crate) fn next(&self, table: &str, folder: Option<&str>, current: &str) -> Result<String> {
        match self {
            Self::Folder(place) => place.next(current),
            _ => {
                let next = stitchwork_iceberg_meta::next_metadata_location(table, Some(current));
                Ok(match (folder, next.rsplit_once('/')) {
                    (Some(_), Some((_, name))) => stitchwork_iceberg_meta::metadata_path(table, folder, name),
                    _ => next,
                })
            }
        }
    }

    /// Refuses commits where none can be made.
    pub(crate) fn check_writable(&self) -> Result<()> {
        match self {
            Self::Catalog { catalog, ident } if catalog.capabilities().commits_on_server => {
                Err(Error::unsupported(
                    "the catalog commits on its server (`updates`), which this log does not do yet: the table \
                     can be read",
                )
                .with_context("table", ident)
                .with_context("catalog", catalog.info()))
            }
            Self::OfCatalog(folder) => Err(Error::unsupported(
                "the table belongs to a catalog, without which it can be read only; open it through that catalog to change it",
            )
            .with_context("location", &folder.location)),
            Self::Fixed { metadata } => Err(Error::unsupported(
                "the table was opened by one of its metadata files, which never changes; open it by its catalog or its \
                 folder to change it",
            )
            .with_context("metadata", metadata)),
            _ => Ok(()),
        }
    }

    /// Makes `new` the newest metadata file in place of `expected`, in one step.
    pub(crate) async fn publish(
        &self,
        files: &Files,
        expected: &str,
        new: &str,
        bytes: &Bytes,
    ) -> Result<Published> {
        self.check_writable()?;
        match self {
            Self::Catalog { catalog, ident } => {
                files.put_unique(new, bytes.clone()).await?;
                let swap = SwapArgs {
                    ident: ident.clone(),
                    expected: Some(Pointer(expected.to_owned())),
                    new: Some(Pointer(new.to_owned())),
                    updates: None,
                };
                match catalog.swap(vec![swap]).await {
                    Ok(_) => Ok(Published::Won),
                    // The refusal may answer a repetition of a request whose first answer was lost on the way.
                    Err(error) if error.kind() == ErrorKind::Conflict => Ok(Published::Lost),
                    Err(error) if is_lost_answer(&error) => Ok(Published::Unknown(error)),
                    Err(error) => Err(error),
                }
            }
            Self::Folder(folder) => folder.publish(files, new, bytes).await,
            Self::OfCatalog(_) | Self::Fixed { .. } => Ok(Published::Lost),
        }
    }
}

/// Whether the request may have been carried out although an error came back.
pub(crate) fn is_lost_answer(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unavailable | ErrorKind::RateLimited | ErrorKind::Unexpected)
        && error.commit_state() != Some(stitchwork_core::CommitState::NotCommitted)
}

/// The metadata file of a catalog's entry.
pub(crate) fn metadata_of(entry: &Entry) -> Result<String> {
    if entry.log != crate::SCHEME {
        return Err(Error::invalid_input("the table has another log than Iceberg's")
            .with_context("table", &entry.ident)
            .with_context("log", &entry.log));
    }
    match &entry.pointer {
        Some(pointer) => Ok(pointer.0.clone()),
        None => Err(Error::invalid_data("the catalog's entry has no metadata location")
            .with_context("table", &entry.ident)),
    }
}
