//! What becomes of which JSON, case by case.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests stand outside of the test functions"
)]

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use stitchwork_core::ErrorKind;
use stitchwork_shred::{
    JsonRows, LIST_INDEX, LOAD_ID, PARENT_ID, ROOT_ID, ROW_ID, SchemaChange, ShredOptions, Shredder,
    TableBatch, TableNamer,
};

fn options() -> ShredOptions {
    ShredOptions::new("stream", TableNamer::fixed("t"), 1)
}

fn shred_with(options: ShredOptions, json: &str) -> Vec<TableBatch> {
    let mut shredder = Shredder::new(options).unwrap();
    shredder.push(json.as_bytes()).unwrap();
    shredder.finish().unwrap().0
}

/// The one batch of a table.
fn batch<'a>(batches: &'a [TableBatch], table: &str) -> &'a RecordBatch {
    let mut of_table = batches.iter().filter(|batch| &*batch.table == table);
    let Some(first) = of_table.next() else {
        panic!("no {table} in {:?}", batches.iter().map(|b| &b.table).collect::<Vec<_>>())
    };
    assert!(of_table.next().is_none());
    &first.batch
}

/// The data columns of a table, each as `name type values`.
fn show(batches: &[TableBatch], table: &str) -> Vec<String> {
    let batch = batch(batches, table);
    let system = [ROW_ID, LOAD_ID, PARENT_ID, ROOT_ID, LIST_INDEX];
    batch
        .schema()
        .fields()
        .iter()
        .zip(batch.columns())
        .filter(|(field, _)| !system.contains(&field.name().as_str()))
        .map(|(field, array)| {
            let values: Vec<String> = (0..array.len()).map(|row| cell(array, row)).collect();
            format!("{} {} {}", field.name(), kind(field.data_type()), values.join(","))
        })
        .collect()
}

fn kind(data_type: &DataType) -> &'static str {
    match data_type {
        DataType::Boolean => "bool",
        DataType::Int64 => "bigint",
        DataType::Float64 => "double",
        DataType::Decimal128(38, 0) => "decimal",
        DataType::Utf8 => "text",
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone == "UTC" => "timestamp",
        DataType::Date32 => "date",
        _ => "other",
    }
}

fn cell(array: &dyn Array, row: usize) -> String {
    use arrow_array::types::{Date32Type, Decimal128Type, Float64Type, TimestampMicrosecondType};
    if array.is_null(row) {
        return "-".to_owned();
    }
    match kind(array.data_type()) {
        "bool" => array.as_boolean().value(row).to_string(),
        "bigint" => array.as_primitive::<Int64Type>().value(row).to_string(),
        "double" => format!("{:?}", array.as_primitive::<Float64Type>().value(row)),
        "decimal" => array.as_primitive::<Decimal128Type>().value(row).to_string(),
        "text" => array.as_string::<i32>().value(row).to_owned(),
        "timestamp" => array.as_primitive::<TimestampMicrosecondType>().value(row).to_string(),
        "date" => array.as_primitive::<Date32Type>().value(row).to_string(),
        _ => panic!("{}", array.data_type()),
    }
}

/// The table `t` of these values under the key `a`, every row a batch of its own when `split`.
fn column_of(values: &[&str]) -> Vec<String> {
    let rows: String = values.iter().map(|value| format!("{{\"a\":{value}}}\n")).collect();
    show(&shred_with(options(), &rows), "t")
}

#[test]
fn values_keep_their_types() {
    for (values, expected) in [
        (&["1", "2"][..], &["a bigint 1,2"][..]),
        (&["true", "null", "false"], &["a bool true,-,false"]),
        (&["1.5", "0.1", "1e3"], &["a double 1.5,0.1,1000.0"]),
        (&["\"x\"", "\"\\u00e9\\n\"", "\"\""], &["a text x,é\n,"]),
        (&["\"1970-01-01T00:00:01.5Z\""], &["a timestamp 1500000"]),
        (&["\"1970-01-01T00:00:01+00:00\""], &["a text 1970-01-01T00:00:01+00:00"]),
        (&["\"1970-01-02\""], &["a text 1970-01-02"]),
        (&["9223372036854775808"], &["a decimal 9223372036854775808"]),
        (&["null", "null"], &["a text -,-"]),
        (&["[]", "{}"], &["a text -,-"]),
    ] {
        assert_eq!(column_of(values), expected, "{values:?}");
    }
}

#[test]
fn conflicts_are_kept_in_variants() {
    for (values, expected) in [
        (&["1", "\"x\""][..], &["a bigint 1,-", "a__v_text text -,x"][..]),
        (&["1", "\"7\""], &["a bigint 1,-", "a__v_text text -,7"]),
        (&["\"x\"", "1"], &["a text x,-", "a__v_bigint bigint -,1"]),
        (&["true", "2"], &["a bool true,-", "a__v_bigint bigint -,2"]),
        (&["2", "true"], &["a bigint 2,-", "a__v_bool bool -,true"]),
        (&["\"1970-01-01T00:00:00Z\"", "\"soon\""], &["a timestamp 0,-", "a__v_text text -,soon"]),
        (&["1.5", "9007199254740993"], &["a double 1.5,-", "a__v_bigint bigint -,9007199254740993"]),
        (&["9007199254740993", "1.5"], &["a bigint 9007199254740993,-", "a__v_double double -,1.5"]),
        (&["1", "0.10000000000000001"], &["a bigint 1,-", "a__v_json text -,0.10000000000000001"]),
        (&["1e999"], &["a__v_json text 1e999"]),
    ] {
        assert_eq!(column_of(values), expected, "{values:?}");
    }
}

#[test]
fn numbers_widen_before_the_first_batch_and_not_after() {
    assert_eq!(column_of(&["1", "1.5"]), ["a double 1.0,1.5"]);
    assert_eq!(column_of(&["1", "9223372036854775808"]), ["a decimal 1,9223372036854775808"]);
    let mut shredder = Shredder::new(options()).unwrap();
    shredder.push(b"{\"a\":1}").unwrap();
    assert_eq!(show(&shredder.flush().unwrap(), "t"), ["a bigint 1"]);
    shredder.push(b"{\"a\":1.0}").unwrap();
    assert_eq!(show(&shredder.flush().unwrap(), "t"), ["a bigint -", "a__v_double double 1.0"]);
}

#[test]
fn objects_are_flattened_and_scalars_in_their_place_are_kept() {
    assert_eq!(
        column_of(&["1", "{\"b\":2,\"c\":{\"d\":3}}"]),
        ["a bigint 1,-", "a__b bigint -,2", "a__c__d bigint -,3"]
    );
    assert_eq!(column_of(&["null", "{\"b\":2}"]), ["a__b bigint -,2"]);
}

#[test]
fn lists_become_child_tables() {
    let batches = shred_with(options(), r#"{"id":1,"a":[1,"x",{"k":1},[2]],"b":[]} {"id":2,"a":[3]}"#);
    assert_eq!(show(&batches, "t"), ["id bigint 1,2", "b text -,-"]);
    assert_eq!(
        show(&batches, "t__a"),
        ["value bigint 1,-,-,-,3", "value__v_text text -,x,-,-,-", "k bigint -,-,1,-,-"]
    );
    assert_eq!(show(&batches, "t__a__list"), ["value bigint 2"]);
    let ids = |table: &str, column: &str| -> Vec<String> {
        let ids = batch(&batches, table)[column].as_string::<i32>();
        ids.iter().map(|id| id.unwrap().to_owned()).collect()
    };
    let roots = ids("t", ROW_ID);
    assert!(roots.iter().all(|id| id.len() == 22));
    let of_first = [&roots[0], &roots[0], &roots[0], &roots[0], &roots[1]];
    assert!(ids("t__a", PARENT_ID).iter().eq(of_first));
    assert!(ids("t__a", ROOT_ID).iter().eq(of_first));
    assert_eq!(ids("t__a__list", PARENT_ID), [ids("t__a", ROW_ID)[3].clone()]);
    assert_eq!(ids("t__a__list", ROOT_ID), [roots[0].clone()]);
    let index = batch(&batches, "t__a")[LIST_INDEX].as_primitive::<Int64Type>();
    assert_eq!(index.values().to_vec(), [0, 1, 2, 3, 0]);
    assert_eq!(batch(&batches, "t__a")[LOAD_ID].as_primitive::<Int64Type>().values().to_vec(), [1; 5]);
}

#[test]
fn keys_that_normalize_alike_and_repeated_keys_keep_their_values() {
    let batches =
        shred_with(options(), r#"{"Name":1,"name":2,"":3," ":4,"_row_id":5,"x":6,"x":"y","x":[7]}"#);
    let columns = show(&batches, "t");
    let values: Vec<&str> = columns.iter().map(|column| column.rsplit(' ').next().unwrap()).collect();
    assert_eq!(values, ["1", "2", "3", "4", "5", "6", "y"], "{columns:?}");
    for (column, start) in
        columns.iter().zip(["name ", "name_", "_empty_", "_empty_", "_row_id_", "x ", "x_"])
    {
        assert!(column.starts_with(start), "{columns:?}");
    }
    let child = batches.iter().find(|batch| batch.parent.is_some()).unwrap();
    assert!(child.table.starts_with("t__x"));
    // The suffix finds its owner again, whichever key comes first.
    let schema = batch(&batches, "t").schema();
    let mut shredder = Shredder::new(options()).unwrap().with_schema("t", schema).unwrap();
    shredder.push(br#"{"name":20,"Name":10}"#).unwrap();
    assert_eq!(
        show(&shredder.finish().unwrap().0, "t")[..2],
        ["name bigint 10", columns[1].replace(" 2", " 20").as_str()]
    );
}

/// Loads one row after the other into the same table, each with a shredder of its own, with or without what the
/// one before told of the owners; gives the columns that have a value, for each load.
fn loads(rows: &[&str], keep_owners: bool) -> Vec<Vec<String>> {
    let (mut schema, mut owners) = (None, std::collections::BTreeMap::new());
    let mut loads = vec![];
    for row in rows {
        let mut shredder = Shredder::new(options()).unwrap();
        if let Some(schema) = schema.take() {
            shredder.add_schema("t", schema).unwrap();
        }
        if keep_owners {
            shredder.add_owners("t", std::mem::take(&mut owners));
        }
        shredder.push(row.as_bytes()).unwrap();
        owners = shredder.owners().remove("t").unwrap();
        let batches = shredder.finish().unwrap().0;
        schema = Some(batch(&batches, "t").schema());
        loads.push(show(&batches, "t").into_iter().filter(|column| !column.ends_with(" -")).collect());
    }
    loads
}

/// The column that shows this value.
fn holder<'c>(columns: &'c [String], value: &str) -> &'c str {
    let column = columns.iter().find(|column| column.ends_with(&format!(" {value}"))).unwrap();
    column.split(' ').next().unwrap()
}

#[test]
fn a_type_conflict_stays_with_its_key() {
    for second in [r#"{"a":"text","A":1.5}"#, r#"{"A":1.5,"a":"text"}"#, r#"{"A":1.5}"#] {
        let loads = loads(&[r#"{"a":1,"A":2}"#, second], false);
        let suffixed = holder(&loads[0], "2");
        assert!(holder(&loads[0], "1") == "a" && suffixed.starts_with("a_"), "{loads:?}");
        assert_eq!(holder(&loads[1], "1.5"), format!("{suffixed}__v_double"));
        if second.contains("text") {
            assert_eq!(holder(&loads[1], "text"), "a__v_text");
        }
    }
    // The key that never had a column of its own type finds its variants by the suffix as well.
    let loads = loads(&[r#"{"a":1,"A":1e999}"#, r#"{"A":2e999}"#, r#"{"A":3}"#], false);
    assert_eq!(holder(&loads[0], "1e999"), holder(&loads[1], "2e999"));
    assert!(holder(&loads[0], "1e999").starts_with(holder(&loads[2], "3")) && loads[2][0] != "a bigint 3");
}

#[test]
fn keys_of_other_scripts_have_their_own_columns_in_every_load() {
    let keys = ["名", "価", "", " ", "é", "è", "größe", "gröfe", "👍"];
    let rows: Vec<String> = keys
        .iter()
        .map(|key| format!("{{\"{key}\":1}}"))
        .chain(keys.iter().rev().map(|key| format!("{{\"{key}\":\"x\"}}")))
        .collect();
    let loads = loads(&rows.iter().map(String::as_str).collect::<Vec<_>>(), false);
    let (first, second) = loads.split_at(keys.len());
    let mut columns: Vec<&str> = first.iter().map(|load| holder(load, "1")).collect();
    for (column, load) in columns.iter().zip(second.iter().rev()) {
        assert_eq!(holder(load, "x"), format!("{column}__v_text"));
    }
    columns.sort_unstable();
    columns.dedup();
    assert_eq!(columns.len(), keys.len());
}

#[test]
fn keys_of_one_name_share_no_column_when_the_owners_are_kept() {
    let pairs = [
        (r#"{"Name":1}"#, r#"{"name":2}"#),
        (r#"{"name":1}"#, r#"{"Name":2}"#),
        (r#"{"userName":1}"#, r#"{"user_name":"x"}"#),
        (r#"{"a.b":1}"#, r#"{"a_b":1e999}"#),
        (r#"{"A":1e999}"#, r#"{"a":2e999}"#),
        (r#"{"O":{"b":1}}"#, r#"{"o":{"b":2}}"#),
        (r#"{"a_":{"b":1}}"#, r#"{"a":{"_b":2}}"#),
    ];
    for (first, second) in pairs {
        let loads = loads(&[first, second, first, second], true);
        let name = |load: usize| loads[load][0].split(' ').next().unwrap();
        assert_ne!(name(0), name(1), "{first} {second}");
        assert_eq!((name(0), name(1)), (name(2), name(3)), "{first} {second}");
        assert!(loads.iter().all(|columns| columns.len() == 1));
    }
    // Pleasant names stay with who came first.
    assert_eq!(loads(&[r#"{"userName":1}"#, r#"{"userName":2}"#], true)[1], ["user_name bigint 2"]);
}

#[test]
fn what_is_too_deep_or_too_much_is_kept_as_json() {
    let json = r#"{"a":{"b":{"c": [1, 2]}},"l":[[1]]}"#;
    let deep = ShredOptions { max_depth: 2, ..options() };
    let batches = shred_with(deep, json);
    assert_eq!(show(&batches, "t"), [r#"a__b__v_json text {"c": [1, 2]}"#]);
    assert_eq!(show(&batches, "t__l"), ["value__v_json text [1]"]);
    let flat = ShredOptions { max_table_nesting: Some(0), ..options() };
    assert_eq!(show(&shred_with(flat, json), "t"), ["a__b__c__v_json text [1, 2]", "l__v_json text [[1]]"]);
    let one_table = ShredOptions { max_tables: 1, ..options() };
    assert_eq!(
        show(&shred_with(one_table, json), "t"),
        ["a__b__c__v_json text [1, 2]", "l__v_json text [[1]]"]
    );
    let narrow = ShredOptions { max_columns: 1, ..options() };
    let json = r#"{"a":1,"b/c":{"d":"x"},"a":[2]} {"a":3} {"e\"":null}"#;
    assert_eq!(
        show(&shred_with(narrow, json), "t"),
        ["a bigint 1,3,-", r#"_overflow text {"/b~1c":{"d":"x"},"/a":[2]},-,{"/e\"":null}"#]
    );
    let nested = format!("{}1{}", "[".repeat(190), "]".repeat(190));
    let deepest = ShredOptions { max_depth: 128, ..options() };
    assert_eq!(shred_with(deepest, &format!("[{nested}]")).len(), 129, "the row and 128 levels");
}

#[test]
fn rows_go_to_the_table_that_they_name() {
    let namer = TableNamer::parse("github_{type|none}").unwrap();
    let json =
        r#"[{"type":"PushEvent","a":[1]},{"a":2,"type":"WatchEvent"},{"type":"push_event"},{},5,null]"#;
    let batches = shred_with(ShredOptions::new("s", namer, 1), json);
    let rows = |table| batch(&batches, table).num_rows();
    assert_eq!((rows("github_push_event"), rows("github_watch_event"), rows("github_none")), (2, 1, 3));
    assert_eq!(show(&batches, "github_none"), ["value bigint -,5,-"]);
    assert_eq!(show(&batches, "github_push_event__a"), ["value bigint 1"]);
    let namer = TableNamer::parse("t_{id}").unwrap();
    let mut shredder =
        Shredder::new(ShredOptions { max_tables: 2, ..ShredOptions::new("s", namer, 1) }).unwrap();
    let error = shredder.push(b"{\"id\":1}{\"id\":2}{\"id\":3}").unwrap_err();
    assert_eq!((error.kind(), error.context("row")), (ErrorKind::InvalidInput, Some("2")));
    assert_eq!(shredder.finish().unwrap().0.len(), 2);
}

#[test]
fn a_broken_row_leaves_no_trace() {
    let mut shredder = Shredder::new(options()).unwrap();
    let error = shredder
        .push(b"{\"a\":1,\"l\":[1]}\n{\"a\":\"secret\",\"new\":1,\"m\":[2],\"l\":[2,3}\n{\"a\":3}")
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(
        (error.context("line"), error.context("row"), error.context("stream")),
        (Some("2"), Some("1"), Some("stream"))
    );
    assert!(!error.to_string().contains("secret"), "{error}");
    assert_eq!((shredder.rows(), shredder.tables().len()), (1, 2));
    assert_eq!(shredder.push(b"{\"a\":4}").unwrap(), 1);
    let batches = shredder.finish().unwrap().0;
    assert_eq!(show(&batches, "t"), ["a bigint 1,4"]);
    assert_eq!(show(&batches, "t__l"), ["value bigint 1"]);
}

#[test]
fn ids_come_from_the_key_or_from_the_place_in_the_load() {
    let ids = |options: ShredOptions, json: &str| -> Vec<String> {
        let batches = shred_with(options, json);
        batch(&batches, "t")[ROW_ID].as_string::<i32>().iter().map(|id| id.unwrap().to_owned()).collect()
    };
    let keyed = || options().with_primary_key(["k", "o.p"]);
    let first = ids(keyed(), r#"{"k":"\u0061","o":{"p":1},"v":1}"#);
    assert_eq!(first, ids(ShredOptions { load_id: 9, ..keyed() }, r#"{"v":2, "o":{"p":1}, "k":"a"}"#));
    assert_ne!(first, ids(keyed(), r#"{"k":"a","o":{"p":"1"}}"#));
    assert_ne!(first, ids(ShredOptions { stream: "other".into(), ..keyed() }, r#"{"k":"a","o":{"p":1}}"#));
    let rows = r#"{"k":"a"} {"k":"a"} {"k":null,"o":{"p":1}}"#;
    let placed = ids(keyed(), rows);
    assert!(placed[0] != placed[1] && placed[1] != placed[2]);
    assert_eq!(placed, ids(options(), rows), "without its whole key a row has the id of its place");
    assert_ne!(placed, ids(ShredOptions { load_id: 2, ..options() }, rows));
    assert_eq!(placed[1..], ids(ShredOptions { first_row: 1, ..options() }, r#"{} {}"#));
    // Ids are stored: they must be the same for ever.
    assert_eq!(first, ["XiSMvQSYQmFcYXryskAVRw"]);
}

#[test]
fn existing_tables_keep_their_columns() {
    let schema = Arc::new(Schema::new(vec![
        Field::new("a", DataType::Int32, true),
        Field::new("b", DataType::LargeUtf8, true),
        Field::new("c", DataType::Binary, true),
        Field::new(LOAD_ID, DataType::Int64, true),
        Field::new("d__v_text", DataType::Int64, true),
        Field::new("never", DataType::Boolean, true),
    ]));
    let mut shredder = Shredder::new(options()).unwrap().with_schema("t", Arc::clone(&schema)).unwrap();
    assert_eq!(shredder.schema("t").unwrap(), schema);
    shredder.push(br#"{"a":1,"b":"x","c":"y","d":1} {"a":3000000000,"d":"z","e":true}"#).unwrap();
    let (batches, changes) = shredder.finish().unwrap();
    let batch = batch(&batches, "t");
    assert_eq!(batch.schema().fields()[..6], schema.fields()[..]);
    let added: Vec<String> = changes
        .iter()
        .map(|change| match change {
            SchemaChange::NewColumn { field, .. } => field.name().clone(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(added[..4], ["_row_id", "c__v_text", "d", "a__v_bigint"]);
    assert!(added[4].starts_with("d__v_text_") && added[5] == "e", "{added:?}");
    assert_eq!(batch["b"].as_string::<i64>().value(0), "x");
    assert_eq!((batch["c"].null_count(), batch["never"].null_count()), (2, 2));
    assert_eq!(batch["c__v_text"].as_string::<i32>().value(0), "y");

    let wrong = Arc::new(Schema::new(vec![Field::new(ROW_ID, DataType::Int64, true)]));
    let error = Shredder::new(options()).unwrap().with_schema("t", wrong).unwrap_err();
    assert_eq!((error.kind(), error.context("column")), (ErrorKind::InvalidInput, Some(ROW_ID)));
    let strict = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, false)]));
    let mut shredder = Shredder::new(options()).unwrap().with_schema("t", strict).unwrap();
    shredder.push(b"{}").unwrap();
    assert_eq!(shredder.flush().unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(shredder.push(b"{}").is_err(), "rows were lost, so that nothing more is taken");
}

#[test]
fn batches_are_cut_by_rows_by_bytes_and_by_the_sum_of_all_tables() {
    let rows: String = (0..1000).map(|row| format!("{{\"a\":{row},\"l\":[1,2,3]}}\n")).collect();
    let mut shredder = Shredder::new(options().with_batch_limits(100, 1 << 20)).unwrap();
    shredder.push(rows.as_bytes()).unwrap();
    let sizes: Vec<usize> = shredder.take_full().iter().map(|batch| batch.batch.num_rows()).collect();
    assert_eq!(sizes, [100; 40]);
    assert_eq!(shredder.buffered_bytes(), 0);

    let mut shredder = Shredder::new(options().with_batch_limits(usize::MAX, 10_000)).unwrap();
    shredder.push(rows.as_bytes()).unwrap();
    assert!(shredder.take_full().iter().all(|batch| (50..500).contains(&batch.batch.num_rows())));
    assert!(shredder.buffered_bytes() > 0);

    let text = format!("{{\"a\":\"{}\"}}\n", "x".repeat(1000)).repeat(2000);
    let mut shredder = Shredder::new(ShredOptions { buffer_bytes: 300_000, ..options() }).unwrap();
    shredder.push(text.as_bytes()).unwrap();
    assert!(shredder.take_full().len() >= 3);
    assert!(shredder.buffered_bytes() < 600_000);
}

#[test]
fn rows_can_be_taken_until_a_batch_is_complete() {
    let text = format!("[{}]", vec!["{\"l\":[1,2,3,4,5]}"; 100].join(","));
    let mut shredder = Shredder::new(options().with_batch_limits(10, 1 << 20)).unwrap();
    let mut rows = JsonRows::new(text.as_bytes());
    let mut most = 0;
    while shredder.push_some(&mut rows).unwrap() {
        most = most.max(shredder.take_full().len());
    }
    assert_eq!((shredder.rows(), most), (100, 2));
    let mut broken = JsonRows::new(b"{} {} [{},");
    let error = shredder.push_some(&mut broken).unwrap_err();
    assert_eq!((error.context("offset"), error.context("row")), (Some("10"), Some("103")));
}

#[test]
fn a_column_of_nulls_waits_for_its_type() {
    let mut shredder = Shredder::new(options()).unwrap();
    shredder.push(br#"{"a":null,"b":null}"#).unwrap();
    assert!(show(&shredder.flush().unwrap(), "t").is_empty());
    shredder.push(br#"{"a":1}"#).unwrap();
    assert_eq!(show(&shredder.flush().unwrap(), "t"), ["a bigint 1"]);
    let (batches, changes) = shredder.finish().unwrap();
    assert_eq!(show(&batches, "t"), ["a bigint ", "b text "]);
    assert_eq!(batches[0].batch.num_rows(), 0);
    assert!(matches!(changes.last(), Some(SchemaChange::NewColumn { field, .. }) if field.name() == "b"));
}

#[test]
fn a_load_ends_where_the_next_begins() {
    let mut shredder = Shredder::new(options()).unwrap();
    shredder.push(b"{}").unwrap();
    shredder.begin_load(2).unwrap();
    shredder.push(b"{}").unwrap();
    let (batches, _) = shredder.finish().unwrap();
    let loads: Vec<i64> =
        batches.iter().map(|batch| batch.batch[LOAD_ID].as_primitive::<Int64Type>().value(0)).collect();
    assert_eq!(loads, [1, 2]);
    assert_ne!(batches[0].batch[ROW_ID].to_data(), batches[1].batch[ROW_ID].to_data());
}

#[test]
fn columns_are_found_by_the_path_of_their_field() {
    let mut shredder = Shredder::new(options()).unwrap();
    shredder.push(br#"{"A":{"createdAt":"1970-01-01T00:00:00Z"}} {"A":{"createdAt":1}}"#).unwrap();
    let tables = shredder.tables();
    assert_eq!(tables[0].column("A.createdAt").unwrap().field.name(), "a__created_at");
    assert_eq!(tables[0].column("A"), None);
}

#[test]
fn options_out_of_range_are_refused() {
    for options in [
        ShredOptions { batch_rows: 0, ..options() },
        ShredOptions { batch_bytes: 2 << 30, ..options() },
        ShredOptions { max_depth: 129, ..options() },
        ShredOptions { max_tables: 0, ..options() },
        options().with_primary_key(["a..b"]),
    ] {
        assert_eq!(Shredder::new(options).unwrap_err().kind(), ErrorKind::InvalidConfig);
    }
}

#[test]
fn shredders_can_move_to_another_thread() {
    fn check<T: Send + 'static>() {}
    check::<Shredder>();
}

#[test]
fn the_table_that_has_most_goes_first() {
    let mut shredder = Shredder::new(options()).unwrap();
    shredder.push("{\"a\":1,\"l\":[1,2,3,4,5]}\n".repeat(100).as_bytes()).unwrap();
    let mut flushed = || -> Vec<(String, usize)> {
        let batches = shredder.flush_largest().unwrap();
        batches.iter().map(|batch| (batch.table.to_string(), batch.batch.num_rows())).collect()
    };
    assert_eq!(flushed(), [("t__l".to_owned(), 500)]);
    assert_eq!(flushed(), [("t".to_owned(), 100)]);
    assert_eq!(flushed(), []);
    assert_eq!((shredder.buffered_bytes(), shredder.rows()), (0, 100));
}
