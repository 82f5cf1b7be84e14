//! The rows of a frame, which are kept as long as they are in it.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::compute::concat;
use arrow_array::{Array, ArrayRef};
use arrow_schema::{FieldRef, Schema};
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::function::AccumulatorArgs;
use datafusion::logical_expr::{Accumulator, AggregateUDF};
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr};

/// The most rows of a block.
const BLOCK: usize = 256;
/// The rows of a block that is worth a result of its own. Two of these may be too many for one block.
const LONG: usize = BLOCK / 2;

/// An aggregate of the rows of a frame.
///
/// Rows come one after the other, are joined to blocks, and leave from the front. Blocks grow as the digits of a number that is
/// counted up: two are joined where they are of one length, so that a row is copied a few times only.
#[derive(Debug)]
pub(super) struct Kept {
    aggregate: Aggregate,
    /// Whether the result of a long block can stand for its rows.
    merges: bool,
    blocks: VecDeque<Block>,
}

/// What makes an accumulator that knows no frames.
#[derive(Debug)]
struct Aggregate {
    function: Arc<AggregateUDF>,
    name: String,
    schema: Schema,
    return_field: FieldRef,
    expr_fields: Vec<FieldRef>,
    exprs: Vec<Arc<dyn PhysicalExpr>>,
    order_bys: Vec<PhysicalSortExpr>,
    ignore_nulls: bool,
    is_distinct: bool,
    is_reversed: bool,
}

impl Aggregate {
    fn accumulator(&self) -> Result<Box<dyn Accumulator>> {
        self.function.accumulator(AccumulatorArgs {
            return_field: self.return_field.clone(),
            schema: &self.schema,
            ignore_nulls: self.ignore_nulls,
            order_bys: &self.order_bys,
            is_reversed: self.is_reversed,
            name: &self.name,
            is_distinct: self.is_distinct,
            exprs: &self.exprs,
            expr_fields: &self.expr_fields,
        })
    }
}

#[derive(Debug)]
struct Block {
    columns: Vec<ArrayRef>,
    rows: usize,
    /// What the rows come to, once that was asked for.
    state: Option<Vec<ArrayRef>>,
}

impl Block {
    fn of(columns: &[ArrayRef], start: usize, rows: usize) -> Self {
        let columns = columns.iter().map(|column| column.slice(start, rows)).collect();
        Self { columns, rows, state: None }
    }

    fn joined(&self, next: &Self) -> Result<Self> {
        let columns = self.columns.iter().zip(&next.columns);
        let columns = columns.map(|(first, second)| Ok(concat(&[first, second])?));
        Ok(Self { columns: columns.collect::<Result<_>>()?, rows: self.rows + next.rows, state: None })
    }
}

impl Kept {
    pub(super) fn new(function: Arc<AggregateUDF>, args: &AccumulatorArgs<'_>, merges: bool) -> Self {
        let aggregate = Aggregate {
            function,
            name: args.name.to_owned(),
            schema: args.schema.clone(),
            return_field: args.return_field.clone(),
            expr_fields: args.expr_fields.to_vec(),
            exprs: args.exprs.to_vec(),
            order_bys: args.order_bys.to_vec(),
            ignore_nulls: args.ignore_nulls,
            is_distinct: args.is_distinct,
            is_reversed: args.is_reversed,
        };
        Self { aggregate, merges, blocks: VecDeque::new() }
    }

    fn push(&mut self, mut block: Block) -> Result<()> {
        while let Some(last) = self.blocks.back()
            && last.rows <= block.rows
            && last.rows + block.rows <= BLOCK
        {
            block = last.joined(&block)?;
            self.blocks.pop_back();
        }
        self.blocks.push_back(block);
        Ok(())
    }

    /// An accumulator of all rows of the frame.
    fn all(&mut self) -> Result<Box<dyn Accumulator>> {
        let mut all = self.aggregate.accumulator()?;
        for block in &mut self.blocks {
            if !self.merges || block.rows < LONG {
                all.update_batch(&block.columns)?;
                continue;
            }
            if let Some(state) = &block.state {
                all.merge_batch(state)?;
                continue;
            }
            let mut whole = self.aggregate.accumulator()?;
            whole.update_batch(&block.columns)?;
            let state = whole.state()?.iter().map(ScalarValue::to_array).collect::<Result<Vec<_>>>()?;
            all.merge_batch(&state)?;
            block.state = Some(state);
        }
        Ok(all)
    }
}

impl Accumulator for Kept {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let rows = values.first().map_or(0, |column| column.len());
        for start in (0..rows).step_by(BLOCK) {
            self.push(Block::of(values, start, BLOCK.min(rows - start)))?;
        }
        Ok(())
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let mut leave = values.first().map_or(0, |column| column.len());
        while leave > 0 {
            let Some(first) = self.blocks.pop_front() else {
                return internal_err!("more rows leave a frame than are in it");
            };
            if first.rows > leave {
                self.blocks.push_front(Block::of(&first.columns, leave, first.rows - leave));
            }
            leave = leave.saturating_sub(first.rows);
        }
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.all()?.evaluate()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.all()?.state()
    }

    fn merge_batch(&mut self, _: &[ArrayRef]) -> Result<()> {
        internal_err!("the rows of a frame are not merged")
    }

    fn size(&self) -> usize {
        let columns = self.blocks.iter().flat_map(|block| &block.columns);
        let rows: usize = columns.map(|column| column.to_data().get_slice_memory_size().unwrap_or(0)).sum();
        size_of_val(self) + rows
    }
}
