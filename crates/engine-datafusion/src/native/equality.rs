//! Rows that are deleted by the values of their columns: an anti join against the keys.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use datafusion::catalog::TableProvider;
use datafusion::common::{JoinType, NullEquality, Result, ScalarValue};
use datafusion::functions::core::get_field;
use datafusion::physical_expr::expressions::{CastExpr, Column as ColumnExpr, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::joins::{HashJoinExec, PartitionMode};
use datafusion::physical_plan::projection::ProjectionExec;
use stitchwork_core::{Column, EqualityDeletes, Error};

use super::Wanted;
use crate::error::to_datafusion;

/// Whether two files are touched by the same sets.
pub(crate) fn same(a: &[Arc<EqualityDeletes>], b: &[Arc<EqualityDeletes>]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
}

/// The columns that a scan reads: those asked for, then those that the keys are compared with.
pub(crate) fn needed(
    projection: &[usize],
    sets: &[Arc<EqualityDeletes>],
    schema: &SchemaRef,
) -> Result<Vec<usize>> {
    let mut columns = projection.to_vec();
    for column in sets.iter().flat_map(|set| &set.columns) {
        let place = schema.index_of(column.root()).map_err(|_| missing(column))?;
        if !columns.contains(&place) {
            columns.push(place);
        }
    }
    Ok(columns)
}

fn missing(column: &Column) -> datafusion::common::DataFusionError {
    to_datafusion(
        Error::invalid_data("rows are deleted by a column that the table does not have")
            .with_context("column", column),
    )
}

/// The rows of `scan` that no key of any set equals, in its first `width` columns.
pub(crate) async fn anti_join(
    wanted: &Wanted<'_>,
    mut scan: Arc<dyn ExecutionPlan>,
    sets: &[Arc<EqualityDeletes>],
    width: usize,
) -> Result<Arc<dyn ExecutionPlan>> {
    for set in sets {
        let keys = wanted.table.beside(set.keys.clone()).scan(wanted.state, None, &[], None).await?;
        let on = set
            .columns
            .iter()
            .enumerate()
            .map(|(place, column)| {
                let right = access(&scan, column, wanted)?;
                let left = key(&keys, place, column, &right, &scan)?;
                Ok((left, right))
            })
            .collect::<Result<Vec<_>>>()?;
        // Null equals null in deletes, unlike in SQL. The keys are the side that is held in memory.
        scan = Arc::new(HashJoinExec::try_new(
            keys,
            scan,
            on,
            None,
            &JoinType::RightAnti,
            None,
            PartitionMode::CollectLeft,
            NullEquality::NullEqualsNull,
            false,
        )?);
    }
    if scan.schema().fields().len() == width {
        return Ok(scan);
    }
    let schema = scan.schema();
    let first = schema.fields().iter().take(width).enumerate().map(|(place, field)| {
        (Arc::new(ColumnExpr::new(field.name(), place)) as Arc<dyn PhysicalExpr>, field.name().clone())
    });
    Ok(Arc::new(ProjectionExec::try_new(first.collect::<Vec<_>>(), scan)?))
}

/// A column of the data, or a field on the way down from one.
fn access(
    scan: &Arc<dyn ExecutionPlan>,
    column: &Column,
    wanted: &Wanted<'_>,
) -> Result<Arc<dyn PhysicalExpr>> {
    let schema = scan.schema();
    let place = schema.index_of(column.root()).map_err(|_| missing(column))?;
    let root: Arc<dyn PhysicalExpr> = Arc::new(ColumnExpr::new(column.root(), place));
    let keys = column
        .path
        .iter()
        .skip(1)
        .map(|key| Arc::new(Literal::new(ScalarValue::from(key.as_str()))) as Arc<dyn PhysicalExpr>);
    let args: Vec<_> = std::iter::once(root.clone()).chain(keys).collect();
    if args.len() == 1 {
        return Ok(root);
    }
    let options = Arc::new(wanted.state.config_options().clone());
    Ok(Arc::new(ScalarFunctionExpr::try_new(get_field(), args, &schema, options)?))
}

/// The key in the type of what it is compared with.
fn key(
    keys: &Arc<dyn ExecutionPlan>,
    place: usize,
    column: &Column,
    right: &Arc<dyn PhysicalExpr>,
    scan: &Arc<dyn ExecutionPlan>,
) -> Result<Arc<dyn PhysicalExpr>> {
    let schema = keys.schema();
    let field = schema.fields().get(place).ok_or_else(|| missing(column))?;
    let key: Arc<dyn PhysicalExpr> = Arc::new(ColumnExpr::new(field.name(), place));
    let data_type = right.data_type(&scan.schema())?;
    if field.data_type() == &data_type {
        return Ok(key);
    }
    let target = field.as_ref().clone().with_data_type(data_type);
    Ok(Arc::new(CastExpr::new_with_target_field(key, Arc::new(target), None)))
}
