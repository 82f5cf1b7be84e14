//! Putting rows in the place of others, by their addresses.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::compute::{filter_record_batch, is_not_null, not};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow_schema::DataType;
use futures::TryStreamExt;
use stitchwork_core::{
    BatchStream, ChangeArgs, Changes, CommitArgs, DataFile, Deleted, Error, PlannedFile, ROW_DELETED,
    ROW_FILE, ROW_POSITION, Reads, Result, RoaringTreemap, Snapshot,
};

use super::OperationSummary;
use crate::plan::{constants, filter};
use crate::scan::with_addresses;
use crate::{FileSink, Table};

/// What the rows of a change say: which rows go, per file, and how many of which kind they are. The bitmaps are
/// all that is held of them.
#[derive(Debug, Default)]
struct Touched {
    positions: HashMap<String, RoaringTreemap>,
    inserted: u64,
    updated: u64,
    deleted: u64,
}

impl Table {
    /// Puts rows in the place of others, in one commit: the files that are touched are written anew without the
    /// rows whose addresses come, and the new rows go to files of their own.
    ///
    /// # Errors
    /// `InvalidInput` for an address that comes twice, or is none of `base`; `Conflict` when the table has
    /// changed since `base` in what the change depends on. It is not repeated, since addresses are those of
    /// `base`.
    pub async fn change(&self, base: Arc<dyn Snapshot>, args: ChangeArgs) -> Result<OperationSummary> {
        with_addresses(&base.schema(), &base.schema())?;
        let ChangeArgs { rows, reads } = args;
        let (touched, new) = self.take_in(&base, rows).await?;
        let (removed, left) = match self.rewrite_touched(&base, touched.positions).await {
            Ok(done) => done,
            Err(e) => {
                let e = e.with_commit_state(stitchwork_core::CommitState::NotCommitted);
                return Err(self.clean_up(e, &new).await);
            }
        };
        let summary = OperationSummary {
            rows_added: touched.inserted,
            rows_removed: touched.deleted,
            rows_updated: touched.updated,
            files_added: (new.len() + left.len()) as u64,
            files_removed: removed.len() as u64,
            bytes_added: new.iter().chain(&left).map(|file| file.size).sum(),
            ..OperationSummary::nothing(base.clone())
        };
        let mut added = new;
        added.extend(left);
        if added.is_empty() && removed.is_empty() {
            return Ok(summary);
        }
        let operation = match (touched.inserted, touched.updated, touched.deleted) {
            (0, _, 0) => "update",
            (0, 0, _) => "delete",
            _ => "merge",
        };
        let changes = Changes { added: added.clone(), removed, ..Changes::default() };
        let reads = reads.map_or(Reads::Everything, Reads::Rows);
        let commit = CommitArgs { reads, ..CommitArgs::new(base, operation, changes) };
        match self.log.commit(commit).await {
            Ok(done) => Ok(summary.committed(done)),
            Err(e) => Err(self.clean_up(e, &added).await),
        }
    }

    /// Writes the new rows and collects the addresses.
    async fn take_in(
        &self,
        base: &Arc<dyn Snapshot>,
        mut rows: BatchStream,
    ) -> Result<(Touched, Vec<DataFile>)> {
        let mut touched = Touched::default();
        let mut sink = self.sink(base.clone(), "part-")?;
        let writing = async {
            while let Some(batch) = rows.try_next().await? {
                let new = touched.take(&batch)?;
                sink.write(&new).await?;
            }
            Ok(())
        };
        let done = writing.await;
        Ok((touched, sink.finish_or_abort(done).await?))
    }

    /// The touched files, and the files of what is left of them.
    async fn rewrite_touched(
        &self,
        base: &Arc<dyn Snapshot>,
        mut positions: HashMap<String, RoaringTreemap>,
    ) -> Result<(Vec<DataFile>, Vec<DataFile>)> {
        let mut removed = Vec::new();
        if positions.is_empty() {
            return Ok((removed, vec![]));
        }
        let mut sink = self.sink(base.clone(), "part-")?;
        let mut chunks = base.files(filter(None));
        let rewriting = async {
            while let Some(chunk) = chunks.try_next().await? {
                for file in chunk {
                    if let Some(gone) = positions.remove(&file.location) {
                        self.rewrite_positions(base, &file, &gone, &mut sink).await?;
                        removed.push(file);
                    }
                }
                if positions.is_empty() {
                    break;
                }
            }
            match positions.keys().next() {
                Some(file) => Err(foreign().with_context("file", file)),
                None => Ok(()),
            }
        };
        let done = rewriting.await;
        Ok((removed, sink.finish_or_abort(done).await?))
    }

    /// Writes the rows of a file that are not among `gone`.
    async fn rewrite_positions(
        &self,
        base: &Arc<dyn Snapshot>,
        file: &DataFile,
        gone: &RoaringTreemap,
        sink: &mut FileSink,
    ) -> Result<()> {
        let whole = file.rows == Some(gone.len()) && file.deleted == Deleted::Nothing;
        if whole && gone.max().is_none_or(|last| last < gone.len()) {
            return Ok(());
        }
        let schema = base.schema();
        let constants = constants(file, base.partitioning(), &schema)?;
        let mut reader = self.reader(base, (0..schema.fields().len()).collect(), None);
        reader.output = with_addresses(&schema, &schema)?;
        reader.addresses = true;
        let mut rows = reader.open(PlannedFile { file: file.clone(), constants }, None).await?;
        let mut found = 0;
        while let Some(batch) = rows.try_next().await? {
            let positions = batch.column(schema.fields().len() + 1).as_primitive::<Int64Type>();
            let goes = |position: i64| u64::try_from(position).is_ok_and(|p| gone.contains(p));
            let keep: BooleanArray = positions.values().iter().map(|p| Some(!goes(*p))).collect();
            found += (batch.num_rows() - keep.true_count()) as u64;
            let own: Vec<usize> = (0..schema.fields().len()).collect();
            sink.write(&filter_record_batch(&batch.project(&own)?, &keep)?).await?;
        }
        if found == gone.len() {
            return Ok(());
        }
        Err(foreign().with_context("file", &file.location))
    }
}

fn foreign() -> Error {
    Error::invalid_input("the address of a row is none of the snapshot that is changed; read it anew")
        .with_operation("table::change")
}

impl Touched {
    /// Notes the addresses of a batch and gives back the rows that come new or in the place of others.
    fn take(&mut self, batch: &RecordBatch) -> Result<RecordBatch> {
        let column = |name: &str, data_type: DataType| -> Result<Option<ArrayRef>> {
            let Some(column) = batch.column_by_name(name) else { return Ok(None) };
            Ok(Some(arrow::compute::cast(column, &data_type)?))
        };
        let rows = batch.num_rows();
        let deleted = match column(ROW_DELETED, DataType::Boolean)? {
            Some(deleted) => deleted.as_boolean().iter().map(|d| Some(d == Some(true))).collect(),
            None => BooleanArray::from(vec![false; rows]),
        };
        let (files, positions) = (column(ROW_FILE, DataType::Utf8)?, column(ROW_POSITION, DataType::Int64)?);
        let files = files.map_or_else(|| StringArray::new_null(rows), |f| f.as_string::<i32>().clone());
        let positions =
            positions.map_or_else(|| Int64Array::new_null(rows), |p| p.as_primitive::<Int64Type>().clone());
        if is_not_null(&files)? != is_not_null(&positions)? {
            return Err(foreign());
        }
        for row in 0..rows {
            if files.is_null(row) {
                if deleted.value(row) {
                    return Err(Error::invalid_input("a row to delete has no address")
                        .with_operation("table::change"));
                }
                self.inserted += 1;
                continue;
            }
            let position = u64::try_from(positions.value(row)).map_err(|_| foreign())?;
            let fresh = match self.positions.get_mut(files.value(row)) {
                Some(known) => known.insert(position),
                None => self.positions.entry(files.value(row).to_owned()).or_default().insert(position),
            };
            if !fresh {
                return Err(Error::invalid_input(
                    "a row would be changed twice: more than one source row matches it",
                )
                .with_operation("table::change"));
            }
            *if deleted.value(row) { &mut self.deleted } else { &mut self.updated } += 1;
        }
        let special = [ROW_FILE, ROW_POSITION, ROW_DELETED];
        let names = batch.schema_ref().fields().iter().enumerate();
        let own: Vec<usize> =
            names.filter(|(_, f)| !special.contains(&f.name().as_str())).map(|(place, _)| place).collect();
        Ok(filter_record_batch(&batch.project(&own)?, &not(&deleted)?)?)
    }
}
