//! A table in memory that can be changed and keeps its past.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow_schema::{Fields, Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use arrow_select::filter::filter_record_batch;
use async_trait::async_trait;
use parking_lot::Mutex;
use stitchwork_core::{
    At, BatchStream, ChangeArgs, EditSummary, Editor, Error, FieldMapping, InsertMode, Predicate,
    ROW_DELETED, ROW_FILE, ROW_POSITION, Relation, Result, ScanArgs, ScanPlan, address_fields, collect,
};

use crate::MemoryRelation;

/// A table in memory: a stream only, without a plan, whose rows have addresses. Each change makes a version, from
/// 0 on, and an address is good for the version that it was read from.
#[derive(Debug, Clone)]
pub struct MemoryTable {
    schema: SchemaRef,
    versions: Arc<Mutex<Vec<RecordBatch>>>,
}

impl MemoryTable {
    /// A table whose version 0 has these rows.
    #[must_use]
    pub fn new(rows: RecordBatch) -> Self {
        Self { schema: rows.schema(), versions: Arc::new(Mutex::new(vec![rows])) }
    }

    /// The newest version and its rows.
    #[must_use]
    pub fn newest(&self) -> (i64, RecordBatch) {
        let versions = self.versions.lock();
        let rows = versions.last().cloned().unwrap_or_else(|| RecordBatch::new_empty(self.schema.clone()));
        (i64::try_from(versions.len()).unwrap_or(i64::MAX) - 1, rows)
    }

    /// When a version was made, in milliseconds since 1970: an hour after the one before it.
    #[must_use]
    pub fn made_at(version: i64) -> i64 {
        (480_000 + version) * 3_600_000
    }

    /// The rows as they were.
    ///
    /// # Errors
    /// `NotFound` for a version that is not there, `Unsupported` for branches and tags.
    pub fn at(&self, at: &At) -> Result<Arc<dyn Relation>> {
        let missing =
            || Error::not_found("the table has no such version").with_context("at", format!("{at:?}"));
        let version = match at {
            At::Latest => return Ok(Arc::new(self.clone())),
            At::Version(version) => *version,
            At::Timestamp(moment) => {
                let versions = 0..=self.newest().0;
                versions.rev().find(|version| Self::made_at(*version) <= *moment).ok_or_else(missing)?
            }
            _ => return Err(Error::unsupported("the table has no branches and tags")),
        };
        let place = usize::try_from(version).map_err(|_| missing())?;
        let rows = self.versions.lock().get(place).cloned().ok_or_else(missing)?;
        Ok(Arc::new(MemoryRelation::from(rows)))
    }

    fn push(&self, version: i64, rows: RecordBatch) -> Result<()> {
        let mut versions = self.versions.lock();
        if usize::try_from(version).is_ok_and(|version| version + 1 == versions.len()) {
            versions.push(rows);
            return Ok(());
        }
        Err(Error::conflict("another writer has changed the table").with_context("version", version))
    }
}

#[async_trait]
impl Relation for MemoryTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    async fn plan(&self, _: ScanArgs) -> Result<Option<ScanPlan>> {
        Ok(None)
    }

    async fn scan(&self, mut args: ScanArgs) -> Result<BatchStream> {
        let (version, rows) = self.newest();
        if !args.addresses {
            return MemoryRelation::from(rows).scan(args).await;
        }
        args.addresses = false;
        let rows = with_addresses(&rows, version)?;
        let (own, all) = (self.schema.fields().len(), rows.num_columns());
        if let Some(projection) = &mut args.projection {
            projection.extend(own..all);
        }
        MemoryRelation::from(rows).scan(args).await
    }

    fn editor(&self) -> Option<Arc<dyn Editor>> {
        Some(Arc::new(MemoryEditor(self.clone())))
    }
}

/// What stands for the file of the rows of a version.
fn file_of(version: i64) -> String {
    format!("memory:version-{version}")
}

fn with_addresses(rows: &RecordBatch, version: i64) -> Result<RecordBatch> {
    let count = rows.num_rows();
    let files = StringArray::from_iter_values(std::iter::repeat_n(file_of(version), count));
    let positions: Int64Array = (0_i64..).take(count).collect();
    let fields: Fields = rows.schema_ref().fields().iter().cloned().chain(address_fields()).collect();
    let addresses: [ArrayRef; 2] = [Arc::new(files), Arc::new(positions)];
    let columns = rows.columns().iter().cloned().chain(addresses).collect();
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

#[derive(Debug)]
struct MemoryEditor(MemoryTable);

impl MemoryEditor {
    /// The rows of a stream in the columns of the table.
    async fn rows(&self, rows: BatchStream) -> Result<RecordBatch> {
        let (mapping, schema) = (FieldMapping::by_name(), &self.0.schema);
        let rows = collect(rows).await?;
        let rows: Vec<_> = rows.iter().map(|batch| mapping.adapt(batch, schema)).collect::<Result<_>>()?;
        Ok(concat_batches(schema, &rows)?)
    }
}

/// The rows that do not pass, and how many do.
fn without(rows: &RecordBatch, predicate: Option<&Predicate>) -> Result<(RecordBatch, u64)> {
    let Some(predicate) = predicate else { return Ok((rows.slice(0, 0), rows.num_rows() as u64)) };
    let keep: BooleanArray = predicate.passes(rows)?.iter().map(|gone| Some(gone != Some(true))).collect();
    let kept = filter_record_batch(rows, &keep)?;
    let gone = rows.num_rows() - kept.num_rows();
    Ok((kept, gone as u64))
}

#[async_trait]
impl Editor for MemoryEditor {
    async fn insert(&self, rows: BatchStream, mode: InsertMode) -> Result<EditSummary> {
        let (version, old) = self.0.newest();
        let new = self.rows(rows).await?;
        let (kept, deleted) = match mode {
            InsertMode::Append => (old, 0),
            InsertMode::Overwrite => without(&old, None)?,
            InsertMode::OverwriteWhere(predicate) => without(&old, Some(&predicate))?,
        };
        self.0.push(version, concat_batches(&self.0.schema, [&kept, &new])?)?;
        let inserted = new.num_rows() as u64;
        Ok(EditSummary { inserted, deleted, version: Some(version + 1), ..EditSummary::default() })
    }

    async fn delete(&self, predicate: Option<Predicate>) -> Result<EditSummary> {
        let (version, old) = self.0.newest();
        let (kept, deleted) = without(&old, predicate.as_ref())?;
        self.0.push(version, kept)?;
        Ok(EditSummary { deleted, version: Some(version + 1), ..EditSummary::default() })
    }

    async fn change(&self, args: ChangeArgs) -> Result<EditSummary> {
        let (version, old) = self.0.newest();
        let mut summary = EditSummary { version: Some(version + 1), ..EditSummary::default() };
        let (mut gone, mut new) = (BTreeSet::new(), vec![]);
        for rows in collect(args.rows).await? {
            let deleted = rows.column_by_name(ROW_DELETED).and_then(|column| column.as_boolean_opt());
            let deleted: BooleanArray = (0..rows.num_rows())
                .map(|row| Some(deleted.is_some_and(|d| d.is_valid(row) && d.value(row))))
                .collect();
            for row in 0..rows.num_rows() {
                let (goes, address) = (deleted.value(row), address(&rows, row, version)?);
                let counted = match address {
                    None => &mut summary.inserted,
                    Some(_) if goes => &mut summary.deleted,
                    Some(_) => &mut summary.updated,
                };
                *counted += 1;
                let Some(position) = address else { continue };
                if usize::try_from(position).map_or(true, |position| position >= old.num_rows()) {
                    return Err(
                        Error::invalid_input("no row has this address").with_context("position", position)
                    );
                }
                if !gone.insert(position) {
                    return Err(
                        Error::invalid_input("an address comes twice").with_context("position", position)
                    );
                }
            }
            let comes: BooleanArray = deleted.values().iter().map(|goes| Some(!goes)).collect();
            let rows = filter_record_batch(&rows, &comes)?;
            new.push(FieldMapping::by_name().adapt(&rows, &self.0.schema)?);
        }
        let keep: BooleanArray =
            (0_i64..).take(old.num_rows()).map(|position| Some(!gone.contains(&position))).collect();
        new.insert(0, filter_record_batch(&old, &keep)?);
        self.0.push(version, concat_batches(&self.0.schema, &new)?)?;
        Ok(summary)
    }
}

/// The position that the address of a row has; none where the row is new.
fn address(rows: &RecordBatch, row: usize, version: i64) -> Result<Option<i64>> {
    let columns = (
        rows.column_by_name(ROW_FILE).and_then(|column| column.as_string_opt::<i32>()),
        rows.column_by_name(ROW_POSITION).and_then(|column| column.as_primitive_opt::<Int64Type>()),
    );
    let (Some(files), Some(positions)) = columns else {
        return Err(Error::invalid_input("changed rows need the columns of their addresses")
            .with_context("columns", format!("{ROW_FILE}, {ROW_POSITION}")));
    };
    match (files.is_valid(row), positions.is_valid(row)) {
        (false, false) => Ok(None),
        (true, true) if files.value(row) == file_of(version) => Ok(Some(positions.value(row))),
        (true, true) => Err(Error::conflict("another writer has changed the table since the rows were read")
            .with_context("file", files.value(row))),
        _ => Err(Error::invalid_input("an address is half there")),
    }
}
