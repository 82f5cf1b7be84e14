//! Where the last run has ended.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use stitchwork_core::{Cursor, Error, ErrorKind, Result};

use super::Run;
use crate::config::Progress;
use crate::destination::is_no_table;
use crate::manifest::LoadManifest;
use crate::mutation::Mutation;

impl Run<'_> {
    /// Takes up the state that the newest manifest holds.
    pub(super) async fn go_on_after(&mut self, last: LoadManifest, finished: bool) -> Result<()> {
        let asked = self.destination.described();
        if let Some(there) = last.destination.as_ref().filter(|there| **there != asked) {
            return Err(Error::invalid_config(
                "the pipeline's state at this location speaks of other tables, and its cursor would pass over rows \
                 that these lack; load into what is there, or choose another location or another pipeline name",
            )
            .with_operation("ingest::recover")
            .with_context("pipeline", &self.pipeline.name)
            .with_context("location", &self.destination.location)
            .with_context("there", there)
            .with_context("asked_for", asked));
        }
        self.next_load = last.load.saturating_add(1);
        let gone = self.gone(last.known.keys()).await?;
        // A state whose every table is gone speaks of data that are no more: the source is read anew.
        if last.known.is_empty() || gone.len() < last.known.len() {
            // What an interrupted load was about to make, it makes when it is finished.
            if finished && !self.replaces() && !gone.is_empty() {
                return Err(Error::invalid_config(
                    "tables of the pipeline are gone, and no run would bring their rows again: put them back, load \
                     anew with `replace`, or remove the pipeline's state folder to go on without these rows",
                )
                .with_operation("ingest::recover")
                .with_context("pipeline", &self.pipeline.name)
                .with_context("tables", gone.join(","))
                .with_context("location", &self.destination.location));
            }
            self.cursor = last.cursor.clone().map(Cursor);
            self.known = last.known.clone();
            self.left = last.left.clone();
            self.owners = last.owners.clone();
            if finished || self.has(Mutation::RollForwardSkipped) {
                self.last_tables = last.tables.into_iter().map(|table| table.name).collect();
            } else {
                self.unfinished = Some(last);
            }
            return Ok(());
        }
        // Tables that only this catalog does not name are no reason to give up what their state says.
        for table in last.known.keys() {
            self.destination.check_unnamed(table).await?;
        }
        if !finished {
            self.state.finish(last.load).await?;
        }
        Ok(())
    }

    /// Goes on with a load whose manifest is there but whose mark is not.
    pub(super) async fn recover(&mut self) -> Result<()> {
        let Some(manifest) = self.unfinished.take() else { return Ok(()) };
        let load = manifest.load;
        self.tell(&Progress::Recovering { load });
        let report = self.commit(&manifest, BTreeMap::new()).await.map_err(|e| {
            e.with_operation("ingest::recover")
                .with_context("pipeline", &self.pipeline.name)
                .with_context("load", load)
        })?;
        self.recovered = Some(report.id);
        Ok(())
    }

    /// Those of the tables that are not there.
    async fn gone(&mut self, names: impl Iterator<Item = &String>) -> Result<Vec<String>> {
        let mut gone = Vec::new();
        for name in names {
            match self.tables.get(name).await {
                Ok(_) => {}
                Err(e) if e.kind() == ErrorKind::NotFound => gone.push(name.clone()),
                Err(e) => return Err(e),
            }
        }
        Ok(gone)
    }

    /// Without any manifest, the commits themselves say how far the pipeline has come: its state folder was
    /// removed, or lies elsewhere now.
    pub(super) async fn recover_from_tags(&mut self) -> Result<()> {
        let mut tags = BTreeMap::new();
        for name in self.destination.tables_with_tag(&self.application()).await? {
            let table = match self.tables.get(&name).await {
                Ok(table) => table.clone(),
                // A folder or an entry that is no table of this kind is none of ours.
                Err(e) if is_no_table(&e) => continue,
                Err(e) => return Err(e),
            };
            let tag = table.snapshot().await?.tag(&self.application()).await?;
            let payload = tag.as_ref().and_then(|tag| tag.payload.as_ref());
            if let Some(payload) = payload.filter(|p| p.get("streams").is_some_and(Value::is_array)) {
                self.known.insert(name.clone(), names_in(payload, "streams"));
            }
            tags.insert(name, tag);
        }
        let Some(newest) = tags.values().flatten().map(|tag| tag.id).max() else { return Ok(()) };
        self.next_load = newest.saturating_add(1);
        if self.replaces() {
            // The source is read from its start, so that nothing depends on where it was.
            return Ok(());
        }
        let lost = |why: &str| {
            Error::invalid_data(format!(
                "the pipeline's state is gone and its tables do not tell where to go on: {why}; put the state \
                 folder back, or load anew with `replace`"
            ))
            .with_operation("ingest::recover")
            .with_context("pipeline", &self.pipeline.name)
            .with_context("load", newest)
        };
        let mut payloads =
            tags.values().flatten().filter(|t| t.id == newest).filter_map(|t| t.payload.as_ref());
        let payload = payloads.next().ok_or_else(|| lost("no commit has its cursor any more"))?;
        // The tables are committed one after the other. Where the last one lacks the tag, a crash was in
        // between, and only the manifest could say what is missing.
        if let Some(last) = payload.get("last").and_then(|last| last.as_str())
            && let Some(tag) = tags.get(last)
            && tag.as_ref().is_none_or(|tag| tag.id < newest)
        {
            return Err(lost("the newest load is committed in some of its tables only"));
        }
        self.cursor = payload.get("cursor").filter(|c| !c.is_null()).cloned().map(Cursor);
        self.left = names_in(payload, "left");
        Ok(())
    }

    /// Refuses a state that is behind the tables, since its cursor would bring rows that are there already, and one
    /// that is ahead of them, since it would pass over rows that are not there.
    pub(super) async fn check_state(&mut self) -> Result<()> {
        let tags = self.tables.tags(&self.application()).await?;
        if let Some((table, id)) = tags.iter().max_by_key(|(_, id)| **id)
            && *id >= self.next_load
        {
            return Err(Error::conflict(
                "a table has a newer load of the pipeline than its state: another run is under way, or the \
                 state folder is an old one; run it again, or remove the state folder to go on from the tables",
            )
            .with_operation("ingest::recover")
            .with_context("table", table)
            .with_context("load", id));
        }
        if self.replaces() {
            return Ok(());
        }
        // A table without the tag may have lost it with its old snapshots, or was made anew.
        let newest = self.next_load.saturating_sub(1);
        let behind =
            self.last_tables.iter().find_map(|name| Some((name, tags.get(name).filter(|id| **id < newest)?)));
        match behind {
            Some((table, id)) => Err(Error::invalid_config(
                "a table lacks the newest load of the pipeline: another catalog of the same kind names another \
                 table, or this one was rolled back; name the catalog that was loaded last, or remove the \
                 pipeline's state folder to go on from the newest commits of these tables",
            )
            .with_operation("ingest::recover")
            .with_context("table", table)
            .with_context("load", newest)
            .with_context("has_load", id)),
            None => Ok(()),
        }
    }
}

/// The names in a list of a commit's payload.
fn names_in(payload: &Value, key: &str) -> BTreeSet<String> {
    let names = payload.get(key).and_then(Value::as_array).into_iter().flatten();
    names.filter_map(Value::as_str).map(str::to_owned).collect()
}
