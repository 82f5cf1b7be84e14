//! Rows to data files: adapted to the table, divided by partition, rolled at the target size.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::row::OwnedRow;
use arrow_array::RecordBatch;
use arrow_schema::{FieldRef, Fields, SchemaRef};
use stitchwork_core::{
    DataFile, Error, FieldMapping, FileStats, FileSummary, FileWriter, Format, Log, PartitionSpec, Result,
    Scalar, Snapshot, Stores, WriteArgs,
};

use crate::TableConfig;
use crate::fit::{check_fits, check_nulls, to_file};
use crate::partition;

/// What a sink needs to know.
#[derive(Debug, Clone)]
pub struct SinkArgs {
    /// The log that says where files go.
    pub log: Arc<dyn Log>,
    /// The snapshot whose schema and partitioning the files have.
    pub snapshot: Arc<dyn Snapshot>,
    /// The stores.
    pub stores: Stores,
    /// The format of the files.
    pub format: Arc<dyn Format>,
    /// Sizes and options.
    pub config: TableConfig,
    /// The start of the files' names.
    pub prefix: String,
}

/// Writes data files that are invisible until a commit names them.
#[derive(Debug)]
pub struct FileSink {
    args: SinkArgs,
    schema: SchemaRef,
    file_schema: SchemaRef,
    mapping: Arc<FieldMapping>,
    spec: PartitionSpec,
    checked: Option<SchemaRef>,
    open: BTreeMap<Option<OwnedRow>, OpenFile>,
    done: Vec<DataFile>,
    rows: u64,
}

#[derive(Debug)]
struct OpenFile {
    writer: Box<dyn FileWriter>,
    location: String,
    partition: Vec<Scalar>,
}

impl FileSink {
    /// A sink without any file yet.
    #[must_use]
    pub fn new(args: SinkArgs) -> Self {
        let snapshot = &args.snapshot;
        let mapping = snapshot.mapping();
        let (schema, file_schema) = (snapshot.schema(), snapshot.file_schema());
        let spec = snapshot.partitioning().last().cloned().unwrap_or_default();
        Self {
            args,
            schema,
            file_schema,
            mapping,
            spec,
            checked: None,
            open: BTreeMap::new(),
            done: vec![],
            rows: 0,
        }
    }

    /// The schema that rows are adapted to.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Adds rows, whose columns are found by name.
    ///
    /// # Errors
    /// `InvalidInput` for rows that do not fit, or what the store says.
    pub async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        if self.checked.as_ref().is_none_or(|checked| !Arc::ptr_eq(checked, batch.schema_ref())) {
            check_fits(batch.schema_ref(), &self.schema)?;
            self.checked = Some(batch.schema());
        }
        check_nulls(batch, &self.schema)?;
        let rows = FieldMapping::by_name()
            .adapt(batch, &self.schema)
            .map_err(|e| e.with_operation("table::write"))?;
        self.rows += rows.num_rows() as u64;
        if self.spec.fields.is_empty() {
            return self.write_part(None, vec![], &rows).await;
        }
        for (key, part) in partition::split(&rows, &self.spec)? {
            self.write_part(Some(key), part.values, &part.rows).await?;
        }
        Ok(())
    }

    async fn write_part(
        &mut self,
        key: Option<OwnedRow>,
        values: Vec<Scalar>,
        rows: &RecordBatch,
    ) -> Result<()> {
        // Most logs name columns in files as in the table, and then nothing is to be looked up.
        let rows = match Arc::ptr_eq(rows.schema_ref(), &self.file_schema) {
            true => rows.clone(),
            false => to_file(rows, &self.file_schema, &self.mapping)?,
        };
        if !self.open.contains_key(&key) {
            while self.open.len() >= self.args.config.max_open_files.max(1) {
                self.close_largest().await?;
            }
            let file = start(&self.args, &self.spec, &self.file_schema, values).await?;
            self.open.insert(key.clone(), file);
        }
        let Some(file) = self.open.get_mut(&key) else { return Ok(()) };
        file.writer.write(&rows).await?;
        if file.writer.bytes() >= self.args.config.target_file_bytes {
            self.close(&key).await?;
        }
        while self.open.len() > 1 && self.buffered_bytes() > self.args.config.budget.total() / 2 {
            self.close_largest().await?;
        }
        Ok(())
    }

    /// Rows written so far.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The bytes that open files may hold in memory.
    #[must_use]
    pub fn buffered_bytes(&self) -> u64 {
        self.open.values().map(|file| file.writer.memory()).sum()
    }

    /// Closes the file that holds most, to free its memory; the next rows of its partition start another.
    ///
    /// # Errors
    /// What the store says.
    pub async fn close_largest(&mut self) -> Result<()> {
        let largest =
            self.open.iter().max_by_key(|(_, file)| file.writer.memory()).map(|(key, _)| key.clone());
        match largest {
            Some(key) => self.close(&key).await,
            None => Ok(()),
        }
    }

    async fn close(&mut self, key: &Option<OwnedRow>) -> Result<()> {
        let Some(file) = self.open.remove(key) else { return Ok(()) };
        let OpenFile { writer, location, partition } = file;
        let summary = writer.finish().await?;
        let format = self.args.format.info().scheme.to_owned();
        self.done.push(data_file(
            location,
            format,
            self.spec.id,
            partition,
            summary,
            &self.schema,
            &self.mapping,
        ));
        Ok(())
    }

    /// The files that are closed already, which are the caller's from here on: [`FileSink::finish`] does not give
    /// them again, and [`FileSink::abort`] leaves them where they are.
    #[must_use]
    pub fn take_closed(&mut self) -> Vec<DataFile> {
        std::mem::take(&mut self.done)
    }

    /// Closes every file and gives them all.
    ///
    /// # Errors
    /// What the store says. The other files are then removed, as far as the store lets.
    pub async fn finish(mut self) -> Result<Vec<DataFile>> {
        let keys: Vec<_> = self.open.keys().cloned().collect();
        for key in keys {
            if let Err(e) = self.close(&key).await {
                // What is left behind is invisible, and the first error is the one that tells.
                self.abort().await.ok();
                return Err(e);
            }
        }
        Ok(self.done)
    }

    /// Finishes where the rows were written, else gives up and says why they were not: what cannot be removed is
    /// invisible, and the first error is the one that tells.
    pub(crate) async fn finish_or_abort(self, written: Result<()>) -> Result<Vec<DataFile>> {
        match written {
            Ok(()) => self.finish().await,
            Err(e) => {
                self.abort().await.ok();
                Err(e)
            }
        }
    }

    /// Gives up, and removes what was written.
    ///
    /// # Errors
    /// What the store says; what is left behind is invisible.
    pub async fn abort(self) -> Result<()> {
        let Self { args, open, done, .. } = self;
        let mut result = Ok(());
        for file in open.into_values() {
            result = result.and(file.writer.abort().await);
        }
        remove_files(&args.stores, &done).await.and(result)
    }
}

/// Starts the next file of a partition.
async fn start(
    args: &SinkArgs,
    spec: &PartitionSpec,
    file_schema: &SchemaRef,
    partition: Vec<Scalar>,
) -> Result<OpenFile> {
    let names = spec.fields.iter().map(|f| f.name.as_str());
    let pairs: Vec<(&str, &Scalar)> = names.zip(&partition).collect();
    let extension = args.format.file_extension(&args.config.format_options)?;
    let name = format!("{}{}.{extension}", args.prefix, crate::ids::id_with_time());
    let location = args.log.data_location(&pairs, &name);
    let object = args.stores.resolve(&location)?;
    let write = WriteArgs {
        schema: file_schema.clone(),
        options: args.config.format_options.clone(),
        metadata: args.config.file_metadata.clone(),
        budget: Some(args.config.budget.clone()),
    };
    let writer = args.format.write(&object, write).await?;
    Ok(OpenFile { writer, location, partition })
}

/// Removes data files that no commit names.
///
/// # Errors
/// What the store says, other than that a file is gone already.
pub(crate) async fn remove_files(stores: &Stores, files: &[DataFile]) -> Result<()> {
    use object_store::ObjectStoreExt;
    let mut result = Ok(());
    for file in files {
        let object = stores.resolve(&file.location)?;
        match object.store.delete(&object.path).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => {}
            // One file that cannot be removed does not keep the others.
            Err(e) => result = result.and(Err(object.error(e))),
        }
    }
    result
}

/// A data file from what its writer says, with statistics under the table's names.
pub(crate) fn data_file(
    location: String,
    format: String,
    spec: i32,
    partition: Vec<Scalar>,
    summary: FileSummary,
    schema: &SchemaRef,
    mapping: &FieldMapping,
) -> DataFile {
    // A table may have thousands of columns, each with statistics.
    let top: HashMap<&str, &FieldRef> =
        schema.fields().iter().map(|field| (mapping.physical_name(field), field)).collect();
    let columns = summary
        .stats
        .columns
        .into_iter()
        .map(|(mut column, stats)| {
            let mut fields = Fields::empty();
            // Structs are followed under their physical names; elements of lists keep the names they have.
            for (level, name) in column.path.iter_mut().enumerate() {
                let field = match level {
                    0 => top.get(name.as_str()).copied().cloned(),
                    _ => fields.iter().find(|f| mapping.physical_name(f) == name.as_str()).cloned(),
                };
                let Some(field) = field else { break };
                *name = field.name().clone();
                match field.data_type() {
                    arrow_schema::DataType::Struct(inner) => fields = inner.clone(),
                    _ => break,
                }
            }
            (column, stats)
        })
        .collect();
    DataFile {
        location,
        format,
        size: summary.bytes,
        rows: Some(summary.rows),
        spec,
        partition,
        stats: Some(Arc::new(FileStats { rows: Some(summary.rows), columns })),
        split_offsets: summary.split_offsets,
        ..DataFile::default()
    }
}

/// The format by name, or an error that says what can write.
pub(crate) fn writing_format(
    config: &TableConfig,
    formats: &stitchwork_core::Formats,
) -> Result<Arc<dyn Format>> {
    let format = formats.get(&config.format)?;
    if format.capabilities().write {
        Ok(format)
    } else {
        Err(Error::unsupported("the format cannot be written").with_context("format", &config.format))
    }
}
