//! The commits that made a table.

use futures::stream::BoxStream;
use stitchwork_core::{Result, Version};

use crate::load::header;
use crate::store::LogStore;

/// The history down from a version.
pub(crate) fn down_from(
    store: LogStore,
    newest: i64,
    limit: Option<usize>,
) -> BoxStream<'static, Result<Version>> {
    stitchwork_commits::down_from(newest, limit, move |id| {
        let store = store.clone();
        async move {
            let header = header(&store, id).await?;
            Ok(Some(Version {
                id,
                timestamp_ms: header.time,
                operation: header.operation,
                tag: header.tag.map(Into::into),
                summary: header.summary,
            }))
        }
    })
}
