//! Writing: batches in, row groups out.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;

use arrow_array::cast::AsArray;
use arrow_array::types::{Float16Type, Float32Type, Float64Type};
use arrow_array::{Array, ArrayRef, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use async_trait::async_trait;
use parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, ArrowWriterOptions};
use parquet::arrow::{ArrowSchemaConverter, ArrowWriter};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::ColumnPath;
use stitchwork_core::{Budget, Error, FileSummary, FileWriter, Object, Reservation, Result, WriteArgs};
use stitchwork_objects::{Upload, conform};

use crate::columns::{Leaf, leaves, unsupported};
use crate::compressors::Compressors;
use crate::config::ParquetConfig;
use crate::dates;
use crate::dictionary;
use crate::error::{guard, write_error};
use crate::file::NAN_COUNTS;
use crate::pieces::Pieces;
use crate::statistics::summarize;

/// How many rows are encoded in one go: what limits look at, and how long others may have to wait.
const SLICE_ROWS: usize = 8192;
/// What a writer may hold without asking the budget: below it row groups would be absurdly small.
const FREE_BYTES: u64 = 1 << 20;
/// What the encoders of one column take before the first row, compressors aside.
const LEAF_BYTES: u64 = 16 << 10;
/// The share of the budget that rows may take which are not encoded yet.
const WAITING_SHARE: u64 = 16;

/// One file that is being written.
pub(crate) struct ParquetWriter {
    object: Object,
    schema: SchemaRef,
    leaves: Vec<Leaf>,
    writer: ArrowWriter<Pieces>,
    /// Rows that are not encoded yet, as long as they take less memory than the encoders of a row group would.
    waiting: VecDeque<RecordBatch>,
    /// What they take in memory.
    waiting_bytes: u64,
    /// How the writer was begun, as long as no row has shown which columns repeat their values.
    unseen: Option<(WriterProperties, bool)>,
    upload: Upload,
    nans: BTreeMap<usize, u64>,
    /// The rows so far, where a value may have to be refused.
    rows: u64,
    has_dates: bool,
    most_memory: u64,
    compressors: Compressors,
    budget: Option<Budget>,
    held: Vec<Reservation>,
}

impl ParquetWriter {
    pub(crate) fn new(object: &Object, args: WriteArgs, config: &ParquetConfig) -> Result<Self> {
        let config = config.with_options(&args.options)?;
        let metadata = args.metadata.into_iter().map(|(key, value)| KeyValue { key, value: Some(value) });
        check_schema(&args.schema)?;
        let has_dates = dates::any(args.schema.fields());
        let properties = config.properties(metadata.collect())?;
        let schema = args.schema;
        let writer = begin(object, &schema, properties.clone(), config.arrow_schema)?;
        let leaves = leaves(schema.fields());
        let floats = leaves.iter().enumerate();
        let nans = floats
            .filter(|(_, leaf)| !leaf.repeated && leaf.field.data_type().is_floating())
            .map(|(place, _)| (place, 0));
        Ok(Self {
            object: object.clone(),
            nans: nans.collect(),
            rows: 0,
            has_dates,
            leaves,
            writer,
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            unseen: config.dictionary.then_some((properties, config.arrow_schema)),
            upload: Upload::new(object),
            // Dictionaries and the buffers of encoders may take more memory than what comes out of them.
            most_memory: (config.row_group_bytes as u64).saturating_mul(2),
            compressors: Compressors::new(&config),
            budget: args.budget,
            held: vec![],
            schema,
        })
    }

    /// Begins anew without dictionaries for the columns whose first values do not repeat.
    fn look_at(&mut self, batch: &RecordBatch) -> Result<()> {
        let Some((properties, arrow_schema)) = self.unseen.take() else { return Ok(()) };
        let unique = dictionary::without(batch);
        if unique.is_empty() {
            return Ok(());
        }
        let without = unique.into_iter().fold(properties.into_builder(), |builder, name| {
            builder.set_column_dictionary_enabled(ColumnPath::new(vec![name]), false)
        });
        self.writer = begin(&self.object, &self.schema, without.build(), arrow_schema)?;
        Ok(())
    }

    /// Encodes the rows that wait, and gives up at an error.
    async fn encode_waiting(&mut self) -> Result<()> {
        while let Some(batch) = self.waiting.pop_front() {
            self.waiting_bytes -= memory_of(&batch);
            let mut start = 0;
            while start < batch.num_rows() {
                let rows = SLICE_ROWS.min(batch.num_rows() - start);
                let groups = self.writer.flushed_row_groups().len();
                if let Err(error) = self.encode(&batch.slice(start, rows)).await {
                    // The parts are invisible whether or not this works, and the first error is the one to tell.
                    let _ = self.upload.abort().await;
                    return Err(error);
                }
                start += rows;
                if groups != self.writer.flushed_row_groups().len() {
                    tokio::task::yield_now().await;
                }
            }
        }
        Ok(())
    }

    /// From how many bytes on rows are encoded: what it takes to begin a row group.
    fn most_waiting(&self) -> u64 {
        let most = self.budget.as_ref().map_or(u64::MAX, |budget| budget.total() / WAITING_SHARE);
        self.columns().min(most)
    }

    /// What the encoders of a row group take before its first row.
    fn columns(&self) -> u64 {
        (LEAF_BYTES + self.compressors.idle) * self.leaves.len() as u64
    }

    /// Encodes rows, and sends what is ready.
    async fn encode(&mut self, batch: &RecordBatch) -> Result<()> {
        self.look_at(batch)?;
        guard(|| self.writer.write(batch)).map_err(|e| write_error(&self.object, e))?;
        if !self.fits() {
            guard(|| self.writer.flush()).map_err(|e| write_error(&self.object, e))?;
        }
        self.send().await
    }

    async fn send(&mut self) -> Result<()> {
        if self.writer.inner().len() == 0 {
            return Ok(());
        }
        self.upload.write_all(self.writer.inner_mut().take()).await?;
        if self.writer.in_progress_rows() == 0 && self.waiting.is_empty() {
            self.held.clear();
        }
        Ok(())
    }

    /// Whether the open row group may stay in memory: it is below its limit, and the budget gives the bytes.
    fn fits(&mut self) -> bool {
        let encoders = self.writer.memory_size() as u64;
        if encoders > self.most_memory {
            return false;
        }
        let open = encoders + self.compressors(encoders);
        // A row group that has been begun takes at least what waits.
        let waits = !self.waiting.is_empty() && open <= self.most_waiting();
        waits || self.reserve(open + self.columns() + self.waiting_bytes)
    }

    /// Holds so many bytes, if the budget gives them.
    fn reserve(&mut self, memory: u64) -> bool {
        let Some(budget) = &self.budget else { return true };
        let held: u64 = self.held.iter().map(Reservation::bytes).sum();
        if memory <= held.max(FREE_BYTES) {
            return true;
        }
        // Never waits: what this writer holds may be what the others wait for.
        let more = (memory - held).next_multiple_of(FREE_BYTES);
        let reservation = budget.try_reserve(more);
        // The other half is for those who bring the rows, and for files that wait to be sent.
        let reservation = reservation.filter(|_| budget.free() >= budget.total() / 2);
        reservation.map(|reservation| self.held.push(reservation)).is_some()
    }

    /// What the compressors of the open row group take, whose encoders take so many bytes.
    fn compressors(&self, encoders: u64) -> u64 {
        self.compressors.bytes(self.leaves.len(), self.writer.in_progress_rows(), encoders)
    }
}

#[async_trait]
impl FileWriter for ParquetWriter {
    async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = conform(batch, &self.schema)?;
        if self.has_dates
            && let Err(error) = dates::check_days(&batch, self.rows)
        {
            let _ = self.upload.abort().await;
            return Err(error.with_context("location", self.object.location()));
        }
        self.rows += batch.num_rows() as u64;
        for (place, count) in &mut self.nans {
            if let Some(leaf) = self.leaves.get(*place) {
                *count += nans_below(&batch, &leaf.path);
            }
        }
        self.waiting_bytes += memory_of(&batch);
        self.waiting.push_back(batch);
        let waiting = self.waiting_bytes;
        if self.writer.in_progress_rows() == 0 && waiting < self.most_waiting() && self.reserve(waiting) {
            return Ok(());
        }
        self.encode_waiting().await
    }

    fn bytes(&self) -> u64 {
        // What waits comes to less when it is encoded.
        self.upload.bytes()
            + (self.writer.inner().len() + self.writer.in_progress_size()) as u64
            + self.waiting_bytes / 2
    }

    fn memory(&self) -> u64 {
        let encoders = self.writer.memory_size() as u64;
        let ready = self.writer.inner().len() as u64;
        let columns = if self.writer.in_progress_rows() > 0 { self.columns() } else { 0 };
        self.waiting_bytes + self.upload.held() + ready + encoders + self.compressors(encoders) + columns
    }

    async fn finish(mut self: Box<Self>) -> Result<FileSummary> {
        self.encode_waiting().await?;
        if !self.nans.is_empty() {
            let counts = serde_json::to_string(&self.nans)
                .map_err(|e| Error::unexpected("the NaN counts are no JSON").with_source(e))?;
            self.writer.append_key_value_metadata(KeyValue::new(NAN_COUNTS.to_owned(), counts));
        }
        let metadata = guard(|| self.writer.finish()).map_err(|e| write_error(&self.object, e))?;
        self.upload.write_all(self.writer.inner_mut().take()).await?;
        let bytes = self.upload.finish().await?;
        Ok(summarize(&metadata, &self.leaves, &self.nans, bytes))
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        self.upload.abort().await
    }
}

/// What the arrays of a batch take, room for more values included.
fn memory_of(batch: &RecordBatch) -> u64 {
    batch.get_array_memory_size() as u64
}

impl fmt::Debug for ParquetWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ParquetWriter")
            .field("object", &self.object)
            .field("row_groups", &self.writer.flushed_row_groups().len())
            .field("rows_in_progress", &self.writer.in_progress_rows())
            .finish_non_exhaustive()
    }
}

/// A writer into memory.
fn begin(
    object: &Object,
    schema: &SchemaRef,
    properties: WriterProperties,
    arrow_schema: bool,
) -> Result<ArrowWriter<Pieces>> {
    let options =
        ArrowWriterOptions::new().with_properties(properties).with_skip_arrow_metadata(!arrow_schema);
    let begun = guard(|| {
        // The arrow schema stays as it is, in the footer too: readers of it have their types again.
        let converted = ArrowSchemaConverter::new().convert(&dates::as_days(schema))?;
        let options = options.with_parquet_schema(converted);
        ArrowWriter::try_new_with_options(Pieces::default(), schema.clone(), options)
    });
    begun.map_err(|e| write_error(object, e))
}

/// Finds the first column that cannot be written before any row is.
fn check_schema(schema: &SchemaRef) -> Result<()> {
    let refuse = |column: &str, data_type: &DataType| {
        Error::unsupported("Parquet cannot hold the type of a column")
            .with_context("column", column)
            .with_context("type", data_type)
    };
    if schema.fields().is_empty() {
        return Err(Error::unsupported("Parquet cannot hold rows without columns"));
    }
    if let Some((path, data_type)) = schema.fields().iter().find_map(unsupported) {
        return Err(refuse(&path, &data_type));
    }
    for field in schema.fields() {
        let alone = SchemaRef::new(arrow_schema::Schema::new(vec![field.clone()]));
        // Some types are only refused when a row group begins.
        let begun = guard(|| {
            let converted = ArrowSchemaConverter::new().convert(&alone)?;
            let file =
                SerializedFileWriter::new(Vec::new(), converted.root_schema_ptr(), Default::default())?;
            ArrowRowGroupWriterFactory::new(&file, alone.clone()).create_column_writers(0).map(|_| ())
        });
        begun.map_err(|e| refuse(field.name(), field.data_type()).with_source(e))?;
    }
    Ok(())
}

/// How many NaNs a floating leaf has that does not lie in a list.
fn nans_below(batch: &RecordBatch, path: &[String]) -> u64 {
    let Some((root, rest)) = path.split_first() else { return 0 };
    let Some(array) = batch.column_by_name(root) else { return 0 };
    let mut array = array.clone();
    let mut parents = Vec::new();
    for name in rest {
        let Some(parent) = array.as_struct_opt() else { return 0 };
        parents.extend(parent.nulls().cloned());
        let Some(child) = parent.column_by_name(name) else { return 0 };
        array = child.clone();
    }
    let hidden = |row: usize| parents.iter().any(|nulls| nulls.is_null(row));
    let count = |rows: &mut dyn Iterator<Item = bool>| {
        rows.enumerate().filter(|(row, nan)| *nan && !array.is_null(*row) && !hidden(*row)).count() as u64
    };
    match array.data_type() {
        DataType::Float16 => count(&mut values::<Float16Type>(&array).iter().map(|v| v.is_nan())),
        DataType::Float32 => count(&mut values::<Float32Type>(&array).iter().map(|v| v.is_nan())),
        DataType::Float64 => count(&mut values::<Float64Type>(&array).iter().map(|v| v.is_nan())),
        _ => 0,
    }
}

fn values<T: arrow_array::types::ArrowPrimitiveType>(array: &ArrayRef) -> &[T::Native] {
    array.as_primitive::<T>().values()
}
