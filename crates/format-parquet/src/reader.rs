//! Reading: which rows of which row groups, and the stream of their batches.

use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use futures::stream::{self, BoxStream};
use futures::{FutureExt, StreamExt, TryStreamExt};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use parquet::arrow::{ParquetRecordBatchStreamBuilder, ProjectionMask};
use parquet::errors::ParquetError;
use stitchwork_core::{
    BatchStream, BatchStreamAdapter, Budget, Error, FieldMapping, ReadArgs, Reservation, Result,
};

use crate::error::{guard, panicked, read_error, rows_error};
use crate::file::{ParquetFile, arrow_metadata, group_start};
use crate::projection::Projection;
use crate::prune::Pruning;
use crate::ranges::{self, Positions};
use crate::required;

/// The rows to read of one row group.
#[derive(Debug, Clone)]
struct Part {
    group: usize,
    /// The positions of all the group's rows in the file.
    all: Range<u64>,
    /// Those to read.
    rows: Vec<Range<u64>>,
}

pub(crate) async fn read(file: ParquetFile, args: ReadArgs) -> Result<BatchStream> {
    if args.range.is_some() && file.source.has_other_size() {
        return Err(Error::invalid_data(
            "the object has not the size that it should have, and only a part is asked for",
        )
        .with_context("location", file.source.object().location())
        .with_context("size", file.source.size()));
    }
    let batch_rows = args.batch_rows();
    let (wanted, mapping) = match &args.schema {
        Some(schema) => (schema.clone(), args.mapping.clone().unwrap_or_default()),
        None => (file.schema.clone(), Arc::new(FieldMapping::by_name())),
    };
    let projection = Projection::new(&wanted, args.projection.as_deref(), &file.schema, &mapping)?;
    let (file, parts) = plan(file, &args, &wanted, &mapping).await?;
    let metadata = decoding(&file, &projection)?;
    let schema = with_row_number(&projection.schema, args.row_number.as_deref());
    let required = required::in_optional(metadata.schema().fields());
    let shared = Arc::new(Shared {
        file,
        metadata,
        projection,
        mapping,
        schema: schema.clone(),
        required,
        row_number: args.row_number.is_some(),
        batch_rows,
        budget: args.budget,
    });
    let stream = stream::iter(parts).then(move |part| shared.clone().read(part)).try_flatten();
    Ok(BatchStreamAdapter::new(schema, stream))
}

/// The parts of the file that must be read, and the file with what had to be learned for that.
async fn plan(
    file: ParquetFile,
    args: &ReadArgs,
    wanted: &SchemaRef,
    mapping: &FieldMapping,
) -> Result<(ParquetFile, Vec<Part>)> {
    let mut parts: Vec<_> = file
        .row_ranges()
        .into_iter()
        .enumerate()
        .map(|(group, all)| Part { group, rows: vec![all.clone()], all })
        .filter(|part| !part.all.is_empty())
        .collect();
    if let Some(range) = &args.range {
        parts.retain(|part| range.contains(&group_start(file.metadata.row_group(part.group))));
    }
    let mut undecided = Vec::new();
    let pruning = args.predicate.as_ref().map(|p| Pruning::new(p, wanted, mapping, &file));
    if let Some(pruning) = &pruning {
        parts.retain(|part| match pruning.group(&file, part.group) {
            stitchwork_core::Match::None => false,
            stitchwork_core::Match::All => true,
            stitchwork_core::Match::Some => {
                undecided.push(part.group);
                true
            }
        });
    }
    if let Some(rows) = &args.rows {
        for part in &mut parts {
            part.rows = ranges::of_rows(rows, &part.all);
        }
        parts.retain(|part| !part.rows.is_empty());
    }
    let selects = parts.iter().any(|part| ranges::len(&part.rows) < part.all.end - part.all.start);
    undecided.retain(|group| parts.iter().any(|part| part.group == *group));
    if !selects && undecided.is_empty() {
        return Ok((file, parts));
    }
    // The page index says which pages hold the rows that are selected, and the bounds of each page.
    let file = file.with_page_index().await?;
    if let Some(pruning) = &pruning {
        for part in parts.iter_mut().filter(|part| undecided.contains(&part.group)) {
            if let Some(rows) = pruning.pages(&file, part.group, &part.all) {
                part.rows = ranges::intersect(&part.rows, &rows);
            }
        }
        parts.retain(|part| !part.rows.is_empty());
    }
    Ok((file, parts))
}

/// How the reader decodes the file: as is wanted where it can, else in the file's own types.
fn decoding(file: &ParquetFile, projection: &Projection) -> Result<ArrowReaderMetadata> {
    if let Some(schema) = &projection.decode_as {
        let options = ArrowReaderOptions::new().with_schema(schema.clone());
        if let Ok(metadata) = guard(|| ArrowReaderMetadata::try_new(file.metadata.clone(), options)) {
            return Ok(metadata);
        }
    }
    arrow_metadata(&file.metadata).map_err(|e| read_error(file.source.object(), e))
}

fn with_row_number(schema: &SchemaRef, name: Option<&str>) -> SchemaRef {
    let Some(name) = name else { return schema.clone() };
    let mut fields = schema.fields().to_vec();
    fields.push(Arc::new(Field::new(name, DataType::Int64, false)));
    Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone()))
}

/// What every part of a read needs.
#[derive(Debug)]
struct Shared {
    file: ParquetFile,
    metadata: ArrowReaderMetadata,
    projection: Projection,
    mapping: Arc<FieldMapping>,
    schema: SchemaRef,
    /// Whether something required is inside of something optional.
    required: bool,
    row_number: bool,
    batch_rows: usize,
    budget: Option<Budget>,
}

impl Shared {
    async fn read(self: Arc<Self>, part: Part) -> Result<BoxStream<'static, Result<RecordBatch>>> {
        let rows = ranges::len(&part.rows);
        let held = self.reserve(&part);
        let batches = if self.projection.leaves.is_empty() {
            counted(rows, self.batch_rows).boxed()
        } else {
            self.decode(&part)?
        };
        let state =
            State { positions: Positions::new(part.rows), left: rows, group: part.group, _held: held };
        let object = self.file.source.object().clone();
        let shape = move |state: &mut State, batch: RecordBatch| self.shape(state, &batch);
        let parts = stream::unfold(Some((batches, state)), move |open| {
            let (shape, object) = (shape.clone(), object.clone());
            async move {
                let (mut batches, mut state) = open?;
                let next = AssertUnwindSafe(batches.next()).catch_unwind().await;
                match next.unwrap_or_else(|panic| Some(Err(panicked(&panic)))) {
                    Some(Ok(batch)) => match shape(&mut state, batch) {
                        Ok(batch) => Some((Ok(batch), Some((batches, state)))),
                        Err(e) => Some((Err(e.with_context("location", object.location())), None)),
                    },
                    Some(Err(e)) => Some((Err(rows_error(&object, state.group, e)), None)),
                    None if state.left == 0 => None,
                    None => Some((Err(state.too_few().with_context("location", object.location())), None)),
                }
            }
        });
        Ok(parts.boxed())
    }

    /// The fetched bytes of a row group are what the reader holds as long as it decodes it.
    fn reserve(&self, part: &Part) -> Option<Reservation> {
        let budget = self.budget.as_ref()?;
        let group = self.file.metadata.row_group(part.group);
        let leaves = self.projection.leaves.iter().filter_map(|leaf| group.columns().get(*leaf));
        let bytes: u64 = leaves.map(|chunk| u64::try_from(chunk.compressed_size()).unwrap_or(0)).sum();
        // Never waits, nor takes all: the caller may merge several files, and hold the rest of the budget until
        // each of them has rows. Who does not want more rows just does not ask for them.
        budget.try_reserve(bytes.min(budget.total() / 4))
    }

    fn decode(
        &self,
        part: &Part,
    ) -> Result<BoxStream<'static, std::result::Result<RecordBatch, ParquetError>>> {
        let mask =
            ProjectionMask::leaves(self.metadata.parquet_schema(), self.projection.leaves.iter().copied());
        let selection = ranges::selection(&part.rows, &part.all)?;
        let stream = guard(|| {
            let mut builder = ParquetRecordBatchStreamBuilder::new_with_metadata(
                self.file.source.clone(),
                self.metadata.clone(),
            )
            .with_batch_size(self.batch_rows)
            .with_row_groups(vec![part.group])
            .with_projection(mask);
            if let Some(selection) = selection {
                builder = builder.with_row_selection(selection);
            }
            builder.build()
        });
        Ok(stream.map_err(|e| rows_error(self.file.source.object(), part.group, e))?.boxed())
    }

    /// A decoded batch as it was asked for.
    fn shape(&self, state: &mut State, batch: &RecordBatch) -> Result<RecordBatch> {
        let rows = batch.num_rows();
        let Some(left) = state.left.checked_sub(rows as u64) else {
            return Err(Error::invalid_data("a row group holds more rows than the footer says")
                .with_context("row_group", state.group));
        };
        state.left = left;
        let adapted = match self.required {
            true => self.mapping.adapt(&required::with_nulls(batch)?, &self.projection.schema)?,
            false => self.mapping.adapt(batch, &self.projection.schema)?,
        };
        if !self.row_number {
            return Ok(adapted);
        }
        let mut columns = adapted.columns().to_vec();
        let positions: ArrayRef = Arc::new(state.positions.take(rows));
        columns.push(positions);
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        Ok(RecordBatch::try_new_with_options(self.schema.clone(), columns, &options)?)
    }
}

/// Where the reading of a row group is.
#[derive(Debug)]
struct State {
    positions: Positions,
    left: u64,
    group: usize,
    _held: Option<Reservation>,
}

impl State {
    fn too_few(&self) -> Error {
        Error::invalid_data("a row group holds fewer rows than the footer says")
            .with_context("row_group", self.group)
            .with_context("missing", self.left)
    }
}

/// Batches without columns: no byte needs to be read to know how many rows there are.
fn counted(
    rows: u64,
    batch_rows: usize,
) -> impl futures::Stream<Item = std::result::Result<RecordBatch, ParquetError>> + Send {
    let schema = Arc::new(Schema::empty());
    stream::iter(std::iter::successors(Some(rows), move |left| left.checked_sub(batch_rows as u64)))
        .take_while(|left| std::future::ready(*left > 0))
        .map(move |left| {
            let rows = usize::try_from(left).unwrap_or(usize::MAX).min(batch_rows);
            let options = RecordBatchOptions::new().with_row_count(Some(rows));
            Ok(RecordBatch::try_new_with_options(schema.clone(), vec![], &options)?)
        })
}
