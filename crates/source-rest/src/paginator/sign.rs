//! Where the settings of a paginator look for something in a page.

use super::total::Total;
use super::{Way, config};
use crate::path::JsonPath;

impl Way {
    /// Where a page has what leads to the next one.
    pub(super) fn lead(&self) -> Option<&JsonPath> {
        match self {
            Self::JsonLink { path, .. } | Self::Cursor { path, .. } => Some(path),
            _ => None,
        }
    }

    /// Where a page says yes or no to whether there are more, as the settings say it. A number of rows or pages is neither.
    pub(super) fn flag(&self) -> Option<&JsonPath> {
        match self {
            Self::HeaderLink { has_more, .. }
            | Self::JsonLink { has_more, .. }
            | Self::Cursor { has_more, .. }
            | Self::LastRow { has_more, .. } => has_more.as_ref(),
            Self::Offset { .. } | Self::PageNumber { .. } | Self::Auto | Self::Single => None,
        }
    }

    /// Where a page tells of more, as the settings say it and where that is not what is looked for anyhow.
    pub(super) fn sign(&self) -> Option<&JsonPath> {
        let unusual = |total: &'_ Total, usual: String| total.path.keys() != [usual];
        match self {
            Self::Offset { total, .. } => unusual(total, config::total()).then_some(&total.path),
            Self::PageNumber { total_pages, .. } => {
                unusual(total_pages, config::total_pages()).then_some(&total_pages.path)
            }
            _ => self.flag(),
        }
    }
}
