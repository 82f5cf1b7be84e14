//! Values that fit their column, and those that would become others.

use std::sync::Arc;

use arrow_array::{RecordBatch, StringArray, new_null_array};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use stitchwork_core::{ErrorKind, QueryArgs};

use crate::changeable::Changeable;
use crate::support::{engine, query_error, register, rows, try_rows};

fn schema() -> Schema {
    let structs = DataType::Struct(vec![Field::new("x", DataType::Int64, true)].into());
    let columns = [
        ("id", DataType::Int64),
        ("small", DataType::Int8),
        ("price", DataType::Decimal128(5, 2)),
        ("day", DataType::Date32),
        ("us", DataType::Timestamp(TimeUnit::Microsecond, None)),
        ("secs", DataType::Timestamp(TimeUnit::Second, None)),
        ("real", DataType::Float32),
        ("double", DataType::Float64),
        ("text", DataType::Utf8),
        ("flag", DataType::Boolean),
        ("list", DataType::List(Arc::new(Field::new("item", DataType::Int64, true)))),
        ("st", structs),
        ("time", DataType::Time32(TimeUnit::Second)),
        ("dict", DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))),
    ];
    Schema::new(columns.map(|(name, data_type)| Field::new(name, data_type, true)).to_vec())
}

/// Every way for a few values, one or the other for each.
fn some_ways(place: usize, column: &str, value: &str) -> Vec<String> {
    let ways = ways(column, value);
    if place < 2 { ways.to_vec() } else { vec![ways[place % ways.len()].clone()] }
}

/// One row, of which nothing is known but its text.
fn old() -> RecordBatch {
    let schema = Arc::new(schema());
    let columns = schema.fields().iter().map(|field| match field.name().as_str() {
        "text" => Arc::new(StringArray::from(vec!["old"])),
        _ => new_null_array(field.data_type(), 1),
    });
    RecordBatch::try_new(schema.clone(), columns.collect()).unwrap()
}

/// A column, a value, and what is read back.
const FIT: [(&str, &str, &str); 38] = [
    ("id", "2.0", "2"),
    ("id", "-0.0", "0"),
    ("id", "' 7 '::varchar::bigint", "7"),
    ("id", "'7'", "7"),
    ("id", "2.50::decimal(5,2) * 2", "5"),
    ("id", "cast(2.9 as bigint)", "2"),
    ("id", "2.9::bigint", "2"),
    ("id", "try_cast('x' as bigint)", ""),
    ("small", "127", "127"),
    ("price", "1.50", "1.50"),
    ("price", "1.1", "1.10"),
    ("price", "'1.500'", "1.50"),
    ("price", "999", "999.00"),
    ("price", "1.500::decimal(10,3)", "1.50"),
    ("price", "cast(1.999 as decimal(5,2))", "2.00"),
    ("day", "timestamp '2024-01-01 00:00:00'", "2024-01-01"),
    ("day", "'2024-01-01'", "2024-01-01"),
    ("day", "'2024-01-01 00:00:00'", "2024-01-01"),
    ("day", "date '2024-01-01'", "2024-01-01"),
    ("day", "cast(timestamp '2024-01-01 12:34:56' as date)", "2024-01-01"),
    ("us", "date '2024-01-01'", "2024-01-01T00:00:00"),
    ("us", "'0001-01-01 00:00:00.000001'", "0001-01-01T00:00:00.000001"),
    ("us", "timestamp(9) '2024-01-01 00:00:00.000001'", "2024-01-01T00:00:00.000001"),
    ("us", "cast(timestamp(9) '2024-01-01 00:00:00.0000015' as timestamp(6))", "2024-01-01T00:00:00.000001"),
    ("secs", "timestamp '2024-01-01 00:00:01'", "2024-01-01T00:00:01"),
    ("real", "1.1", "1.1"),
    ("real", "'1.1'", "1.1"),
    ("real", "'infinity'::double", "inf"),
    ("double", "1.1::decimal(5,2)", "1.1"),
    ("double", "9007199254740992", "9007199254740992.0"),
    ("text", "2.9", "2.9"),
    ("text", "timestamp '2024-01-01 12:34:56'", "2024-01-01T12:34:56"),
    ("flag", "1", "true"),
    ("list", "make_array(1.0, null)", "[1, ]"),
    ("st", "named_struct('x', 1.0)", "{x: 1}"),
    ("time", "'12:34:56'", "12:34:56"),
    ("dict", "'x'", "x"),
    ("price", "null", ""),
];

/// A column, a value, what of it is said, and the type that is said.
const MISFIT: [(&str, &str, &str, &str); 29] = [
    ("id", "2.9", "2.9", "Int64"),
    ("id", "1e30", "1e30", "Int64"),
    ("id", "'2.9'", "2.9", "Int64"),
    ("id", "2.95::decimal(5,2)", "2.95", "Int64"),
    ("id", "cast(2.9 as double)", "2.9", "Int64"),
    ("id", "cast(9 as bigint) * 0.5", "4.5", "Int64"),
    ("small", "128", "128", "Int8"),
    ("price", "1.999", "1.999", "Decimal128(5, 2)"),
    ("price", "'1.999'", "1.999", "Decimal128(5, 2)"),
    ("price", "1000", "1000", "Decimal128(5, 2)"),
    ("price", "1.999::decimal(10,3)", "1.999", "Decimal128(5, 2)"),
    ("day", "timestamp '2024-01-01 12:34:56'", "2024-01-01T12:34:56", "Date32"),
    ("day", "'2024-01-01 12:34:56'", "2024-01-01 12:34:56", "Date32"),
    ("day", "'soon'", "soon", "Date32"),
    ("us", "timestamp(9) '2024-01-01 00:00:00.0000015'", "2024-01-01T00:00:00.000001500", "Timestamp(µs)"),
    ("us", "'2024-01-01 00:00:00.0000015'", "2024-01-01 00:00:00.0000015", "Timestamp(µs)"),
    ("secs", "timestamp '2024-01-01 00:00:00.5'", "2024-01-01T00:00:00.500", "Timestamp(s)"),
    ("real", "1e300", "1e300", "Float32"),
    ("double", "9007199254740993", "9007199254740993", "Float64"),
    ("flag", "5", "5", "Boolean"),
    ("list", "make_array(1.0, 1.5)", "[1.0, 1.5]", "List(Int64)"),
    ("st", "named_struct('x', 1.5)", "{x: 1.5}", "Struct(\"x\": Int64)"),
    ("time", "'12:34:56.5'", "12:34:56.5", "Time32(s)"),
    ("time", "timestamp '2024-01-01 12:00:00'", "2024-01-01T12:00:00", "Time32(s)"),
    ("small", "-129", "-129", "Int8"),
    ("id", "'nan'::double", "NaN", "Int64"),
    ("price", "'12345678901234567890.5'", "12345678901234567890.5", "Decimal128(5, 2)"),
    ("price", "0.1 * 0.333", "0.0333", "Decimal128(5, 2)"),
    ("price", "sqrt(2.0)", "1.4142135623730951", "Decimal128(5, 2)"),
];

/// The ways by which a value gets into a column, over one row whose `text` is `old`.
pub(crate) fn ways(column: &str, value: &str) -> [String; 6] {
    [
        format!("insert into t ({column}) values (null), ({value})"),
        format!("insert into t ({column}) select {value} from t"),
        format!("insert into t ({column}) with x as (select {value} as v) select v from x"),
        format!("update t set {column} = {value} where text = 'old'"),
        format!(
            "merge into t using (select 'old' as o) s on t.text = s.o when matched then update set {column} = {value}"
        ),
        format!(
            "merge into t using (select 'new' as o) s on t.text = s.o when not matched then insert ({column}) values ({value})"
        ),
    ]
}

#[tokio::test]
async fn what_fits_is_taken_by_every_way() {
    let engine = engine();
    let mut wrong = vec![];
    for (place, (column, value, expected)) in FIT.into_iter().enumerate() {
        for sql in some_ways(place, column, value) {
            register(&engine, "t", &Changeable::new(old())).await;
            let found = match try_rows(&engine, QueryArgs::new(&sql)).await {
                Ok(_) if expected.is_empty() => {
                    rows(&engine, &format!("select count({column}) from t")).await
                }
                Ok(_) => rows(&engine, &format!("select {column} from t where {column} is not null")).await,
                Err(error) => vec![error.to_string()],
            };
            let expected = if expected.is_empty() { "0" } else { expected };
            if !(found.contains(&expected.to_owned())) {
                wrong.push(format!("{sql}: {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn what_does_not_fit_is_refused_by_name_and_changes_nothing() {
    let engine = engine();
    let mut wrong = vec![];
    for (place, (column, value, said, data_type)) in MISFIT.into_iter().enumerate() {
        for sql in some_ways(place, column, value) {
            register(&engine, "t", &Changeable::new(old())).await;
            let error = match try_rows(&engine, QueryArgs::new(&sql)).await {
                Err(error) => error,
                Ok(_) => {
                    wrong.push(format!(
                        "{sql} is taken: {:?}",
                        rows(&engine, &format!("select {column} from t")).await
                    ));
                    continue;
                }
            };
            let facts = ["column", "value", "type"].map(|key| error.context(key));
            if error.kind() != ErrorKind::InvalidInput || facts != [Some(column), Some(said), Some(data_type)]
            {
                wrong.push(format!("{sql}: {error}"));
            }
            assert_eq!(
                rows(&engine, "select count(*), count(id) from t where text = 'old'").await,
                ["1|0"],
                "{sql}"
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The planner would cast these lists of values, and what a union joins to them, to the types of the columns.
#[tokio::test]
async fn what_a_source_puts_together_is_not_cut() {
    const NOON: &str = "2024-01-01 12:34:56";
    let engine = engine();
    register(&engine, "t", &Changeable::new(old())).await;
    for (source, column, value) in [
        ("values (null) union all select '2024-01-01 12:34:56'", "day", NOON),
        ("select '2024-01-01 12:34:56' union all values (null)", "day", NOON),
        ("values ('2024-01-01 12:34:56') union all select null", "day", NOON),
        ("(values (null) union select '2024-01-01 12:34:56') order by 1 limit 9", "day", NOON),
        ("with x as (values (null)) select * from x union all select '2024-01-01 12:34:56'", "day", NOON),
        (
            "values ((select max(a) from (values (null) union all select '2024-01-01 12:34:56') x (a)))",
            "day",
            NOON,
        ),
        ("select date '2024-01-01' union all select '2024-01-01 12:34:56'", "day", NOON),
        (
            "select null union all (select date '2024-01-01' union all select '2024-01-01 12:34:56')",
            "day",
            NOON,
        ),
        ("values (2.9) union all select 1", "id", "2.9"),
        ("select x * 10 from (values (2.95)) v (x)", "id", "29.5"),
    ] {
        let sql = format!("insert into t ({column}) {source}");
        let error = query_error(&engine, &sql).await;
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{sql}: {error}");
        assert_eq!((error.context("column"), error.context("value")), (Some(column), Some(value)), "{sql}");
    }
    assert_eq!(rows(&engine, "select count(*) from t").await, ["1"]);
}

#[tokio::test]
async fn what_a_source_puts_together_is_taken_where_it_fits() {
    let engine = engine();
    for (insert, query, expected) in [
        ("(id) select x * 10 from (values (2.9)) v (x)", "id", vec!["29"]),
        // As many columns, of other types, as the list in the middle pleases.
        (
            "(day, id) select b, a from (values (1, '2024-01-01', 'x'), (2, null, 'y')) v (a, b, c)",
            "id, day",
            vec!["1|2024-01-01", "2|"],
        ),
        ("(id, day) values (1, '2024-01-01'), (2, null) order by 1 limit 1", "id, day", vec!["1|2024-01-01"]),
        ("(id, day) (values (1, '2024-01-01'), (2, null))", "id, day", vec!["1|2024-01-01", "2|"]),
        (
            "(id, day) values (1.0, null) union all select 2, '2024-01-02' union all select '3', date '2024-01-03'",
            "id, day",
            vec!["1|", "2|2024-01-02", "3|2024-01-03"],
        ),
        (
            "(day) select timestamp '2024-01-01 00:00:00' union select '2024-01-01 00:00:00'",
            "day",
            vec!["2024-01-01"],
        ),
        (
            "(id, day) values ((select count(*) from t), '2024-01-01'), (2, (select null)), (3.0, date '2024-01-03')",
            "id, day",
            vec!["1|2024-01-01", "2|", "3|2024-01-03"],
        ),
        ("(st) values (null) union all select named_struct('x', 1.0)", "st", vec!["", "{x: 1}"]),
        (
            "(id) with recursive x as (select 1 as n union all select n + 1 from x where n < 3) select n from x",
            "id",
            vec!["1", "2", "3"],
        ),
        (
            "(id, us) select v.n, v.m from (values (1, '2024-01-01 00:00:00.000001')) v (n, m) join t on true",
            "id, us",
            vec!["1|2024-01-01T00:00:00.000001"],
        ),
    ] {
        register(&engine, "t", &Changeable::new(old())).await;
        rows(&engine, &format!("insert into t {insert}")).await;
        assert_eq!(
            rows(&engine, &format!("select {query} from t where text is null")).await,
            expected,
            "{insert}"
        );
    }
    for (insert, said) in [
        ("(id, day) select 1", "columns=1 expected=2"),
        ("(id) select 1, 2 from t", "columns=2 expected=1"),
        ("select 1", "columns=1 expected=14"),
        ("(id, day) values (1)", "got 1 values in row 0 but expected 2"),
    ] {
        let error = query_error(&engine, &format!("insert into t {insert}")).await;
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{insert}: {error}");
        assert!(error.to_string().contains(said), "{insert}: {error}");
    }
}
