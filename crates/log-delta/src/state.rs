//! A version of the table, sharing all it can with the versions before it.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, OnceLock};

use serde_json::Value;
use stitchwork_core::{Error, Result};

use crate::actions::{Add, Commit, DomainMetadata, Metadata, Protocol, Txn};
use crate::checkpoint::Checkpoint;
use crate::meta::TableMeta;
use crate::paths::Root;
use crate::protocol;

/// A commit since the checkpoint, and those before it.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) commit: Arc<Commit>,
    prev: Option<Arc<Self>>,
    /// The number of commits from here to the checkpoint.
    len: usize,
    /// The number of file actions from here to the checkpoint.
    actions: usize,
}

impl Drop for Node {
    fn drop(&mut self) {
        // One after the other: a chain of many thousand nodes must not be dropped by recursion.
        let mut next = self.prev.take();
        while let Some(node) = next {
            match Arc::try_unwrap(node) {
                Ok(mut node) => next = node.prev.take(),
                Err(_) => break,
            }
        }
    }
}

/// The newest transaction of an application, and what it kept with it.
#[derive(Debug, Clone)]
pub(crate) struct TxnState {
    pub(crate) txn: Txn,
    pub(crate) payload: Payload,
}

/// What is known about the payload of a tag.
#[derive(Debug, Clone)]
pub(crate) enum Payload {
    /// It is this.
    Known(Option<Value>),
    /// It stands in a commit at or before this version, if that is still there.
    AtOrBefore(i64),
}

/// What a log holds besides its files, before it is known to be whole.
#[derive(Debug, Default, Clone)]
pub(crate) struct Head {
    pub(crate) protocol: Option<Protocol>,
    pub(crate) metadata: Option<Metadata>,
    pub(crate) txns: BTreeMap<String, TxnState>,
    pub(crate) domains: BTreeMap<String, DomainMetadata>,
}

impl Head {
    fn apply(&mut self, commit: &Commit) {
        if let Some(protocol) = &commit.protocol {
            self.protocol = Some(protocol.clone());
        }
        if let Some(metadata) = &commit.metadata {
            self.metadata = Some(metadata.clone());
        }
        apply_txns(&mut self.txns, commit);
        apply_domains(&mut self.domains, commit);
    }
}

fn apply_txns(txns: &mut BTreeMap<String, TxnState>, commit: &Commit) {
    for txn in &commit.txns {
        let payload = Payload::Known(commit.tag_payload(&txn.app_id));
        txns.insert(txn.app_id.clone(), TxnState { txn: txn.clone(), payload });
    }
}

fn apply_domains(domains: &mut BTreeMap<String, DomainMetadata>, commit: &Commit) {
    for domain in &commit.domains {
        if domain.removed {
            domains.remove(&domain.domain);
        } else {
            domains.insert(domain.domain.clone(), domain.clone());
        }
    }
}

/// The table at one version: a checkpoint, the commits since, and what both amount to besides files.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) version: i64,
    pub(crate) timestamp_ms: i64,
    pub(crate) protocol: Arc<Protocol>,
    pub(crate) table: Arc<TableMeta>,
    pub(crate) checkpoint: Option<Arc<Checkpoint>>,
    tail: Option<Arc<Node>>,
    pub(crate) txns: Arc<BTreeMap<String, TxnState>>,
    pub(crate) domains: Arc<BTreeMap<String, DomainMetadata>>,
    keys: OnceLock<Arc<HashSet<String>>>,
}

impl State {
    /// The state that a checkpoint and the commits after it, oldest first, make.
    pub(crate) fn build(
        checkpoint: Option<Arc<Checkpoint>>,
        mut head: Head,
        version_and_time: (i64, i64),
        commits: Vec<Arc<Commit>>,
    ) -> Result<Self> {
        let (mut version, mut timestamp_ms) = version_and_time;
        let mut tail = None;
        for commit in commits {
            head.apply(&commit);
            version = commit.version;
            timestamp_ms = commit.time_after(timestamp_ms);
            tail = Some(push(tail, commit));
        }
        let missing = |what: &str| {
            Error::invalid_data("the log lacks an action that each table has").with_context("action", what)
        };
        let protocol = head.protocol.ok_or_else(|| missing("protocol"))?;
        protocol::check_read(&protocol)?;
        let table = TableMeta::new(head.metadata.ok_or_else(|| missing("metaData"))?)?;
        Ok(Self {
            version,
            timestamp_ms,
            protocol: Arc::new(protocol),
            table: Arc::new(table),
            checkpoint,
            tail,
            txns: Arc::new(head.txns),
            domains: Arc::new(head.domains),
            keys: OnceLock::new(),
        })
    }

    /// The state after one more commit; costs what the commit holds.
    pub(crate) fn apply(&self, commit: Arc<Commit>) -> Result<Self> {
        let protocol = match &commit.protocol {
            Some(protocol) => {
                protocol::check_read(protocol)?;
                Arc::new(protocol.clone())
            }
            None => self.protocol.clone(),
        };
        let table = match &commit.metadata {
            Some(metadata) => Arc::new(TableMeta::new(metadata.clone())?),
            None => self.table.clone(),
        };
        let mut txns = self.txns.clone();
        if !commit.txns.is_empty() {
            apply_txns(Arc::make_mut(&mut txns), &commit);
        }
        let mut domains = self.domains.clone();
        if !commit.domains.is_empty() {
            apply_domains(Arc::make_mut(&mut domains), &commit);
        }
        Ok(Self {
            version: commit.version,
            timestamp_ms: commit.time_after(self.timestamp_ms),
            protocol,
            table,
            checkpoint: self.checkpoint.clone(),
            tail: Some(push(self.tail.clone(), commit)),
            txns,
            domains,
            keys: OnceLock::new(),
        })
    }

    /// The same version standing on a checkpoint at or before it, so that its tail is short again.
    pub(crate) fn rebased(&self, checkpoint: Arc<Checkpoint>) -> Self {
        let mut kept: Vec<Arc<Commit>> =
            self.tail().take_while(|c| c.version > checkpoint.version).cloned().collect();
        kept.reverse();
        Self {
            version: self.version,
            timestamp_ms: self.timestamp_ms,
            protocol: self.protocol.clone(),
            table: self.table.clone(),
            checkpoint: Some(checkpoint),
            tail: kept.into_iter().fold(None, |tail, commit| Some(push(tail, commit))),
            txns: self.txns.clone(),
            domains: self.domains.clone(),
            keys: OnceLock::new(),
        }
    }

    /// The commits since the checkpoint, newest first.
    pub(crate) fn tail(&self) -> impl Iterator<Item = &Arc<Commit>> {
        let mut next = self.tail.as_deref();
        std::iter::from_fn(move || {
            let node = next?;
            next = node.prev.as_deref();
            Some(&node.commit)
        })
    }

    /// The number of commits since the checkpoint.
    pub(crate) fn tail_len(&self) -> usize {
        self.tail.as_ref().map_or(0, |node| node.len)
    }

    /// The number of file actions since the checkpoint.
    pub(crate) fn tail_actions(&self) -> usize {
        self.tail.as_ref().map_or(0, |node| node.actions)
    }

    /// The files that the tail says something about: what the checkpoint says about them is outdated.
    pub(crate) fn tail_keys(&self, root: &Root) -> Result<Arc<HashSet<String>>> {
        if let Some(keys) = self.keys.get() {
            return Ok(keys.clone());
        }
        let mut keys = HashSet::with_capacity(self.tail_actions());
        for commit in self.tail() {
            for add in &commit.adds {
                keys.insert(root.key(&add.path, add.deletion_vector.as_ref())?);
            }
            for remove in &commit.removes {
                keys.insert(root.key(&remove.path, remove.deletion_vector.as_ref())?);
            }
        }
        Ok(self.keys.get_or_init(|| Arc::new(keys)).clone())
    }

    /// The live files among those that the tail added, newest first.
    pub(crate) fn tail_adds(&self, root: &Root) -> Result<Vec<Arc<Add>>> {
        let mut seen = HashSet::with_capacity(self.tail_actions());
        let mut live = Vec::new();
        for commit in self.tail() {
            for add in &commit.adds {
                if seen.insert(root.key(&add.path, add.deletion_vector.as_ref())?) {
                    live.push(add.clone());
                }
            }
            for remove in &commit.removes {
                seen.insert(root.key(&remove.path, remove.deletion_vector.as_ref())?);
            }
        }
        Ok(live)
    }
}

fn push(prev: Option<Arc<Node>>, commit: Arc<Commit>) -> Arc<Node> {
    let len = prev.as_ref().map_or(0, |node| node.len) + 1;
    let actions = prev.as_ref().map_or(0, |node| node.actions) + commit.file_actions();
    Arc::new(Node { commit, prev, len, actions })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_tail_is_dropped_without_recursion() {
        let mut tail = None;
        for version in 0..200_000 {
            tail = Some(push(tail, Arc::new(Commit { version, ..Commit::default() })));
        }
        assert_eq!(tail.as_ref().map(|node| node.len), Some(200_000));
        drop(tail);
    }
}
