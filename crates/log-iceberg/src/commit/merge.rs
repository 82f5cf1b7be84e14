//! Many small manifests become few large ones, so that a table of many commits stays fast to list.

use std::collections::BTreeMap;

use stitchwork_core::Result;
use stitchwork_iceberg_meta::{ManifestContent, ManifestInfo, TableMeta};

use super::plan::Plan;
use super::rewrite::Writer;
use crate::error;

/// The names that Iceberg's documentation gives under "Write properties".
const ENABLED: &str = "commit.manifest-merge.enabled";
const MIN_COUNT: &str = "commit.manifest.min-count-to-merge";
const TARGET: &str = "commit.manifest.target-size-bytes";

/// The manifests of the last snapshot with small ones merged where they are many.
pub(super) async fn merge(
    writer: &mut Writer<'_>,
    plan: &mut Plan,
    manifests: Vec<ManifestInfo>,
) -> Result<Vec<ManifestInfo>> {
    let bins = bins(writer.meta, &manifests);
    if bins.is_empty() {
        return Ok(manifests);
    }
    let mut merged: BTreeMap<usize, Option<ManifestInfo>> = BTreeMap::new();
    for bin in bins {
        let members: Vec<&ManifestInfo> = bin.iter().filter_map(|place| manifests.get(*place)).collect();
        let key: Vec<String> = members.iter().map(|info| info.path.clone()).collect();
        let info = match plan.merged.get(&key) {
            Some(info) => info.clone(),
            None => {
                let info = merge_bin(writer, &members).await?;
                plan.merged.insert(key, info.clone());
                info
            }
        };
        // The merged one stands where the first of its parts stood.
        let mut info = Some(info);
        merged.extend(bin.into_iter().map(|place| (place, info.take())));
    }
    let mut out = Vec::with_capacity(manifests.len());
    for (place, info) in manifests.into_iter().enumerate() {
        match merged.remove(&place) {
            None => out.push(info),
            Some(replacement) => out.extend(replacement),
        }
    }
    Ok(out)
}

async fn merge_bin(writer: &mut Writer<'_>, members: &[&ManifestInfo]) -> Result<ManifestInfo> {
    let mut entries = Vec::new();
    for info in members {
        for entry in writer.live_entries(info).await? {
            entries.push(entry.into_existing().map_err(error::meta)?);
        }
    }
    let content = members.first().map_or(ManifestContent::Data, |info| info.content);
    let spec = writer.spec(members.first().map_or(0, |info| info.spec_id))?.clone();
    writer.manifest(content, &spec, &entries).await
}

/// Which manifests are merged with which, as places. They stand newest first; the bins are filled from the oldest
/// on, so that only the bin of the newest ones is not full. That one waits until it has enough members.
fn bins(meta: &TableMeta, manifests: &[ManifestInfo]) -> Vec<Vec<usize>> {
    let number = |key: &str, default: i64| meta.property(key).and_then(|v| v.parse().ok()).unwrap_or(default);
    let min_count = usize::try_from(number(MIN_COUNT, 100)).unwrap_or(usize::MAX).max(2);
    let target = number(TARGET, 8 << 20).max(1);
    if meta.property(ENABLED) == Some("false") {
        return vec![];
    }
    let mut kinds: BTreeMap<(bool, i32), Vec<usize>> = BTreeMap::new();
    for (place, info) in manifests.iter().enumerate() {
        // Deleted entries of the commit before last are gone after a merge; those of this one are kept by not
        // merging what it has written.
        if info.length < target && info.sequence_number >= 0 && info.key_metadata.is_none() {
            kinds.entry((info.content == ManifestContent::Data, info.spec_id)).or_default().push(place);
        }
    }
    let mut found = Vec::new();
    for places in kinds.into_values().filter(|places| places.len() >= min_count) {
        let mut bin: Vec<usize> = Vec::new();
        let mut size = 0_i64;
        for place in places.into_iter().rev() {
            let length = manifests.get(place).map_or(0, |info| info.length);
            if size.saturating_add(length) > target && !bin.is_empty() {
                found.push(std::mem::take(&mut bin));
                size = 0;
            }
            bin.push(place);
            size = size.saturating_add(length);
        }
        if bin.len() >= min_count {
            found.push(bin);
        }
    }
    found.retain(|bin| bin.len() > 1);
    for bin in &mut found {
        bin.sort_unstable();
    }
    found
}

#[cfg(test)]
mod tests;
