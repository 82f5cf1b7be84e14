use serde_json::json;
use stitchwork_core::ErrorKind;

use super::*;

fn config(order: RowOrder) -> IncrementalConfig {
    IncrementalConfig { row_order: order, ..IncrementalConfig::new("t") }
}

/// The ids that are new in a page of `(t, id)`.
fn take(tracker: &mut Tracker, rows: &[(i64, i64)]) -> Vec<i64> {
    let rows: Vec<Value> = rows.iter().map(|(t, id)| json!({"t": t, "id": id})).collect();
    let taken = tracker.take(serde_json::to_vec(&rows).unwrap()).unwrap();
    let rows: Vec<Value> = taken.json.map_or(vec![], |json| serde_json::from_slice(&json).unwrap());
    rows.iter().map(|row| row["id"].as_i64().unwrap()).collect()
}

fn resumed(config: &IncrementalConfig, key: &[String], from: &Tracker) -> Tracker {
    Tracker::new(config, key, &from.state()).unwrap()
}

#[test]
fn every_cut_of_ascending_rows_with_ties_resumes_exactly() {
    let rows: Vec<(i64, i64)> = [1, 1, 2, 3, 3, 3, 3, 3, 4, 4, 5].iter().copied().zip(0..).collect();
    for key in [vec![], vec!["id".to_owned()]] {
        for size in 1..rows.len() {
            for cut in 0..=rows.len().div_ceil(size) {
                let config = config(RowOrder::Ascending);
                let mut first = Tracker::new(&config, &key, &StreamState::default()).unwrap();
                let mut got: Vec<i64> = vec![];
                for page in rows.chunks(size).take(cut) {
                    got.extend(take(&mut first, page));
                }
                let mut second = resumed(&config, &key, &first);
                let from = second.start().map_or(0, |start| start.raw().as_i64().unwrap());
                let rest: Vec<_> = rows.iter().filter(|row| row.0 >= from).copied().collect();
                for page in rest.chunks(size) {
                    got.extend(take(&mut second, page));
                }
                assert_eq!(got, (0..rows.len() as i64).collect::<Vec<_>>(), "size {size}, cut {cut}");
                // And once more there is nothing.
                let mut third = resumed(&config, &key, &second);
                assert_eq!(take(&mut third, &[(4, 9), (5, 10)]), Vec::<i64>::new());
                assert_eq!(third.state(), second.state());
            }
        }
    }
}

#[test]
fn equal_rows_without_a_key_are_counted() {
    let config = config(RowOrder::Ascending);
    let mut first = Tracker::new(&config, &[], &StreamState::default()).unwrap();
    assert_eq!(take(&mut first, &[(1, 7), (1, 7)]), [7, 7]);
    let mut second = resumed(&config, &[], &first);
    assert_eq!(take(&mut second, &[(1, 7), (1, 7), (1, 7)]), [7], "the third one is new");
    let mut third = resumed(&config, &[], &second);
    assert_eq!(take(&mut third, &[(1, 7), (1, 7)]), Vec::<i64>::new());
    assert_eq!(take(&mut third, &[(1, 7), (1, 7)]), [7]);
}

#[test]
fn descending_rows_end_at_the_old_ones_and_repeats_are_dropped() {
    let (config, key) = (config(RowOrder::Descending), vec!["id".to_owned()]);
    let mut first = Tracker::new(&config, &key, &StreamState::default()).unwrap();
    assert!(!first.can_stop_anywhere());
    assert_eq!(take(&mut first, &[(5, 5), (4, 4)]), [5, 4]);
    assert_eq!(take(&mut first, &[(4, 4), (3, 3)]), [3], "a new row has pushed 4 to the next page");
    let mut second = resumed(&config, &key, &first);
    assert_eq!(take(&mut second, &[(6, 7), (5, 6), (5, 5)]), [7, 6]);
    let rows = br#"[{"t":4,"id":4}]"#.to_vec();
    assert_eq!(second.take(rows).unwrap(), Taken { json: None, met_old: true });
    assert_eq!(second.state().last, json!(6));
}

#[test]
fn ascending_rows_that_come_twice_are_taken_once() {
    let key = vec!["id".to_owned()];
    for boundary in [Boundary::Closed, Boundary::Open] {
        let config = IncrementalConfig { boundary, ..config(RowOrder::Ascending) };
        let mut tracker = Tracker::new(&config, &key, &StreamState::default()).unwrap();
        assert_eq!(take(&mut tracker, &[(1, 1), (1, 1), (1, 2), (1, 1), (2, 3)]), [1, 2, 3]);
        assert_eq!(
            take(&mut tracker, &[(2, 3), (2, 4), (2, 3), (3, 1)]),
            [4, 1],
            "with another value it is new"
        );
    }
}

#[test]
fn values_of_mixed_forms_are_told_instead_of_dropped() {
    for (page, other) in [
        (
            r#"[{"t":"2024-06-01T00:00:00Z"},{"t":"Mon, 03 Jun 2024 00:00:00 GMT"}]"#,
            "Mon, 03 Jun 2024 00:00:00 GMT",
        ),
        (r#"[{"t":"2024-06-01T00:00:00Z"},{"t":"2024-06-03 00:00:00"}]"#, "2024-06-03 00:00:00"),
    ] {
        let state = StreamState { last: json!("2024-05-01T00:00:00Z"), ..StreamState::default() };
        let mut tracker = Tracker::new(&config(RowOrder::None), &[], &state).unwrap();
        let error = tracker.take(page.into()).unwrap_err();
        assert_eq!((error.kind(), error.context("cursor_path")), (ErrorKind::InvalidData, Some("t")));
        let values = format!("{:?} {:?}", error.context("one"), error.context("other"));
        assert!(values.contains(other) && values.contains("2024-05-01T00:00:00Z"), "{error}");
    }
}

#[test]
fn rows_in_no_order_end_with_the_largest_value() {
    let config = config(RowOrder::None);
    let mut first = Tracker::new(&config, &[], &StreamState::default()).unwrap();
    assert_eq!(take(&mut first, &[(2, 1), (9, 2)]), [1, 2]);
    assert_eq!(take(&mut first, &[(1, 3), (9, 4)]), [3, 4]);
    let mut second = resumed(&config, &[], &first);
    assert_eq!(take(&mut second, &[(9, 4), (3, 8), (9, 5), (9, 2)]), [5]);
}

#[test]
fn the_wrong_order_and_values_are_refused() {
    let mut tracker = Tracker::new(&config(RowOrder::Ascending), &[], &StreamState::default()).unwrap();
    let error = tracker.take(br#"[{"t":2},{"t":1}]"#.to_vec()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    let mut tracker = Tracker::new(&config(RowOrder::Descending), &[], &StreamState::default()).unwrap();
    assert_eq!(take(&mut tracker, &[(5, 1), (5, 2), (4, 3)]), [1, 2, 3]);
    let error = tracker.take(br#"[{"t":5}]"#.to_vec()).unwrap_err();
    assert!(error.message().contains("primary_key"), "{error}");
    for rows in [r#"[{"x":1}]"#, r#"[{"t":null}]"#, r#"[{"t":[]}]"#, r#"[{"t":"x"},{"t":1}]"#] {
        let mut tracker = Tracker::new(&config(RowOrder::None), &[], &StreamState::default()).unwrap();
        assert_eq!(tracker.take(rows.into()).unwrap_err().kind(), ErrorKind::InvalidData, "{rows}");
    }
    let include = IncrementalConfig { on_missing: Missing::Include, ..config(RowOrder::None) };
    let mut tracker = Tracker::new(&include, &[], &StreamState::default()).unwrap();
    assert!(tracker.take(br#"[{"x":1}]"#.to_vec()).unwrap().json.is_some());
    let key = ["id".to_owned()];
    let mut tracker = Tracker::new(&config(RowOrder::None), &key, &StreamState::default()).unwrap();
    assert!(tracker.take(br#"[{"t":1}]"#.to_vec()).is_err(), "a row without its key");
}

#[test]
fn initial_values_and_open_boundaries_bound_the_rows() {
    let initial = IncrementalConfig { initial_value: Some(json!(3)), ..config(RowOrder::Ascending) };
    let mut tracker = Tracker::new(&initial, &[], &StreamState::default()).unwrap();
    assert_eq!(take(&mut tracker, &[(2, 1), (3, 2), (4, 3)]), [2, 3]);
    let open = IncrementalConfig { boundary: Boundary::Open, ..initial };
    let mut tracker = Tracker::new(&open, &[], &StreamState::default()).unwrap();
    assert!(!tracker.can_stop_anywhere());
    assert_eq!(take(&mut tracker, &[(2, 1), (3, 2), (4, 3)]), [3]);
    assert_eq!(tracker.state().boundary, Vec::<String>::new());
    let mut tracker = resumed(&open, &[], &tracker);
    assert_eq!(take(&mut tracker, &[(4, 4), (5, 5)]), [5]);
}

#[test]
fn a_page_without_old_rows_is_passed_on_as_it_came() {
    let mut tracker = Tracker::new(&config(RowOrder::None), &[], &StreamState::default()).unwrap();
    let page = br#"[ {"t": 1.0 , "n": 12345678901234567890123} ]"#.to_vec();
    assert_eq!(tracker.take(page.clone()).unwrap().json, Some(page));
}
