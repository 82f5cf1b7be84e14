//! Numbers of all rows or pages, where the settings say that they are.

use super::PageInfo;
use crate::path::JsonPath;

/// Where a page says how many rows or pages there are, and how many a page has told of.
#[derive(Debug, Clone)]
pub(super) struct Total {
    pub(super) path: JsonPath,
    told: Option<u64>,
}

impl From<JsonPath> for Total {
    fn from(path: JsonPath) -> Self {
        Self { path, told: None }
    }
}

impl Total {
    /// Whether the pages end with this one, after so many rows or pages: with the number that was told last, or with a page
    /// without rows.
    pub(super) fn is_reached(&mut self, read: u64, page: &PageInfo<'_>) -> bool {
        // A number that is less than what came is that of something else.
        let now = page.number(&self.path).filter(|now| *now >= read);
        self.told = now.or(self.told);
        page.rows == 0 || self.told.is_some_and(|all| read >= all)
    }

    /// What was told, what was read and where it was told, where that is more.
    pub(super) fn missing(&self, read: u64) -> Option<(u64, u64, String)> {
        let told = self.told.filter(|all| read < *all)?;
        Some((told, read, self.path.keys().join(".")))
    }
}
