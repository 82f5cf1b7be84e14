//! What is known about the values of a file.

use stitchwork_core::{ColumnStats, Scalar, text_bound};

#[test]
fn a_constant_bounds_itself_unless_it_is_no_number() {
    let known = ColumnStats::constant(&Scalar::from(7_i64), Some(3));
    assert_eq!((known.min, known.max), (Some(7_i64.into()), Some(7_i64.into())));
    assert_eq!((known.exact, known.nulls, known.nans), (true, Some(0), Some(0)));
    for nan in [f64::NAN, -f64::NAN] {
        let known = ColumnStats::constant(&Scalar::from(nan), Some(3));
        assert_eq!((known.min, known.max, known.nans), (None, None, Some(1)));
    }
    let known = ColumnStats::constant(&Scalar::null(&arrow_schema::DataType::Utf8), Some(3));
    assert_eq!((known.min, known.nulls), (None, Some(3)));
}

#[test]
fn short_bounds_are_on_the_right_side() {
    assert_eq!(text_bound("stitch", 3, false).as_deref(), Some("sti"));
    assert_eq!(text_bound("stitch", 3, true).as_deref(), Some("stj"));
    // There is no character between these two, and none above the last.
    assert_eq!(text_bound("a\u{d7ff}b", 4, true).as_deref(), Some("a\u{e000}"));
    assert_eq!(text_bound("a\u{10ffff}b", 5, true).as_deref(), Some("b"));
    assert_eq!(text_bound("\u{10ffff}b", 4, true), None);
    assert_eq!(text_bound("ä", 1, false), None, "inside of a character");
}
