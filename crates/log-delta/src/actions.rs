//! The actions of the log (Delta protocol, "Actions"), as they stand in its JSON files.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use stitchwork_core::{Error, Result};

/// A map of strings in which a value may be null.
pub(crate) type StringMap = BTreeMap<String, Option<String>>;

/// What readers and writers must understand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Protocol {
    pub(crate) min_reader_version: i32,
    pub(crate) min_writer_version: i32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reader_features: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) writer_features: Option<Vec<String>>,
}

/// The format of the data files; only Parquet is defined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileFormat {
    pub(crate) provider: String,
    #[serde(default)]
    pub(crate) options: StringMap,
}

impl Default for FileFormat {
    fn default() -> Self {
        Self { provider: "parquet".to_owned(), options: StringMap::new() }
    }
}

/// The table's schema, partitioning and properties.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Metadata {
    pub(crate) id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) description: Option<String>,
    #[serde(default)]
    pub(crate) format: FileFormat,
    pub(crate) schema_string: String,
    #[serde(default)]
    pub(crate) partition_columns: Vec<String>,
    #[serde(default)]
    pub(crate) configuration: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) created_time: Option<i64>,
    /// Keys of newer writers, which must survive our rewriting of the action.
    #[serde(flatten)]
    pub(crate) other: Map<String, Value>,
}

/// Which rows of a data file are deleted (Delta protocol, "Deletion Vectors").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeletionVector {
    pub(crate) storage_type: String,
    pub(crate) path_or_inline_dv: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) offset: Option<i32>,
    pub(crate) size_in_bytes: i32,
    pub(crate) cardinality: i64,
}

impl DeletionVector {
    /// The id by which a file with this vector differs from the same file with another one.
    pub(crate) fn unique_id(&self) -> String {
        match self.offset {
            Some(offset) => format!("{}{}@{offset}", self.storage_type, self.path_or_inline_dv),
            None => format!("{}{}", self.storage_type, self.path_or_inline_dv),
        }
    }
}

/// A data file that becomes live.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Add {
    pub(crate) path: String,
    #[serde(default)]
    pub(crate) partition_values: StringMap,
    pub(crate) size: i64,
    #[serde(default)]
    pub(crate) modification_time: i64,
    #[serde(default = "yes")]
    pub(crate) data_change: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stats: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tags: Option<StringMap>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deletion_vector: Option<DeletionVector>,
}

/// A data file that ceases to be live; kept for a while as a tombstone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Remove {
    pub(crate) path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deletion_timestamp: Option<i64>,
    #[serde(default = "yes")]
    pub(crate) data_change: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) extended_file_metadata: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) partition_values: Option<StringMap>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) size: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) stats: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) tags: Option<StringMap>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) deletion_vector: Option<DeletionVector>,
}

/// The newest transaction of an application.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Txn {
    pub(crate) app_id: String,
    pub(crate) version: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) last_updated: Option<i64>,
}

/// Configuration of a feature under its own name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DomainMetadata {
    pub(crate) domain: String,
    pub(crate) configuration: String,
    pub(crate) removed: bool,
}

/// A part of a V2 checkpoint that holds file actions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sidecar {
    pub(crate) path: String,
    pub(crate) size_in_bytes: i64,
}

fn yes() -> bool {
    true
}

/// How this crate calls itself in what it commits, before its version.
pub(crate) const ENGINE: &str = "stitchwork/";

/// Where a commit says when it was made, where the table has that feature; the protocol makes these times grow.
pub(crate) const OWN_TIME: &str = "inCommitTimestamp";

/// Where a commit says who made it, in which words.
pub(crate) type CommitInfo = Map<String, Value>;

/// One line of a commit or of a JSON checkpoint. Actions that we do not know are left out.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Line {
    pub(crate) add: Option<Add>,
    pub(crate) remove: Option<Remove>,
    pub(crate) meta_data: Option<Metadata>,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) txn: Option<Txn>,
    pub(crate) commit_info: Option<CommitInfo>,
    pub(crate) domain_metadata: Option<DomainMetadata>,
    pub(crate) sidecar: Option<Sidecar>,
}

/// One action to write.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Action<'a> {
    CommitInfo(&'a CommitInfo),
    Protocol(&'a Protocol),
    MetaData(&'a Metadata),
    Txn(&'a Txn),
    Remove(&'a Remove),
    Add(&'a Add),
}

/// Calls `each` for the lines of a file of JSON actions.
///
/// # Errors
/// `InvalidData` with the number of the first line that is no action, or what `each` says. A file whose last line ends
/// early was cut off.
pub(crate) fn parse_lines<'a, T: Deserialize<'a>>(
    bytes: &'a [u8],
    mut each: impl FnMut(T) -> Result<()>,
) -> Result<()> {
    for (number, line) in bytes.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if !line.is_empty() {
            let parsed = serde_json::from_slice(line).map_err(|e| {
                let what = match e.is_eof() {
                    true => {
                        "a line of the log is cut off: its writer, or a copy of it, did not come to the end"
                    }
                    false => "a line of the log is no action",
                };
                Error::invalid_data(what).with_context("line", number + 1).with_source(e)
            })?;
            each(parsed)?;
        }
    }
    Ok(())
}

/// A commit, read or made by us.
#[derive(Debug, Default)]
pub(crate) struct Commit {
    pub(crate) version: i64,
    pub(crate) timestamp_ms: i64,
    pub(crate) info: Option<CommitInfo>,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) txns: Vec<Txn>,
    pub(crate) domains: Vec<DomainMetadata>,
    pub(crate) removes: Vec<Arc<Remove>>,
    pub(crate) adds: Vec<Arc<Add>>,
}

impl stitchwork_commits::Commit for Commit {
    fn parse(version: i64, modified_ms: i64, bytes: &[u8]) -> Result<Self> {
        let mut commit = Self { version, timestamp_ms: modified_ms, ..Self::default() };
        parse_lines(bytes, |line: Line| {
            commit.adds.extend(line.add.map(Arc::new));
            commit.removes.extend(line.remove.map(Arc::new));
            commit.txns.extend(line.txn);
            commit.domains.extend(line.domain_metadata);
            commit.protocol = line.protocol.or(commit.protocol.take());
            commit.metadata = line.meta_data.or(commit.metadata.take());
            commit.info = line.commit_info.or(commit.info.take());
            Ok(())
        })?;
        commit.check_whole()?;
        if let Some(time) = commit.info_i64(OWN_TIME) {
            commit.timestamp_ms = time;
        }
        Ok(commit)
    }

    /// The id that the writer gave to this very commit.
    fn id(&self) -> Option<&str> {
        self.info.as_ref()?.get("txnId")?.as_str()
    }
}

/// Whether a commit says that it is by this crate, whose metrics count what is in it.
fn is_ours(info: &CommitInfo) -> bool {
    info.get("engineInfo").and_then(Value::as_str).is_some_and(|engine| engine.starts_with(ENGINE))
}

impl Commit {
    /// The lines of the commit's file.
    pub(crate) fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut out = Vec::with_capacity(512 * (1 + self.adds.len() + self.removes.len()));
        let info = self.info.iter().map(Action::CommitInfo);
        let protocol = self.protocol.iter().map(Action::Protocol);
        let metadata = self.metadata.iter().map(Action::MetaData);
        let txns = self.txns.iter().map(Action::Txn);
        let removes = self.removes.iter().map(|remove| Action::Remove(remove));
        let adds = self.adds.iter().map(|add| Action::Add(add));
        for action in info.chain(protocol).chain(metadata).chain(txns).chain(removes).chain(adds) {
            serde_json::to_writer(&mut out, &action)
                .map_err(|e| Error::unexpected("an action could not be written as JSON").with_source(e))?;
            out.push(b'\n');
        }
        Ok(out)
    }

    /// Refuses a commit of ours that has lost lines: one that is cut off between two of them looks whole otherwise.
    fn check_whole(&self) -> Result<()> {
        let Some(info) = self.info.as_ref().filter(|info| is_ours(info)) else { return Ok(()) };
        let metric = |name: &str| -> u64 {
            let metrics = info.get("operationMetrics").and_then(|metrics| metrics.get(name));
            metrics.and_then(Value::as_str).and_then(|text| text.parse().ok()).unwrap_or_default()
        };
        // A deletion vector is told by adding its file again.
        let said = metric("numFiles").saturating_add(metric("numDeletionVectorsUpdated"));
        if (self.adds.len() as u64) < said {
            return Err(Error::invalid_data(
                "a commit has fewer files than it says: it was cut off between lines",
            )
            .with_context("found", self.adds.len())
            .with_context("said", said));
        }
        Ok(())
    }

    /// When the commit counts as made, after one of a time: a clock may have been put back since, and time must not run
    /// backwards through a table.
    pub(crate) fn time_after(&self, before: i64) -> i64 {
        match self.info_i64(OWN_TIME) {
            Some(time) => time,
            None => self.timestamp_ms.max(before),
        }
    }

    fn info_i64(&self, key: &str) -> Option<i64> {
        self.info.as_ref()?.get(key)?.as_i64()
    }

    /// What the application kept with its tag.
    pub(crate) fn tag_payload(&self, application: &str) -> Option<Value> {
        let ours = self.info.as_ref()?.get("stitchwork")?;
        let payload = ours.get("payload").filter(|payload| !payload.is_null())?;
        (ours.get("application")?.as_str()? == application).then(|| payload.clone())
    }

    /// The number of actions that hold memory.
    pub(crate) fn file_actions(&self) -> usize {
        self.adds.len() + self.removes.len()
    }
}
