//! Types that become others in a change, and those that may not.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, Int32Array, ListArray, RecordBatch, StringArray, UnionArray, new_null_array,
};
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit, UnionFields};
use stitchwork_core::{ErrorKind, QueryArgs};

use crate::changeable::Changeable;
use crate::exact::ways;
use crate::support::{Memory, engine, query_error, register, rows, try_rows};

/// One row, of which nothing is known but its text.
fn old() -> RecordBatch {
    let list = |element| DataType::List(Arc::new(Field::new("item", element, true)));
    let fields =
        Fields::from(vec![Field::new("x", DataType::Int32, true), Field::new("y", DataType::Utf8, true)]);
    let st = DataType::Struct(fields);
    let outer = DataType::Struct(vec![Field::new("inner", st.clone(), true)].into());
    let entries =
        Fields::from(vec![Field::new("key", DataType::Utf8, false), Field::new("value", st.clone(), true)]);
    let map = DataType::Map(Arc::new(Field::new("entries", DataType::Struct(entries), false)), false);
    let columns = [
        ("id", DataType::Int64),
        ("text", DataType::Utf8),
        ("list", list(DataType::Int32)),
        ("days", list(DataType::Date32)),
        ("structs", list(st.clone())),
        ("st", st),
        ("deep", outer),
        ("map", map),
        ("real", DataType::Float32),
        ("double", DataType::Float64),
        ("day", DataType::Date32),
        ("us", DataType::Timestamp(TimeUnit::Microsecond, None)),
        ("utc", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))),
        ("bytes", DataType::Binary),
    ];
    let columns = columns.map(|(name, data_type)| {
        let values: ArrayRef = match name {
            "text" => Arc::new(StringArray::from(vec!["old"])),
            _ => new_null_array(&data_type, 1),
        };
        (Field::new(name, data_type, true), values)
    });
    let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

const XYZ: &str = "named_struct('x', 1, 'y', 'a', 'z', 3)";

/// Runs of equal values.
const RUNS: &str = "RunEndEncoded(\"run_ends\": non-null Int32, \"values\": Float64)";

#[tokio::test]
async fn what_would_be_dropped_cut_or_reinterpreted_is_refused() {
    let in_list = format!("make_array({XYZ})");
    let large =
        format!("arrow_cast({in_list}, 'LargeList(Struct(\"x\": Int64, \"y\": Utf8, \"z\": Int64))')");
    let deep = format!("named_struct('inner', {XYZ})");
    let map = format!("map(make_array('k'), {in_list})");
    let no_field = "the column has no field of this name";
    let misfit = "does not fit the type of its column exactly";
    let engine = engine();
    let mut wrong = vec![];
    for (column, value, said) in [
        ("st", XYZ, no_field),
        ("st", "named_struct('x', 1, 'X', 2)", no_field),
        ("deep", &deep, no_field),
        ("structs", &in_list, no_field),
        ("structs", &large, no_field),
        ("map", &map, no_field),
        ("list", "arrow_cast(make_array(1.5, 2.7), 'LargeList(Float64)')", misfit),
        ("list", "arrow_cast(make_array(1.5, 2.7), 'FixedSizeList(2, Float64)')", misfit),
        ("list", "arrow_cast(make_array(1.5, 2.7), 'ListView(Float64)')", misfit),
        ("list", "arrow_cast(make_array(1.5, 2.7), 'List(Dictionary(Int32, Float64))')", misfit),
        ("days", "arrow_cast(make_array('2024-01-01 12:34:56'), 'LargeList(Utf8)')", misfit),
        (
            "days",
            "arrow_cast(make_array(timestamp '2024-01-01 12:34:56'), 'LargeList(Timestamp(µs))')",
            misfit,
        ),
        ("id", &format!("arrow_cast(1.7, '{RUNS}')"), misfit),
        ("list", &format!("arrow_cast(1.7, '{RUNS}')"), "a single value is no list"),
        ("list", "5.7", "a single value is no list"),
        ("list", "5", "a single value is no list"),
        ("days", "timestamp '2024-01-01 12:34:56'", "a single value is no list"),
        ("real", "'1e39'", misfit),
        ("double", "'1e400'", misfit),
        ("double", "'9007199254740993'", misfit),
        ("double", "9007199254740993::decimal(20, 0)", misfit),
        ("real", "'16777217'", misfit),
        ("real", "'-16777217.0'", misfit),
        ("us", "1700000000", "a number is no moment; write `cast(… as timestamp)`"),
        ("utc", "1700000000.5", "a number is no moment; write `cast(… as timestamp)`"),
        ("day", "19000", "a number is no date; write `cast(… as date)`"),
        ("id", "timestamp '2024-01-01 00:00:00'", "a moment is no number; write `extract(epoch from …)`"),
        ("double", "date '2024-01-01'", "a moment is no number; write `extract(epoch from …)`"),
        ("text", "make_array(1, 2)", "a nested value is no text; write `cast(… as varchar)`"),
        ("bytes", "7", "cast it in the statement to what is meant"),
    ] {
        for sql in ways(column, value) {
            // A row with this text is looked for.
            if column == "text" && sql.starts_with("update") {
                continue;
            }
            register(&engine, "t", &Changeable::new(old())).await;
            match try_rows(&engine, QueryArgs::new(&sql)).await {
                Err(error)
                    if error.kind() == ErrorKind::InvalidInput
                        && error.to_string().contains(said)
                        && error.context("column") == Some(column)
                        && error.context("value").is_some()
                        && error.context("type").is_some()
                        && (said != no_field
                            || error
                                .context("field")
                                .is_some_and(|field| ["z", "X", "inner.z"].contains(&field))) => {}
                Err(error) => wrong.push(format!("{sql}: {error}")),
                Ok(_) => {
                    let kept = rows(&engine, &format!("select {column} from t")).await;
                    wrong.push(format!("{sql} is taken: {kept:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn what_keeps_every_value_is_taken_by_every_way() {
    let engine = engine();
    let mut wrong = vec![];
    for (column, value, expected) in [
        ("st", "named_struct('y', 'a', 'x', 1)", "{x: 1, y: a}"),
        ("st", "named_struct('x', 1)", "{x: 1, y: }"),
        ("map", "map(make_array('k'), make_array(named_struct('x', 1, 'y', 'b')))", "{k: {x: 1, y: b}}"),
        ("list", "arrow_cast(make_array(1.0, 2.0), 'LargeList(Float64)')", "[1, 2]"),
        ("list", "arrow_cast(make_array(1.0, 2.0), 'FixedSizeList(2, Float64)')", "[1, 2]"),
        ("days", "arrow_cast(make_array('2024-01-01'), 'LargeList(Utf8)')", "[2024-01-01]"),
        ("list", "make_array(5)", "[5]"),
        ("id", &format!("arrow_cast(2.0, '{RUNS}')"), "2"),
        ("real", "'0.1'", "0.1"),
        ("real", "'16777216'", "16777216.0"),
        ("real", "'-Infinity'", "-inf"),
        ("double", "'1e23'", "1e23"),
        ("double", "'-0'", "-0.0"),
        ("double", "'+007.50'", "7.5"),
        ("double", "'nan'", "NaN"),
        ("double", "'9007199254740992'", "9007199254740992.0"),
        ("us", "cast(1700000000 as timestamp)", "2023-11-14T22:13:20"),
        ("us", "to_timestamp_micros(1700000000000001)", "2023-11-14T22:13:20.000001"),
        ("us", "to_timestamp_millis(1700000000001)", "2023-11-14T22:13:20.001"),
        ("utc", "to_timestamp(1700000000)", "2023-11-14T22:13:20Z"),
        ("day", "cast(19000 as date)", "2022-01-08"),
        ("id", "extract(epoch from timestamp '2023-11-14 22:13:20')", "1700000000"),
        ("double", "extract(epoch from date '1970-01-02')", "86400.0"),
        ("text", "cast(make_array(1, 2) as varchar)", "[1, 2]"),
        ("text", "cast(named_struct('x', 1) as varchar)", "{x: 1}"),
        ("text", "cast(make_array(map(make_array('k'), make_array(1))) as varchar)", "[{k: 1}]"),
        ("us", "cast(null as bigint)", ""),
        ("days", "make_array()", "[]"),
        ("structs", "make_array(null)", "[]"),
    ] {
        for sql in ways(column, value) {
            register(&engine, "t", &Changeable::new(old())).await;
            let found = match try_rows(&engine, QueryArgs::new(&sql)).await {
                Ok(_) => rows(&engine, &format!("select {column} from t")).await,
                Err(error) => vec![error.to_string()],
            };
            if !found.contains(&expected.to_owned()) {
                wrong.push(format!("{sql}: {found:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// A null, a number, a text and a list.
fn union() -> RecordBatch {
    let fields = UnionFields::try_new(
        [0, 1, 2, 3],
        [
            Field::new("null", DataType::Null, true),
            Field::new("int", DataType::Int32, true),
            Field::new("string", DataType::Utf8, true),
            Field::new("array", DataType::new_list(DataType::Int32, true), true),
        ],
    )
    .unwrap();
    let children: Vec<ArrayRef> = vec![
        new_null_array(&DataType::Null, 1),
        Arc::new(Int32Array::from(vec![1])),
        Arc::new(StringArray::from(vec!["a"])),
        Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>([Some([Some(5), None])])),
    ];
    let array = UnionArray::try_new(fields, vec![0, 1, 2, 3].into(), Some(vec![0, 0, 0, 0].into()), children)
        .unwrap();
    let id = Int32Array::from(vec![1, 2, 3, 4]);
    let fields =
        vec![Field::new("n", DataType::Int32, false), Field::new("u", array.data_type().clone(), true)];
    RecordBatch::try_new(Arc::new(Schema::new(fields)), vec![Arc::new(id), Arc::new(array)]).unwrap()
}

#[tokio::test]
async fn a_union_goes_into_columns_by_its_members_alone() {
    let engine = engine();
    register(&engine, "t", &Changeable::new(old())).await;
    register(&engine, "s", &Memory::new(vec![union()])).await;
    for sql in [
        "insert into t (text) select u from s",
        "insert into t (id) select u from s",
        "insert into t (list) select make_array(u) from s",
        "merge into t using s on false when not matched then insert (text) values (u)",
        "merge into t using (select * from s where n = 2) s on t.text = 'old' when matched then update set text = u",
    ] {
        let error = query_error(&engine, sql).await;
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{sql}: {error}");
        assert!(error.to_string().contains("union_extract(…, 'name of the member')"), "{sql}: {error}");
    }
    rows(&engine, "insert into t (text) select union_extract(u, 'string') from s where n = 3").await;
    rows(&engine, "insert into t (id) select u from s where n = 1").await;
    rows(&engine, "insert into t (id) select union_extract(u, 'int') from s where n = 2").await;
    assert_eq!(rows(&engine, "select id, text from t").await, ["1|", "|", "|a", "|old"]);
}

#[tokio::test]
async fn a_cast_of_a_union_casts_each_of_its_members() {
    let engine = engine();
    register(&engine, "s", &Memory::new(vec![union()])).await;
    for (query, expected) in [
        ("select n, cast(u as varchar) from s", vec!["1|", "2|1", "3|a", "4|[5, ]"]),
        ("select n, u || '!' from s", vec!["1|", "2|1!", "3|a!", "4|[5, ]!"]),
        ("select n, concat(u, '!') from s", vec!["1|!", "2|1!", "3|a!", "4|[5, ]!"]),
        ("select n, try_cast(u as bigint) from s", vec!["1|", "2|1", "3|", "4|"]),
        ("select n, cast(u as bigint) from s where n < 3", vec!["1|", "2|1"]),
        ("select n from s where u = 'a'", vec!["3"]),
        ("select n from s where u = 1", vec!["2"]),
        ("select n from s where u is null", vec!["1"]),
        ("select n from s where u is not null", vec!["2", "3", "4"]),
        ("select count(u), count(distinct cast(u as varchar)) from s", vec!["3|3"]),
        (
            "select cast(u as varchar), count(*) from s group by cast(u as varchar)",
            vec!["1|1", "[5, ]|1", "a|1", "|1"],
        ),
        ("select s.n from s join (values ('1'), ('a')) v (x) on cast(u as varchar) = x", vec!["2", "3"]),
        ("select union_extract(u, 'string') from s where n = 3", vec!["a"]),
        ("select n from s where u in ('a', '1')", vec!["2", "3"]),
        ("select n from s where u between '1' and 'b'", vec!["2", "3", "4"]),
        ("select s.n from s join (values ('1'), ('a')) v (x) on u = x", vec!["2", "3"]),
        ("select nullif(u, 'a') from s", vec!["", "", "1", "[5, ]"]),
    ] {
        assert_eq!(rows(&engine, query).await, expected, "{query}");
    }
    let error = query_error(&engine, "select cast(u as bigint) from s where n < 4").await;
    assert!(error.to_string().contains("Cannot cast string 'a'"), "{error}");
    let error = query_error(&engine, "select cast(u as bigint) from s where n = 4").await;
    assert_eq!((error.kind(), error.context("member")), (ErrorKind::InvalidInput, Some("array")), "{error}");
}
