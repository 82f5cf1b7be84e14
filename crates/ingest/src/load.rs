//! One load: rows into data files of many tables, which do not have them yet.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Fields, SchemaRef};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStoreExt;
use stitchwork_core::{DataFile, Error, Result, Snapshot, Stores};
use stitchwork_table::{FileSink, Table, merge_schemas};

use crate::destination::Destination;
use crate::manifest::ManifestTable;

/// How many files are looked for at once.
const LOOKS: usize = 16;
/// What the statistics of one column of a file take in memory, as measured.
const STATISTICS_BYTES: u64 = 1 << 10;
/// The share of the budget that the statistics of written files may take.
const STATISTICS_SHARE: u64 = 32;

/// The tables that a run has opened, kept from load to load.
#[derive(Debug)]
pub(crate) struct Tables {
    destination: Destination,
    open: BTreeMap<String, OpenTable>,
    /// Tables that were made by this run.
    pub new_tables: Vec<String>,
    /// Columns that were added by this run.
    pub new_columns: Vec<String>,
}

#[derive(Debug)]
struct OpenTable {
    table: Table,
    snapshot: Arc<dyn Snapshot>,
    /// How many parents it has, for the order of commits.
    depth: usize,
    sink: Option<FileSink>,
    files: Vec<DataFile>,
    /// How many columns of the files have statistics in memory.
    known: usize,
    rows: u64,
}

impl Tables {
    pub(crate) fn new(destination: Destination) -> Self {
        Self { destination, open: BTreeMap::new(), new_tables: vec![], new_columns: vec![] }
    }

    /// Opens a table that must be there.
    pub(crate) async fn get(&mut self, name: &str) -> Result<&Table> {
        if !self.open.contains_key(name) {
            let table = self.destination.open_own(name).await?;
            self.insert(name, table).await?;
        }
        Ok(&self.entry(name)?.table)
    }

    /// The columns of a table that must be there.
    pub(crate) async fn schema(&mut self, name: &str) -> Result<SchemaRef> {
        self.get(name).await?;
        Ok(self.entry(name)?.snapshot.schema())
    }

    /// The tables that are open.
    pub(crate) fn names(&self) -> Vec<String> {
        self.open.keys().cloned().collect()
    }

    /// The newest load of an application in each open table that has one, as far as its snapshot knows.
    pub(crate) async fn tags(&mut self, application: &str) -> Result<BTreeMap<String, i64>> {
        // Open files cannot be shared between threads, so no reference to them is held while waiting.
        let snapshots: Vec<_> =
            self.open.iter().map(|(name, open)| (name.clone(), open.snapshot.clone())).collect();
        let mut tags = BTreeMap::new();
        for (name, snapshot) in snapshots {
            if let Some(tag) = snapshot.tag(application).await? {
                tags.insert(name, tag.id);
            }
        }
        Ok(tags)
    }

    /// Goes on from a newer state of a table that has no open file.
    pub(crate) fn refresh(&mut self, name: &str, snapshot: Arc<dyn Snapshot>) {
        if let Some(open) = self.open.get_mut(name)
            && open.sink.is_none()
        {
            open.snapshot = snapshot;
        }
    }

    async fn insert(&mut self, name: &str, table: Table) -> Result<()> {
        let snapshot = table.snapshot().await?;
        // A child's name is its parent's and more, so the separators tell the depth.
        let depth = name.matches("__").count();
        let open = OpenTable { table, snapshot, depth, sink: None, files: vec![], known: 0, rows: 0 };
        self.open.insert(name.to_owned(), open);
        Ok(())
    }

    fn entry(&mut self, name: &str) -> Result<&mut OpenTable> {
        self.open
            .get_mut(name)
            .ok_or_else(|| Error::unexpected("a table of the load is not open").with_context("table", name))
    }

    /// Writes rows of a table, making it and its columns where they are missing.
    pub(crate) async fn write(&mut self, name: &str, batch: &RecordBatch, load: i64) -> Result<()> {
        let schema = batch.schema();
        if !self.open.contains_key(name) {
            let (table, made) = self.destination.open_or_create(name, &schema).await?;
            if made {
                self.new_tables.push(name.to_owned());
            }
            self.insert(name, table).await?;
        }
        let limit = self.destination.config.budget.total() / 2;
        let new = self.entry(name)?.evolve(&schema).await.map_err(|e| e.with_context("table", name))?;
        self.new_columns.extend(new.into_iter().map(|column| format!("{name}.{column}")));
        let open = self.entry(name)?;
        if batch.num_rows() > 0 {
            let sink = match &mut open.sink {
                Some(sink) => sink,
                empty => empty.insert(open.table.sink(open.snapshot.clone(), &format!("load-{load:08}-"))?),
            };
            sink.write(batch).await.map_err(|e| e.with_context("table", name))?;
            open.rows += batch.num_rows() as u64;
        }
        self.keep_within(limit).await?;
        self.forget_statistics();
        Ok(())
    }

    /// Closes the largest open files while all together hold too much.
    async fn keep_within(&mut self, limit: u64) -> Result<()> {
        let held = |tables: &BTreeMap<String, OpenTable>| -> u64 {
            tables.values().filter_map(|t| t.sink.as_ref()).map(FileSink::buffered_bytes).sum()
        };
        while held(&self.open) > limit {
            let sinks = self.open.values_mut().filter_map(|t| t.sink.as_mut());
            let Some(largest) = sinks.max_by_key(|sink| sink.buffered_bytes()) else { break };
            largest.close_largest().await?;
        }
        Ok(())
    }

    /// Gives up the statistics of the written files where they have become many: a load of any size may have any
    /// number of files, and its commit finds them in the files of one table after the other.
    fn forget_statistics(&mut self) {
        for open in self.open.values_mut() {
            let closed = open.sink.as_mut().map(FileSink::take_closed).unwrap_or_default();
            open.keep(closed);
        }
        let known: usize = self.open.values().map(|open| open.known).sum();
        if known as u64 * STATISTICS_BYTES <= self.destination.config.budget.total() / STATISTICS_SHARE {
            return;
        }
        for open in self.open.values_mut() {
            open.files.iter_mut().for_each(|file| file.stats = None);
            open.known = 0;
        }
    }

    /// Closes every file and says what each table has got, children before their parents, so that whoever
    /// sees a parent row sees its children. After an error, everything is still there for [`Tables::abort`].
    pub(crate) async fn finish_files(
        &mut self,
        replaced: &BTreeSet<String>,
    ) -> Result<Vec<(ManifestTable, Vec<DataFile>)>> {
        for (name, open) in &mut self.open {
            open.close().await.map_err(|e| e.with_context("table", name))?;
        }
        let mut shares = Vec::new();
        for (name, open) in &mut self.open {
            let replace = replaced.contains(name);
            if open.files.is_empty() && !replace {
                continue;
            }
            let files = open.take_files();
            let described = files.iter().map(Table::file_to_json).collect();
            let rows = std::mem::take(&mut open.rows);
            shares.push((
                open.depth,
                ManifestTable { name: name.clone(), replace, rows, files: described },
                files,
            ));
        }
        shares.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.name.cmp(&b.1.name)));
        Ok(shares.into_iter().map(|(_, share, files)| (share, files)).collect())
    }

    /// Removes everything that has been written and not been handed out.
    pub(crate) async fn abort(&mut self, handed_out: &[DataFile]) {
        let mut written: Vec<DataFile> = handed_out.to_vec();
        for open in self.open.values_mut() {
            if let Some(sink) = open.sink.take()
                && let Err(e) = sink.abort().await
            {
                tracing::warn!(error = %e, "a file of a load that failed stays behind; no table has it");
            }
            written.extend(open.take_files());
            open.rows = 0;
        }
        for file in written {
            let removed = async {
                let object = self.destination.registry.stores().resolve(&file.location)?;
                match object.store.delete(&object.path).await {
                    Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                    Err(e) => Err(object.error(e)),
                }
            };
            if let Err(e) = removed.await {
                tracing::warn!(error = %e, "a file of a load that failed stays behind; no table has it");
            }
        }
    }
}

/// Refuses to go on when one of the files is gone: somebody took them for those of a load that had crashed.
pub(crate) async fn check_there(stores: &Stores, files: &[DataFile]) -> Result<()> {
    let looked = stream::iter(files.iter().cloned()).map(|file| async move {
        let object = stores.resolve(&file.location)?;
        match object.store.head(&object.path).await {
            Ok(_) => Ok(()),
            Err(e @ object_store::Error::NotFound { .. }) => Err(Error::conflict(
                "a data file of the load is gone before it was committed: leftovers were removed while the load was \
                 under way; run it again, and remove only what is older than any load takes",
            )
            .with_operation("ingest::load")
            .with_context("file", &file.location)
            .with_source(e)),
            Err(e) => Err(object.error(e)),
        }
    });
    looked.buffer_unordered(LOOKS).try_collect().await
}

impl OpenTable {
    /// Makes the table have every column of the rows; says which came new. Open files keep the columns they
    /// were started with, so they are closed first.
    async fn evolve(&mut self, schema: &SchemaRef) -> Result<Vec<String>> {
        let have = self.snapshot.schema();
        if merge_schemas(&have, schema)?.is_none() {
            return Ok(vec![]);
        }
        self.close().await?;
        self.snapshot = self.table.add_columns(schema).await?;
        let mut new = Vec::new();
        new_fields("", have.fields(), self.snapshot.schema().fields(), &mut new);
        Ok(new)
    }

    async fn close(&mut self) -> Result<()> {
        if let Some(sink) = self.sink.take() {
            let closed = sink.finish().await?;
            self.keep(closed);
        }
        Ok(())
    }

    fn keep(&mut self, closed: Vec<DataFile>) {
        let columns = closed.iter().filter_map(|file| file.stats.as_ref()).map(|stats| stats.columns.len());
        self.known += columns.sum::<usize>();
        self.files.extend(closed);
    }

    fn take_files(&mut self) -> Vec<DataFile> {
        self.known = 0;
        std::mem::take(&mut self.files)
    }
}

/// The paths of fields that came new, at every depth; not those below a new one.
fn new_fields(parent: &str, have: &Fields, now: &Fields, new: &mut Vec<String>) {
    for field in now {
        let path = format!("{parent}{}", field.name());
        match have.find(field.name()) {
            Some((_, known)) => new_in_type(&path, known.data_type(), field.data_type(), new),
            None => new.push(path),
        }
    }
}

fn new_in_type(path: &str, have: &DataType, now: &DataType, new: &mut Vec<String>) {
    match (have, now) {
        (DataType::Struct(have), DataType::Struct(now)) => {
            new_fields(&format!("{path}."), have, now, new);
        }
        (DataType::List(have), DataType::List(now)) => {
            new_in_type(&format!("{path}.element"), have.data_type(), now.data_type(), new);
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use object_store::PutPayload;
    use stitchwork_core::{ErrorKind, Registry};

    use super::*;

    #[tokio::test]
    async fn a_file_that_is_gone_is_found_out() {
        let registry = Registry::new();
        let locations = ["memory:data/t/a", "memory:data/t/b"];
        let files =
            locations.map(|location| DataFile { location: location.to_owned(), ..DataFile::default() });
        for location in locations {
            let error = check_there(registry.stores(), &files).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Conflict);
            let object = registry.stores().resolve(location).unwrap();
            object.store.put(&object.path, PutPayload::from_static(b"x")).await.unwrap();
        }
        check_there(registry.stores(), &files).await.unwrap();
    }
}
