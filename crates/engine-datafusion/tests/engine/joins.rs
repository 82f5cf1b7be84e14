//! Queries over several tables, over files that filters reach.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray, StructArray};
use stitchwork_core::ErrorKind;
use stitchwork_engine_datafusion::DataFusionEngine;

use crate::changeable::Changeable;
use crate::support::{Files, Memory, engine, engines, query_error, register, rows};

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, array)| (name, array, true)))
        .unwrap()
}

async fn file(engine: &DataFusionEngine, name: &str, batch: &RecordBatch) {
    let mut files = Files::new(batch.schema());
    files.write(&format!("memory:{name}/a.parquet"), batch).await;
    register(engine, name, &Arc::new(files)).await;
}

/// Prices of before and of now, the second table with one row more.
async fn prices(engine: &DataFusionEngine) {
    let table = |ids: Vec<i64>, prices: Vec<f64>, notes: Vec<&str>| {
        batch(vec![
            ("id", Arc::new(Int64Array::from(ids)) as ArrayRef),
            ("price", Arc::new(Float64Array::from(prices))),
            ("note", Arc::new(StringArray::from(notes))),
        ])
    };
    file(engine, "old", &table(vec![1, 2, 3], vec![5.0, 6.0, 7.0], vec!["a", "b", "c"])).await;
    file(engine, "new", &table(vec![1, 2, 3, 4], vec![5.5, 6.0, 8.0, 9.0], vec!["x", "b", "y", "z"])).await;
}

#[tokio::test]
async fn a_filter_on_one_side_of_a_join_is_none_on_the_other() {
    for engine in engines() {
        prices(&engine).await;
        for (sql, expected) in [
            (
                "select n.id, n.price from old o right join new n on o.id = n.id where o.price is null",
                vec!["4|9.0"],
            ),
            ("select n.id from old o right join new n using (id) where o.note is null", vec!["4"]),
            (
                "select n.note from old o right join new n on o.id = n.id and o.price = n.price where o.price > 5",
                vec!["b"],
            ),
            (
                "select n.id from old o full join new n on n.id = o.id + 2 where n.id > 0 and o.note is null",
                vec!["1", "2"],
            ),
            (
                "select o.id from new n left join old o on o.id = n.id where o.price is null and n.price > 8",
                vec![""],
            ),
            (
                "select n.id, o.price from old o join new n on o.id = n.id order by o.price desc, n.price limit 1",
                vec!["3|7.0"],
            ),
        ] {
            assert_eq!(rows(&engine, sql).await, expected, "{sql}");
        }
    }
}

#[tokio::test]
async fn a_bound_of_one_column_leaves_out_no_row_of_another() {
    let ids = (0..20_000).collect::<Int64Array>();
    let values = (0..20_000).map(|id| (id * 7919) % 20_000).collect::<Int64Array>();
    for engine in engines() {
        file(&engine, "t", &batch(vec![("id", Arc::new(ids.clone())), ("v", Arc::new(values.clone()))]))
            .await;
        assert_eq!(rows(&engine, "select min(id), max(v + 1) from t").await, ["0|20000"]);
        assert_eq!(rows(&engine, "select min(id), max(id + 1) from t").await, ["0|20000"]);
        assert_eq!(rows(&engine, "select max(id), min(v) from t where id % 2 = 1").await, ["19999|1"]);
    }
}

#[tokio::test]
async fn what_is_not_known_to_be_a_member_is_unknown_in_every_condition() {
    let orders = || {
        batch(vec![
            ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4])) as ArrayRef),
            ("cust", Arc::new(Int64Array::from(vec![Some(10), Some(20), None, Some(40)]))),
            ("old", Arc::new(BooleanArray::from(vec![true, false, false, false]))),
        ])
    };
    let active = batch(vec![("cust", Arc::new(Int64Array::from(vec![Some(10), None])) as ArrayRef)]);
    let engine = engine();
    register(&engine, "orders", &Memory::new(vec![orders()])).await;
    register(&engine, "active", &Memory::new(vec![active.clone()])).await;
    for (condition, expected) in [
        ("cust not in (select cust from active) or old", vec!["1"]),
        ("not (cust in (select cust from active)) or old", vec!["1"]),
        ("not (cust not in (select cust from active)) or id = 4", vec!["1", "4"]),
        ("case when cust not in (select cust from active) then true else false end", vec![]),
        ("(cust not in (select cust from active)) is null", vec!["2", "3", "4"]),
        ("cust in (select cust from active) or id = 3", vec!["1", "3"]),
        ("cust not in (select cust from active)", vec![]),
        ("cust not in (select cust from active where cust is not null) or old", vec!["1", "2", "4"]),
    ] {
        assert_eq!(
            rows(&engine, &format!("select id from orders where {condition}")).await,
            expected,
            "{condition}"
        );
    }
    let changed = Changeable::new(orders());
    register(&engine, "changed", &changed).await;
    assert_eq!(
        rows(&engine, "delete from changed where cust not in (select cust from active) or old").await,
        ["1"]
    );
    assert_eq!(rows(&engine, "select id from changed").await, ["2", "3", "4"]);

    let correlated =
        "select id from orders o where old or cust not in (select a.cust from active a where a.cust > o.id)";
    assert_eq!(query_error(&engine, correlated).await.kind(), ErrorKind::Unsupported);
}

#[tokio::test]
async fn fields_of_structs_are_compared_across_tables() {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![Some(-1), Some(2), None, Some(3)]));
    let floats: ArrayRef = Arc::new(Float64Array::from(vec![0.5, f64::NAN, 2.5, -0.0]));
    let inside = batch(vec![("n", numbers), ("f", floats)]);
    let table = batch(vec![
        ("id", Arc::new(Int64Array::from(vec![1, 2, 3, 4])) as ArrayRef),
        ("s", Arc::new(StructArray::from(inside))),
    ]);
    for engine in engines() {
        file(&engine, "a", &table).await;
        file(&engine, "b", &table).await;
        for (sql, expected) in [
            ("select a.id, b.id from a join b on a.s.f = b.s.f", vec!["1|1", "2|2", "3|3", "4|4"]),
            ("select a.id, b.id from a join b on abs(a.s['n']) + 1 = b.s['n']", vec!["1|2", "2|4"]),
            ("select a.id from a, b where a.s['n'] * 2 = b.s['n'] * -4", vec!["2"]),
            ("select id from a where s['f'] in (select s['f'] from b where id > 1)", vec!["2", "3", "4"]),
            ("select id from a where s['n'] + 1 in (select s['n'] from b)", vec!["2"]),
            (
                "select id from a where exists (select 1 from b where abs(b.s['n']) = a.s['n'] - 1)",
                vec!["2", "4"],
            ),
            (
                "select a.id from a left join b on a.s['f'] = b.s['f'] and b.s['n'] > 2 where b.id = 4",
                vec!["4"],
            ),
        ] {
            assert_eq!(rows(&engine, sql).await, expected, "{sql}");
        }
    }
}

#[tokio::test]
async fn a_shared_column_is_that_of_the_side_that_has_a_row() {
    let table = |ids: Vec<i64>, texts: Vec<&str>| {
        batch(vec![
            ("id", Arc::new(Int64Array::from(ids)) as ArrayRef),
            ("s", Arc::new(StringArray::from(texts))),
        ])
    };
    for engine in engines() {
        file(&engine, "t", &table(vec![1, 2], vec!["a", "b"])).await;
        file(&engine, "u", &table(vec![2, 3], vec!["x", "y"])).await;
        for (sql, expected) in [
            ("select id from t full join u using (id)", vec!["1", "2", "3"]),
            ("select ID, t.id, u.id from t full join u using (id)", vec!["1|1|", "2|2|2", "3||3"]),
            ("select * from t full join u using (id)", vec!["1|a|", "2|b|x", "3||y"]),
            ("select *, id + 1 from t right join u using (id)", vec!["2|b|x|3", "3||y|4"]),
            ("select id, count(id) from t a full join u b using (id) group by id", vec!["1|1", "2|1", "3|1"]),
            ("select u.s from t right join u using (id) where id > 2", vec!["y"]),
            ("select u.s from t full join u using (id) order by id desc limit 1", vec!["y"]),
            ("select id as n from t full join u using (id) order by id desc limit 1", vec!["3"]),
            ("select sum(id) over (order by id) from t full join u using (id)", vec!["1", "3", "6"]),
            ("select id from t join u using (id) where id < 3", vec!["2"]),
            ("select * from t left join u using (id) where id = 1", vec!["1|a|"]),
            ("select id from t natural full join u", vec!["1", "2", "2", "3"]),
            ("select * exclude (id) from t full join u using (id)", vec!["a|", "b|x", "|y"]),
            ("select t.s, id from t left join u using (id) order by id desc limit 1", vec!["b|2"]),
            ("select id from (select id from t full join u using (id)) where id > 2", vec!["3"]),
            (
                "select id, v.s from t left join u using (id) full join (select 3 as k, 's' as s) v on v.k = t.id",
                vec!["1|", "2|", "|s"],
            ),
            (
                "select id, w.s from t full join u using (id) join (select 3 as k, 's' as s) w on w.k = id",
                vec!["3|s"],
            ),
        ] {
            assert_eq!(rows(&engine, sql).await, expected, "{sql}");
        }
        for sql in [
            "select id from t full join u using (id) full join t v using (id)",
            "select id from t cross join u full join t v using (id)",
            "select id from t except all select id from u",
            "select * from t positional join u",
            "select id from t union (select id from u intersect all select id from t)",
        ] {
            let error = query_error(&engine, sql).await;
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{sql}: {error}");
        }
        let sql = "select distinct t.id is null is true from u left join t on t.id = u.id";
        assert_eq!(rows(&engine, sql).await, ["false", "true"]);
    }
}

/// Of a shared column, the planner takes that of the table whose name comes first in the alphabet.
#[tokio::test]
async fn all_columns_are_those_of_the_tables_in_their_order() {
    let table = |ids: Vec<i64>, name: &str, texts: Vec<&str>| {
        batch(vec![
            (name, Arc::new(StringArray::from(texts)) as ArrayRef),
            ("id", Arc::new(Int64Array::from(ids))),
        ])
    };
    for engine in engines() {
        file(&engine, "z", &table(vec![1, 9], "s", vec!["z1", "z9"])).await;
        file(&engine, "a", &table(vec![1, 2], "t", vec!["a1", "a2"])).await;
        file(&engine, "m", &table(vec![1, 9], "u", vec!["m1", "m9"])).await;
        for (sql, expected) in [
            ("select * from z join a using (id)", vec!["z1|1|a1"]),
            ("select * from z left join a using (id)", vec!["z1|1|a1", "z9|9|"]),
            ("select * from z right join a using (id)", vec!["z1|1|a1", "|2|a2"]),
            ("select * from z full join a using (ID)", vec!["z1|1|a1", "z9|9|", "|2|a2"]),
            ("select * from z natural join a", vec!["z1|1|a1"]),
            ("select * from z natural left join a", vec!["z1|1|a1", "z9|9|"]),
            ("select * from z natural right join a", vec!["z1|1|a1", "|2|a2"]),
            ("select * from z natural full join a", vec!["z1|1|a1", "z9|9|", "|2|a2"]),
            ("from z natural left join a", vec!["z1|1|a1", "z9|9|"]),
            ("select * from z left join a using (id) left join m using (id)", vec!["z1|1|a1|m1", "z9|9||m9"]),
            ("select * from z natural left join a natural join m", vec!["z1|1|a1|m1", "z9|9||m9"]),
            (
                "select * from z join m on z.id = m.id left join a on a.id = z.id and a.id = 1 join (select 'z1' as s, 2 as k) b using (s)",
                vec!["z1|1|m1|1|a1|1|2"],
            ),
            (
                "select * from m b, z left join a using (id) where b.id = 9",
                vec!["m9|9|z1|1|a1", "m9|9|z9|9|"],
            ),
            ("select * from z left semi join a using (id) join m using (id)", vec!["z1|1|m1"]),
            ("select * from z right semi join a using (id)", vec!["a1|1"]),
            (
                "select * from z cross join (select 5 as k) x natural left join a",
                vec!["z1|1|5|a1", "z9|9|5|"],
            ),
            ("select * from z natural join (select 5 as k) b", vec!["z1|1|5", "z9|9|5"]),
            (
                "select * from ((z natural left join a) cross join (select 5 as k) b) join m using (id)",
                vec!["z1|1|a1|5|m1", "z9|9||5|m9"],
            ),
            ("select * from (z left join a using (id)) where s = 'z9'", vec!["z9|9|"]),
            ("select * from z left join (select * from a) using (id)", vec!["z1|1|a1", "z9|9|"]),
            ("select * from z natural left join (select * from a)", vec!["z1|1|a1", "z9|9|"]),
            (
                "select * from (select * from z) left join (select * from a) using (id)",
                vec!["z1|1|a1", "z9|9|"],
            ),
            ("select * from z join (select id from z) using (id)", vec!["z1|1", "z9|9"]),
            (
                "select id, v from (select 1 as id, 'a' as v) x join (select 1 as id) using (id) order by id",
                vec!["1|a"],
            ),
            ("select z.s from z, (select max(id) as most from z) where z.id = most", vec!["z9"]),
            (
                "select * from (select * from z) y left join (select * from a) b using (id)",
                vec!["z1|1|a1", "z9|9|"],
            ),
            (
                "select * from (select * from z natural left join a) y natural left join m",
                vec!["z1|1|a1|m1", "z9|9||m9"],
            ),
            (
                "with b as (select * from a), z as (select * from z natural left join b) select * from z",
                vec!["z1|1|a1", "z9|9|"],
            ),
            ("with z as (select 9 as id, 'w' as w) select * from z natural left join a", vec!["9|w|"]),
            ("select *, id, a.id from z left join a using (id)", vec!["z1|1|a1|1|1", "z9|9||9|"]),
            ("select z.*, id from z left join a using (id)", vec!["z1|1|1", "z9|9|9"]),
            ("select * from z left join a using (id) order by id desc limit 1", vec!["z9|9|"]),
            ("select distinct * from z left join a using (id)", vec!["z1|1|a1", "z9|9|"]),
            ("select id, s from (select * from z left join a using (id)) where id > 1", vec!["9|z9"]),
            (
                "select * from z where id in (select id from (select * from z left join a using (id)))",
                vec!["z1|1", "z9|9"],
            ),
            (
                "select * from z left join a using (id) union all select * from z natural right join a",
                vec!["z1|1|a1", "z1|1|a1", "z9|9|", "|2|a2"],
            ),
            (
                "select * from generate_series(8, 9) g join (select 9 as value, 1 as b) a using (value)",
                vec!["9|1"],
            ),
            (
                "select * from generate_series(8, 9) left join (select 9 as value, 1 as b) a using (value)",
                vec!["8|", "9|1"],
            ),
            ("select * exclude (s) from z left join a using (id)", vec!["1|a1", "9|"]),
            (
                "select * exclude (s) from z left join (select *, 's' as s from a) b using (id)",
                vec!["1|a1", "9|"],
            ),
            ("select * exclude (id) from z join a on a.id = z.id", vec!["z1|a1"]),
            ("select * exclude (s) from z left join (select t, id from a) using (id)", vec!["1|a1", "9|"]),
            (
                "select * from z left join a using (id) left join m using (id) left join a y using (id)",
                vec!["z1|1|a1|m1|a1", "z9|9||m9|"],
            ),
            (
                "select id, count(*) from z natural left join a natural join m left join z w using (id) left join a v using (id) group by id having id > 0 order by id",
                vec!["1|1", "9|1"],
            ),
            (
                "select count(*) from z join a using (id) join m using (id) join z w using (id) where id = 1",
                vec!["1"],
            ),
            ("select * exclude (t) from z full join a using (id) order by id desc limit 1", vec!["z9|9"]),
            ("select distinct * exclude (s) from z full join a using (id) order by id limit 1", vec!["1|a1"]),
            ("select * exclude (id) from z left join a using (id)", vec!["z1|a1", "z9|"]),
            ("select * exclude (ID, t) from z full join a using (id)", vec!["", "z1", "z9"]),
            ("select * replace (id + 1 as id) from z left join a using (id)", vec!["z1|2|a1", "z9|10|"]),
            (
                "select * replace (upper(t) as t) from z natural full join a",
                vec!["z1|1|A1", "z9|9|", "|2|A2"],
            ),
            ("select * exclude (s) replace (-id as id) from z natural right join a", vec!["-1|a1", "-2|a2"]),
        ] {
            assert_eq!(rows(&engine, sql).await, expected, "{sql}");
        }
        let sql = "select * exclude (nope) from z left join a using (id)";
        assert_eq!(query_error(&engine, sql).await.kind(), ErrorKind::InvalidInput);
    }
}

#[tokio::test]
async fn what_is_changed_by_all_columns_is_changed_by_those_of_the_first_table() {
    let table = |ids: Vec<i64>, name: &str| {
        let names = ids.iter().map(|id| Some(format!("{name}{id}"))).collect::<StringArray>();
        batch(vec![("id", Arc::new(Int64Array::from(ids)) as ArrayRef), (name, Arc::new(names))])
    };
    let engine = engine();
    register(&engine, "z", &Memory::new(vec![table(vec![1, 9], "z")])).await;
    register(&engine, "a", &Memory::new(vec![table(vec![1, 2], "a")])).await;
    let target = batch(vec![
        ("id", Arc::new(Int64Array::from(vec![1])) as ArrayRef),
        ("z", Arc::new(StringArray::from(vec!["old"]))),
        ("a", Arc::new(StringArray::from(vec!["old"]))),
    ]);
    register(&engine, "target", &Changeable::new(target)).await;
    let merge = "merge into target using (select * from z natural left join a) s on target.id = s.id \
                 when matched then update set z = s.z \
                 when not matched then insert (id, z, a) values (s.id, s.z, s.a)";
    rows(&engine, merge).await;
    assert_eq!(rows(&engine, "select * from target").await, ["1|z1|old", "9|z9|"]);
    rows(&engine, "insert into target select * from z left join a using (id)").await;
    assert_eq!(rows(&engine, "select * from target").await, ["1|z1|a1", "1|z1|old", "9|z9|", "9|z9|"]);
}

#[tokio::test]
async fn lists_with_nulls_are_joined() {
    let table =
        batch(vec![("k", Arc::new(Int64Array::from(vec![Some(1), Some(2), Some(3), None, Some(5)])) as _)]);
    for engine in engines() {
        file(&engine, "t", &table).await;
        for (sql, expected) in [
            (
                "select a.k from (select k, [k] v from t) a join (select [k] v from t) b on a.v = b.v",
                vec!["", "1", "2", "3", "5"],
            ),
            ("select k from t where [k] in (select [k] from t)", vec!["", "1", "2", "3", "5"]),
            ("select count(*) from (select [k] from t intersect select [k] from t)", vec!["5"]),
            ("select count(*) from (select [k] from t except select [k] from t)", vec!["0"]),
        ] {
            assert_eq!(rows(&engine, sql).await, expected, "{sql}");
        }
    }
}
