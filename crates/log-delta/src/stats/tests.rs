use arrow_array::{Float64Array, TimestampMicrosecondArray};
use arrow_schema::{DataType, Field, Fields, Schema, TimeUnit};
use stitchwork_core::{CreateArgs, Scalar};

use super::*;
use crate::evolve;
use crate::schema::timestamp;

fn table(properties: &[(&str, &str)]) -> Arc<TableMeta> {
    let inner = Fields::from(vec![Field::new("x", DataType::Int64, true), timestamp_field("t")]);
    let mut create = CreateArgs::new(Arc::new(Schema::new(vec![
        Field::new("a", DataType::Int64, true),
        Field::new("f", DataType::Float64, true),
        Field::new("s", DataType::Struct(inner), true),
        Field::new("ntz", DataType::Timestamp(TimeUnit::Microsecond, None), true),
    ])));
    create.properties = properties.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Arc::new(TableMeta::new(evolve::created(None, &create).unwrap().1).unwrap())
}

fn timestamp_field(name: &str) -> Field {
    Field::new(name, timestamp(), true)
}

fn micros(value: i64, data_type: &DataType) -> Scalar {
    let array = TimestampMicrosecondArray::from(vec![value]);
    Scalar::try_new(Arc::new(array)).unwrap().cast(data_type).unwrap()
}

fn stats(min: Scalar, max: Scalar) -> ColumnStats {
    ColumnStats { min: Some(min), max: Some(max), nulls: Some(1), exact: true, ..ColumnStats::default() }
}

fn all() -> FileStats {
    let ntz = DataType::Timestamp(TimeUnit::Microsecond, None);
    let columns = [
        (Column::new("a"), stats(1_i64.into(), 9_i64.into())),
        (Column::new("f"), stats((-0.5).into(), 1e300.into())),
        (Column::new("s").field("x"), stats((-3_i64).into(), 3_i64.into())),
        (Column::new("s").field("t"), stats(micros(1_500, &timestamp()), micros(2_500, &timestamp()))),
        (Column::new("ntz"), stats(micros(-1_500, &ntz), micros(-500, &ntz))),
    ];
    FileStats { rows: Some(5), columns: columns.into() }
}

#[test]
fn statistics_survive_as_far_as_the_format_goes() {
    let table = table(&[]);
    let json = to_json(&table, None, Some(&all())).unwrap();
    assert_eq!(num_records(Some(&json)), Some(5));
    let wanted = Wanted::new(table, None, &StatsFor::All);
    let back = wanted.for_caller(&wanted.parse(Some(&json)).unwrap()).unwrap();
    assert_eq!(back.rows, Some(5));
    for (column, given) in all().columns {
        let read = &back.columns[&column];
        assert_eq!(read.nulls, Some(1));
        if matches!(given.min.as_ref().unwrap().data_type(), DataType::Timestamp(..)) {
            // Bounds of milliseconds lie outside of those of microseconds.
            assert!(!read.exact);
            assert_eq!(
                read.min.as_ref().unwrap().compare(&given.min.unwrap()),
                Some(std::cmp::Ordering::Less)
            );
            assert_ne!(
                read.max.as_ref().unwrap().compare(&given.max.unwrap()),
                Some(std::cmp::Ordering::Less)
            );
        } else {
            assert_eq!((&read.min, &read.max, read.exact), (&given.min, &given.max, true), "{column}");
        }
    }
    let wide = wanted.parse(Some(&widen(&json).unwrap())).unwrap();
    assert!(wanted.for_caller(&wide).unwrap().columns.values().all(|column| !column.exact));
}

#[test]
fn only_indexed_columns_have_statistics() {
    for (property, value, expected) in [
        ("delta.dataSkippingNumIndexedCols", "2", "a f"),
        ("delta.dataSkippingNumIndexedCols", "0", ""),
        ("delta.dataSkippingNumIndexedCols", "-1", "a f ntz s.t s.x"),
        ("delta.dataSkippingStatsColumns", "s, `a`", "a s.t s.x"),
        ("delta.dataSkippingStatsColumns", "s.x", "s.x"),
    ] {
        let table = table(&[(property, value)]);
        let json = to_json(&table, None, Some(&all())).unwrap();
        let wanted = Wanted::new(table, None, &StatsFor::All);
        let read = wanted.for_caller(&wanted.parse(Some(&json)).unwrap()).unwrap();
        let columns: Vec<String> = read.columns.keys().map(|column| column.path.join(".")).collect();
        assert_eq!(columns.join(" "), expected, "{property}={value}");
    }
}

#[test]
fn nan_gives_no_upper_bound() {
    let table = table(&[]);
    let nan = ColumnStats { nans: Some(1), ..stats(1.0.into(), 2.0.into()) };
    let max = Scalar::try_new(Arc::new(Float64Array::from(vec![f64::NAN]))).unwrap();
    for column in [nan, stats(1.0.into(), max)] {
        let file = FileStats { rows: Some(2), columns: [(Column::new("f"), column)].into() };
        let json = to_json(&table, None, Some(&file)).unwrap();
        assert!(json.contains("\"minValues\":{\"f\":1.0},\"maxValues\":{}"), "{json}");
    }
}

#[test]
fn the_number_of_rows_is_found_wherever_it_stands() {
    for (text, expected) in [
        (r#"{"numRecords":12}"#, Some(12)),
        (r#"{"numRecords":12,"minValues":{"numRecords":3}}"#, Some(12)),
        (r#"{"minValues":{"numRecords":3},"numRecords": 12}"#, Some(12)),
        (r#"{"minValues":{"numRecords":3}}"#, None),
        (r#"{"numRecords":null,"a":1}"#, None),
        ("", None),
    ] {
        assert_eq!(num_records(Some(text)), expected, "{text}");
    }
    assert_eq!(num_records(None), None);
}
