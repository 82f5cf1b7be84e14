//! The files of a table's metadata, and what is said of one that is damaged or gone.

use bytes::Bytes;
use stitchwork_core::{Error, ErrorKind, Result};

use crate::files::Files;

/// A file of a table's metadata, for what is said when it is damaged or gone.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Part<'a> {
    /// What it is, and the key of its place in errors.
    pub(crate) kind: PartKind,
    /// Where it is.
    pub(crate) location: &'a str,
}

/// The kinds of metadata files.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PartKind {
    /// That of a table which a catalog, or the folder, says is there.
    Metadata,
    /// One whose place the user gave.
    GivenMetadata,
    /// One that lies in the folder, and that may be another table's.
    FoundMetadata,
    ManifestList,
    Manifest,
}

impl PartKind {
    fn key(self) -> &'static str {
        match self {
            Self::Metadata | Self::GivenMetadata | Self::FoundMetadata => "metadata",
            Self::ManifestList => "manifest_list",
            Self::Manifest => "manifest",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Metadata | Self::GivenMetadata | Self::FoundMetadata => "metadata file",
            Self::ManifestList => "manifest list",
            Self::Manifest => "manifest",
        }
    }

    fn remedy(self) -> &'static str {
        match self {
            Self::Metadata | Self::GivenMetadata => {
                "restore the file from a copy; until then the table can be read as it was, by the location of an \
                 older metadata file in the same folder"
            }
            Self::FoundMetadata => {
                "the table does not need the file; remove it where no other table does, so that the rest of what was left \
                 behind can be told"
            }
            Self::ManifestList => {
                "restore the file from a copy; until then other versions of the table can be read"
            }
            Self::Manifest => {
                "restore the file from a copy; until then versions of the table that do not need it can be read"
            }
        }
    }
}

impl<'a> Part<'a> {
    pub(crate) fn new(kind: PartKind, location: &'a str) -> Self {
        Self { kind, location }
    }

    /// The whole file.
    ///
    /// # Errors
    /// `NotFound` and `InvalidData`, for one that is gone or empty, say what to do. A table whose newest metadata file is
    /// gone is there all the same, so that this is no `NotFound`: nobody may take it for one that was never made.
    pub(crate) async fn read(self, files: &Files) -> Result<Bytes> {
        let bytes = files.read(self.location).await.map_err(|e| match e.kind() {
            ErrorKind::NotFound => {
                let message = format!("a {} of the table is missing", self.kind.name());
                let kind = match self.kind {
                    PartKind::Metadata => ErrorKind::InvalidData,
                    _ => ErrorKind::NotFound,
                };
                self.fail(Error::new(kind, message).with_source(e))
            }
            _ => e,
        })?;
        // A disk that lost its power gives zeros for what it had not kept, or nothing.
        if bytes.iter().all(|byte| *byte == 0) {
            let name = self.kind.name();
            return Err(self.fail(Error::invalid_data(format!(
                "a {name} of the table is empty: its writer was cut off, or the disk has lost what it wrote"
            ))));
        }
        Ok(bytes)
    }

    /// An error about the file, with its place and, where it is damaged or gone, with what to do.
    pub(crate) fn fail(self, error: Error) -> Error {
        let error = error.with_context(self.kind.key(), self.location);
        match error.kind() {
            ErrorKind::InvalidData | ErrorKind::NotFound => error.with_context("remedy", self.kind.remedy()),
            _ => error,
        }
    }
}
