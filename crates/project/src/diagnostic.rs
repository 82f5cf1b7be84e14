//! What is wrong with a project file, and where.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use stitchwork_core::Error;

/// A place in the project file. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Place {
    /// The line.
    pub line: u32,
    /// The column.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// One mistake.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Diagnostic {
    /// Where it is.
    pub place: Place,
    /// What it is and what to write instead. It quotes no value that may be secret.
    pub message: String,
}

/// All mistakes of a project file, in the order of their places.
///
/// Displayed, each is a line such as `stitchwork.yaml:12:5: unknown key "straems", did you mean "streams"?`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostics {
    file: String,
    found: BTreeSet<Diagnostic>,
}

impl Diagnostics {
    /// No mistake yet in the file of this name.
    #[must_use]
    pub fn new(file: impl Into<String>) -> Self {
        Self { file: file.into(), found: BTreeSet::new() }
    }

    /// The name of the file.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Adds a mistake; the same one at the same place counts once.
    pub fn add(&mut self, place: Place, message: impl Into<String>) {
        self.found.insert(Diagnostic { place, message: message.into() });
    }

    pub(crate) fn has(&self, one: &Diagnostic) -> bool {
        self.found.contains(one)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// The mistakes, in the order of their places.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.found.iter()
    }

    /// `Ok` when there is none.
    ///
    /// # Errors
    /// The mistakes themselves, when there are any.
    pub fn into_result(self) -> Result<(), Self> {
        if self.is_empty() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Diagnostic { place, message }) in self.found.iter().enumerate() {
            let line_end = if index == 0 { "" } else { "\n" };
            write!(f, "{line_end}{}:{place}: {message}", self.file)?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostics {}

impl From<Diagnostics> for Error {
    fn from(diagnostics: Diagnostics) -> Self {
        let count = match diagnostics.len() {
            1 => "a mistake".to_owned(),
            count => format!("{count} mistakes"),
        };
        let message = format!("the project file has {count}");
        Self::invalid_config(message).with_context("file", &diagnostics.file).with_source(diagnostics)
    }
}
