use arrow_array::types::Int32Type;
use arrow_array::{DictionaryArray, Int32Array, Int64Array, ListArray, RunArray, StringArray};
use arrow_buffer::{NullBuffer, OffsetBuffer};
use arrow_schema::{Field, Fields};

use super::*;

fn dictionary() -> DictionaryArray<Int32Type> {
    let values = Arc::new(StringArray::from(vec![Some("x"), None]));
    DictionaryArray::new(Int32Array::from(vec![Some(0), Some(1), None]), values)
}

fn structs(child: ArrayRef, nulls: Option<Vec<bool>>) -> StructArray {
    let fields = Fields::from(vec![Field::new("k", child.data_type().clone(), true)]);
    StructArray::new(fields, vec![child], nulls.map(NullBuffer::from))
}

fn numbers() -> ArrayRef {
    Arc::new(Int64Array::from(vec![Some(5), Some(6), None]))
}

#[test]
fn nulls_of_structs_are_those_of_their_fields_at_every_depth() {
    let deep = structs(Arc::new(structs(numbers(), None)), Some(vec![false, true, true]));
    let deep: ArrayRef = Arc::new(deep);
    let mended = mend(&deep).unwrap().unwrap();
    let inner = mended.as_struct().column(0).as_struct();
    assert_eq!(inner.column(0).as_ref(), &Int64Array::from(vec![None, Some(6), None]));
    assert!(mend(&mended).unwrap().is_none());

    let list: ArrayRef = Arc::new(ListArray::new(
        Arc::new(Field::new("item", deep.data_type().clone(), true)),
        OffsetBuffer::from_lengths([1, 2]),
        deep,
        None,
    ));
    let mended = mend(&list.slice(0, 1)).unwrap().unwrap();
    let first = mended.as_list::<i32>().value(0);
    assert_eq!(first.as_struct().column(0).as_struct().column(0).null_count(), 1);
    let runs: ArrayRef = Arc::new(
        RunArray::<Int32Type>::try_new(&Int32Array::from(vec![2, 3]), &Int64Array::from(vec![7, 8])).unwrap(),
    );
    let of_runs: ArrayRef = Arc::new(structs(runs, Some(vec![true, false, true])));
    let mended = mend(&of_runs).unwrap().unwrap();
    let plain = cast(mended.as_struct().column(0), &DataType::Int64).unwrap();
    assert_eq!(plain.as_ref(), &Int64Array::from(vec![Some(7), None, Some(8)]));
}

#[test]
fn indices_of_nulls_are_null() {
    let array: ArrayRef = Arc::new(dictionary());
    let mended = mend(&array).unwrap().unwrap();
    assert_eq!(mended.nulls().unwrap().null_count(), 2);
    assert_eq!(mended.data_type(), array.data_type());
    assert!(mend(&mended).unwrap().is_none());
    let below: ArrayRef = Arc::new(structs(array, Some(vec![false, true, true])));
    let mended = mend(&below).unwrap().unwrap();
    assert_eq!(mended.as_struct().column(0).nulls().unwrap().null_count(), 3);
}

#[test]
fn what_needs_no_mending_is_left_alone() {
    let same: ArrayRef = numbers();
    let covered: ArrayRef = Arc::new(structs(numbers(), Some(vec![true, true, false])));
    let no_nulls: ArrayRef = Arc::new(structs(numbers(), None));
    for array in [same, covered, no_nulls] {
        assert!(mend(&array).unwrap().is_none(), "{array:?}");
    }
}
