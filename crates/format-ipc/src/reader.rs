//! Reading: which columns and batches are wanted, and their rows as they were asked for.

use std::collections::VecDeque;
use std::ops::Range;

use arrow_schema::SchemaRef;
use futures::{TryStreamExt, stream};
use stitchwork_core::{
    BatchStream, BatchStreamAdapter, Budget, Error, Object, ReadArgs, Reservation, Result,
};
use stitchwork_objects::{located, places};

use crate::config::IpcConfig;
use crate::decoder::Decoder;
use crate::file::{Block, IpcFile};
use crate::form::Form;
use crate::sequence::Messages;

pub(crate) async fn read(object: &Object, mut args: ReadArgs, config: &IpcConfig) -> Result<BatchStream> {
    let form = Form::open(object, config).await?;
    let own = form.schema().clone();
    let columns = places(&own, &mut args)?;
    let decoder = Decoder::new(own, Some(columns), config.max_message_bytes)?;
    let output = args.output(decoder.schema())?;
    match form {
        Form::File(file) => {
            let reading = FileReading::new(file, decoder, args, config.max_message_bytes).await;
            Ok(reading.map_err(|e| located(e, object))?.stream(object, output))
        }
        Form::Stream(_, messages, _) => {
            // The messages build on each other: a stream is one part, which begins at its first byte.
            let range = args.range.take();
            if range.is_some_and(|range| !range.contains(&0)) {
                return Ok(BatchStreamAdapter::empty(output));
            }
            let rows = sequence(object, messages, decoder, args.budget.clone());
            args.deliver(object, rows)
        }
    }
}

/// The rows of the stream form.
fn sequence(object: &Object, messages: Messages, decoder: Decoder, budget: Option<Budget>) -> BatchStream {
    let schema = decoder.schema().clone();
    let object = object.clone();
    let state = (messages, decoder, None);
    let batches = stream::try_unfold(state, move |(mut messages, mut decoder, held)| {
        // The bytes of a message are given back with the next one: its rows are in use until then.
        drop::<Option<Reservation>>(held);
        let (object, budget) = (object.clone(), budget.clone());
        async move {
            let found =
                messages.batch(&mut decoder, budget.as_ref()).await.map_err(|e| reading(e, &object))?;
            Ok(found.map(|(rows, held)| (rows, (messages, decoder, held))))
        }
    });
    BatchStreamAdapter::new(schema, batches)
}

fn reading(error: Error, object: &Object) -> Error {
    located(error, object).with_operation("format::read")
}

/// A batch that is to be read.
#[derive(Debug, Clone)]
struct Planned {
    block: Block,
    /// The positions of its rows, where they are known before it is read.
    rows: Option<Range<u64>>,
}

/// A file that is being read.
struct FileReading {
    file: IpcFile,
    decoder: Decoder,
    plan: VecDeque<Planned>,
    /// The position of the next row, where batches are not left out.
    position: u64,
    args: ReadArgs,
    limit: u64,
    /// What is taken from the budget for the batch whose rows are in use.
    held: Option<Reservation>,
}

impl FileReading {
    async fn new(file: IpcFile, mut decoder: Decoder, mut args: ReadArgs, limit: u64) -> Result<Self> {
        let range = args.range.take();
        let starts = |block: &Block| range.as_ref().is_none_or(|range| range.contains(&block.offset));
        let known = args.rows.is_some() || (range.is_some() && args.row_number.is_some());
        let mut plan: VecDeque<Planned> =
            file.batches.iter().map(|block| Planned { block: *block, rows: None }).collect();
        if known {
            let mut position = 0_u64;
            for (planned, rows) in plan.iter_mut().zip(file.rows().await?) {
                planned.rows = Some(position..position.saturating_add(rows));
                position = position.saturating_add(rows);
            }
        }
        plan.retain(|planned| {
            let selected = match (&args.rows, &planned.rows) {
                (Some(selected), Some(rows)) => selected.range_cardinality(rows.clone()) > 0,
                _ => true,
            };
            selected && starts(&planned.block)
        });
        if !plan.is_empty() {
            file.load_dictionaries(&mut decoder, limit).await?;
        }
        Ok(Self { file, decoder, plan, position: 0, args, limit, held: None })
    }

    fn stream(self, object: &Object, output: SchemaRef) -> BatchStream {
        let object = object.clone();
        let parts = stream::try_unfold(self, move |mut state| {
            let object = object.clone();
            async move {
                let part = state.next(&object).await.map_err(|e| reading(e, &object))?;
                Ok::<_, Error>(part.map(|part| (part, state)))
            }
        });
        BatchStreamAdapter::new(output, parts.try_flatten())
    }

    /// The rows of the next batch, as they were asked for.
    async fn next(&mut self, object: &Object) -> Result<Option<BatchStream>> {
        self.held = None;
        let Some(planned) = self.plan.pop_front() else { return Ok(None) };
        // Never waits: the caller may hold the rest of the budget until it has rows of this object.
        self.held = self.args.budget.as_ref().and_then(|budget| budget.try_reserve(planned.block.body()));
        let batch = self.file.batch(&planned.block, &self.decoder, self.limit).await?;
        let first = planned.rows.map_or(self.position, |rows| rows.start);
        self.position = first.saturating_add(batch.num_rows() as u64);
        let rows = BatchStreamAdapter::from_batches(self.decoder.schema().clone(), vec![batch]);
        self.args.clone().deliver_from(first, object, rows).map(Some)
    }
}
