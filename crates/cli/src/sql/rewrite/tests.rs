use super::*;

fn vocabulary() -> Vocabulary {
    let set = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    Vocabulary {
        catalog: "p".to_owned(),
        functions: set(&["csv", "delta", "iceberg"]),
        attached: set(&[]),
        tables: set(&["orders", "Big"]),
        ..Vocabulary::default()
    }
}

/// The statement with `P(x)`, `D(x)` and so on in the place of what was rewritten.
fn shown(sql: &str) -> String {
    rewrite(sql, &vocabulary())
}

#[test]
fn paths_and_calls_become_names() {
    for (sql, expected) in [
        ("select * from 'a.csv'", r#"select * from "p"."path"."a.csv""#),
        ("SELECT * FROM\n'a''b\"c.csv' x", "SELECT * FROM\n\"p\".\"path\".\"a'b\"\"c.csv\" x"),
        ("select * from delta('s3://b/t') d", r#"select * from "p"."delta"."s3://b/t" d"#),
        ("select * from read_csv ( 'a' )", r#"select * from "p"."csv"."a""#),
        (
            "select * from csv('a', delimiter => ';', header=false) x, 'b'",
            r#"select * from "p"."csv(delimiter => ';', header=false)"."a" x, "p"."path"."b""#,
        ),
        (
            "select * from read_csv('a',\nquote := '\"', n => [f(1), ')'])) where x = 'y'",
            "select * from \"p\".\"csv(quote := '\"\"', n => [f(1), ')'])\".\"a\") where x = 'y'",
        ),
        ("select * from DELTA('a') version as of 3", r#"select * from "p"."delta"."a" version as of 3"#),
        (
            "select * from 'a', 'b' where x = 'c'",
            r#"select * from "p"."path"."a", "p"."path"."b" where x = 'c'"#,
        ),
        ("select * from t join 'b' using (id)", r#"select * from t join "p"."path"."b" using (id)"#),
        (
            "select * from ('a' join 'b' on true)",
            r#"select * from ("p"."path"."a" join "p"."path"."b" on true)"#,
        ),
        (
            "select * from t join 'b' on t.x = 'x', 'c'",
            r#"select * from t join "p"."path"."b" on t.x = 'x', "p"."path"."c""#,
        ),
        (
            "select (select max(x) from 'a') from 'b'",
            r#"select (select max(x) from "p"."path"."a") from "p"."path"."b""#,
        ),
        (
            "select 1 from t where x in (select y from 'a')",
            r#"select 1 from t where x in (select y from "p"."path"."a")"#,
        ),
        (
            "insert into delta('t') select * from 'a'",
            r#"insert into "p"."delta"."t" select * from "p"."path"."a""#,
        ),
        ("insert overwrite delta('t') values ('a')", r#"insert overwrite "p"."delta"."t" values ('a')"#),
        (
            "update delta('t') set a = 'b' where c = 'd'",
            r#"update "p"."delta"."t" set a = 'b' where c = 'd'"#,
        ),
        ("explain update delta('t') set a = 1", r#"explain update "p"."delta"."t" set a = 1"#),
        ("delete from iceberg('t') where x = 'y'", r#"delete from "p"."iceberg"."t" where x = 'y'"#),
        ("truncate table delta('t')", r#"truncate table "p"."delta"."t""#),
        (
            "merge into delta('t') t using 'a' s on t.id = s.id when matched then update set x = 'y'",
            r#"merge into "p"."delta"."t" t using "p"."path"."a" s on t.id = s.id when matched then update set x = 'y'"#,
        ),
        ("describe 'a.csv'", r#"describe "p"."path"."a.csv""#),
        ("show columns from 'a.csv'", r#"show columns from "p"."path"."a.csv""#),
        (
            "with x as (select 1) insert into delta('t') from 'a'",
            r#"with x as (select 1) insert into "p"."delta"."t" from "p"."path"."a""#,
        ),
        (
            "update delta('t') set a = 'b' from 'c' where d = 'e'",
            r#"update "p"."delta"."t" set a = 'b' from "p"."path"."c" where d = 'e'"#,
        ),
        ("select 1 union all select x from 'a'", r#"select 1 union all select x from "p"."path"."a""#),
    ] {
        assert_eq!(shown(sql), expected);
    }
}

/// Statements in which every text `x/` is a table, and no other text is one.
#[test]
fn tables_are_found_in_sql_that_begins_with_them() {
    for sql in [
        "from 'x/'",
        "FROM 'x/' a, 'x/' b select a.n, 'no' where b.n = 'no' limit 3",
        "from 'x/' a join 'x/' b using (id) select max(a.n)",
        "from delta('x/') select n",
        "explain from 'x/' select n",
        "explain analyze from 'x/'",
        "explain (format json) from 'x/'",
        "select * from (from 'x/' select n where n > 'no') t",
        "select 1 where n in (from 'x/' select n) and exists (from 'x/')",
        "select (from 'x/' select max(n)), 'no'",
        "with a as (from 'x/'), b as (select 1) from 'x/' select 'no'",
        "with a as (from 'x/') select 'no' from a, 'x/'",
        "from 'x/' union all from 'x/' union distinct from 'x/' except from 'x/'",
        "(from 'x/') intersect all from 'x/' union by name from 'x/' union all by name from 'x/'",
        "create table t as from 'x/' select 'no'",
        "insert into delta('x/') from 'x/' select 'no'",
        "insert into delta('x/') (a, b) from 'x/' select 'no'",
        "pivot 'x/' on year in ('no', 'no') using sum(n), max('no') group by name",
        "pivot delta('x/') on year using first(n order by m desc)",
        "pivot (from 'x/' where y = 'no') on year using sum(n)",
        "PIVOT_WIDER 'x/' on year",
        "explain pivot 'x/' on year",
        "from (pivot 'x/' on year using sum(n)) select 'no'",
        "with a as (pivot 'x/' on year using sum(n)) from a, 'x/' select 'no'",
        "from 'x/' pivot (sum(n) for year in ('no', 'no')) select 'no'",
        "select * from 'x/' unpivot (n for year in (a, b)) where n = 'no'",
        "unpivot 'x/' on a, b into name k value v",
        "summarize 'x/'",
        "summarize from 'x/' select n",
        "describe from 'x/' select 'no'",
        "select * from (describe 'x/') where column_name = 'no'",
    ] {
        let expected =
            sql.replace("delta('x/')", r#""p"."delta"."x/""#).replace("'x/'", r#""p"."path"."x/""#);
        assert_eq!(shown(sql), expected);
    }
}

#[test]
fn texts_that_are_no_tables_stay() {
    for sql in [
        "select 'a' from t",
        "select trim(both 'x' from 'xyx') from t",
        "select trim(from 'x'), trim(leading from 'x') from t",
        "from t select trim(from 'x'), a is distinct from 'b'",
        "select extract(year from '2024-01-01'), extract(name from 'x'), overlay(a placing b from 'c')",
        "from t select f(pivot, 'x'), sum(summarize || 'x') order by f(desc, 'a') desc, 'b'",
        "with x as (select 1) select cast(a as timestamp with time zone), substring(b from 'c') from x",
        "select substring('abc' from 2 for 1)",
        "select a is distinct from 'b', c is not distinct from 'd' from t",
        "select * from t where x = 'a' group by x, 'b' order by 1, 'c'",
        "select * from t version as of 'branch'",
        "select * from generate_series(1, 3)",
        "select * from other('a')",
        "select * from other('a', delimiter => ';')",
        "select * from csv('a', delimiter => ';'",
        "select * from csv('a' || 'b')",
        "select * from unnest(['a', 'b'])",
        "select * from t join u on t.s = ['a', 'b'][1]",
        "select * from t join u on {'a': t.id, 'b': 'x'} = {'a': u.id, 'b': 'x'} and u.s in ('c', 'd')",
        "select date '2024-01-01', interval '1' day from t",
        "select count(*) from t having max(x) > 'a'",
        "values ('a', 'b')",
        "select 'open",
    ] {
        assert_eq!(shown(sql), sql);
    }
}

#[test]
fn tables_of_the_project_go_by_their_own_names() {
    for (sql, expected) in [
        ("select orders.id from Orders", r#"select orders.id from "p"."orders""#),
        ("select * from \"Big\" o", r#"select * from "p"."Big" o"#),
        ("select * from \"orders$history\"", r#"select * from "p"."orders$history""#),
        ("select * from orders version as of 1", r#"select * from "p"."orders" version as of 1"#),
        ("delete from orders", r#"delete from "p"."orders""#),
        ("insert into orders (id, v) values (1, 2)", r#"insert into "p"."orders" (id, v) values (1, 2)"#),
        (
            "insert into table orders(id) from 'a'",
            r#"insert into table "p"."orders"(id) from "p"."path"."a""#,
        ),
        ("insert overwrite \"orders\" (\"id\") select 1", r#"insert overwrite "p"."orders" ("id") select 1"#),
        (
            "insert into orders (select * from orders)",
            r#"insert into "p"."orders" (select * from "p"."orders")"#,
        ),
    ] {
        assert_eq!(shown(sql), expected);
    }
    for sql in [
        "select * from x.orders",
        "select * from big",
        "select orders from t",
        "with orders as (select 1) select * from orders",
        "with a as (select 1), orders (x, y) as materialized (select 1, 2) select * from orders",
    ] {
        assert_eq!(shown(sql), sql);
    }
}
