use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use stitchwork_core::{ErrorKind, Predicate, Scalar, col};

use super::*;
use crate::config::Profile;
use crate::dialect;

fn names(sql: &str) -> Vec<String> {
    let dialect = dialect::of(Profile::DuckDb);
    let analysis = analyse(sql, dialect.as_ref()).unwrap();
    let joined =
        |table: &TableUse| table.parts.iter().map(|part| part.value.as_str()).collect::<Vec<_>>().join(".");
    analysis.tables.iter().map(joined).collect()
}

#[test]
fn tables_are_found_and_common_table_expressions_are_none() {
    for (sql, expected) in [
        ("select 1", vec![]),
        ("select * from t", vec!["t"]),
        ("select * from lake.ns.t a join u on a.id = u.id", vec!["lake.ns.t", "u"]),
        ("with t as (select * from u) select * from t", vec!["u"]),
        ("with t as (select * from t) select * from t", vec!["t"]),
        ("with recursive t as (select 1 union all select * from t) select * from t", vec![]),
        ("select (select max(id) from u) from t where id in (select id from v)", vec!["t", "u", "v"]),
        ("from t select id", vec!["t"]),
        ("select * from \"Quoted Name\".\"t\"", vec!["Quoted Name.t"]),
        ("describe t", vec!["t"]),
    ] {
        let mut found = names(sql);
        found.sort();
        assert_eq!(found, expected, "{sql}");
    }
}

#[test]
fn columns_are_those_that_are_named_unless_some_are_not() {
    let dialect = dialect::of(Profile::DuckDb);
    let words = |sql: &str| analyse(sql, dialect.as_ref()).unwrap().words;
    for sql in [
        "select * from t",
        "select t.* from t",
        "select t from t",
        "from t",
        "select a.id from t a natural join u",
        "select columns('x.*') from t",
        "select hash(*) from t",
        "table t",
        "describe t",
        "select id from t using sample 3",
    ] {
        assert_eq!(words(sql), None, "{sql}");
    }
    let known = words("select count(*), \"Text\" from t where number > 1").unwrap();
    assert!(known.contains("text") && known.contains("number") && !known.contains("id"));
}

#[test]
fn what_is_no_query_is_refused() {
    let dialect = dialect::of(Profile::DuckDb);
    for (sql, kind) in [
        ("", ErrorKind::InvalidInput),
        ("selec 1", ErrorKind::InvalidInput),
        ("select 1; select 2", ErrorKind::InvalidInput),
        ("insert into t values (1)", ErrorKind::Unsupported),
        ("with x as (select 1) insert into t select * from x", ErrorKind::Unsupported),
        ("explain analyze delete from t", ErrorKind::Unsupported),
        ("attach 'file.db' as x", ErrorKind::Unsupported),
        ("copy t to 'file'", ErrorKind::Unsupported),
        ("set threads = 1", ErrorKind::Unsupported),
        ("select * into u from t", ErrorKind::Unsupported),
    ] {
        assert_eq!(analyse(sql, dialect.as_ref()).unwrap_err().kind(), kind, "{sql}");
    }
}

fn pushed(sql: &str, profile: Profile) -> Option<Predicate> {
    let schema = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("number", DataType::Float64, true),
        Field::new("text", DataType::Utf8, true),
        Field::new("price", DataType::Decimal128(10, 2), true),
        Field::new("day", DataType::Date32, true),
    ]));
    let dialect = dialect::of(profile);
    let analysis = analyse(sql, dialect.as_ref()).unwrap();
    let table = analysis.tables.iter().find(|table| table.parts.last().unwrap().value == "t").unwrap();
    predicate(table.filters.as_ref()?, &schema, dialect.pushes())
}

#[test]
fn filters_reach_the_table_where_they_mean_the_same() {
    let price = Scalar::parse("1.50", &DataType::Decimal128(10, 2)).unwrap();
    let day = |text: &str| Scalar::parse(text, &DataType::Date32).unwrap();
    for (filter, expected) in [
        ("id > 5", vec![col("id").gt(5_i64)]),
        ("5 > ID and text like 'a%'", vec![col("id").lt(5_i64), col("text").like("a%")]),
        ("t.price = 1.5", vec![col("price").eq(price)]),
        ("price = 1.555", vec![]),
        (
            "day between '2020-01-01' and date '2020-02-01'",
            vec![Predicate::And(vec![
                col("day").gt_eq(day("2020-01-01")),
                col("day").lt_eq(day("2020-02-01")),
            ])],
        ),
        ("not (id = 1 or number < -0.5)", vec![col("id").eq(1_i64).or(col("number").lt(-0.5)).negate()]),
        ("not (id = 1 and abs(number) < 1)", vec![]),
        ("id = 1 and abs(number) < 1", vec![col("id").eq(1_i64)]),
        ("text like 'a\\%'", vec![]),
        ("text is null", vec![col("text").is_null()]),
        ("text = 5", vec![]),
        ("id in (1, 2)", vec![col("id").is_in([1_i64, 2])]),
        ("id in (select 1)", vec![]),
    ] {
        let expected = (!expected.is_empty()).then(|| Predicate::And(expected));
        assert_eq!(pushed(&format!("select * from t where {filter}"), Profile::DuckDb), expected, "{filter}");
    }
    assert_eq!(pushed("select * from t where text < 'b'", Profile::PostgreSql), None);
    assert_eq!(pushed("select * from t where text like 'b%'", Profile::Sqlite), None);
    for sql in [
        "select * from t a left join u on true where a.id = 1",
        "select * from t join u on true where id = 1",
        "select * from t, t b where t.id = 1",
        "select * from t tablesample reservoir(1 rows) where id = 1",
        "select * from t a(x) where a.id = 1",
    ] {
        assert_eq!(pushed(sql, Profile::DuckDb), None, "{sql}");
    }
    let joined = "select * from t a join u on true where a.id = 1";
    assert!(pushed(joined, Profile::DuckDb).is_some());
}

#[test]
fn names_are_rewritten_where_they_stand() {
    let dialect = dialect::of(Profile::PostgreSql);
    let sql = "select 'ö.t', lake.ns.t.id, t.\"a b\"\nfrom lake.ns.t\n  join lake.ns.t as b on true, u where lake.ns.t.id > 1";
    let analysis = analyse(sql, dialect.as_ref()).unwrap();
    let table = &analysis.tables[0];
    let replacement = Replacement { table, name: "pg_temp.\"x\"".to_owned(), keeps_name: false };
    assert_eq!(
        rewrite(sql, dialect.as_ref(), &analysis, &[replacement]).unwrap(),
        "select 'ö.t', \"t\".id, t.\"a b\"\nfrom pg_temp.\"x\" AS \"t\"\n  join pg_temp.\"x\" as b on true, u where \"t\".id > 1"
    );
}

#[test]
fn time_travel_is_refused_with_what_to_do() {
    for profile in Profile::ALL {
        let dialect = dialect::of(profile);
        for (sql, asked) in [
            ("select * from lake.ns.t version as of 3", "VERSION AS OF"),
            ("select * from t VERSION AS OF 'branch' where id > 1", "VERSION AS OF"),
            ("select id from t timestamp as of '2026-01-31 12:00:00' a", "TIMESTAMP AS OF"),
            ("select id from t timestamp as of timestamp '2026-01-31 12:00:00'", "TIMESTAMP AS OF"),
            ("select id from t for version as of 3", "VERSION AS OF"),
            ("select id from t for system_time as of '2026-01-31'", "FOR SYSTEM_TIME AS OF"),
            ("select id from t for system_version as of 4", "FOR SYSTEM_VERSION AS OF"),
            ("select id from t at (version => 3)", "AT (VERSION => …)"),
            ("select id from t at (timestamp => now() - interval 1 day)", "AT (TIMESTAMP => …)"),
        ] {
            let error = analyse(sql, dialect.as_ref()).err().unwrap_or_else(|| panic!("{sql} is taken"));
            assert_eq!((error.kind(), error.context("sql")), (ErrorKind::Unsupported, Some(asked)), "{sql}");
            assert!(error.to_string().contains("register"), "{error}");
        }
        for sql in ["select version as of from t", "select \"at\", timestamp as of from t version"] {
            assert!(analyse(sql, dialect.as_ref()).is_ok(), "{sql}");
        }
    }
    // Text that only DuckDB knows, with such words as names.
    let only_duckdb = "from t select version as of, list_transform([1], lambda x: x) limit 10%";
    assert!(analyse(only_duckdb, dialect::of(Profile::DuckDb).as_ref()).is_ok());
}
