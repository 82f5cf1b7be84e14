//! From the rows that there are to the rows that were asked for.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Int64Array, RecordBatch, RecordBatchOptions};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use arrow_select::filter::filter_record_batch;
use futures::{StreamExt, TryStreamExt, stream};

use crate::{BatchStream, BatchStreamAdapter, Error, Object, ReadArgs, Result, ScanArgs};

impl ReadArgs {
    /// The columns that are asked for of an object with the schema `own`, without the row number.
    /// # Errors
    /// `InvalidInput` for a projection that names a column that is not there.
    pub fn wanted(&self, own: &SchemaRef) -> Result<SchemaRef> {
        let schema = self.schema.as_ref().unwrap_or(own);
        match &self.projection {
            None => Ok(schema.clone()),
            Some(places) => schema.project(places).map(Arc::new).map_err(|e| {
                Error::invalid_input("the projection names a column that the schema has not")
                    .with_context("columns", schema.fields().len())
                    .with_source(e)
            }),
        }
    }

    /// The schema that the rows come in: [`ReadArgs::wanted`] and the row number.
    /// # Errors
    /// As [`ReadArgs::wanted`].
    pub fn output(&self, own: &SchemaRef) -> Result<SchemaRef> {
        let wanted = self.wanted(own)?;
        let Some(name) = &self.row_number else { return Ok(wanted) };
        let number = Arc::new(Field::new(name, DataType::Int64, false));
        let fields: Vec<_> = wanted.fields().iter().cloned().chain([number]).collect();
        Ok(Arc::new(Schema::new_with_metadata(fields, wanted.metadata().clone())))
    }

    /// What was asked for, out of all the rows of an object in their order: columns found by the mapping, cast
    /// and filled, rows selected and numbered, batches cut. For formats that cannot leave anything out by
    /// themselves; columns that are not asked for may be missing in `rows` already. Nothing is filtered.
    /// # Errors
    /// `Unsupported` for a range, `InvalidInput` for a projection that names a column that is not there.
    pub fn deliver(self, object: &Object, rows: BatchStream) -> Result<BatchStream> {
        self.deliver_from(0, object, rows)
    }

    /// The same for a format that has begun in the middle: `rows` are those from the row `first` of the object on.
    /// # Errors
    /// As [`ReadArgs::deliver`].
    pub fn deliver_from(self, first: u64, object: &Object, rows: BatchStream) -> Result<BatchStream> {
        if self.range.is_some() {
            return Err(Error::unsupported("the format cannot be read by byte ranges")
                .with_context("location", object.location()));
        }
        let own = rows.schema();
        let (wanted, output) = (self.wanted(&own)?, self.output(&own)?);
        let (schema, object, most) = (output.clone(), object.clone(), self.batch_rows());
        let mut position = first;
        let last = self.rows.as_ref().map(|rows| rows.max());
        let pieces = rows
            .map_ok(move |batch| {
                let starts = (0..batch.num_rows()).step_by(most);
                stream::iter(
                    starts.map(move |start| Ok(batch.slice(start, most.min(batch.num_rows() - start)))),
                )
            })
            .try_flatten();
        let shaped = pieces.map(move |batch: Result<RecordBatch>| {
            let batch = batch?;
            let first = position;
            position = position.saturating_add(batch.num_rows() as u64);
            let done = self.shape(&batch, first, &wanted, &output);
            done.map(|rows| (first, rows)).map_err(|e| e.with_context("location", object.location()))
        });
        // After the last selected row the object need not be read further.
        let needed = move |first: u64| last.is_none_or(|last| last.is_some_and(|last| first <= last));
        let shaped = shaped
            .try_take_while(move |(first, _)| futures::future::ready(Ok(needed(*first))))
            .try_filter_map(|(_, batch)| futures::future::ready(Ok((batch.num_rows() > 0).then_some(batch))));
        Ok(BatchStreamAdapter::new(schema, shaped))
    }

    fn shape(
        &self,
        batch: &RecordBatch,
        first: u64,
        wanted: &SchemaRef,
        output: &SchemaRef,
    ) -> Result<RecordBatch> {
        let mapping = match &self.schema {
            Some(_) => self.mapping.clone().unwrap_or_default(),
            None => Arc::default(),
        };
        let mut adapted = mapping.adapt(batch, wanted)?;
        let positions = first..first.saturating_add(batch.num_rows() as u64);
        if self.row_number.is_some() {
            let numbers: Int64Array = positions.clone().map(u64::cast_signed).collect::<Vec<_>>().into();
            let columns = adapted.columns().iter().cloned().chain([Arc::new(numbers) as ArrayRef]).collect();
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            adapted = RecordBatch::try_new_with_options(output.clone(), columns, &options)?;
        }
        let Some(rows) = &self.rows else { return Ok(adapted) };
        let selected: BooleanArray = positions.map(|position| Some(rows.contains(position))).collect();
        Ok(filter_record_batch(&adapted, &selected)?)
    }
}

impl ScanArgs {
    /// What was asked for, out of all the rows of a relation: those that pass, their columns in the order asked for,
    /// batches cut, and no more than the limit, after which `rows` is not read further. For relations that cannot leave
    /// anything out by themselves, and have neither a plan nor addresses.
    /// # Errors
    /// `Unsupported` where addresses are asked for, `InvalidInput` for a column that is not there.
    pub fn deliver(self, rows: BatchStream) -> Result<BatchStream> {
        self.require_no_addresses()?;
        let own = rows.schema();
        let places = self.projection.unwrap_or_else(|| (0..own.fields().len()).collect());
        let output: SchemaRef = Arc::new(own.project(&places).map_err(|e| {
            Error::invalid_input("the projection names a column that is not there").with_source(e)
        })?);
        let (predicate, schema) = (self.predicate, output.clone());
        let shaped = rows.map(move |batch| {
            let mut batch = batch?;
            if let Some(predicate) = &predicate {
                batch = filter_record_batch(&batch, &predicate.passes(&batch)?)?;
            }
            let columns = places.iter().map(|place| batch.column(*place).clone()).collect();
            let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            Ok::<_, Error>(RecordBatch::try_new_with_options(schema.clone(), columns, &options)?)
        });
        let shaped = shaped.try_filter(|batch| futures::future::ready(batch.num_rows() > 0));
        let most = self.batch_rows.unwrap_or(8192).max(1);
        let start = (Box::pin(shaped), None::<RecordBatch>, self.limit.unwrap_or(usize::MAX));
        let cut = stream::try_unfold(start, move |(mut shaped, held, left)| async move {
            if left == 0 {
                return Ok(None);
            }
            let next = match held {
                Some(rest) => Some(rest),
                None => shaped.try_next().await?,
            };
            let Some(batch) = next else { return Ok(None) };
            let taken = batch.num_rows().min(most).min(left);
            let rest = batch.num_rows() - taken;
            let held = (rest > 0).then(|| batch.slice(taken, rest));
            Ok(Some((batch.slice(0, taken), (shaped, held, left - taken))))
        });
        Ok(BatchStreamAdapter::new(output, cut))
    }
}
