//! Which filters DataFusion's Parquet source may have.

use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{FieldRef, Schema};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions::core::getfield::GetFieldFunc;
use datafusion::logical_expr::{ColumnarValue, Operator};
use datafusion::physical_expr::expressions::{BinaryExpr, CastExpr, Column, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use stitchwork_core::Column as TableColumn;

use super::files::Ready;
use super::located::Told;
use crate::convert::internal;
use crate::floats::{bare, has_floats, inside_physical};

/// How a filter is given to the source.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rule {
    /// In other words, in which DataFusion finds bounds.
    pub(crate) bare: Option<Arc<dyn PhysicalExpr>>,
    /// Not at all.
    pub(crate) refused: bool,
    /// For rows alone: no row group is left out by it.
    pub(crate) rows_only: bool,
    /// It is applied again above the scan, whatever the source promises.
    pub(crate) again: bool,
}

/// What decides on the rule.
#[derive(Debug)]
pub(crate) struct PushdownRules<'a> {
    /// The columns of the files.
    pub(crate) files: &'a Schema,
    /// Those and the constants.
    pub(crate) table: &'a Schema,
    /// Columns of floating-point numbers that have no NaN.
    pub(crate) without_nan: &'a HashSet<String>,
}

impl PushdownRules<'_> {
    /// The rule for a filter.
    pub(crate) fn grade(&self, filter: &Arc<dyn PhysicalExpr>) -> Result<Rule> {
        let mut rule = Rule::default();
        let (mut constants, mut hides_nan) = (false, false);
        filter.apply(|expr| {
            let Some(column) = expr.downcast_ref::<Column>() else { return Ok(TreeNodeRecursion::Continue) };
            let Ok(field) = self.table.field_with_name(column.name()) else {
                rule.refused = true;
                return Ok(TreeNodeRecursion::Stop);
            };
            // The bounds in footers leave NaN out, although it is above all numbers to DataFusion: it would
            // leave out row groups whose NaN passes.
            let in_files = self.files.field_with_name(column.name()).is_ok();
            constants |= !in_files;
            hides_nan |=
                in_files && has_floats(field.data_type()) && !self.without_nan.contains(column.name());
            // A file may have to have the column's fields renamed first; then the row filter leaves the filter
            // out, although the source has promised it.
            rule.again |= field.data_type().is_nested();
            Ok(TreeNodeRecursion::Continue)
        })?;
        let fails_for_nan = fails_for_nan(filter);
        // DataFusion knows no bounds of what a function makes, which may fail.
        rule.rows_only = (hides_nan && !fails_for_nan) || calls(filter)?;
        let may_be_nan = hides_nan || constants;
        if fails_for_nan || !may_be_nan {
            rule.bare = bare(filter)?;
            // Of bare values, a NaN with a sign is below all others.
            rule.again |= rule.bare.is_some() && may_be_nan;
        }
        Ok(rule)
    }
}

/// A filter that means the same and that nothing is known about: DataFusion evaluates it on rows, and finds no
/// bounds in it to leave out row groups by.
#[derive(Debug)]
pub(super) struct RowsOnly {
    filter: Arc<dyn PhysicalExpr>,
    told: Told,
}

impl PartialEq for RowsOnly {
    fn eq(&self, other: &Self) -> bool {
        self.filter.eq(&other.filter)
    }
}

impl Eq for RowsOnly {}

impl Hash for RowsOnly {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.filter.hash(state);
    }
}

impl RowsOnly {
    /// `told`: keeps what goes wrong.
    pub(super) fn new(filter: Arc<dyn PhysicalExpr>, told: Told) -> Self {
        Self { filter, told }
    }
}

impl fmt::Display for RowsOnly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rows_only({})", self.filter)
    }
}

impl PhysicalExpr for RowsOnly {
    fn return_field(&self, schema: &Schema) -> Result<FieldRef> {
        self.filter.return_field(schema)
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        self.filter.evaluate(batch).map_err(|error| self.told.keep(error))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.filter]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        match (children.pop(), children.is_empty()) {
            (Some(filter), true) => Ok(Arc::new(Self { filter, told: self.told.clone() })),
            _ => Err(internal("a filter for rows alone has one input")),
        }
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.filter.fmt_sql(f)
    }
}

/// Whether a function is called but those that DataFusion, or we, see through.
fn calls(filter: &Arc<dyn PhysicalExpr>) -> Result<bool> {
    filter.exists(|expr| {
        let through = ScalarFunctionExpr::try_downcast_func::<GetFieldFunc>(expr.as_ref()).is_some()
            || !Arc::ptr_eq(inside_physical(expr), expr);
        Ok(!through && expr.downcast_ref::<ScalarFunctionExpr>().is_some())
    })
}

/// Whether the filter is a comparison that no NaN passes.
fn fails_for_nan(filter: &Arc<dyn PhysicalExpr>) -> bool {
    let Some(binary) = filter.downcast_ref::<BinaryExpr>() else { return false };
    let is_column = |expr: &Arc<dyn PhysicalExpr>| {
        let expr = inside_physical(expr);
        let inner = expr.downcast_ref::<CastExpr>().map_or(expr, |cast| cast.expr());
        inside_physical(inner).downcast_ref::<Column>().is_some()
    };
    let is_number = |expr: &Arc<dyn PhysicalExpr>| {
        expr.downcast_ref::<Literal>().is_some_and(|literal| match literal.value() {
            ScalarValue::Float16(value) => value.is_some_and(|value| !value.is_nan()),
            ScalarValue::Float32(value) => value.is_some_and(|value| !value.is_nan()),
            ScalarValue::Float64(value) => value.is_some_and(|value| !value.is_nan()),
            _ => false,
        })
    };
    match binary.op() {
        Operator::Lt | Operator::LtEq => is_column(binary.left()) && is_number(binary.right()),
        Operator::Gt | Operator::GtEq => is_number(binary.left()) && is_column(binary.right()),
        Operator::Eq => {
            (is_column(binary.left()) && is_number(binary.right()))
                || (is_number(binary.left()) && is_column(binary.right()))
        }
        _ => false,
    }
}

/// The columns of floating-point numbers for which each file says that it has no NaN.
pub(crate) fn without_nan(files: &[Ready], schema: &Schema) -> HashSet<String> {
    let said = |column: &TableColumn| {
        files.iter().all(|file| {
            let stats = file.data.stats.as_ref().and_then(|stats| stats.columns.get(column));
            stats.is_some_and(|stats| stats.nans == Some(0))
        })
    };
    schema
        .fields()
        .iter()
        .filter(|field| field.data_type().is_floating() && said(&TableColumn::new(field.name())))
        .map(|field| field.name().clone())
        .collect()
}
