//! The compressions of whole objects, by name and by file ending.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use stitchwork_core::{Error, Object};

/// How the bytes of an object are compressed as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// Gzip ([RFC 1952](https://www.rfc-editor.org/rfc/rfc1952)), of one or more members.
    Gzip,
    /// Zstandard ([RFC 8878](https://www.rfc-editor.org/rfc/rfc8878)), of one or more frames.
    Zstd,
    /// bzip2, of one or more streams.
    Bzip2,
    /// xz ([the .xz file format](https://tukaani.org/xz/xz-file-format.txt)), of one or more streams.
    Xz,
}

impl Compression {
    /// Every compression.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Zstd, Self::Bzip2, Self::Xz];

    /// The name, as it stands in options.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
        }
    }

    /// The ending of file names, without the dot; empty for [`Compression::None`].
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => "gz",
            Self::Zstd => "zst",
            Self::Bzip2 => "bz2",
            Self::Xz => "xz",
        }
    }

    /// The ending of the name of an object of a format whose own ending is `format` (`csv.gz`), that is written with the
    /// compression `write`, and read where the settings say `read`; each by the name when `None`.
    ///
    /// # Errors
    /// `InvalidConfig` where the reader's setting is another one: it does not ask the name.
    pub fn file_extension(format: &str, read: Option<Self>, write: Option<Self>) -> Result<String, Error> {
        let compression = write.or(read).unwrap_or_default();
        if read.is_some_and(|read| read != compression) {
            return Err(Error::invalid_config(
                "what is written so could not be read again, since the format is set to another compression",
            )
            .with_context("option", "compression")
            .with_context("value", compression.name()));
        }
        Ok(match compression {
            Self::None => format.to_owned(),
            other => format!("{format}.{}", other.extension()),
        })
    }

    /// The compression that an object's name tells by its last ending, in any case of letters.
    #[must_use]
    pub fn of(object: &Object) -> Self {
        let name = object.path.filename().unwrap_or_default();
        let Some((_, ending)) = name.rsplit_once('.') else { return Self::None };
        Self::ALL.into_iter().find(|c| ending.eq_ignore_ascii_case(c.extension())).unwrap_or_default()
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Compression {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|c| text == c.name()).ok_or_else(|| {
            Error::invalid_config("no compression of this name is known")
                .with_context("option", "compression")
                .with_context("value", text)
                .with_context("known", Self::ALL.map(Self::name).join(","))
        })
    }
}
