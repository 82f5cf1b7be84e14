//! Nulls that Arrow says otherwise than by the bitmap of the column itself.

use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{
    Array, ArrayRef, DictionaryArray, Int32Array, Int64Array, RecordBatch, StringArray, StructArray,
};
use arrow_schema::{DataType, Field, Fields};

use crate::support::{Memory, engines, register, rows};

fn table() -> RecordBatch {
    let keys = || Int32Array::from(vec![Some(0), Some(1), None]);
    let texts = DictionaryArray::<Int32Type>::new(keys(), Arc::new(StringArray::from(vec![Some("x"), None])));
    let numbers = DictionaryArray::<Int32Type>::new(keys(), Arc::new(Int64Array::from(vec![Some(7), None])));
    let inner = StructArray::new(
        Fields::from(vec![Field::new("j", DataType::Int64, false)]),
        vec![Arc::new(Int64Array::from(vec![1, 2, 3]))],
        None,
    );
    let fields = Fields::from(vec![
        Field::new("k", DataType::Int64, true),
        Field::new("must", DataType::Int64, false),
        Field::new("inner", inner.data_type().clone(), true),
    ]);
    let st = StructArray::new(
        fields,
        vec![
            Arc::new(Int64Array::from(vec![5, 6, 7])),
            Arc::new(Int64Array::from(vec![5, 6, 7])),
            Arc::new(inner),
        ],
        Some(vec![false, true, true].into()),
    );
    let columns: [(&str, ArrayRef); 4] = [
        ("id", Arc::new(Int32Array::from(vec![1, 2, 3]))),
        ("d", Arc::new(texts)),
        ("n", Arc::new(numbers)),
        ("st", Arc::new(st)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, true))).unwrap()
}

#[tokio::test]
async fn nulls_are_null_wherever_they_are_said() {
    let memory = Memory::new(vec![table()]);
    for engine in engines() {
        register(&engine, "t", &memory).await;
        for (sql, expected) in [
            ("select id, d, n from t", vec!["1|x|7", "2||", "3||"]),
            ("select id from t where d is null", vec!["2", "3"]),
            ("select coalesce(d, '-') from t", vec!["-", "-", "x"]),
            ("select count(d), count(n), sum(n), min(n), max(d) from t", vec!["1|1|7|7|x"]),
            ("select d, count(*) from t group by d", vec!["x|1", "|2"]),
            ("select d || '!' from t where n = 7", vec!["x!"]),
            ("select n + 1 from t", vec!["", "", "8"]),
            ("select id, st['k'], st['must'], st['inner']['j'] from t", vec!["1|||", "2|6|6|2", "3|7|7|3"]),
            ("select id from t where st['k'] is null", vec!["1"]),
            ("select id from t where st['must'] is null", vec!["1"]),
            ("select id from t where st['must'] = 5", vec![]),
            (
                "select count(st['k']), sum(st['k']), max(st['must']), min(st['must']) from t",
                vec!["2|13|7|6"],
            ),
            (
                "select count(st['must']), count(st['inner']['j']), min(st['inner']['j']) from t",
                vec!["2|2|2"],
            ),
        ] {
            assert_eq!(rows(&engine, sql).await, expected, "{sql} {:?}", engine.config());
        }
    }
}
