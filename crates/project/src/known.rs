//! The names that a project file may refer to: what the build of the application brings.

use std::collections::{BTreeMap, BTreeSet};

use stitchwork_core::Registry;

/// The names of logs, formats, catalogs, engines, sources and stores that are at hand, and of the options of formats.
///
/// A role of which no name is known is not checked, so that a file can be checked without any of it. So it is with the
/// options of a format.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Known {
    names: BTreeMap<String, BTreeSet<String>>,
    options: BTreeMap<String, BTreeSet<String>>,
}

impl Known {
    /// Every name that a registry has.
    #[must_use]
    pub fn of(registry: &Registry) -> Self {
        let schemes = registry.schemes().into_iter().map(|(role, scheme)| (role.to_owned(), scheme));
        let stores = registry.stores().known().into_iter().map(|scheme| ("store".to_owned(), scheme));
        schemes.chain(stores).fold(Self::default(), |known, (role, name)| known.with(&role, [name]))
    }

    /// Adds names of a role: `log`, `format`, `catalog`, `engine`, `source` or `store`.
    #[must_use]
    pub fn with<S: Into<String>>(mut self, role: &str, names: impl IntoIterator<Item = S>) -> Self {
        self.names.entry(role.to_owned()).or_default().extend(names.into_iter().map(Into::into));
        self
    }

    /// Adds names of options that a format takes.
    #[must_use]
    pub fn with_options<S: Into<String>>(mut self, format: &str, names: impl IntoIterator<Item = S>) -> Self {
        self.options.entry(format.to_owned()).or_default().extend(names.into_iter().map(Into::into));
        self
    }

    /// The names of a role; `None` when nothing is known of it.
    pub(crate) fn names(&self, role: &str) -> Option<&BTreeSet<String>> {
        self.names.get(role)
    }

    /// The options of a format; `None` when nothing is known of them.
    pub(crate) fn options(&self, format: &str) -> Option<&BTreeSet<String>> {
        self.options.get(format)
    }
}
