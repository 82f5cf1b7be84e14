//! Lists and maps whose elements changed since their file was written, and structs in structs.

use std::sync::Arc;

use arrow_array::builder::{Int32Builder, MapBuilder, StringBuilder};
use arrow_array::{Array, ArrayRef, Int32Array, ListArray, RecordBatch, StructArray};
use arrow_buffer::OffsetBuffer;
use arrow_schema::{DataType, Field, Fields, Schema};
use stitchwork_core::{Engine, FieldMapping, MapBy, QueryArgs};

use crate::files::batch;
use crate::support::{Files, engine, engines, field, register, rows};

fn files() -> (Schema, RecordBatch) {
    let xs: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3, 4, 5]));
    let old_element = Fields::from(vec![field("x", DataType::Int32, 5, None)]);
    let elements = StructArray::new(old_element, vec![xs], None);
    let list = ListArray::new(
        Arc::new(Field::new("element", elements.data_type().clone(), true)),
        OffsetBuffer::from_lengths([2, 0, 3]),
        Arc::new(elements),
        Some(vec![true, false, true].into()),
    );

    let mut map = MapBuilder::new(None, StringBuilder::new(), Int32Builder::new());
    for (key, value) in [("a", 1), ("b", 2), ("a", 3)] {
        map.keys().append_value(key);
        map.values().append_value(value);
        map.append(true).unwrap();
    }
    let map = map.finish();

    let inner = Fields::from(vec![field("u", DataType::Int32, 8, None)]);
    let us: ArrayRef = Arc::new(Int32Array::from(vec![Some(7), None, Some(9)]));
    let inner = StructArray::new(inner, vec![us], Some(vec![true, true, false].into()));
    let outer = Fields::from(vec![field("i", inner.data_type().clone(), 7, None)]);
    let outer = StructArray::new(outer, vec![Arc::new(inner)], None);

    let file = Schema::new(vec![
        field("l", list.data_type().clone(), 1, None),
        field("m", map.data_type().clone(), 2, None),
        field("o", outer.data_type().clone(), 3, None),
    ]);
    let batch =
        RecordBatch::try_new(Arc::new(file), vec![Arc::new(list), Arc::new(map), Arc::new(outer)]).unwrap();

    let element = DataType::Struct(Fields::from(vec![
        field("d", DataType::Utf8, 6, Some("dd")),
        field("y", DataType::Int64, 5, None),
    ]));
    let entries = DataType::Struct(Fields::from(vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Int64, true),
    ]));
    let inner = DataType::Struct(Fields::from(vec![
        field("v", DataType::Int64, 8, None),
        field("w", DataType::Int64, 9, Some("4")),
    ]));
    let table = Schema::new(vec![
        field("outer", DataType::Struct(Fields::from(vec![field("inner", inner, 7, None)])), 3, None),
        field("list", DataType::List(Arc::new(Field::new("item", element, true))), 1, None),
        field("map", DataType::Map(Arc::new(Field::new("entries", entries, false)), false), 2, None),
    ]);
    (table, batch)
}

#[tokio::test]
async fn fields_are_found_at_every_depth() {
    let (table, batch) = files();
    let mut files = Files::new(Arc::new(table));
    files.mapping = FieldMapping::new(MapBy::FieldId);
    files.write("memory:a", &batch).await;
    let files = Arc::new(files);
    for engine in engines() {
        register(&engine, "t", &files).await;
        for (sql, expected) in [
            (
                "select list from t",
                vec!["", "[{d: dd, y: 1}, {d: dd, y: 2}]", "[{d: dd, y: 3}, {d: dd, y: 4}, {d: dd, y: 5}]"],
            ),
            ("select list[1]['y'] from t where list is not null", vec!["1", "3"]),
            ("select list[2]['d'] from t where cardinality(list) > 2", vec!["dd"]),
            ("select map from t where map['a'] = 3", vec!["{a: 3}"]),
            ("select map['b'] from t", vec!["", "", "2"]),
            ("select outer['inner']['v'], outer['inner']['w'] from t", vec!["7|4", "|", "|4"]),
            ("select outer['inner']['v'] from t where outer['inner']['v'] = 7", vec!["7"]),
            ("select count(*) from t where outer['inner']['v'] is null", vec!["2"]),
            ("select count(*) from t where outer['inner']['w'] = 4", vec!["2"]),
            ("select outer from t where outer['inner'] is null", vec!["{inner: }"]),
        ] {
            assert_eq!(rows(&engine, sql).await, expected, "{sql} {:?}", engine.config());
        }
    }
}

#[tokio::test]
async fn what_is_required_inside_of_what_is_null_has_its_nulls() {
    let required = |name: &str, data_type: DataType| Field::new(name, data_type, false);
    let ids: ArrayRef = Arc::new(Int32Array::from_iter_values(0..250));
    let inner = StructArray::from(vec![(Arc::new(required("n", DataType::Int32)), ids.clone())]);
    let fields = Fields::from(vec![required("inner", inner.data_type().clone())]);
    // Two of three are null.
    let nulls = (0..250).map(|row| row % 3 == 0).collect::<Vec<_>>();
    let outer: ArrayRef = Arc::new(StructArray::new(fields, vec![Arc::new(inner)], Some(nulls.into())));
    let list = Field::new("element", outer.data_type().clone(), true);
    let lists: ArrayRef = Arc::new(ListArray::new(
        Arc::new(list),
        OffsetBuffer::from_repeated_length(1, 250),
        outer.clone(),
        None,
    ));
    let batch = batch(vec![
        (required("id", DataType::Int32), ids),
        (Field::new("s", outer.data_type().clone(), true), outer),
        (Field::new("l", lists.data_type().clone(), true), lists),
    ]);
    let mut files = Files::new(batch.schema());
    files.write("memory:a", &batch).await;
    files.write("memory:b", &batch).await;
    let files = Arc::new(files);
    for engine in engines() {
        register(&engine, "t", &files).await;
        for (sql, expected) in [
            ("select s from t order by id, s limit 3", vec!["", "{inner: {n: 0}}", "{inner: {n: 0}}"]),
            ("select l from t where id < 2 order by id desc limit 2", vec!["[]", "[]"]),
            ("select a.s from t a join t b on a.id = b.id where a.id = 4", vec!["", "", "", ""]),
            (
                "select count(*), count(s), count(s['inner']), sum(s['inner']['n']) from t",
                vec!["500|168|168|20916"],
            ),
            ("select count(*) from t where s['inner'] is null", vec!["332"]),
            ("select count(*) from (select s from t union select s from t)", vec!["85"]),
        ] {
            assert_eq!(rows(&engine, sql).await, expected, "{sql} {:?}", engine.config());
        }
    }
}

#[tokio::test]
async fn a_field_of_what_is_null_is_null() {
    let xs: ArrayRef = Arc::new(Int32Array::from(vec![7, 8, 9, 10]));
    let ids: ArrayRef = Arc::new(Int32Array::from(vec![1, 2, 3, 4]));
    for required in [true, false] {
        let fields = Fields::from(vec![Field::new("x", DataType::Int32, !required)]);
        let nulls = Some(vec![true, false, true, false].into());
        let s: ArrayRef = Arc::new(StructArray::new(fields, vec![xs.clone()], nulls));
        let fields = [Field::new("id", DataType::Int32, false), Field::new("s", s.data_type().clone(), true)];
        let table = batch(fields.into_iter().zip([ids.clone(), s]).collect());
        let mut files = Files::new(table.schema());
        files.write("memory:a", &table).await;
        let files = Arc::new(files);
        for engine in engines() {
            register(&engine, "t", &files).await;
            for (sql, expected) in [
                ("select id, s.x from t", vec!["1|7", "2|", "3|9", "4|"]),
                ("select count(s.x), sum(s.x), max(s['x']) from t", vec!["2|16|9"]),
                ("select id from t where s.x is null", vec!["2", "4"]),
                ("select coalesce(s.x, -1) from t order by s.x nulls first limit 1", vec!["-1"]),
                ("select a.id, b.id from t a join t b on a.s.x = b.s.x", vec!["1|1", "3|3"]),
                ("select id, (case when id = 1 then s end)['x'] from t", vec!["1|7", "2|", "3|", "4|"]),
                ("select count(q.s.x) from (select case when id > 2 then s end as s from t) q", vec!["1"]),
                ("select id from t where nullif(s, s)['x'] is not null", vec![]),
            ] {
                assert_eq!(rows(&engine, sql).await, expected, "{sql} {required} {:?}", engine.config());
            }
        }
    }
}

#[tokio::test]
async fn fields_are_named_by_their_last_part() {
    let engine = engine();
    let t = "with t as (select id, named_struct('id', id * 10, 'x', named_struct('y', -id)) as st from (values (1), (2)) v(id))";
    for (sql, expected) in [
        ("select st.id from t order by st.id", "id: 10, 20"),
        ("select id, st.id, t.st.id, st.x.y from t where st.x.y < -1", "id, id_1, id_2, y: 2|20|20|-2"),
        ("select st.id as k, a.st.x.y from t a order by y", "k, y: 10|-1, 20|-2"),
        ("select y, id from (select st.x.y, id from t) where y = -2", "y, id: -2|2"),
        (", a as (select st.id from t) select sum(id) as s from a where id > 0", "s: 30"),
        ("select distinct st.id from t order by st.id desc", "id: 10, 20"),
        ("select st.id, count(*) as n from t group by st.id order by st.id", "id, n: 10|1, 20|1"),
        ("select st.id, count(*) as n from t group by 1 having count(*) > 0 order by 1", "id, n: 10|1, 20|1"),
        (
            "select a.st.id, b.id from t a join t b on a.st.id = b.st.id order by a.st.id",
            "id_1, id: 10|1, 20|2",
        ),
        ("select st.id from t union all select 7 order by id", "id: 10, 20, 7"),
        ("select st.\"id\" from t where id in (select -u.st.x.y from t u) order by 1 limit 1", "id: 10"),
        ("select id, st.x from t where st.id = 10", "id, x: 1|{y: -1}"),
        ("select max(st.id) as m, st.x.y from t group by st.x.y order by st.x.y limit 1", "m, y: 20|-2"),
        (
            "select (select max(st.id) from t u where u.id = t.id) as m, st.id from t order by t.id",
            "m, id_1: 10|10, 20|20",
        ),
    ] {
        let sql = format!("{t} {sql}");
        let (names, rows) = expected.split_once(": ").unwrap();
        let schema =
            engine.query(QueryArgs::new(&sql)).await.unwrap_or_else(|e| panic!("{sql}: {e}")).schema();
        let found: Vec<_> = schema.fields().iter().map(|field| field.name().clone()).collect();
        assert_eq!(found.join(", "), names, "{sql}");
        assert_eq!(self::rows(&engine, &sql).await.join(", "), rows, "{sql}");
    }
}
