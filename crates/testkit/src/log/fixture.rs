//! A table, and files that are only told of: no trial but that of deletes reads or writes data.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use futures::TryStreamExt;
use stitchwork_core::{
    At, Changes, Column, ColumnStats, CommitArgs, CommitState, Committed, CreateArgs, DataFile, Error,
    FileFilter, FileStats, Log, LogArgs, PartitionField, Result, Scalar, Snapshot, StatsFor, TableIdent,
    join,
};

use super::Subject;
use crate::failure::ensure;
use crate::{Failure, Outcome, unique};

/// A table of the trial's own.
pub(super) struct Table {
    pub subject: Subject,
    pub args: LogArgs,
    pub log: Arc<dyn Log>,
}

pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("name", DataType::Utf8, true),
        Field::new("p", DataType::Utf8, true),
    ]))
}

/// A table that is divided by the values of `p`.
pub(super) fn create_args() -> CreateArgs {
    CreateArgs { partitioning: vec![PartitionField::identity("p")], ..CreateArgs::new(schema()) }
}

/// The subject's surroundings for a table that nobody has made yet.
pub(super) fn fresh_args(subject: &Subject) -> LogArgs {
    let name = unique("log");
    let mut args = subject.args.clone();
    if !args.location.is_empty() {
        args.location = join(&args.location, &name);
    }
    args.ident = args.ident.map(|ident| TableIdent { name, ..ident });
    args
}

impl Table {
    pub(super) async fn create(subject: Subject) -> Result<Self> {
        let args = fresh_args(&subject);
        Self::create_at(subject, args).await
    }

    pub(super) async fn create_at(subject: Subject, args: LogArgs) -> Result<Self> {
        let log = subject.factory.create(args.clone(), create_args()).await?;
        Ok(Self { subject, args, log })
    }

    /// The log as another process has it.
    pub(super) async fn reopen(&self) -> Result<Arc<dyn Log>> {
        self.subject.factory.open(self.args.clone()).await
    }

    pub(super) async fn latest(&self) -> Result<Arc<dyn Snapshot>> {
        self.reopen().await?.snapshot(At::Latest).await
    }

    /// A file of ten rows, whose ids begin with `low`, in the partition `p`.
    pub(super) async fn file(&self, low: i64, p: Option<&str>) -> Result<DataFile> {
        let spec = self.log.snapshot(At::Latest).await?.partitioning().last().map_or(0, |spec| spec.id);
        Ok(file(self.log.as_ref(), spec, low, p))
    }

    /// Adds files in a commit of their own.
    pub(super) async fn append(&self, files: &[DataFile]) -> Result<Committed> {
        let base = self.log.snapshot(At::Latest).await?;
        self.log.commit(append(base, files)).await
    }

    /// Whether a fresh snapshot lists exactly these files.
    pub(super) async fn expect(&self, what: &str, files: &[&DataFile]) -> Outcome {
        expect(what, self.latest().await?.as_ref(), files).await
    }
}

pub(super) fn append(base: Arc<dyn Snapshot>, files: &[DataFile]) -> CommitArgs {
    CommitArgs::new(base, "append", Changes { added: files.to_vec(), ..Changes::default() })
}

pub(super) fn file(log: &dyn Log, spec: i32, low: i64, p: Option<&str>) -> DataFile {
    let value = p.map_or_else(|| Scalar::null(&DataType::Utf8), Scalar::from);
    let bounds = |min: Scalar, max: Scalar, nulls| ColumnStats {
        min: Some(min),
        max: Some(max),
        exact: true,
        nulls: Some(nulls),
        ..ColumnStats::default()
    };
    let id = bounds(low.into(), (low + 9).into(), 0);
    let name = bounds(format!("n{low:05}").into(), format!("n{:05}", low + 9).into(), 1);
    let columns = BTreeMap::from([(Column::new("id"), id), (Column::new("name"), name)]);
    DataFile {
        location: log.data_location(&[("p", &value)], &format!("{}.parquet", unique("file"))),
        format: "parquet".to_owned(),
        size: 1000 + low.unsigned_abs(),
        rows: Some(10),
        spec,
        partition: vec![value],
        stats: Some(Arc::new(FileStats { rows: Some(10), columns })),
        ..DataFile::default()
    }
}

/// The files of a snapshot, in the order of their locations.
pub(super) async fn list(snapshot: &dyn Snapshot, filter: FileFilter) -> Result<Vec<DataFile>> {
    let chunks: Vec<Vec<DataFile>> = snapshot.files(filter).try_collect().await?;
    let mut files: Vec<DataFile> = chunks.into_iter().flatten().collect();
    files.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(files)
}

pub(super) async fn list_all(snapshot: &dyn Snapshot) -> Result<Vec<DataFile>> {
    list(snapshot, FileFilter { predicate: None, stats: StatsFor::All }).await
}

/// The last part of a location: a log may spell what is before it in another way.
pub(super) fn file_name(file: &DataFile) -> &str {
    file.location.rsplit('/').next().unwrap_or_default()
}

/// Whether a snapshot lists exactly these files, each once.
pub(super) async fn expect(what: &str, snapshot: &dyn Snapshot, files: &[&DataFile]) -> Outcome {
    let listed = list_all(snapshot).await?;
    let mut got: Vec<&str> = listed.iter().map(file_name).collect();
    let mut want: Vec<&str> = files.iter().map(|file| file_name(file)).collect();
    got.sort_unstable();
    want.sort_unstable();
    ensure!(got == want, "{what}: the live files are {got:?}, not {want:?}");
    Ok(())
}

/// Whether a failed commit says that it did nothing.
pub(super) fn not_committed(what: &str, error: &Error) -> Outcome {
    let state = error.commit_state();
    ensure!(
        state == Some(CommitState::NotCommitted),
        "{what}: the error does not say not committed: {error:?}"
    );
    Ok(())
}

/// The listed file of this name.
pub(super) fn find<'a>(listed: &'a [DataFile], file: &DataFile) -> Result<&'a DataFile, Failure> {
    let found = listed.iter().find(|listed| file_name(listed) == file_name(file));
    found.ok_or_else(|| Failure::new(format!("the file {} is not listed", file.location)))
}
