use arrow_array::{Float32Array, Float64Array, Int32Array, StructArray};
use arrow_schema::Schema;
use datafusion::common::DFSchema;
use datafusion::logical_expr::{BinaryExpr as LogicalBinary, col, lit};
use datafusion::prelude::SessionContext;

use super::*;

#[test]
fn there_is_one_nan_and_one_zero_at_every_depth() {
    let odd = f64::from_bits(0x7ff8_0000_0000_0001);
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![-0.0, -f64::NAN, odd, -1.5, 0.0]));
    let bits = |array: &ArrayRef| -> Vec<u64> {
        array.as_primitive::<Float64Type>().values().iter().map(|value| value.to_bits()).collect()
    };
    let expected = [0.0, f64::NAN, f64::NAN, -1.5, 0.0].map(f64::to_bits);
    assert_eq!(bits(&one_nan(&floats).unwrap()), expected);

    let field = Arc::new(Field::new("f", DataType::Float64, true));
    let nested: ArrayRef = Arc::new(StructArray::from(vec![(field, floats)]));
    assert_eq!(bits(one_nan(&nested).unwrap().as_struct().column(0)), expected);

    let single: ArrayRef = Arc::new(Float32Array::from(vec![-0.0, -f32::NAN]));
    let one = one_nan(&single).unwrap();
    let bits: Vec<u32> = one.as_primitive::<Float32Type>().values().iter().map(|v| v.to_bits()).collect();
    assert_eq!(bits, [0, f32::NAN.to_bits()]);
}

#[test]
fn nothing_is_copied_that_may_stay() {
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![0.0, f64::INFINITY, -1.5]));
    assert!(Arc::ptr_eq(&one_nan(&floats).unwrap(), &floats));
    let whole: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    assert!(Arc::ptr_eq(&one_nan(&whole).unwrap(), &whole));
}

#[test]
fn a_comparison_of_bare_values_has_the_same_answer() {
    let schema = Schema::new(vec![Field::new("f", DataType::Float64, true)]);
    let schema = DFSchema::try_from(schema).unwrap();
    let context = SessionContext::new();
    let key = || OneNan::call(col("f"));
    for (filter, expected) in [
        (key().lt(lit(5.0)), Some("f@0 < 5")),
        (lit(5.0).lt(key()), Some("f@0 > 5")),
        (key().lt(lit(0.0)), Some("f@0 < -0")),
        (key().lt_eq(lit(0.0)), Some("f@0 <= 0")),
        (key().gt(lit(0.0)), Some("f@0 > 0")),
        (key().gt_eq(lit(0.0)), Some("f@0 >= -0")),
        (key().eq(lit(0.0)), Some("f@0 >= -0 AND f@0 <= 0")),
        (key().not_eq(lit(0.0)), None),
        (key().lt(col("f")), None),
        (col("f").lt(lit(5.0)), None),
    ] {
        let physical = context.create_physical_expr(filter.clone(), &schema).unwrap();
        let found = bare(&physical).unwrap().map(|found| found.to_string());
        assert_eq!(found.as_deref(), expected, "{filter}");
    }
}

#[test]
fn numbers_that_have_one_form_stay_as_they_are() {
    let schema = Schema::new(vec![Field::new("f", DataType::Float64, true)]);
    let schema = DFSchema::try_from(schema).unwrap();
    let compared = |expr: Expr| compared(expr, &schema).unwrap().data;
    let above = compared(col("f").gt(lit(5.0)));
    let Expr::BinaryExpr(LogicalBinary { left, right, .. }) = &above else { panic!("{above}") };
    assert_eq!(inside(left), &col("f"));
    assert_eq!(**right, lit(5.0));
    assert_eq!(compared(col("f").eq(lit(5.0))), col("f").eq(lit(5.0)));
}
