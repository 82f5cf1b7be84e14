//! DataFusion's filters as predicates of ours.

use arrow_schema::{DataType, Schema};
use datafusion::common::ScalarValue;
use datafusion::functions::core::getfield::GetFieldFunc;
use datafusion::logical_expr::utils::split_conjunction;
use datafusion::logical_expr::{BinaryExpr, Expr, Like, Operator};
use stitchwork_core::{Column, Comparison, Predicate};

use crate::convert::to_scalar;
use crate::floats;

/// The filter as a predicate that is true, false and null on the same rows; `None` where there is none.
///
/// `schema` is the relation's own, whose types the values are brought to. A filter must have gone through
/// type coercion: an operand whose column is wrapped in a cast is not translated, as the cast may lose.
pub(crate) fn translate(expr: &Expr, schema: &Schema) -> Option<Predicate> {
    match expr {
        Expr::Alias(alias) => translate(&alias.expr, schema),
        Expr::Literal(ScalarValue::Boolean(Some(value)), _) => {
            Some(if *value { Predicate::And(vec![]) } else { Predicate::Or(vec![]) })
        }
        Expr::BinaryExpr(binary) => translate_binary(binary, schema),
        Expr::Not(inner) => Some(translate(inner, schema)?.negate()),
        Expr::IsNull(inner) => Some(column(inner, schema)?.0.is_null()),
        Expr::IsNotNull(inner) => Some(column(inner, schema)?.0.is_not_null()),
        Expr::Between(between) => {
            let (column, data_type) = single(&between.expr, schema)?;
            let low = to_scalar(literal(&between.low)?, &data_type)?;
            let high = to_scalar(literal(&between.high)?, &data_type)?;
            let inside = column.clone().gt_eq(low).and(column.lt_eq(high));
            Some(if between.negated { inside.negate() } else { inside })
        }
        Expr::InList(list) => {
            let (column, data_type) = single(&list.expr, schema)?;
            let values = list
                .list
                .iter()
                .map(|value| to_scalar(literal(value)?, &data_type))
                .collect::<Option<Vec<_>>>()?;
            let inside = column.is_in(values);
            Some(if list.negated { inside.negate() } else { inside })
        }
        Expr::Like(like) => translate_like(like, schema),
        Expr::Column(_) => {
            let (column, data_type) = column(expr, schema)?;
            (data_type == DataType::Boolean).then(|| column.eq(true))
        }
        _ => None,
    }
}

/// Those of the filters that can be translated, joined by `and`; `None` where none can.
pub(crate) fn translate_all(filters: &[Expr], schema: &Schema) -> Option<Predicate> {
    let parts: Vec<Predicate> = filters
        .iter()
        .flat_map(split_conjunction)
        .filter_map(|part| translate(part, schema))
        .flat_map(Predicate::into_conjuncts)
        .collect();
    match parts.len() {
        0 => None,
        1 => parts.into_iter().next(),
        _ => Some(Predicate::And(parts)),
    }
}

fn translate_binary(binary: &BinaryExpr, schema: &Schema) -> Option<Predicate> {
    let comparison = match binary.op {
        Operator::And => {
            return Some(translate(&binary.left, schema)?.and(translate(&binary.right, schema)?));
        }
        Operator::Or => return Some(translate(&binary.left, schema)?.or(translate(&binary.right, schema)?)),
        Operator::Eq => Comparison::Eq,
        Operator::NotEq => Comparison::NotEq,
        Operator::Lt => Comparison::Lt,
        Operator::LtEq => Comparison::LtEq,
        Operator::Gt => Comparison::Gt,
        Operator::GtEq => Comparison::GtEq,
        _ => return None,
    };
    let (side, value, op) = match (literal(&binary.left), literal(&binary.right)) {
        (None, Some(value)) => (&binary.left, value, comparison),
        (Some(value), None) => (&binary.right, value, flip(comparison)),
        _ => return None,
    };
    let (column, data_type) = single(side, schema)?;
    Some(Predicate::Compare { column, op, value: to_scalar(value, &data_type)? })
}

fn translate_like(like: &Like, schema: &Schema) -> Option<Predicate> {
    if like.case_insensitive || !matches!(like.escape_char, None | Some('\\')) {
        return None;
    }
    let (column, data_type) = column(&like.expr, schema)?;
    let text = matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let pattern = literal(&like.pattern)?.try_as_str().flatten()?;
    if !text || !escapes_are_plain(pattern) {
        return None;
    }
    let matches = column.like(pattern);
    Some(if like.negated { matches.negate() } else { matches })
}

/// Whether each backslash escapes a wildcard: what any other means differs between implementations.
fn escapes_are_plain(pattern: &str) -> bool {
    let mut characters = pattern.chars();
    while let Some(c) = characters.next() {
        if c == '\\' && !matches!(characters.next(), Some('%' | '_')) {
            return false;
        }
    }
    true
}

const fn flip(comparison: Comparison) -> Comparison {
    match comparison {
        Comparison::Lt => Comparison::Gt,
        Comparison::LtEq => Comparison::GtEq,
        Comparison::Gt => Comparison::Lt,
        Comparison::GtEq => Comparison::LtEq,
        same => same,
    }
}

fn literal(expr: &Expr) -> Option<&ScalarValue> {
    match expr {
        Expr::Literal(value, _) => Some(value),
        Expr::Alias(alias) => literal(&alias.expr),
        _ => None,
    }
}

/// A column of single values: predicates do not compare others.
fn single(expr: &Expr, schema: &Schema) -> Option<(Column, DataType)> {
    column(expr, schema).filter(|(_, data_type)| !data_type.is_nested())
}

/// A column or a field on the way down from one, and its type in the relation. A cast that every value
/// survives is looked through: values are brought to the column's type instead.
fn column(expr: &Expr, schema: &Schema) -> Option<(Column, DataType)> {
    // Predicates have one NaN and one zero themselves.
    match floats::inside(expr) {
        Expr::Cast(cast) => {
            let (column, data_type) = column(&cast.expr, schema)?;
            survives(&data_type, cast.field.data_type()).then_some((column, data_type))
        }
        Expr::Column(column) => {
            let field = schema.field_with_name(column.name()).ok()?;
            Some((Column::new(column.name()), field.data_type().clone()))
        }
        Expr::ScalarFunction(call) if call.func.inner().is::<GetFieldFunc>() => {
            let (parent, keys) = call.args.split_first()?;
            let (mut path, mut data_type) = column(parent, schema)?;
            for key in keys {
                let key = literal(key)?.try_as_str().flatten()?;
                let DataType::Struct(fields) = &data_type else { return None };
                let (_, field) = fields.find(key)?;
                path = path.field(key);
                data_type = field.data_type().clone();
            }
            Some((path, data_type))
        }
        _ => None,
    }
}

/// Whether a cast keeps all values apart and in order.
fn survives(from: &DataType, to: &DataType) -> bool {
    use DataType::{
        Float32, Float64, Int8, Int16, Int32, Int64, LargeUtf8, UInt8, UInt16, UInt32, Utf8, Utf8View,
    };
    match (from, to) {
        (Int8 | Int16 | Int32, Int64 | Float64) | (Int8 | Int16, Int32 | Float32) | (Int8, Int16) => true,
        (UInt8 | UInt16 | UInt32, Int64 | DataType::UInt64 | Float64) | (UInt8 | UInt16, Int32 | UInt32) => {
            true
        }
        (Float32, Float64) => true,
        (Utf8 | Utf8View | LargeUtf8, Utf8 | Utf8View | LargeUtf8) => true,
        _ => from == to,
    }
}

#[cfg(test)]
mod tests {
    use arrow_schema::{Field, Fields};
    use datafusion::functions::core::expr_fn::get_field;
    use datafusion::logical_expr::{cast, col, lit};
    use stitchwork_core::{Scalar, col as ours};

    use super::*;

    fn schema() -> Schema {
        let inner = Fields::from(vec![Field::new("x", DataType::Int32, true)]);
        Schema::new(vec![
            Field::new("a", DataType::Int32, true),
            Field::new("t", DataType::Utf8, true),
            Field::new("b", DataType::Boolean, true),
            Field::new("s", DataType::Struct(inner), true),
        ])
    }

    #[track_caller]
    fn check(expr: &Expr, expected: Option<Predicate>) {
        assert_eq!(translate(expr, &schema()), expected, "{expr}");
    }

    #[test]
    fn what_can_be_said_is_translated() {
        let five = || Scalar::from(5_i32);
        check(&col("a").eq(lit(5_i32)), Some(ours("a").eq(five())));
        check(&lit(5_i64).lt(col("a")), Some(ours("a").gt(five())));
        check(&col("t").eq(lit(ScalarValue::Utf8View(Some("x".to_owned())))), Some(ours("t").eq("x")));
        check(&col("a").is_not_null(), Some(ours("a").is_not_null()));
        check(&col("b"), Some(ours("b").eq(true)));
        check(
            &col("a").between(lit(5_i32), lit(5_i32)),
            Some(ours("a").gt_eq(five()).and(ours("a").lt_eq(five()))),
        );
        check(&col("a").in_list(vec![lit(5_i32)], true), Some(ours("a").is_in([five()]).negate()));
        check(&col("t").like(lit("a\\%%")), Some(ours("t").like("a\\%%")));
        check(&cast(col("a"), DataType::Float64).eq(lit(5.0)), Some(ours("a").eq(five())));
        check(&get_field(col("s"), "x").gt(lit(5_i32)), Some(ours("s").field("x").gt(five())));
    }

    #[test]
    fn what_cannot_be_said_is_left_out() {
        check(&col("a").eq(col("a")), None);
        check(&cast(col("a"), DataType::Float64).lt(lit(1.5)), None);
        check(&cast(col("t"), DataType::Int32).lt(lit(1_i32)), None);
        check(&cast(col("a"), DataType::Float32).lt(lit(1_f32)), None);
        check(&col("a").eq(lit(1.5)), None);
        check(&col("t").ilike(lit("x")), None);
        check(&col("t").like(lit("a\\b")), None);
        check(&col("a").eq(lit(5_i32)).or(col("a").eq(col("a"))), None);
        let both = [col("a").eq(lit(5_i32)).and(col("a").eq(col("a")))];
        assert_eq!(translate_all(&both, &schema()), Some(ours("a").eq(5_i32)));
    }
}
