//! Reading planned files as one stream of rows.

use std::sync::Arc;

use arrow::compute::filter_record_batch;
use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray};
use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};
use futures::{StreamExt, TryStreamExt, stream};
use stitchwork_core::{
    BatchStream, BatchStreamAdapter, Deletes, Error, PlannedFile, Predicate, ROW_FILE, ROW_POSITION,
    ReadArgs, Result, RoaringTreemap, ScanArgs, ScanPlan, address_fields, predicate_columns, repeat,
};

use crate::equality::EqualityFilter;
use crate::plan::{check_columns, for_reader};

/// Reads the files of a plan: constants, deletes, the predicate and the limit applied.
///
/// # Errors
/// `InvalidInput` for a projection beyond the schema.
pub(crate) fn scan(mut plan: ScanPlan, args: ScanArgs, read_ahead: usize) -> Result<BatchStream> {
    let (projection, output) = projected(&plan.schema, args.projection.clone())?;
    check_columns(args.predicate.as_ref(), &plan.schema)?;
    let output = if args.addresses { with_addresses(&output, &plan.schema)? } else { output };
    let files = std::mem::take(&mut plan.files);
    let plan = Arc::new(plan);
    let limit = args.limit;
    let opened = stream::iter(files).map({
        let output = output.clone();
        move |file| {
            let reader = FileReader {
                plan: plan.clone(),
                predicate: args.predicate.clone(),
                projection: projection.clone(),
                output: output.clone(),
                batch_rows: args.batch_rows,
                budget: args.budget.clone(),
                addresses: args.addresses,
            };
            reader.open(file, None)
        }
    });
    let rows = opened.buffered(read_ahead.max(1)).try_flatten();
    Ok(BatchStreamAdapter::new(output, limited(rows, limit)))
}

/// The places of the columns that are asked for, and the columns.
///
/// # Errors
/// `InvalidInput` for a place beyond the schema.
pub(crate) fn projected(
    schema: &SchemaRef,
    projection: Option<Vec<usize>>,
) -> Result<(Vec<usize>, SchemaRef)> {
    let places = projection.unwrap_or_else(|| (0..schema.fields().len()).collect());
    let columns = schema.project(&places).map_err(|e| {
        Error::invalid_input("the projection names a column that is not there")
            .with_operation("relation::scan")
            .with_source(e)
    })?;
    Ok((places, Arc::new(columns)))
}

/// The columns with those of addresses at the end.
///
/// # Errors
/// `Unsupported` for a table that has a column of such a name itself.
pub(crate) fn with_addresses(output: &SchemaRef, table: &SchemaRef) -> Result<SchemaRef> {
    if let Some(name) = [ROW_FILE, ROW_POSITION].iter().find(|name| table.column_with_name(name).is_some()) {
        return Err(Error::unsupported("the table has a column of the name that addresses of rows have")
            .with_operation("relation::scan")
            .with_context("column", name));
    }
    let fields: Fields = output.fields().iter().cloned().chain(address_fields()).collect();
    Ok(Arc::new(Schema::new(fields)))
}

/// At most `limit` rows of a stream, which is not asked for more once they have come.
pub(crate) fn limited(
    rows: impl stream::Stream<Item = Result<RecordBatch>> + Send + 'static,
    limit: Option<usize>,
) -> impl stream::Stream<Item = Result<RecordBatch>> + Send + 'static {
    let rows = rows.try_filter(|batch| std::future::ready(batch.num_rows() > 0));
    let start = (Box::pin(rows), limit.unwrap_or(usize::MAX));
    stream::try_unfold(start, |(mut rows, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let Some(batch) = rows.try_next().await? else { return Ok(None) };
        let taken = batch.num_rows().min(left);
        Ok(Some((batch.slice(0, taken), (rows, left - taken))))
    })
}

/// Reads one planned file.
pub(crate) struct FileReader {
    pub plan: Arc<ScanPlan>,
    pub predicate: Option<Predicate>,
    pub projection: Vec<usize>,
    pub output: SchemaRef,
    pub batch_rows: Option<usize>,
    pub budget: Option<stitchwork_core::Budget>,
    /// Whether `output` ends with the address of each row.
    pub addresses: bool,
}

impl FileReader {
    /// The rows of a file that pass and are not deleted. With `inverse`, those that do **not** pass come
    /// instead: what is left when the rows that pass are deleted.
    pub(crate) async fn open(self, planned: PlannedFile, inverse: Option<Predicate>) -> Result<BatchStream> {
        let PlannedFile { file, constants } = planned;
        let schema = self.plan.schema.clone();
        let object = self.plan.stores.resolve(&file.location)?.with_size(file.size);
        let format = self.plan.formats.get(&file.format)?;
        let deletes = self.plan.deletes(&file).await?;
        let rows = match &deletes.positions {
            Some(deleted) if !deleted.is_empty() => {
                let all = match file.rows {
                    Some(rows) => rows,
                    None => format.inspect(&object).await?.rows,
                };
                let mut live = RoaringTreemap::new();
                live.insert_range(0..all);
                live -= deleted.as_ref();
                Some(Arc::new(live))
            }
            _ => None,
        };
        let needed = self.needed(&schema, inverse.as_ref(), &deletes);
        let read: Vec<usize> =
            needed.iter().copied().filter(|p| !constants.iter().any(|(c, _)| c == p)).collect();
        let args = ReadArgs {
            schema: Some(schema.clone()),
            mapping: Some(self.plan.mapping.clone()),
            projection: Some(read.clone()),
            predicate: self.predicate.as_ref().and_then(|p| for_reader(p, &constants, &schema)),
            rows,
            batch_rows: self.batch_rows,
            budget: self.budget.clone(),
            row_number: self.addresses.then(|| ROW_POSITION.to_owned()),
            ..ReadArgs::default()
        };
        let batches = format.read(&object, args).await?;
        let equality = EqualityFilter::load(&deletes.equality).await?;
        let mut wide: Vec<Field> = needed.iter().map(|p| schema.field(*p).clone()).collect();
        wide.extend(self.addresses.then(|| Field::new(ROW_POSITION, DataType::Int64, false)));
        let wide = Arc::new(Schema::new(wide));
        let places = self
            .projection
            .iter()
            .map(|p| needed.iter().position(|n| n == p).ok_or_else(|| lost(*p)))
            .collect::<Result<Vec<_>>>()?;
        let Self { predicate, output, addresses, .. } = self;
        let output_schema = output.clone();
        let rows = batches.map(move |batch| {
            let batch = widen(&batch?, &needed, &read, &constants, &wide, addresses)?;
            let batch = equality.apply(batch)?;
            let batch = match (&predicate, &inverse) {
                (_, Some(inverse)) => {
                    let passes = inverse.passes(&batch)?;
                    filter_record_batch(&batch, &arrow::compute::not(&passes)?)?
                }
                (Some(predicate), None) => filter_record_batch(&batch, &predicate.passes(&batch)?)?,
                (None, None) => batch,
            };
            let mut columns: Vec<ArrayRef> =
                places.iter().map(|place| batch.column(*place).clone()).collect();
            if addresses {
                let file = std::iter::repeat_n(file.location.as_str(), batch.num_rows());
                columns.push(Arc::new(StringArray::from_iter_values(file)));
                columns.extend(batch.columns().last().cloned());
            }
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            Ok(RecordBatch::try_new_with_options(output.clone(), columns, &options)?)
        });
        Ok(BatchStreamAdapter::new(output_schema, rows))
    }

    /// The columns that the projection, the predicates and the equality deletes want, in order.
    fn needed(&self, schema: &SchemaRef, inverse: Option<&Predicate>, deletes: &Deletes) -> Vec<usize> {
        let mut needed = self.projection.clone();
        needed.extend(predicate_columns(self.predicate.as_ref(), schema));
        needed.extend(predicate_columns(inverse, schema));
        let keys = deletes.equality.iter().flat_map(|e| &e.columns);
        needed.extend(keys.filter_map(|column| schema.index_of(column.root()).ok()));
        needed.sort_unstable();
        needed.dedup();
        needed
    }
}

fn lost(place: usize) -> Error {
    Error::unexpected("a projected column is not among those read").with_context("place", place)
}

/// The batch with the constants among its columns, in the order of `needed`.
fn widen(
    batch: &RecordBatch,
    needed: &[usize],
    read: &[usize],
    constants: &[(usize, stitchwork_core::Scalar)],
    wide: &SchemaRef,
    addresses: bool,
) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let mut columns = needed
        .iter()
        .map(|place| match constants.iter().find(|(constant, _)| constant == place) {
            Some((_, value)) => repeat(value, rows),
            None => {
                let column = read.iter().position(|r| r == place).and_then(|p| batch.columns().get(p));
                column.cloned().ok_or_else(|| lost(*place))
            }
        })
        .collect::<Result<Vec<ArrayRef>>>()?;
    if addresses {
        columns.push(batch.columns().get(read.len()).cloned().ok_or_else(|| lost(read.len()))?);
    }
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(wide.clone(), columns, &options)?)
}
