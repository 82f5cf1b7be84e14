//! How JSON is read and written.

use serde::{Deserialize, Serialize};
use stitchwork_core::{Error, Options, Result, check_options};
use stitchwork_objects::{Compression, overlay};

/// How the records stand in an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// As the first character says: `[` begins an array, all else is taken as records one after the other.
    #[default]
    Auto,
    /// One object after the other, usually one per line.
    Ndjson,
    /// One array of objects.
    Array,
}

/// How JSON is read and written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct JsonConfig {
    /// How the records stand in an object that is read. What is written is NDJSON.
    pub layout: Layout,
    /// From how many records a schema is inferred at most.
    pub infer_rows: usize,
    /// From how many bytes a schema is inferred at most.
    pub infer_bytes: usize,
    /// Whether a key that the schema has not is an error; else it is passed over.
    pub strict: bool,
    /// Whether nulls are written out; else their keys are left out. Also an option of a single file.
    pub explicit_nulls: bool,
    /// The compression; by the ending of the name when `None`. Also an option of a single file.
    pub compression: Option<Compression>,
}

/// The settings, in the order of the fields.
const OPTIONS: [&str; 6] = ["layout", "infer_rows", "infer_bytes", "strict", "explicit_nulls", "compression"];
/// Those that are options of a single file too.
const FILE_OPTIONS: [&str; 2] = ["explicit_nulls", "compression"];

impl Default for JsonConfig {
    fn default() -> Self {
        Self {
            layout: Layout::Auto,
            infer_rows: 10_000,
            infer_bytes: 8 << 20,
            strict: false,
            explicit_nulls: false,
            compression: None,
        }
    }
}

impl JsonConfig {
    /// Checks the values.
    ///
    /// # Errors
    /// `InvalidConfig`, naming the field.
    pub fn validate(&self) -> Result<()> {
        for (name, size) in [("infer_rows", self.infer_rows), ("infer_bytes", self.infer_bytes)] {
            if size == 0 {
                return Err(Error::invalid_config("a size must be above 0").with_context("option", name));
            }
        }
        Ok(())
    }

    /// The ending of the name of an object that is written with these options, and read without them.
    pub(crate) fn file_extension(&self, options: &Options) -> Result<String> {
        Compression::file_extension("json", self.compression, self.with_options(options)?.compression)
    }

    /// Settings by their names.
    pub(crate) fn of_options(options: &Options) -> Result<Self> {
        check_options(options, &OPTIONS)?;
        let (of_files, rest) =
            options.clone().into_iter().partition(|(name, _)| FILE_OPTIONS.contains(&name.as_str()));
        overlay::<Self>(&Self::default(), &rest, &OPTIONS)?.with_options(&of_files)
    }

    /// These settings with the options of one file on top.
    pub(crate) fn with_options(&self, options: &Options) -> Result<Self> {
        check_options(options, &FILE_OPTIONS)?;
        let mut config = self.clone();
        if let Some(text) = options.get("explicit_nulls") {
            config.explicit_nulls = text.parse().map_err(|_| {
                Error::invalid_config("the option is `true` or `false`")
                    .with_context("option", "explicit_nulls")
                    .with_context("value", text)
            })?;
        }
        if let Some(text) = options.get("compression") {
            config.compression = if text == "auto" { None } else { Some(text.parse()?) };
        }
        Ok(config)
    }
}
