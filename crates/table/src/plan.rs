//! From a snapshot to the files of a scan.

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use futures::TryStreamExt;
use std::sync::Arc;
use stitchwork_core::{
    Column, DataFile, Deleted, Error, FileFilter, PartitionSpec, PlannedFile, Predicate, Pushdown, Result,
    Scalar, ScanArgs, Snapshot, StatsFor, Transform,
};

/// Refuses a predicate about a column that is not there. Reading would find out too, but not where pruning
/// leaves nothing to read.
pub(crate) fn check_columns(predicate: Option<&Predicate>, schema: &SchemaRef) -> Result<()> {
    for column in predicate.map(Predicate::columns).unwrap_or_default() {
        let mut fields = Some(schema.fields());
        for name in &column.path {
            let field = fields.and_then(|fields| fields.find(name)).ok_or_else(|| {
                let known: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).take(20).collect();
                Error::invalid_input("the predicate names a column that is not there")
                    .with_context("column", &column)
                    .with_context("known", known.join(","))
            })?;
            fields = match field.1.data_type() {
                DataType::Struct(inner) => Some(inner),
                _ => None,
            };
        }
    }
    Ok(())
}

/// The planned files and one grade per conjunct.
pub(crate) async fn files(
    snapshot: &dyn Snapshot,
    args: &ScanArgs,
) -> Result<(Vec<PlannedFile>, Vec<Pushdown>)> {
    let schema = snapshot.schema();
    check_columns(args.predicate.as_ref(), &schema)?;
    let conjuncts = args.predicate.clone().map(Predicate::into_conjuncts).unwrap_or_default();
    let mut decided = vec![true; conjuncts.len()];
    let mut planned = Vec::new();
    let mut enough = Enough::new(args);
    let mut chunks =
        snapshot.files(FileFilter { predicate: args.predicate.clone(), stats: args.stats.clone() });
    'chunks: while let Some(chunk) = chunks.try_next().await? {
        for file in chunk {
            let constants = constants(&file, snapshot.partitioning(), &schema)?;
            let mut passes = true;
            for (conjunct, decided) in conjuncts.iter().zip(&mut decided) {
                match by_constants(conjunct, &constants, &schema)? {
                    Some(result) => passes &= result,
                    None => *decided = false,
                }
            }
            if !passes {
                continue;
            }
            let done = enough.after(&file);
            planned.push(PlannedFile { file, constants });
            if done {
                break 'chunks;
            }
        }
    }
    Ok((planned, grades(decided)))
}

/// What files are of, for messages.
pub(crate) enum From<'a> {
    /// A version of a table.
    Table { location: &'a str, version: i64 },
    /// So many files without a log.
    Files { all: usize },
}

/// Says which files a scan will read: how many of how many bytes, and each of them for those who want every step.
pub(crate) fn tell(from: From<'_>, args: &ScanArgs, files: &[PlannedFile]) {
    let (table, version, all) = match from {
        From::Table { location, version } => (Some(location), Some(version), None),
        From::Files { all } => (None, None, Some(all)),
    };
    tracing::info!(
        table,
        version,
        files = files.len(),
        of = all,
        bytes = files.iter().map(|planned| planned.file.size).sum::<u64>(),
        rows = files.iter().map(|planned| planned.file.rows).sum::<Option<u64>>(),
        filter = args.predicate.as_ref().map(tracing::field::display),
        "files are planned"
    );
    for PlannedFile { file, .. } in files {
        tracing::debug!(file = file.location, bytes = file.size, rows = file.rows, "a file is planned");
    }
}

/// Stops the listing of a limited scan once the listed files hold enough rows.
struct Enough {
    wanted: Option<u64>,
    rows: u64,
}

impl Enough {
    fn new(args: &ScanArgs) -> Self {
        // With a predicate, only reading tells how many rows of a file pass.
        let wanted = if args.predicate.is_none() { args.limit.map(|limit| limit as u64) } else { None };
        Self { wanted, rows: 0 }
    }

    fn after(&mut self, file: &DataFile) -> bool {
        self.rows += live_rows(file).unwrap_or(0);
        self.wanted.is_some_and(|wanted| self.rows >= wanted)
    }
}

/// The rows of a file that are not deleted; `None` where only reading tells.
pub(crate) fn live_rows(file: &DataFile) -> Option<u64> {
    match file.deleted {
        Deleted::Nothing => file.rows,
        Deleted::Exactly(deleted) => file.rows.map(|rows| rows.saturating_sub(deleted)),
        Deleted::Unknown => None,
    }
}

/// One grade per conjunct: those that files and their constants have decided are done.
pub(crate) fn grades(decided: Vec<bool>) -> Vec<Pushdown> {
    let grade = |decided| if decided { Pushdown::Exact } else { Pushdown::Inexact };
    decided.into_iter().map(grade).collect()
}

/// The columns that identity partitioning makes constant in a file.
///
/// # Errors
/// `InvalidData` for a value that the column's type does not have.
pub(crate) fn constants(
    file: &DataFile,
    specs: &[PartitionSpec],
    schema: &SchemaRef,
) -> Result<Vec<(usize, Scalar)>> {
    let Some(spec) = specs.iter().find(|spec| spec.id == file.spec) else { return Ok(vec![]) };
    let fields = spec.fields.iter().zip(&file.partition);
    fields
        .filter(|(field, _)| field.transform == Transform::Identity && field.source.path.len() == 1)
        .filter_map(|(field, value)| {
            let (place, column) = schema.column_with_name(field.source.root())?;
            // A promoted column's old partition values are of the old type.
            let value = value.cast(column.data_type()).map_err(|e| {
                Error::invalid_data("a partition value of a file is none of its column's type")
                    .with_context("column", column.name())
                    .with_context("value", value)
                    .with_context("file", &file.location)
                    .with_source(e)
            });
            Some(value.map(|value| (place, value)))
        })
        .collect()
}

/// Whether the rows of a file pass, where its constants alone decide that.
fn by_constants(
    predicate: &Predicate,
    constants: &[(usize, Scalar)],
    schema: &SchemaRef,
) -> Result<Option<bool>> {
    let columns = predicate.columns();
    let known =
        |column: &Column| constants.iter().find(|(place, _)| schema.field(*place).name() == column.root());
    if columns.is_empty() || !columns.iter().all(|column| known(column).is_some()) {
        return Ok(None);
    }
    let (fields, arrays): (Vec<Field>, Vec<_>) = constants
        .iter()
        .map(|(place, value)| (schema.field(*place).clone().with_nullable(true), value.array().clone()))
        .unzip();
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let row = RecordBatch::try_new_with_options(Arc::new(Schema::new(fields)), arrays, &options)?;
    Ok(Some(predicate.passes(&row)?.true_count() == 1))
}

/// The part of a predicate that says nothing about constants, for the reader of the file: a constant column
/// may be absent there, or hold something else.
pub(crate) fn for_reader(
    predicate: &Predicate,
    constants: &[(usize, Scalar)],
    schema: &SchemaRef,
) -> Option<Predicate> {
    let constant =
        |column: &Column| constants.iter().any(|(place, _)| schema.field(*place).name() == column.root());
    let mut rest: Vec<_> = predicate.clone().into_conjuncts();
    rest.retain(|conjunct| !conjunct.columns().iter().any(constant));
    (!rest.is_empty()).then_some(Predicate::And(rest))
}

/// Every live file that may hold rows which pass, without statistics.
pub(crate) fn filter(predicate: Option<&Predicate>) -> FileFilter {
    FileFilter { predicate: predicate.cloned(), stats: StatsFor::Nothing }
}
