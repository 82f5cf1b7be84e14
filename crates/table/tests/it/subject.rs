//! What the suite of relations is given: a table with partitions, a later column, and deletes of both kinds.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use futures::TryStreamExt;
use stitchwork_core::{
    At, BatchStreamAdapter, Changes, Column, CommitArgs, CreateArgs, FileFilter, PartitionField, Registry,
    Result, WriteDeletesArgs,
};
use stitchwork_table::{AppendArgs, Table, TableConfig, TableRef};
use stitchwork_testkit::batches::plain;
use stitchwork_testkit::relation::Subject;
use stitchwork_testkit::{IpcFormat, MemoryLogFactory, MemoryRelation};

/// Rows of one partition.
fn rows(first: i64, p: Option<&str>) -> Result<RecordBatch> {
    let plain = plain(first.unsigned_abs(), first, 30)?;
    let mut fields: Vec<_> = plain.schema().fields().iter().cloned().collect();
    fields.insert(1, Arc::new(Field::new("p", DataType::Utf8, true)));
    let mut columns = plain.columns().to_vec();
    columns.insert(1, Arc::new(StringArray::from(vec![p; 30])) as ArrayRef);
    Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
}

pub(crate) async fn subject() -> Result<Subject> {
    let mut registry = Registry::new();
    registry.register_format(Arc::new(IpcFormat))?;
    registry.register_log(Arc::new(MemoryLogFactory::new()))?;
    let config = TableConfig { format: "ipc-test".to_owned(), ..TableConfig::default() };
    let first = rows(0, Some("a"))?;
    // The last column comes later.
    let narrow: SchemaRef = Arc::new(first.schema().project(&[0, 1, 2, 3])?);
    let create =
        CreateArgs { partitioning: vec![PartitionField::identity("p")], ..CreateArgs::new(narrow.clone()) };
    let table = Table::create(&registry, &TableRef::at("memory-log", "memory:/t"), create, config).await?;
    let old = first.project(&[0, 1, 2, 3])?;
    table.append(BatchStreamAdapter::from_batches(narrow, vec![old.clone()]), AppendArgs::default()).await?;
    let later = [rows(100, Some("b"))?, rows(200, None)?, rows(300, Some("a"))?];
    let stream = BatchStreamAdapter::from_batches(first.schema(), later.to_vec());
    table.append(stream, AppendArgs { evolve: true, tag: None }).await?;

    let absent = arrow_array::new_null_array(&DataType::Utf8, 30);
    let old = old.columns().iter().cloned().chain([absent]).collect();
    let mut expected = vec![RecordBatch::try_new(first.schema(), old)?];
    expected.extend(later);

    // In every file one row goes by its position, the first, and those of two ids by key.
    let base = table.snapshot().await?;
    let files: Vec<_> = base.files(FileFilter::default()).try_concat().await?;
    let keys = Arc::new(MemoryRelation::from(expected[1].project(&[0])?.slice(10, 2)));
    let mut changes = Changes::default();
    for file in files {
        let args = WriteDeletesArgs { file: file.clone(), positions: [0].into_iter().collect() };
        changes.deletes.push((file.clone(), table.log().write_deletes(args).await?));
        let by_key = MemoryLogFactory::equality_deletes(vec![Column::new("id")], keys.clone());
        changes.deletes.push((file, by_key));
    }
    table.log().commit(CommitArgs::new(base, "delete", changes)).await?;
    let mut live = Vec::new();
    for (n, batch) in expected.into_iter().enumerate() {
        if n == 1 {
            live.push(batch.slice(1, 9));
            live.push(batch.slice(12, 18));
        } else {
            live.push(batch.slice(1, 29));
        }
    }
    Ok(Subject::new(Arc::new(table.relation(At::Latest).await?), live))
}
