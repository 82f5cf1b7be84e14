//! A relation over Parquet files that were written for a test, by plan and as a stream.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use arrow::compute::{can_cast_types, cast};
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};
use async_trait::async_trait;
use parquet::arrow::arrow_writer::ArrowWriterOptions;
use parquet::arrow::{ArrowWriter, parquet_to_arrow_schema};
use parquet::file::properties::WriterProperties;
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::SchemaDescriptor;
use stitchwork_core::{
    BatchStream, BatchStreamAdapter, Column, ColumnStats, DataFile, Editor, Engine, Error, FieldMapping,
    FileStats, FileWriter, Format, FormatCapabilities, Formats, Info, Object, PlannedFile, Predicate,
    Pushdown, QueryArgs, ReadArgs, Relation, Result, ScanArgs, ScanPlan, Stores, TableIdent, WriteArgs,
    collect,
};
use stitchwork_engine_adbc::AdbcEngine;
use stitchwork_testkit::batches::sorted_row_texts;
use tempfile::TempDir;

/// Parquet as an engine needs it that reads files by itself: nothing but schemas, which are Arrow's.
#[derive(Debug)]
struct Footers;

#[async_trait]
impl Format for Footers {
    fn info(&self) -> Info {
        Info { scheme: "parquet", name: "Parquet's footers".to_owned(), version: "0" }
    }

    fn capabilities(&self) -> FormatCapabilities {
        FormatCapabilities { exact_schema: true, ..FormatCapabilities::default() }
    }

    fn extensions(&self) -> &[&'static str] {
        &["parquet"]
    }

    async fn infer_schema(&self, object: &Object) -> Result<SchemaRef> {
        let file = File::open(format!("/{}", object.path)).unwrap();
        let reader = SerializedFileReader::new(file).unwrap();
        let metadata = reader.metadata().file_metadata();
        let schema = parquet_to_arrow_schema(metadata.schema_descr(), metadata.key_value_metadata());
        Ok(Arc::new(schema.unwrap()))
    }

    async fn read(&self, _: &Object, _: ReadArgs) -> Result<BatchStream> {
        Err(Error::unsupported("the files are read by the engine alone"))
    }

    async fn write(&self, _: &Object, _: WriteArgs) -> Result<Box<dyn FileWriter>> {
        Err(Error::unsupported("the test writes the files"))
    }
}

/// Files, the rows that are read from them in the types of the table, and what was asked for.
#[derive(Debug)]
pub(crate) struct Files {
    schema: SchemaRef,
    folder: TempDir,
    files: Vec<PlannedFile>,
    rows: Vec<RecordBatch>,
    pub(crate) asked: Mutex<Vec<ScanArgs>>,
}

impl Files {
    pub(crate) fn new(schema: SchemaRef) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self { schema, folder, files: vec![], rows: vec![], asked: Mutex::default() }
    }

    /// A relation whose files have one batch each, in the types that these have.
    pub(crate) fn of(schema: &SchemaRef, batches: &[RecordBatch]) -> Self {
        let mut files = Self::new(schema.clone());
        for batch in batches {
            files.add(batch, 1000);
        }
        files
    }

    /// Writes a file with row groups of so many rows. Gives its path.
    pub(crate) fn add(&mut self, batch: &RecordBatch, group: usize) -> PathBuf {
        let properties = WriterProperties::builder().set_max_row_group_row_count(Some(group)).build();
        let options = ArrowWriterOptions::new().with_properties(properties);
        self.add_with(batch, |file| arrow_file(file, batch, options))
    }

    /// Writes a file whose schema is this one in Parquet's own words.
    pub(crate) fn add_as(&mut self, batch: &RecordBatch, message: &str) -> PathBuf {
        let message = SchemaDescriptor::new(Arc::new(parse_message_type(message).unwrap()));
        let options = ArrowWriterOptions::new().with_parquet_schema(message);
        self.add_with(batch, |file| arrow_file(file, batch, options))
    }

    /// Has a file written that holds these rows.
    pub(crate) fn add_with(&mut self, batch: &RecordBatch, write: impl FnOnce(File)) -> PathBuf {
        let path = self.folder.path().join(format!("{}.parquet", self.files.len()));
        write(File::create(&path).unwrap());
        let file = DataFile {
            location: path.display().to_string(),
            format: "parquet".to_owned(),
            size: std::fs::metadata(&path).unwrap().len(),
            rows: Some(batch.num_rows() as u64),
            ..DataFile::default()
        };
        self.files.push(PlannedFile { file, constants: vec![] });
        self.rows.push(FieldMapping::by_name().adapt(batch, &self.schema).unwrap());
        path
    }

    /// Says of each file that a column has so many NaNs.
    pub(crate) fn say_nans(&mut self, column: &str, nans: u64) {
        for planned in &mut self.files {
            let mut stats = FileStats::default();
            stats
                .columns
                .insert(Column::new(column), ColumnStats { nans: Some(nans), ..ColumnStats::default() });
            planned.file.stats = Some(Arc::new(stats));
        }
    }

    /// The rows, as the table has them, sorted.
    pub(crate) fn rows(&self) -> Vec<String> {
        sorted_row_texts(&self.rows).unwrap()
    }
}

fn arrow_file(file: File, batch: &RecordBatch, options: ArrowWriterOptions) {
    let mut writer = ArrowWriter::try_new_with_options(file, batch.schema(), options).unwrap();
    writer.write(batch).unwrap();
    writer.close().unwrap();
}

#[async_trait]
impl Relation for Files {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    async fn plan(&self, args: ScanArgs) -> Result<Option<ScanPlan>> {
        let conjuncts = args.predicate.clone().map(Predicate::into_conjuncts).unwrap_or_default().len();
        self.asked.lock().unwrap().push(args);
        Ok(Some(ScanPlan {
            schema: self.schema.clone(),
            mapping: Arc::new(FieldMapping::by_name()),
            stores: Stores::new(),
            formats: Formats::default().with(Arc::new(Footers)),
            files: self.files.clone(),
            pushdown: vec![Pushdown::Unsupported; conjuncts],
            snapshot: None,
        }))
    }

    async fn scan(&self, args: ScanArgs) -> Result<BatchStream> {
        args.deliver(BatchStreamAdapter::from_batches(self.schema.clone(), self.rows.clone()))
    }

    fn editor(&self) -> Option<Arc<dyn Editor>> {
        None
    }
}

/// Makes the rows of all row groups of a file unreadable but those of one.
pub(crate) fn spoil_others(path: &Path, group: usize) {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let mut bytes = std::fs::read(path).unwrap();
    for (place, metadata) in reader.metadata().row_groups().iter().enumerate() {
        for column in metadata.columns().iter().filter(|_| place != group) {
            let (start, length) = column.byte_range();
            let pages = usize::try_from(start).unwrap()..usize::try_from(start + length).unwrap();
            bytes[pages].fill(0xff);
        }
    }
    std::fs::write(path, bytes).unwrap();
}

pub(crate) async fn register(engine: &AdbcEngine, files: Files) -> Arc<Files> {
    let files = Arc::new(files);
    engine.register(&TableIdent::bare("t"), files.clone()).await.unwrap();
    files
}

/// The result of a query as texts, sorted.
pub(crate) async fn rows(engine: &AdbcEngine, sql: &str) -> Result<Vec<String>> {
    let rows = collect(engine.query(QueryArgs::new(sql)).await?).await?;
    Ok(sorted_row_texts(&rows)?)
}

/// All rows of the table as texts, sorted, in its own types, which DuckDB does not have all of.
pub(crate) async fn all_rows(engine: &AdbcEngine, files: &Files) -> Result<Vec<String>> {
    let rows = collect(engine.query(QueryArgs::new("select * from t")).await?).await?;
    let rows = rows.iter().map(|batch| {
        let columns = batch.columns().iter().zip(files.schema.fields()).map(|(column, field)| {
            // What has only nulls is of another type in DuckDB.
            let casts = can_cast_types(column.data_type(), field.data_type());
            let column = if casts { cast(column, field.data_type())? } else { column.clone() };
            Ok::<_, ArrowError>((field.name(), column))
        });
        RecordBatch::try_from_iter(columns.collect::<Result<Vec<_>, _>>()?)
    });
    Ok(sorted_row_texts(&rows.collect::<Result<Vec<_>, _>>()?)?)
}

pub(crate) async fn explain(engine: &AdbcEngine, sql: &str) -> String {
    engine.explain(QueryArgs::new(sql)).await.unwrap().plan
}
