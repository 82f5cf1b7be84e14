//! Where a table lies, and what the paths of its manifest mean.

use stitchwork_core::{Stores, join};

/// The location of a table.
#[derive(Debug, Clone)]
pub(crate) struct Root {
    /// As the caller gave it.
    pub(crate) location: String,
    /// As the stores resolve it.
    canonical: String,
}

impl Root {
    pub(crate) fn new(location: &str, canonical: &str) -> Self {
        let location =
            if location.len() > 1 { location.strip_suffix('/').unwrap_or(location) } else { location };
        Self { location: location.to_owned(), canonical: canonical.trim_end_matches('/').to_owned() }
    }

    /// How a location stands in the manifest: relative to the table, or whole. No relative path holds `://`, since no
    /// part of an object's path is empty.
    pub(crate) fn path(&self, location: &str, stores: &Stores) -> String {
        let canonical = stores.resolve(location).map_or_else(|_| location.to_owned(), |o| o.location());
        let relative = canonical.strip_prefix(&self.canonical).and_then(|rest| rest.strip_prefix('/'));
        relative.map_or(canonical.clone(), |path| path.trim_start_matches('/').to_owned())
    }

    /// The location of a path of the manifest.
    pub(crate) fn locate(&self, path: &str) -> String {
        if path.contains("://") { path.to_owned() } else { join(&self.location, path) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_file_are_one_path() {
        let stores = Stores::new();
        let root = Root::new("/a b/t/", "file:///a b/t");
        for location in ["/a b/t/p=1/x%20y", "file:///a b/t/p=1/x%20y", "/a b/t//p=1/x%20y"] {
            assert_eq!(root.path(location, &stores), "p=1/x%20y");
        }
        assert_eq!(root.locate("p=1/x%20y"), "/a b/t/p=1/x%20y");
        assert_eq!(root.path("/a b/tt/x", &stores), "file:///a b/tt/x");
        assert_eq!(root.locate("file:///a b/tt/x"), "file:///a b/tt/x");
        let top = Root::new("memory:", "memory:///");
        assert_eq!(top.path("memory:x/y", &stores), "x/y");
        assert_eq!(top.locate("x/y"), "memory:x/y");
    }
}
