//! Finds the columns of a table in its files: DataFusion asks once per opened file to put an expression over
//! the table's columns in terms of the file's.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef};
use datafusion::common::tree_node::{Transformed, TransformedResult, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, ScalarValue};
use datafusion::functions::core::getfield::GetFieldFunc;
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::expressions::{BinaryExpr, CastExpr, Column, Literal};
use datafusion::physical_expr::{PhysicalExpr, ScalarFunctionExpr};
use datafusion::physical_expr_adapter::{PhysicalExprAdapter, PhysicalExprAdapterFactory};
use stitchwork_core::{Error, FieldMapping, INITIAL_DEFAULT, Scalar};

use crate::convert::{conform, internal, to_scalar_value};
use crate::error::{ToDataFusion, to_datafusion};
use crate::hidden::{holds_required, mend};
use crate::moments::{Answer, instant, widened};

/// Makes a [`MappingAdapter`] for each file.
#[derive(Debug)]
pub(crate) struct MappingFactory {
    mapping: Arc<FieldMapping>,
    /// The table's columns with their ids, physical names and defaults, which the engine's schema is without.
    table: SchemaRef,
}

impl MappingFactory {
    pub(crate) fn new(mapping: Arc<FieldMapping>, table: SchemaRef) -> Self {
        Self { mapping, table }
    }
}

impl PhysicalExprAdapterFactory for MappingFactory {
    fn create(&self, logical: SchemaRef, physical: SchemaRef) -> Result<Arc<dyn PhysicalExprAdapter>> {
        Ok(Arc::new(MappingAdapter {
            mapping: self.mapping.clone(),
            table: self.table.clone(),
            logical,
            physical,
        }))
    }
}

#[derive(Debug)]
struct MappingAdapter {
    mapping: Arc<FieldMapping>,
    table: SchemaRef,
    logical: SchemaRef,
    physical: SchemaRef,
}

impl PhysicalExprAdapter for MappingAdapter {
    fn rewrite(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Arc<dyn PhysicalExpr>> {
        expr.transform_down(|expr| {
            let replaced = match self.field_access(&expr)? {
                Some(replaced) => Some(replaced),
                None => match expr.downcast_ref::<Column>() {
                    Some(column) => Some(self.column(column)?),
                    None => None,
                },
            };
            Ok(match replaced {
                // What was put in is in terms of the file already.
                Some(replaced) => Transformed::new(replaced, true, TreeNodeRecursion::Jump),
                None => Transformed::no(expr),
            })
        })
        .data()?
        .transform_up(|expr| self.in_steps(expr))
        .data()
    }
}

impl MappingAdapter {
    /// A comparison of moments that the file counts in a coarser unit than the table, in the unit of the file. So
    /// its bounds still leave out row groups, and no value is rounded.
    fn in_steps(&self, expr: Arc<dyn PhysicalExpr>) -> Result<Transformed<Arc<dyn PhysicalExpr>>> {
        let Some(binary) = expr.downcast_ref::<BinaryExpr>() else { return Ok(Transformed::no(expr)) };
        let sides = [
            (binary.left(), Some(*binary.op()), binary.right()),
            (binary.right(), binary.op().swap(), binary.left()),
        ];
        for (side, op, other) in sides {
            if let (Some(adapted), Some(op), Some(literal)) =
                (side.downcast_ref::<AdaptExpr>(), op, other.downcast_ref::<Literal>())
                && let own = adapted.inner.data_type(&self.physical)?
                && let Some(steps) = widened(&own, adapted.wanted.data_type())
                && let Some(moment) = instant(literal.value(), None)
                && let Some(Answer::Compare(op, value)) = steps.answer(op, moment)
            {
                let compared = BinaryExpr::new(adapted.inner.clone(), op, Arc::new(Literal::new(value)));
                return Ok(Transformed::yes(Arc::new(compared)));
            }
        }
        Ok(Transformed::no(expr))
    }

    /// A whole column.
    fn column(&self, column: &Column) -> Result<Arc<dyn PhysicalExpr>> {
        let (Ok(wanted), Ok(table)) =
            (self.logical.field_with_name(column.name()), self.table.field_with_name(column.name()))
        else {
            // Not of the table: made by the reader itself, under its own name.
            let place = self.physical.index_of(column.name())?;
            return Ok(Arc::new(Column::new(column.name(), place)));
        };
        match self.mapping.find(table, self.physical.fields()) {
            Some(place) => {
                let file = self.physical.field(place);
                let found = Arc::new(Column::new(file.name(), place));
                Ok(self.adapt(found, file.data_type(), table, wanted))
            }
            None => Ok(Arc::new(Literal::new(default_value(table, wanted).theirs()?))),
        }
    }

    /// `get_field(column, 'a', 'b')`, which has to stay one for DataFusion to read the one field alone. `None`
    /// where the expression is none, or a field's default depends on whether its parent is null.
    fn field_access(&self, expr: &Arc<dyn PhysicalExpr>) -> Result<Option<Arc<dyn PhysicalExpr>>> {
        let Some(call) = ScalarFunctionExpr::try_downcast_func::<GetFieldFunc>(expr.as_ref()) else {
            return Ok(None);
        };
        let Some((root, keys)) = call.args().split_first() else { return Ok(None) };
        let Some(root) = root.downcast_ref::<Column>() else { return Ok(None) };
        let text = |key: &Arc<dyn PhysicalExpr>| {
            key.downcast_ref::<Literal>().and_then(|l| l.value().try_as_str().flatten().map(str::to_owned))
        };
        let Some(keys) = keys.iter().map(text).collect::<Option<Vec<String>>>() else { return Ok(None) };
        let Ok(table) = self.table.field_with_name(root.name()) else { return Ok(None) };
        let Ok(wanted) = self.logical.field_with_name(root.name()) else { return Ok(None) };
        let Some(place) = self.mapping.find(table, self.physical.fields()) else { return Ok(None) };

        let file = self.physical.field(place);
        let (mut table, mut wanted, mut have) = (table, wanted, file);
        let mut optional = file.is_nullable();
        let mut args: Vec<Arc<dyn PhysicalExpr>> = vec![Arc::new(Column::new(file.name(), place))];
        for key in &keys {
            let (Some(next), Some(next_wanted)) = (child(table, key), child(wanted, key)) else {
                return Ok(None);
            };
            let DataType::Struct(fields) = have.data_type() else { return Ok(None) };
            match self.mapping.find(next, fields).and_then(|place| fields.get(place)) {
                // Alone, it would not say where the struct around it is null.
                Some(found) if optional && !found.is_nullable() => return Ok(None),
                Some(found) => {
                    optional |= found.is_nullable();
                    args.push(Arc::new(Literal::new(ScalarValue::from(found.name().as_str()))));
                    (table, wanted, have) = (next, next_wanted, found);
                }
                None => return Ok(None),
            }
        }
        let call = ScalarFunctionExpr::try_new(
            Arc::new(call.fun().clone()),
            args,
            &self.physical,
            Arc::new(call.config_options().clone()),
        )?;
        Ok(Some(self.adapt(Arc::new(call), have.data_type(), table, wanted)))
    }

    /// The expression, which has the type `have`, in the type of `wanted`.
    fn adapt(
        &self,
        expr: Arc<dyn PhysicalExpr>,
        have: &DataType,
        table: &Field,
        wanted: &Field,
    ) -> Arc<dyn PhysicalExpr> {
        if have == wanted.data_type() && !holds_required(have) {
            expr
        } else if have.is_nested()
            || wanted.data_type().is_nested()
            || widened(have, wanted.data_type()).is_some()
        {
            // DataFusion's casts match the fields of structs by name: only the mapping knows better. And it takes a
            // cast to a finer unit away from a comparison, cutting what the column is compared with.
            Arc::new(AdaptExpr {
                inner: expr,
                mapping: self.mapping.clone(),
                table: Arc::new(table.clone()),
                wanted: Arc::new(wanted.clone()),
            })
        } else {
            Arc::new(CastExpr::new_with_target_field(expr, Arc::new(wanted.clone()), None))
        }
    }
}

fn child<'a>(field: &'a Field, name: &str) -> Option<&'a Field> {
    let DataType::Struct(fields) = field.data_type() else { return None };
    let fields: &Fields = fields;
    fields.find(name).map(|(_, field)| field.as_ref())
}

/// The value of a column in files that are older than it.
fn default_value(table: &Field, wanted: &Field) -> stitchwork_core::Result<ScalarValue> {
    match table.metadata().get(INITIAL_DEFAULT) {
        Some(text) => to_scalar_value(&Scalar::parse(text, table.data_type())?, wanted.data_type()),
        None if wanted.is_nullable() => {
            ScalarValue::try_new_null(wanted.data_type()).map_err(crate::error::from_datafusion)
        }
        None => Err(Error::invalid_data("a file lacks a column that must not be null")
            .with_context("column", wanted.name())),
    }
}

/// A column in the shape of the table's: fields found, cast and filled in at every depth.
#[derive(Debug, Clone)]
struct AdaptExpr {
    inner: Arc<dyn PhysicalExpr>,
    mapping: Arc<FieldMapping>,
    table: FieldRef,
    wanted: FieldRef,
}

impl PartialEq for AdaptExpr {
    fn eq(&self, other: &Self) -> bool {
        self.inner.eq(&other.inner)
            && self.mapping == other.mapping
            && self.table == other.table
            && self.wanted == other.wanted
    }
}

impl Eq for AdaptExpr {}

impl Hash for AdaptExpr {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.inner.hash(state);
        self.wanted.hash(state);
    }
}

impl fmt::Display for AdaptExpr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "adapt({} as {})", self.inner, self.wanted.name())
    }
}

impl PhysicalExpr for AdaptExpr {
    fn return_field(&self, _: &Schema) -> Result<FieldRef> {
        Ok(self.wanted.clone())
    }

    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let array = self.inner.evaluate(batch)?.into_array(batch.num_rows())?;
        let mended = if holds_required(array.data_type()) { mend(&array).theirs()? } else { None };
        let adapted = self
            .mapping
            .adapt_array(&mended.unwrap_or(array), &self.table)
            .and_then(|array| conform(&array, self.wanted.data_type()))
            .map_err(to_datafusion)?;
        Ok(ColumnarValue::Array(adapted))
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.inner]
    }

    fn with_new_children(
        self: Arc<Self>,
        mut children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        match (children.pop(), children.is_empty()) {
            (Some(inner), true) => Ok(Arc::new(Self { inner, ..self.as_ref().clone() })),
            _ => Err(internal("a column that is adapted has one input")),
        }
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
