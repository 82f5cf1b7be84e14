//! The commits that made a table.

use std::collections::BTreeMap;

use futures::stream::BoxStream;
use serde::Deserialize;
use serde_json::Value;
use stitchwork_core::{CommitTag, Result, Version};

use crate::actions::{CommitInfo, OWN_TIME, Txn, parse_lines};
use crate::store::LogStore;

/// The two actions that a history needs; the others are skipped without being read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HistoryLine {
    commit_info: Option<CommitInfo>,
    txn: Option<Txn>,
}

/// The history down from a version, as far as its commits are still there; `times` says when they count as made.
pub(crate) fn down_from(
    store: LogStore,
    newest: i64,
    times: BTreeMap<i64, i64>,
    limit: Option<usize>,
) -> BoxStream<'static, Result<Version>> {
    stitchwork_commits::down_from(newest, limit, move |version| {
        let (store, time) = (store.clone(), times.get(&version).copied());
        async move { read(&store, version, time).await }
    })
}

async fn read(store: &LogStore, id: i64, time: Option<i64>) -> Result<Option<Version>> {
    let Some((bytes, modified)) = store.commits.bytes(id).await? else { return Ok(None) };
    let mut info = CommitInfo::new();
    let mut txns = Vec::new();
    let parsed = parse_lines(&bytes, |line: HistoryLine| {
        info.extend(line.commit_info.unwrap_or_default());
        txns.extend(line.txn);
        Ok(())
    });
    parsed.map_err(|e| store.located(&store.commits.object(id).path, e))?;
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let mut summary = BTreeMap::new();
    for key in ["operationParameters", "operationMetrics"] {
        if let Some(Value::Object(values)) = info.get(key) {
            summary.extend(values.iter().map(|(key, value)| (key.clone(), text(value))));
        }
    }
    if let Some(engine) = info.get("engineInfo") {
        summary.insert("engineInfo".to_owned(), text(engine));
    }
    Ok(Some(Version {
        id,
        timestamp_ms: info.get(OWN_TIME).and_then(Value::as_i64).or(time).unwrap_or(modified),
        operation: info.get("operation").map(text).unwrap_or_default(),
        tag: tag(&info, &txns),
        summary,
    }))
}

/// Our own tag, or another writer's transaction where there is just one.
fn tag(info: &CommitInfo, txns: &[Txn]) -> Option<CommitTag> {
    let [txn] = txns else { return None };
    let ours = info
        .get("stitchwork")
        .filter(|ours| ours.get("application").and_then(Value::as_str) == Some(txn.app_id.as_str()));
    Some(CommitTag {
        application: txn.app_id.clone(),
        id: txn.version,
        payload: ours.and_then(|ours| ours.get("payload")).filter(|payload| !payload.is_null()).cloned(),
    })
}
