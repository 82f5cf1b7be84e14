//! Days, times of day and time zones.

use std::sync::Arc;

use arrow::compute::cast;
use arrow_array::{
    Array, ArrayRef, Date32Array, Int64Array, ListArray, MapArray, RecordBatch, StringArray, StructArray,
    TimestampMicrosecondArray,
};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, Fields, TimeUnit};
use stitchwork_core::{Engine, ErrorKind, Predicate, QueryArgs, Scalar};

use crate::changeable::Changeable;
use crate::files::batch;
use crate::moments::table;
use crate::support::{Files, Memory, engine, engines, query_error, register, rows, try_rows};

#[tokio::test]
async fn a_day_and_a_span_are_a_moment() {
    let engine = engine();
    register(&engine, "t", &Memory::new(vec![table()])).await;
    for (sql, expected) in [
        (
            "select d + interval '12 hours', interval '90 minutes' + d, d - interval '1 day', d + interval '1 month' from t where n in (1, 4)",
            &[
                "1500-06-01T12:00:00|1500-06-01T01:30:00|1500-05-31T00:00:00|1500-07-01T00:00:00",
                "1970-01-01T12:00:00|1970-01-01T01:30:00|1969-12-31T00:00:00|1970-02-01T00:00:00",
            ][..],
        ),
        ("select arrow_typeof(d + interval '12 hours') from t where n = 4", &["Timestamp(µs)"]),
        ("select date '2020-01-31' + interval '1 month'", &["2020-02-29T00:00:00"]),
        ("select date '2020-01-01' + interval '1 day' = date '2020-01-02'", &["true"]),
        ("select n from t where d + interval '12 hours' > us and d = us", &["0", "4"]),
        ("select a.n from t a join t b on a.d = b.d + interval '1 day' where b.n = 3", &["4", "5"]),
        ("select max(d - interval '1 second') from t", &["9999-12-30T23:59:59"]),
    ] {
        assert_eq!(rows(&engine, sql).await, expected, "{sql}");
    }
    let day = RecordBatch::try_from_iter(vec![("d", Arc::new(Date32Array::from(vec![0])) as _)]).unwrap();
    register(&engine, "days", &Changeable::new(day)).await;
    for sql in [
        "insert into days values (date '2020-01-01' + interval '1 month')",
        "insert into days select d + interval '1 day' from days where d = date '1970-01-01'",
        "update days set d = d + interval '24 hours' where d < date '2000-01-01'",
    ] {
        try_rows(&engine, QueryArgs::new(sql)).await.unwrap();
    }
    assert_eq!(rows(&engine, "select * from days").await, ["1970-01-02", "1970-01-03", "2020-02-01"]);
    let error = query_error(&engine, "insert into days select d + interval '12 hours' from days").await;
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
}

/// Filters, what passes them, and what they are to the relation.
const FILTERS: [(&str, &[&str], &str); 8] = [
    ("d >= date '2020-01-01' - interval '7 days'", &["6", "7", "8"], "\"d\" >= 2019-12-25::Date32"),
    ("d > date '2020-01-01' + interval '12 hours'", &["6", "7", "8"], "\"d\" > 2020-01-01::Date32"),
    ("us > '2020-01-05 10:00'", &["6", "7", "8"], "\"us\" > 2020-01-05T10:00:00"),
    ("us in ('1970-01-01T00:00')", &["4"], "\"us\" = 1970-01-01T00:00:00"),
    ("utc > '2020-01-05 10:00+09'", &["6", "7", "8"], "\"utc\" > 2020-01-05T01:00:00Z"),
    ("us at time zone 'UTC' > '2020-01-01 00:00:00Z'", &["6", "7", "8"], "\"us\" > 2020-01-01T00:00:00"),
    ("utc at time zone 'UTC' > '2020-01-01'", &["6", "7", "8"], "\"utc\" > 2020-01-01T00:00:00Z"),
    (
        "utc = timestamp '2024-02-29 15:30:00.123456' at time zone 'Asia/Tokyo'",
        &["6"],
        "\"utc\" = 2024-02-29T06:30:00.123456Z",
    ),
];

#[tokio::test]
async fn known_moments_reach_the_relation() {
    for (filter, passing, told) in FILTERS {
        let engine = engine();
        let mut files = Files::new(table().schema());
        files.write("memory:0", &table()).await;
        let files = Arc::new(files);
        register(&engine, "t", &files).await;
        assert_eq!(rows(&engine, &format!("select n from t where {filter}")).await, passing, "{filter}");
        let seen: Vec<_> = files.seen.lock().unwrap().iter().map(|args| args.predicate.clone()).collect();
        let seen: Vec<String> = seen.iter().flatten().map(ToString::to_string).collect();
        assert!(seen.iter().any(|seen| seen.starts_with(told)), "{filter}: {seen:?}");
    }
}

#[tokio::test]
async fn a_zone_is_put_to_what_has_none_and_taken_from_what_has_one() {
    let engine = engine();
    register(&engine, "t", &Memory::new(vec![table()])).await;
    let tokyo = "2024-02-29T15:30:00.123456";
    for (sql, expected) in [
        ("select utc at time zone 'Asia/Tokyo' from t where n = 6", tokyo),
        ("select cast(utc at time zone 'Asia/Tokyo' as timestamp) from t where n = 6", tokyo),
        ("select extract(hour from (utc at time zone 'Asia/Tokyo')::timestamp) from t where n = 6", "15"),
        (
            "select date_trunc('day', utc at time zone 'Asia/Tokyo') from t where n = 8",
            "+10000-01-01T00:00:00",
        ),
        ("select arrow_typeof(utc at time zone 'Asia/Tokyo') from t where n = 6", "Timestamp(µs)"),
        (
            "select utc at time zone 'Asia/Tokyo' at time zone 'UTC' from t where n = 6",
            "2024-02-29T15:30:00.123456Z",
        ),
        ("select utc at time zone 'Asia/Tokyo' at time zone 'Asia/Tokyo' = utc from t where n = 6", "true"),
        ("select us at time zone 'Asia/Tokyo' from t where n = 6", "2024-02-29T06:30:00.123456+09:00"),
        (
            "select us at time zone 'Asia/Tokyo' = timestamp '2024-02-28 21:30:00.123456' at time zone 'UTC' from t where n = 6",
            "true",
        ),
        // A cast to a zone is not taken away from a comparison, as if clocks were the same everywhere.
        ("select n from t where us at time zone 'Asia/Tokyo' = '2024-02-28 21:30:00.123456Z'", "6"),
        ("select n from t where us = timestamp '2024-02-29 06:30:00.123456' at time zone 'Asia/Tokyo'", "6"),
        (
            "select n from t where us in (timestamp '2024-02-29 06:30:00.123456' at time zone 'Asia/Tokyo')",
            "6",
        ),
        ("select '2020-01-01 10:00' at time zone 'Asia/Tokyo'", "2020-01-01T10:00:00+09:00"),
        ("select null at time zone 'Asia/Tokyo'", ""),
        // Summer and winter, and the clocks of 1500.
        (
            "select x at time zone 'UTC' at time zone 'Europe/Berlin', y at time zone 'UTC' at time zone 'Europe/Berlin' \
             from (select timestamp '2024-07-01 12:00:00' as x, timestamp '2024-01-01 12:00:00' as y)",
            "2024-07-01T14:00:00|2024-01-01T13:00:00",
        ),
        ("select utc at time zone 'Europe/Berlin' from t where n = 1", "1500-06-01T12:53:28"),
        (
            "select utc, utc at time zone 'Asia/Tokyo', utc at time zone 'UTC' from t where n = 6",
            "2024-02-29T06:30:00.123456Z|2024-02-29T15:30:00.123456|2024-02-29T06:30:00.123456",
        ),
        (
            "select count(*) from t where n = 6 group by utc at time zone 'Asia/Tokyo', utc at time zone 'UTC', utc",
            "1",
        ),
        ("select n from t where n < 8 order by utc at time zone 'Asia/Tokyo' desc limit 1", "7"),
        ("select d at time zone 'Asia/Tokyo' from t where n = 6", "2024-02-29T00:00:00+09:00"),
    ] {
        assert_eq!(rows(&engine, sql).await, [expected], "{sql}");
    }
    let error = query_error(&engine, "select utc at time zone 'Mars/Base' from t").await;
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
}

#[tokio::test]
async fn a_time_of_day_is_read_or_refused() {
    let engine = engine();
    register(&engine, "t", &Memory::new(vec![table()])).await;
    for (sql, expected) in [
        ("select to_timestamp('2020-01-05 10:30', '%Y-%m-%d %H:%M')", "2020-01-05T10:30:00"),
        ("select to_timestamp('05.01.2020', '%d.%m.%Y')", "2020-01-05T00:00:00"),
        ("select to_timestamp('2020-01-05 10' || ':00', '%Y-%m-%d %H:%M')", "2020-01-05T10:00:00"),
        ("select timestamp '2020-01-05 10:00'", "2020-01-05T10:00:00"),
        ("select cast('2020-01-05T10:00Z' as timestamp(3))", "2020-01-05T10:00:00"),
        ("select try_cast('2020-01-05 25:00' as timestamp)", ""),
        (
            "select case when n = 9 then '2020-01-05 10:00' else us end from t where n = 9",
            "2020-01-05T10:00:00",
        ),
        ("select n from t where us between '2020-01-05 10:00' and '2030-01-01 00:00'", "6"),
    ] {
        assert_eq!(rows(&engine, sql).await, [expected], "{sql}");
    }
    for (sql, told) in [
        ("select to_timestamp('2020-01-05 10', '%Y-%m-%d %H')", "the time of day would be lost"),
        ("select to_timestamp('x', '%c', '%Y-%m-%d %I:%M')", "the time of day would be lost"),
        ("select to_timestamp_seconds('2020-01-05 10', '%F %H')", "the time of day would be lost"),
        ("select n from t where us > '2020-01-05 25:00'", "error parsing time"),
        (
            "select avg(us) from t",
            "reason=No function matches the given name and argument types 'avg(Timestamp(µs))'",
        ),
        (
            "select median(d) from t",
            "reason=No function matches the given name and argument types 'median(Date32)'",
        ),
    ] {
        let error = query_error(&engine, sql).await;
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{sql}: {error}");
        assert!(error.to_string().contains(told), "{sql}: {error}");
    }
}

#[tokio::test]
async fn a_moment_that_is_written_with_a_zone_has_one() {
    let engine = engine();
    for (sql, expected) in [
        (
            "select timestamptz '2020-06-01 12:00:00+00' at time zone 'America/New_York'",
            "2020-06-01T08:00:00",
        ),
        ("select extract(hour from timestamptz '2020-06-01 12:00:00+02' at time zone 'UTC')", "10"),
        ("select cast('2020-06-01 12:00:00+02' as timestamp with time zone)", "2020-06-01T10:00:00Z"),
        ("select timestamptz '2020-06-01 12:00:00+00' = timestamptz '2020-06-01 14:00:00+02'", "true"),
        (
            "select arrow_typeof(cast(timestamp '2020-06-01 12:00:00' as timestamptz))",
            "Timestamp(µs, \"UTC\")",
        ),
    ] {
        assert_eq!(rows(&engine, sql).await, [expected], "{sql}");
    }
}

/// Late in the evening of UTC, in summer and in winter, noon, and nothing.
const SECONDS: [Option<i64>; 4] = [Some(1_719_876_600), Some(1_704_151_800), Some(1_719_748_800), None];

/// Moments of one zone in `unit`, at every depth.
fn zoned(unit: TimeUnit, zone: &str) -> RecordBatch {
    let counts = SECONDS.map(|seconds| seconds.map(|seconds| seconds * 1_000_000));
    let moments = TimestampMicrosecondArray::from(counts.to_vec()).with_timezone(zone);
    let moments = cast(&moments, &DataType::Timestamp(unit, Some(zone.into()))).unwrap();
    let field = |name: &str| Arc::new(Field::new(name, moments.data_type().clone(), true));
    let single = OffsetBuffer::from_lengths([1; 4]);
    let inner = StructArray::new(Fields::from(vec![field("x")]), vec![moments.clone()], None);
    let keys: ArrayRef = Arc::new(StringArray::from(vec!["k"; 4]));
    let key = Arc::new(Field::new("key", DataType::Utf8, false));
    let entries =
        StructArray::new(Fields::from(vec![key, field("value")]), vec![keys, moments.clone()], None);
    let entry = Arc::new(Field::new("entries", entries.data_type().clone(), false));
    let columns: [(&str, ArrayRef); 5] = [
        ("n", Arc::new(Int64Array::from_iter_values(0..4))),
        ("s", Arc::new(inner)),
        ("l", Arc::new(ListArray::new(field("element"), single.clone(), moments.clone(), None))),
        ("m", Arc::new(MapArray::new(entry, single, entries, None, false))),
        ("b", moments),
    ];
    batch(columns.map(|(name, array)| (Field::new(name, array.data_type().clone(), true), array)).to_vec())
}

/// Queries of a table, which count everything by the clocks of UTC.
const IN_UTC: [(&str, &[&str]); 15] = [
    ("select b from t where n = 0", &["2024-07-01T23:30:00Z"]),
    ("select b::date, b::timestamp from t where n = 0", &["2024-07-01|2024-07-01T23:30:00"]),
    ("select date_part('hour', b), date_trunc('day', b) from t where n = 0", &["23|2024-07-01T00:00:00Z"]),
    ("select b::varchar from t where n = 1", &["2024-01-01T23:30:00Z"]),
    ("select n from t where b >= '2024-07-02'", &[]),
    ("select n from t where b >= '2024-07-01' and b < date '2024-07-02'", &["0"]),
    ("select n from t where b = timestamp '2024-07-01 23:30'", &["0"]),
    ("select n from t where b = '2024-07-02 01:30+02'", &["0"]),
    ("select n from t where b between timestamp '2024-06-30 12:00' and '2024-07-01 00:00Z'", &["2"]),
    (
        "select b::date, count(*) from t where b is not null group by b::date",
        &["2024-01-01|1", "2024-06-30|1", "2024-07-01|1"],
    ),
    ("select min(b), max(b), count(b) from t", &["2024-01-01T23:30:00Z|2024-07-01T23:30:00Z|3"]),
    ("select s.x::date, l[1]::date, m['k']::date from t where n = 0", &["2024-07-01|2024-07-01|2024-07-01"]),
    ("select n from t where s.x >= '2024-07-01' and s.x < '2024-07-02'", &["0"]),
    (
        "select b at time zone 'Europe/Berlin', b at time zone 'UTC' from t where n = 0",
        &["2024-07-02T01:30:00|2024-07-01T23:30:00"],
    ),
    (
        "select s, l, m from t where n = 0",
        &["{x: 2024-07-01T23:30:00Z}|[2024-07-01T23:30:00Z]|{k: 2024-07-01T23:30:00Z}"],
    ),
];

#[tokio::test]
async fn moments_of_every_zone_are_taken_in_utc() {
    for (zone, engines) in [("Europe/Berlin", engines()), ("+02:00", vec![engine()])] {
        let data = zoned(TimeUnit::Microsecond, zone);
        let streamed = Memory::new(vec![data.clone()]);
        // Files in the table's unit and zone, in a coarser unit, in another zone, and for a column that is constant.
        let mut tables = vec![];
        let coarse = zoned(TimeUnit::Millisecond, zone);
        for written in [&data, &coarse, &zoned(TimeUnit::Microsecond, "America/New_York")] {
            let mut files = Files::new(data.schema());
            files.write("memory:0", written).await;
            tables.push(Arc::new(files));
        }
        let mut parts = Files::new(data.schema());
        for row in 0..data.num_rows() {
            let value = Scalar::try_new(data.column(4).slice(row, 1)).unwrap();
            let rest = data.slice(row, 1).project(&[0, 1, 2, 3]).unwrap();
            parts.write(&format!("memory:{row}"), &rest).await.constants = vec![(4, value)];
        }
        tables.push(Arc::new(parts));
        for (turn, engine) in engines.into_iter().enumerate() {
            // Half of the tables each, so that the test stays fast; every other engine meets them all.
            for table in (0..=tables.len()).skip(turn % 2).step_by(2) {
                match tables.get(table) {
                    Some(files) => register(&engine, "t", files).await,
                    None => register(&engine, "t", &streamed).await,
                }
                for (sql, expected) in IN_UTC {
                    assert_eq!(rows(&engine, sql).await, expected, "{zone}, table {table}: {sql}");
                }
                let stream = engine.query(QueryArgs::new("select b, s.x as x from t")).await.unwrap();
                let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
                let types =
                    stream.schema().fields().iter().map(|f| f.data_type().clone()).collect::<Vec<_>>();
                assert_eq!(types, [utc.clone(), utc]);
            }
        }
        // What a filter says reaches the relation in the type of its column.
        let engine = engine();
        register(&engine, "t", &streamed).await;
        streamed.seen.lock().unwrap().clear();
        assert_eq!(rows(&engine, "select n from t where b < '2024-01-02'").await, ["1"]);
        let seen = streamed.seen.lock().unwrap().pop().unwrap().predicate.unwrap();
        let Predicate::Compare { value, .. } = &seen else { panic!("{seen}") };
        assert_eq!(value.data_type(), data.column(4).data_type());
    }
}

#[tokio::test]
async fn a_table_keeps_its_zone() {
    for zone in ["Europe/Berlin", "+02:00"] {
        let data = zoned(TimeUnit::Microsecond, zone);
        let engine = engine();
        register(&engine, "t", &Changeable::new(data.clone())).await;
        register(&engine, "source", &Memory::new(vec![data.clone()])).await;
        for (sql, changed) in [
            (
                "insert into t (n, b) values (10, '2024-07-01 12:00:00'), (11, timestamp '2024-07-01 12:00')",
                "2",
            ),
            ("insert into t (n, b) values (12, timestamptz '2024-07-01 14:00+02')", "1"),
            ("insert into t select n + 20, s, l, m, b from source where n = 0", "1"),
            ("update t set b = b + interval '1 hour' where b >= '2024-07-01' and n < 10", "1"),
            ("update t set b = '2024-01-02 00:30:00' where b::date = date '2024-01-01'", "1"),
            (
                "merge into t using source x on t.n = x.n + 20 when matched then update set b = x.b - interval '1 day' \
                 when not matched then insert (n, s, b) values (x.n + 30, x.s, x.b)",
                "4",
            ),
            ("delete from t where b = '2024-06-30 12:00'", "2"),
        ] {
            assert_eq!(rows(&engine, sql).await, [changed], "{zone}: {sql}");
        }
        assert_eq!(
            rows(&engine, "select n, b, s.x, l[1] from t").await,
            [
                "0|2024-07-02T00:30:00Z|2024-07-01T23:30:00Z|2024-07-01T23:30:00Z",
                "10|2024-07-01T12:00:00Z||",
                "11|2024-07-01T12:00:00Z||",
                "12|2024-07-01T12:00:00Z||",
                "1|2024-01-02T00:30:00Z|2024-01-01T23:30:00Z|2024-01-01T23:30:00Z",
                "20|2024-06-30T23:30:00Z|2024-07-01T23:30:00Z|2024-07-01T23:30:00Z",
                "31|2024-01-01T23:30:00Z|2024-01-01T23:30:00Z|",
                "33|||",
                "3|||",
            ],
            "{zone}"
        );
    }
}
