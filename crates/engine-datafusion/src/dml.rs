//! Changes: taken from the logical plan before it is optimised, and handed to the relation's editor.

mod alias;
mod assigned;
mod exact;
mod inserted;
mod lossless;
mod pairs;
mod rows;
mod values;

use std::sync::Arc;

use arrow_array::{Array, ArrayRef, RecordBatch, UInt64Array};
use arrow_schema::{DataType, Field, Schema};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::dataframe::DataFrame;
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::dml::InsertOp;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{DmlStatement, Expr, LogicalPlan, WriteOp};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use futures::TryStreamExt;
use stitchwork_core::{
    At, BatchStream, BatchStreamAdapter, ChangeArgs, EditSummary, Editor, Error, InsertMode, Predicate,
    ROW_DELETED, Relation, Result,
};

use crate::convert::conform_stream;
use crate::error::{FromDataFusion, from_datafusion};
use crate::filter::{translate, translate_all};
use crate::guard::unsupported;
use crate::table::RelationTable;
use crate::travel;
pub(crate) use alias::resolve;
pub(crate) use assigned::{install, mark, plan};
use rows::Rows;

/// Whether the plan changes something, and refuses what would change something anywhere but at its root.
///
/// # Errors
/// `Unsupported` for statements that the engine does not run.
pub(crate) fn check(plan: &LogicalPlan) -> Result<()> {
    let mut refused = None;
    plan.apply(|node| {
        refused = match node {
            LogicalPlan::Ddl(ddl) => Some(ddl.name().to_owned()),
            LogicalPlan::Copy(_) => Some("copy to".to_owned()),
            LogicalPlan::Statement(statement) => Some(statement.name().to_owned()),
            LogicalPlan::Dml(dml) if !std::ptr::eq(node, plan) => {
                Some(format!("explain of {}", dml.op.name()))
            }
            _ => None,
        };
        Ok(if refused.is_some() { TreeNodeRecursion::Stop } else { TreeNodeRecursion::Continue })
    })
    .ours()?;
    match refused {
        Some(what) => Err(unsupported(&what)),
        None => Ok(()),
    }
}

/// Does the change and says how many rows it was.
pub(crate) async fn run(state: SessionState, dml: DmlStatement) -> Result<BatchStream> {
    let name = dml.table_name.to_string();
    let relation = target(&dml)?;
    let editor = relation
        .editor()
        .ok_or_else(|| Error::unsupported("the relation cannot be changed").with_context("table", &name))?;
    let count = match &dml.op {
        WriteOp::Insert(op) => insert(state, &dml, *op, &relation, editor.as_ref()).await?.inserted,
        WriteOp::Delete => delete(state, &dml, &relation, editor.as_ref()).await?.deleted,
        WriteOp::Truncate => editor.delete(None).await?.deleted,
        WriteOp::Update => {
            let rows = rows::update(&dml)?;
            change(state, &dml, rows, &relation, editor.as_ref()).await?.updated
        }
        WriteOp::MergeInto(op) => {
            let rows = rows::merge(&dml, op)?;
            let done = change(state, &dml, rows, &relation, editor.as_ref()).await?;
            done.inserted + done.updated + done.deleted
        }
        other => return Err(unsupported(other.name()).with_context("table", &name)),
    };
    let schema = Arc::new(Schema::new(vec![Field::new("count", DataType::UInt64, false)]));
    let column: ArrayRef = Arc::new(UInt64Array::from(vec![count]));
    let batch = RecordBatch::try_new(schema.clone(), vec![column])?;
    Ok(BatchStreamAdapter::from_batches(schema, vec![batch]))
}

fn target(dml: &DmlStatement) -> Result<Arc<dyn Relation>> {
    if let (table, At::Version(_) | At::Timestamp(_) | At::Ref(_)) = travel::decode(dml.table_name.table()) {
        return Err(Error::unsupported("the past of a table cannot be changed").with_context("table", table));
    }
    Ok(table(dml)?.relation().clone())
}

/// The table that a statement changes.
fn table(dml: &DmlStatement) -> Result<RelationTable> {
    let provider = source_as_provider(&dml.target).ours()?;
    provider.downcast_ref::<RelationTable>().cloned().ok_or_else(|| {
        Error::unsupported("only relations can be changed").with_context("table", &dml.table_name)
    })
}

async fn insert(
    state: SessionState,
    dml: &DmlStatement,
    op: InsertOp,
    relation: &Arc<dyn Relation>,
    editor: &dyn Editor,
) -> Result<EditSummary> {
    let mode = match op {
        InsertOp::Append => InsertMode::Append,
        InsertOp::Overwrite => InsertMode::Overwrite,
        InsertOp::Replace => {
            return Err(Error::unsupported("replace into needs a key, which relations do not have")
                .with_context("table", &dml.table_name));
        }
    };
    let plan = values::nullable(dml.input.as_ref().clone())?;
    let rows = DataFrame::new(state, plan).execute_stream().await.ours()?;
    let schema = relation.schema();
    let checked = schema.clone();
    let rows = rows
        .map_err(from_datafusion)
        .and_then(move |batch| std::future::ready(refuse_nulls(&batch, &checked).map(|()| batch)));
    editor.insert(conform_stream(rows, schema, None), mode).await
}

/// A null where none may be is a mistake of the statement, not of the data.
fn refuse_nulls(batch: &RecordBatch, schema: &Schema) -> Result<()> {
    for (column, field) in batch.columns().iter().zip(schema.fields()) {
        if !field.is_nullable() && column.logical_null_count() > 0 {
            return Err(Error::invalid_input("a column that must not be null would get a null")
                .with_context("column", field.name()));
        }
    }
    Ok(())
}

async fn delete(
    state: SessionState,
    dml: &DmlStatement,
    relation: &Arc<dyn Relation>,
    editor: &dyn Editor,
) -> Result<EditSummary> {
    let predicate = match dml.input.as_ref() {
        LogicalPlan::TableScan(_) => None,
        LogicalPlan::Filter(filter) if matches!(filter.input.as_ref(), LogicalPlan::TableScan(_)) => {
            let predicate = &filter.predicate;
            match whole(&state, predicate, &filter.input, relation)? {
                Some(predicate) => Some(predicate),
                // What cannot be said whole goes row by row.
                None => return change(state, dml, rows::delete(dml)?, relation, editor).await,
            }
        }
        _ => {
            return Err(Error::unsupported("delete takes nothing but a where clause")
                .with_context("table", &dml.table_name));
        }
    };
    editor.delete(predicate).await
}

/// Lets the editor put the rows of a plan in the place of those whose addresses they have.
async fn change(
    state: SessionState,
    dml: &DmlStatement,
    rows: Rows,
    relation: &Arc<dyn Relation>,
    editor: &dyn Editor,
) -> Result<EditSummary> {
    let reads = match &rows.filter {
        // A subquery may read anything, the target too.
        Some((filter, input)) if !rows.plan_has_subqueries()? => {
            let simple = simplify(&state, filter, input)?;
            translate_all(&[simple], &relation.schema())
        }
        _ => None,
    };
    let stream = DataFrame::new(state, rows.plan).execute_stream().await.ours()?;
    let own = relation.schema();
    let fields: Vec<Field> = stream
        .schema()
        .fields()
        .iter()
        .map(|field| match own.field_with_name(field.name()) {
            // Of a row that goes nothing is left, not even what must not be null.
            Ok(own) => own.clone().with_nullable(true),
            Err(_) => field.as_ref().clone().with_nullable(field.name() != ROW_DELETED),
        })
        .collect();
    let stream = conform_stream(stream.map_err(from_datafusion), Arc::new(Schema::new(fields)), None);
    let done = editor.change(ChangeArgs { rows: stream, reads }).await;
    done.map_err(|e| e.with_context("table", &dml.table_name))
}

/// The filter with its constants worked out and its operands brought to one type.
fn simplify(state: &SessionState, filter: &Expr, input: &LogicalPlan) -> Result<Expr> {
    let context = SimplifyContext::builder()
        .with_schema(input.schema().clone())
        .with_config_options(state.config_options().clone())
        .with_query_execution_start_time(state.execution_props().query_execution_start_time)
        .build();
    let simplifier = ExprSimplifier::new(context);
    let coerced = simplifier.coerce(filter.clone(), input.schema()).ours()?;
    simplifier.simplify(coerced).ours()
}

/// The filter as a predicate, if all of it can be said: half a filter would delete too much.
fn whole(
    state: &SessionState,
    filter: &Expr,
    input: &LogicalPlan,
    relation: &Arc<dyn Relation>,
) -> Result<Option<Predicate>> {
    if rows::has_subquery(filter)? {
        return Ok(None);
    }
    let simple = simplify(state, filter, input)?;
    let schema = relation.schema();
    let parts: Option<Vec<Predicate>> =
        split_conjunction(&simple).into_iter().map(|part| translate(part, &schema)).collect();
    Ok(parts.map(|mut parts| if parts.len() == 1 { parts.swap_remove(0) } else { Predicate::And(parts) }))
}
