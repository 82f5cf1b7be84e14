//! Types that the driver reads as the database means them, and those that it does not.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use stitchwork_ffi::adbc::Driver;

use super::*;

/// Runs what an engine refuses.
async fn run(driver: &str, url: &str, statements: Vec<String>) {
    let (path, uri) = (driver.to_owned(), url.to_owned());
    let run = tokio::task::spawn_blocking(move || {
        let driver = Driver::load(Path::new(&path), "AdbcDriverPostgresqlInit").unwrap();
        let connection = driver.open(&[("uri", uri)]).unwrap().connect().unwrap();
        statements.iter().for_each(|sql| connection.run(sql).unwrap());
    });
    run.await.unwrap();
}

/// An engine over a database in which these statements were run.
async fn made(test: &str, statements: &[&str]) -> Option<Arc<dyn Engine>> {
    let (driver, url) = database(test)?;
    run(&driver, &url, statements.iter().map(ToString::to_string).collect()).await;
    Some(open(driver, url).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn trusted_types_come_as_the_database_means_them() {
    let made = made(
        "trusted_types_come_as_the_database_means_them",
        &[
            "create type mood as enum ('sad', 'glad')",
            "create domain positive as int8 check (value > 0)",
            "create type pair as (a int4, b mood, c text[])",
            // The name of a type that is refused, and of one that is read as a number.
            "create schema z",
            "create type z.xml as enum ('x')",
            "create type z.money as (a int4)",
        ],
    );
    let Some(engine) = made.await else { return };
    for (value, expected) in [
        ("true", "true"),
        ("(-32768)::int2", "-32768"),
        ("2147483647", "2147483647"),
        ("9223372036854775807", "9223372036854775807"),
        ("1.5::float4", "1.5"),
        ("'-infinity'::float8", "-inf"),
        ("-12345678901234567890.4500", "-12345678901234567890.4500"),
        ("1e-20::numeric", "0.00000000000000000001"),
        ("'NaN'::numeric", "nan"),
        ("'-infinity'::numeric", "-inf"),
        ("'a'::char(3)", "a"),
        ("'a'::varchar(3)", "a"),
        ("'a'::\"char\"", "a"),
        ("'a'::name", "a"),
        ("'\\x00ff'::bytea", "00ff"),
        ("'5874897-12-31'::date > '2020-01-01'", "true"),
        ("'4714-11-24 BC'::date is null", "false"),
        ("'2020-01-02'::date", "2020-01-02"),
        ("'23:59:59.999999'::time", "23:59:59.999999"),
        ("'2020-01-02 03:04:05.5'::timestamp", "2020-01-02T03:04:05.500"),
        ("'1677-01-01'::timestamp", "1677-01-01T00:00:00"),
        ("'2020-01-02 03:04:05+02'::timestamptz", "2020-01-02T01:04:05Z"),
        ("'1 year 3 days 04:05:06'::interval", "12 mons 3 days 4 hours 5 mins 6.000000000 secs"),
        ("'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid", "a0eebc999c0b4ef8bb6d6bb9bd380a11"),
        ("'[1]'::json", "[1]"),
        ("'{\"a\":1}'::jsonb", "{\"a\": 1}"),
        ("'glad'::mood", "glad"),
        ("array['sad'::mood]", "[sad]"),
        ("7::positive", "7"),
        ("(1, 'sad', array['x'])::pair", "{a: 1, b: sad, c: [x]}"),
        ("'x'::z.xml", "x"),
        ("row(1)::z.money", "{a: 1}"),
        ("array[1.50]", "[1.50]"),
        ("array['2020-01-02'::date, null]", "[2020-01-02, ]"),
        ("array['a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid]", "[a0eebc999c0b4ef8bb6d6bb9bd380a11]"),
        ("4000000000::oid", "4000000000"),
        ("array[4000000000::oid, null]", "[4000000000, ]"),
        ("null", ""),
    ] {
        assert_eq!(lines(engine.as_ref(), &format!("select {value} as x")).await, ["x", expected], "{value}");
    }
    // The first and the last moments that there are, which have no text.
    let sql = "select '4714-11-24 BC'::timestamp as first, '294246-12-31 23:59:59'::timestamp as last, \
               '5874897-12-31'::date as day";
    let found = rows(engine.as_ref(), sql).await.unwrap();
    let number = |place: usize| {
        arrow::compute::cast(found[0].column(place), &arrow_schema::DataType::Int64)
            .map(|numbers| numbers.as_primitive::<Int64Type>().value(0))
    };
    assert_eq!(
        (number(0).unwrap(), number(1).unwrap()),
        (-210_866_803_200_000_000, 9_223_371_244_799_000_000)
    );
    let day = found[0].column(2).as_primitive::<arrow_array::types::Date32Type>().value(0);
    assert_eq!(day, 2_145_042_905);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_types_are_refused_by_name_and_come_as_texts() {
    let made = made(
        "other_types_are_refused_by_name_and_come_as_texts",
        &["create type price as (n int4, amount money)", "create domain fee as money"],
    );
    let Some(engine) = made.await else { return };
    for (value, name, text) in [
        ("'$1,000.50'::money", "money", "$1,000.50"),
        ("5::money::fee", "money", "$5.00"),
        ("array['$1'::money]", "money", "{$1.00}"),
        ("(1, '$2')::price", "money", "(1,$2.00)"),
        ("'10.0.0.1'::inet", "inet", "10.0.0.1/32"),
        ("array['10.0.0.1'::inet]", "inet", "{10.0.0.1}"),
        ("'10.0.0.0/8'::cidr", "cidr", "10.0.0.0/8"),
        ("'08:00:2b:01:02:03'::macaddr", "macaddr", "08:00:2b:01:02:03"),
        ("'08:00:2b:01:02:03:04:05'::macaddr8", "macaddr8", "08:00:2b:01:02:03:04:05"),
        ("'[1,3)'::int4range", "int4range", "[1,3)"),
        ("'[1,2]'::numrange", "numrange", "[1,2]"),
        ("'[2020-01-01,2020-01-03)'::daterange", "daterange", "[2020-01-01,2020-01-03)"),
        ("'{[1,3)}'::int4multirange", "int4multirange", "{[1,3)}"),
        ("'10:11:12+02'::timetz", "timetz", "10:11:12+02"),
        ("'101'::bit(3)", "bit", "101"),
        ("'101'::varbit", "varbit", "101"),
        ("'(1,2)'::point", "point", "(1,2)"),
        ("'<(1,2),3>'::circle", "circle", "<(1,2),3>"),
        ("'((0,0),(1,1))'::path", "path", "((0,0),(1,1))"),
        ("'a b'::tsvector", "tsvector", "'a' 'b'"),
        ("'a & b'::tsquery", "tsquery", "'a' & 'b'"),
        ("'<a/>'::xml", "xml", "<a/>"),
        ("'int4'::regtype", "regtype", "integer"),
        ("'now'::regproc", "regproc", "now"),
        ("'pg_class'::regclass", "regclass", "pg_class"),
        ("'$.a'::jsonpath", "jsonpath", "$.\"a\""),
        ("'0/16B3748'::pg_lsn", "pg_lsn", "0/16B3748"),
        ("'(0,1)'::tid", "tid", "(0,1)"),
        ("'1'::xid", "xid", "1"),
        ("'1 2'::oidvector", "oidvector", "1 2"),
    ] {
        let error = rows(engine.as_ref(), &format!("select 1 as n, {value} as x")).await.expect_err(value);
        let told = (error.kind(), error.context("column"), error.context("type"));
        assert_eq!(told, (ErrorKind::Unsupported, Some("x"), Some(name)), "{value}: {error:?}");
        assert!(error.message().contains("cast it to text"), "{error}");
        let sql = format!("select cast({value} as text) as x");
        assert_eq!(lines(engine.as_ref(), &sql).await, ["x", text], "{value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn moments_that_the_type_does_not_hold_are_refused_with_their_row() {
    let made = made(
        "moments_that_the_type_does_not_hold_are_refused_with_their_row",
        &["create type span as (since date, until timestamp)"],
    );
    let Some(engine) = made.await else { return };
    for (value, text) in [
        ("'infinity'::date", "infinity"),
        ("'-infinity'::date", "-infinity"),
        ("'infinity'::timestamp", "infinity"),
        ("'-infinity'::timestamp", "-infinity"),
        ("'infinity'::timestamptz", "infinity"),
        ("'294276-12-31 23:59:59'::timestamp", "294276-12-31 23:59:59"),
        ("'294248-01-01 UTC'::timestamptz", "294248-01-01 00:00:00+00"),
        ("'24:00'::time", "24:00:00"),
        ("array['2020-01-02', 'infinity'::date]", "{2020-01-02,infinity}"),
        ("('2020-01-02', 'infinity')::span", "(2020-01-02,infinity)"),
        ("array[('2020-01-02', 'infinity')::span]", "{\"(2020-01-02,infinity)\"}"),
    ] {
        let sql = format!(
            "select n, case when n = 9000 then {value} end as x from generate_series(0, 9999) n order by n"
        );
        let error = rows(engine.as_ref(), &sql).await.expect_err(value);
        let told = (error.kind(), error.context("column"), error.context("row"));
        assert_eq!(told, (ErrorKind::Unsupported, Some("x"), Some("9000")), "{value}: {error:?}");
        assert!(error.message().contains("cast it to text"), "{error}");
        let sql = format!("select cast({value} as text) as x");
        assert_eq!(lines(engine.as_ref(), &sql).await, ["x", text], "{value}");
    }
    let error = rows(engine.as_ref(), "select '300000000:00:00'::interval as x").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported, "{error:?}");
    assert!(error.message().contains("cast the column to text"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_are_utf8_whatever_the_database_has() {
    let test = "texts_are_utf8_whatever_the_database_has";
    let Some((driver, url)) = database(test) else { return };
    let (server, name) = url.rsplit_once('/').unwrap();
    let latin = format!("{name}-latin");
    let create = format!(
        "create database \"{latin}\" encoding 'LATIN1' template template0 lc_collate 'C' lc_ctype 'C'"
    );
    run(&driver, &url, vec![create]).await;
    let engine = open(driver, format!("{server}/{latin}")).await;
    assert_eq!(lines(engine.as_ref(), "select chr(252) as x").await, ["x", "ü"]);
    let error = rows(engine.as_ref(), "select 'a' as n, '\\374'::\"char\" as x").await.unwrap_err();
    let told = (error.kind(), error.context("column"), error.context("row"));
    assert_eq!(told, (ErrorKind::InvalidData, Some("x"), Some("0")), "{error:?}");
}
