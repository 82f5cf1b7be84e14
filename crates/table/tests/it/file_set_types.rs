//! Files whose columns have other types: one relation that loses nothing, whatever the files are called.

use std::sync::Arc;

use arrow::compute::cast;
use arrow_array::{ArrayRef, RecordBatch};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use object_store::memory::InMemory;
use proptest::prelude::*;
use stitchwork_core::{
    ErrorKind, Format, Registry, Relation, Result, Scalar, ScanArgs, WriteArgs, col, collect, repeat,
};
use stitchwork_table::{Columns, FileSet, FileSetArgs};
use stitchwork_testkit::IpcFormat;
use stitchwork_testkit::batches::sorted_row_texts;

/// A value of a type, as a column `a`.
fn column(text: &str, data_type: &DataType) -> ArrayRef {
    repeat(&Scalar::parse(text, data_type).unwrap(), 1).unwrap()
}

/// Files with one column, in the order of their names.
async fn open(files: &[ArrayRef], columns: Columns) -> Result<FileSet> {
    let mut registry = Registry::new();
    registry.register_format(Arc::new(IpcFormat))?;
    registry.stores().mount("memory://", Arc::new(InMemory::new()));
    let ending = IpcFormat.extensions()[0];
    for (number, values) in files.iter().enumerate() {
        let object = registry.stores().resolve(&format!("memory:t/{number}.{ending}"))?;
        let schema = Arc::new(Schema::new(vec![Field::new("a", values.data_type().clone(), true)]));
        let mut writer = IpcFormat.write(&object, WriteArgs::new(schema.clone())).await?;
        writer.write(&RecordBatch::try_new(schema, vec![values.clone()])?).await?;
        writer.finish().await?;
    }
    FileSet::open_with(&registry, FileSetArgs { columns, ..FileSetArgs::new(&["memory:t"]) }).await
}

async fn rows(set: &FileSet) -> Vec<RecordBatch> {
    collect(set.scan(ScanArgs::default()).await.unwrap()).await.unwrap()
}

fn moment(unit: TimeUnit, zone: Option<&str>) -> DataType {
    DataType::Timestamp(unit, zone.map(Into::into))
}

/// Values of types that meet in folders, by what they were found in.
fn values() -> Vec<(&'static str, DataType)> {
    use DataType as T;
    vec![
        ("2", T::Int8),
        ("-7", T::Int32),
        ("9007199254740993", T::Int64),
        ("18446744073709551615", T::UInt64),
        ("200", T::UInt8),
        ("9.99", T::Decimal128(5, 2)),
        ("9.9999", T::Decimal128(12, 4)),
        ("1.5", T::Float64),
        ("0.25", T::Float32),
        ("true", T::Boolean),
        ("007", T::Utf8),
        ("ä", T::LargeUtf8),
        ("2024-02-29", T::Date32),
        ("2024-02-29T12:30:01.123456", moment(TimeUnit::Microsecond, None)),
        ("2024-02-29T12:30:01.123456789", moment(TimeUnit::Nanosecond, None)),
        ("2024-02-29T12:30:01.123456Z", moment(TimeUnit::Microsecond, Some("UTC"))),
        ("2024-02-29T12:30:01Z", moment(TimeUnit::Second, Some("+02:00"))),
    ]
}

#[tokio::test]
async fn two_files_give_all_that_they_hold_or_are_refused_by_name() {
    use DataType as T;
    let decimal = |text: &'static str, precision, scale| (text, T::Decimal128(precision, scale));
    let naive = |unit| moment(unit, None);
    let micros = ("2024-02-29T12:30:01.123456", naive(TimeUnit::Microsecond));
    let nanos = ("2024-02-29T12:30:01.123456789", naive(TimeUnit::Nanosecond));
    let utc = ("2024-02-29T12:30:01.123456Z", moment(TimeUnit::Microsecond, Some("UTC")));
    for (a, b, common) in [
        (decimal("9.99", 5, 2), decimal("9.9999", 12, 4), Some(T::Decimal128(12, 4))),
        (decimal("9.99", 5, 2), decimal("9999999999.99", 12, 2), Some(T::Decimal128(12, 2))),
        (("1", T::Int32), decimal("1.50", 5, 2), Some(T::Decimal128(12, 2))),
        (micros.clone(), nanos, Some(naive(TimeUnit::Nanosecond))),
        (("18446744073709551615", T::UInt64), ("-1", T::Int64), Some(T::Decimal128(20, 0))),
        (("2024-02-29", T::Date32), micros.clone(), None),
        (("7", T::Int64), ("007", T::Utf8), None),
        (("true", T::Boolean), ("2", T::Int32), None),
        (micros, utc, None),
    ] {
        for (first, second) in [(&a, &b), (&b, &a)] {
            let files = [column(first.0, &first.1), column(second.0, &second.1)];
            let opened = open(&files, Columns::Merged).await;
            let Some(common) = &common else {
                let error = opened.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::InvalidData);
                assert_eq!(error.context("column"), Some("a"));
                assert_eq!(error.context("other_type"), Some(second.1.to_string().as_str()));
                assert!(error.context("location").is_some_and(|l| l.contains("t/1.")), "{error}");
                // The ways out that it names; that of the log of files is tested there.
                let remedy = error.context("remedy").unwrap();
                assert!(remedy.contains("`log: files`") && remedy.contains("Columns::Given"), "{error}");
                let text = Arc::new(Schema::new(vec![Field::new("a", T::Utf8, true)]));
                assert_eq!(rows(&open(&files, Columns::Given(text)).await.unwrap()).await.len(), 2);
                continue;
            };
            let set = opened.unwrap();
            assert_eq!(set.schema().field(0).data_type(), common);
            for (file, batch) in [first, second].into_iter().zip(rows(&set).await) {
                assert_eq!(&cast(batch.column(0), &file.1).unwrap(), &column(file.0, &file.1), "{}", file.0);
            }
        }
    }
}

#[tokio::test]
async fn lists_of_every_layout_are_read_together() {
    let element = |data_type| Arc::new(Field::new("element", data_type, true));
    let (short, long) = (element(DataType::Int32), element(DataType::Int64));
    // A list of one: cast wraps each value in one.
    let list = |text, data_type| cast(&column(text, &DataType::Int32), &data_type).unwrap();
    let list_view = list("2", DataType::ListView(short.clone()));
    let large = list("3", DataType::LargeListView(long.clone()));
    let plain = list("1", DataType::List(long.clone()));
    for (files, common) in [
        (vec![plain.clone(), list_view.clone()], DataType::List(long.clone())),
        (vec![list_view.clone(), plain.clone()], DataType::List(long.clone())),
        (vec![list_view, plain, large], DataType::LargeList(long.clone())),
    ] {
        let set = open(&files, Columns::Merged).await.unwrap();
        assert_eq!(set.schema().field(0).data_type(), &common);
        let expected = files.iter().map(|file| cast(file, &common).unwrap());
        for (batch, expected) in rows(&set).await.iter().zip(expected) {
            assert_eq!(batch.column(0), &expected);
        }
    }
}

#[tokio::test]
async fn predicates_are_asked_of_values_in_the_common_type() {
    let files = [column("9.99", &DataType::Decimal128(5, 2)), column("9.9999", &DataType::Decimal128(12, 4))];
    for files in [files.clone(), [files[1].clone(), files[0].clone()]] {
        let set = open(&files, Columns::Merged).await.unwrap();
        let exact = Scalar::parse("9.9999", &DataType::Decimal128(12, 4)).unwrap();
        let args = ScanArgs::default().with_predicate(col("a").eq(exact));
        let found = collect(set.scan(args).await.unwrap()).await.unwrap();
        assert_eq!(found.iter().map(RecordBatch::num_rows).sum::<usize>(), 1);
    }
}

proptest! {
    #[test]
    fn what_files_are_called_changes_nothing(
        chosen in prop::collection::vec(prop::sample::select(values()), 1..5).prop_flat_map(|chosen| {
            (Just(chosen.clone()), Just(chosen).prop_shuffle(), any::<bool>())
        })
    ) {
        let (one, other, listed) = chosen;
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let read = |files: &[(&str, DataType)]| runtime.block_on(async {
            let columns = files.iter().map(|(text, data_type)| {
                let values = column(text, data_type);
                // A list of one: cast wraps each value in one.
                let list = DataType::new_list(data_type.clone(), true);
                if listed { cast(&values, &list).unwrap() } else { values }
            });
            let set = open(&columns.collect::<Vec<_>>(), Columns::Merged).await?;
            Ok::<_, stitchwork_core::Error>((set.schema(), sorted_row_texts(&rows(&set).await).unwrap()))
        });
        match (read(&one), read(&other)) {
            (Ok(one), Ok(other)) => prop_assert_eq!(one, other),
            (Err(one), Err(other)) => {
                prop_assert_eq!((one.kind(), other.kind()), (ErrorKind::InvalidData, ErrorKind::InvalidData));
            }
            (one, other) => prop_assert!(false, "{:?} and {:?}", one, other),
        }
    }
}

#[tokio::test]
async fn a_file_with_two_columns_of_one_name_is_refused() {
    let mut registry = Registry::new();
    registry.register_format(Arc::new(IpcFormat)).unwrap();
    registry.stores().mount("memory://", Arc::new(InMemory::new()));
    let location = format!("memory:twice/0.{}", IpcFormat.extensions()[0]);
    let object = registry.stores().resolve(&location).unwrap();
    let schema = Arc::new(Schema::new(vec![
        Field::new("a", DataType::Int64, true),
        Field::new("a", DataType::Int64, true),
    ]));
    let mut writer = IpcFormat.write(&object, WriteArgs::new(schema.clone())).await.unwrap();
    let (one, two) = (column("1", &DataType::Int64), column("2", &DataType::Int64));
    writer.write(&RecordBatch::try_new(schema, vec![one, two]).unwrap()).await.unwrap();
    writer.finish().await.unwrap();
    for columns in [Columns::Merged, Columns::First] {
        let args = FileSetArgs { columns, ..FileSetArgs::new(&["memory:twice"]) };
        let error = FileSet::open_with(&registry, args).await.unwrap_err();
        assert_eq!((error.kind(), error.context("column")), (ErrorKind::InvalidData, Some("a")), "{error}");
        assert!(
            error.context("location").is_some_and(|l| l.ends_with(&location["memory:".len()..])),
            "{error:?}"
        );
    }
}
