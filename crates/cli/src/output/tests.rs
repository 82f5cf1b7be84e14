use std::io;
use std::sync::Arc;

use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow_array::{ArrayRef, Int64Array, StringArray, TimestampMicrosecondArray};
use arrow_ipc::reader::StreamReader;
use arrow_schema::{DataType, Field, UnionFields};
use parking_lot::Mutex;
use stitchwork::ErrorKind;
use stitchwork::core::BatchStreamAdapter;

use super::*;

/// What was written, for the test to look at.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Nobody reads.
struct Gone;

impl Write for Gone {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::BrokenPipe.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn output(format: OutputFormat, out: impl Write + Send + 'static) -> Output {
    let formats = stitchwork::registry().unwrap().formats().clone();
    Output { format, formats, pipe: Pipe::new(Box::new(out)) }
}

fn batch(names: &[Option<&str>]) -> RecordBatch {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values((1..).take(names.len())));
    let names: ArrayRef = Arc::new(StringArray::from(names.to_vec()));
    RecordBatch::try_from_iter_with_nullable([("id", ids, true), ("name", names, true)]).unwrap()
}

async fn bytes(format: OutputFormat, batches: Vec<RecordBatch>) -> Vec<u8> {
    let written = Written::default();
    let rows = BatchStreamAdapter::from_batches(batch(&[]).schema(), batches);
    output(format, written.clone()).write(rows).await.unwrap();
    std::mem::take(&mut *written.0.lock())
}

async fn text(format: OutputFormat, batches: Vec<RecordBatch>) -> String {
    String::from_utf8(bytes(format, batches).await).unwrap()
}

fn two() -> Vec<RecordBatch> {
    vec![batch(&[Some("a,\"b\""), None]), batch(&[Some("ü\n")])]
}

#[tokio::test]
async fn texts_in_several_batches() {
    assert_eq!(text(OutputFormat::Csv, two()).await, "id,name\n1,\"a,\"\"b\"\"\"\n2,\n1,\"ü\n\"\n");
    let lines =
        ["{\"id\":1,\"name\":\"a,\\\"b\\\"\"}", "{\"id\":2,\"name\":null}", "{\"id\":1,\"name\":\"ü\\n\"}"];
    assert_eq!(text(OutputFormat::Ndjson, two()).await, format!("{}\n", lines.join("\n")));
    assert_eq!(text(OutputFormat::Json, two()).await, format!("[\n{}\n]\n", lines.join(",\n")));
}

#[tokio::test]
async fn names_that_come_several_times() {
    let names = ["id", "x", "id", "id_1", "id"];
    let fields: Vec<Field> = names.iter().map(|name| Field::new(*name, DataType::Int64, true)).collect();
    let column = |value| Arc::new(Int64Array::from(vec![value])) as ArrayRef;
    let schema = Arc::new(arrow_schema::Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), (1..=5).map(column).collect()).unwrap();
    let write = async |format, batches| {
        let written = Written::default();
        let rows = BatchStreamAdapter::from_batches(schema.clone(), batches);
        output(format, written.clone()).write(rows).await.unwrap();
        std::mem::take(&mut *written.0.lock())
    };
    let rows = || vec![batch.clone()];
    assert_eq!(write(OutputFormat::Csv, rows()).await, b"id,x,id_2,id_1,id_3\n1,2,3,4,5\n");
    assert_eq!(write(OutputFormat::Csv, vec![]).await, b"id,x,id_2,id_1,id_3\n");
    let line = br#"{"id":1,"x":2,"id_2":3,"id_1":4,"id_3":5}"#;
    assert_eq!(write(OutputFormat::Ndjson, rows()).await, [line.as_slice(), b"\n"].concat());
    let file = bytes::Bytes::from(write(OutputFormat::Parquet, rows()).await);
    let file = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    assert_eq!(file.schema().field(2).name(), "id_2");
    let arrow = write(OutputFormat::Arrow, rows()).await;
    assert_eq!(StreamReader::try_new(arrow.as_slice(), None).unwrap().schema(), schema);
    let shown = String::from_utf8(write(OutputFormat::Table, rows()).await).unwrap();
    assert!(shown.contains("| id | x | id | id_1 | id |"), "{shown}");
}

#[tokio::test]
async fn results_without_rows() {
    assert_eq!(text(OutputFormat::Csv, vec![]).await, "id,name\n");
    assert_eq!(text(OutputFormat::Ndjson, vec![]).await, "");
    assert_eq!(text(OutputFormat::Json, vec![]).await, "[]\n");
    assert_eq!(
        text(OutputFormat::Table, vec![]).await,
        "+----+------+\n| id | name |\n+----+------+\n+----+------+\n"
    );
}

#[tokio::test]
async fn tables_align_and_tame_what_commands_a_terminal() {
    let shown = text(OutputFormat::Table, vec![batch(&[Some("東京"), None, Some("\u{1b}[31m\tx")])]).await;
    let expected = "\
+----+---------------+
| id | name          |
+----+---------------+
|  1 | 東京          |
|  2 | NULL          |
|  3 | \\u{1b}[31m\\tx |
+----+---------------+
";
    assert_eq!(shown, expected);
}

#[tokio::test]
async fn a_table_of_many_rows_is_whole() {
    let many: Vec<Option<&str>> = vec![Some("x"); 900];
    let mut batches = vec![batch(&many), batch(&many)];
    batches.push(batch(&[Some("longer than all before")]));
    let shown = text(OutputFormat::Table, batches).await;
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 3 + 1801 + 1);
    assert_eq!(lines[1802], "| 900 | x    |");
    assert_eq!(lines[1803], "|   1 | longer than all before |");
}

#[tokio::test]
async fn bytes_are_read_back() {
    let written = bytes(OutputFormat::Arrow, two()).await;
    let back: Vec<_> = StreamReader::try_new(written.as_slice(), None).unwrap().map(Result::unwrap).collect();
    assert_eq!(back, two());
    let written = bytes(OutputFormat::Parquet, two()).await;
    let reader =
        ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(written)).unwrap().build().unwrap();
    let back: Vec<_> = reader.map(Result::unwrap).collect();
    assert_eq!(arrow_select::concat::concat_batches(&back[0].schema(), &back).unwrap().num_rows(), 3);
    assert_eq!(back[0].column(1).as_ref().null_count(), 1);
    let written = bytes(OutputFormat::Parquet, vec![]).await;
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(written)).unwrap();
    assert_eq!(reader.schema().fields().len(), 2);
}

#[tokio::test]
async fn a_reader_that_is_gone_is_no_error() {
    for format in [
        OutputFormat::Table,
        OutputFormat::Csv,
        OutputFormat::Json,
        OutputFormat::Ndjson,
        OutputFormat::Arrow,
        OutputFormat::Parquet,
    ] {
        let rows = BatchStreamAdapter::from_batches(batch(&[]).schema(), two());
        let failure = output(format, Gone).write(rows).await.unwrap_err();
        assert!(matches!(failure, Failure::ReaderGone), "{format:?}: {failure:?}");
    }
}

/// Two batches, in whose last row the second column has no year.
fn beyond_the_years() -> Vec<RecordBatch> {
    [[0, 1], [2, i64::MAX]]
        .map(|moments| {
            let ids: ArrayRef = Arc::new(Int64Array::from(moments.to_vec()));
            let moments: ArrayRef = Arc::new(TimestampMicrosecondArray::from(moments.to_vec()));
            RecordBatch::try_from_iter([("id", ids), ("moment", moments)]).unwrap()
        })
        .to_vec()
}

#[tokio::test]
async fn a_table_shows_the_rest_beside_what_has_no_text() {
    let (batches, written) = (beyond_the_years(), Written::default());
    let rows = BatchStreamAdapter::from_batches(batches[0].schema(), batches);
    output(OutputFormat::Table, written.clone()).write(rows).await.unwrap();
    let shown = String::from_utf8(written.0.lock().clone()).unwrap();
    assert_eq!(shown.lines().count(), 8, "{shown}");
    assert!(shown.contains("| 1970-01-01T00:00:00.000002 "), "{shown}");
    assert!(shown.contains("<no text: ") && shown.contains("9223372036854775807 to datetime"), "{shown}");
}

#[tokio::test]
async fn a_value_that_has_no_text_is_named_with_its_row() {
    for format in [OutputFormat::Json, OutputFormat::Ndjson] {
        let batches = beyond_the_years();
        let rows = BatchStreamAdapter::from_batches(batches[0].schema(), batches);
        let failure = output(format, Written::default()).write(rows).await.unwrap_err();
        let Failure::Error(error) = failure else { panic!("{failure:?}") };
        let facts = ["column", "row", "value", "type"].map(|key| error.context(key));
        let expected = ["moment", "3", "9223372036854775807", "Timestamp(µs)"].map(Some);
        assert_eq!(facts, expected, "{error}");
        assert!(error.message().contains("--output arrow"), "{error}");
    }
    let (batches, written) = (beyond_the_years(), Written::default());
    let rows = BatchStreamAdapter::from_batches(batches[0].schema(), batches);
    output(OutputFormat::Csv, written.clone()).write(rows).await.unwrap();
    let shown = String::from_utf8(written.0.lock().clone()).unwrap();
    assert!(shown.ends_with("9223372036854775807,+294247-01-10T04:00:54.775807\n"), "{shown}");
}

#[tokio::test]
async fn what_a_format_cannot_hold_is_named() {
    let list = arrow_array::builder::ListBuilder::new(arrow_array::builder::Int64Builder::new()).finish();
    let batch = RecordBatch::try_from_iter([("labels", Arc::new(list) as ArrayRef)]).unwrap();
    let rows = BatchStreamAdapter::from_batches(batch.schema(), vec![batch]);
    let failure = output(OutputFormat::Csv, Written::default()).write(rows).await.unwrap_err();
    let Failure::Error(error) = failure else { panic!("{failure:?}") };
    assert_eq!(error.context("column"), Some("labels"));
    assert!(error.message().contains("--output"));
}

/// A column of each type that is not in every file.
fn rare() -> Vec<(&'static str, ArrayRef)> {
    let numbers: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
    let ends = arrow_array::Int32Array::from(vec![2]);
    let mut map = arrow_array::builder::MapBuilder::new(
        None,
        arrow_array::builder::StringBuilder::new(),
        arrow_array::builder::Int64Builder::new(),
    );
    map.keys().append_value("a");
    map.values().append_null();
    map.append(true).unwrap();
    map.append(false).unwrap();
    let numbered = UnionFields::try_new([0], [Field::new("n", DataType::Int64, true)]).unwrap();
    let union = arrow_array::UnionArray::try_new(numbered, vec![0, 0].into(), None, vec![numbers.clone()]);
    let run = arrow_array::RunArray::try_new(&ends, &Int64Array::from(vec![7])).unwrap();
    let months = arrow_array::IntervalYearMonthArray::from(vec![1, 2]);
    let mixed = arrow_array::IntervalMonthDayNanoArray::from(
        vec![arrow_array::types::IntervalMonthDayNanoType::make_value(1, 2, 3); 2],
    );
    let decimals =
        arrow_array::Decimal256Array::from(vec![Some(1.into()), None]).with_precision_and_scale(50, 2);
    let nothing = arrow_array::StructArray::new_empty_fields(2, None);
    vec![
        ("map", Arc::new(map.finish())),
        ("months", Arc::new(months)),
        ("decimal", Arc::new(decimals.unwrap())),
        ("duration", Arc::new(arrow_array::DurationSecondArray::from(vec![1, 2]))),
        ("null", Arc::new(arrow_array::NullArray::new(2))),
        ("union", Arc::new(union.unwrap())),
        ("run", Arc::new(run)),
        ("mixed", Arc::new(mixed)),
        ("empty", Arc::new(nothing)),
    ]
}

async fn written(format: OutputFormat, name: &str, column: &ArrayRef) -> Result<Vec<u8>, Error> {
    let batch = RecordBatch::try_from_iter_with_nullable([(name, column.clone(), true)]).unwrap();
    let out = Written::default();
    let rows = BatchStreamAdapter::from_batches(batch.schema(), vec![batch]);
    match output(format, out.clone()).write(rows).await {
        Ok(_) => Ok(std::mem::take(&mut *out.0.lock())),
        Err(Failure::Error(error)) => Err(error),
        Err(other) => panic!("{name}: {other:?}"),
    }
}

#[tokio::test]
async fn rare_types_are_written_or_named() {
    for (name, column) in rare() {
        match written(OutputFormat::Parquet, name, &column).await {
            Ok(bytes) => {
                let bytes = bytes::Bytes::from(bytes);
                let mut back = ParquetRecordBatchReaderBuilder::try_new(bytes).unwrap().build().unwrap();
                assert_eq!(back.next().unwrap().unwrap().column(0).len(), 2, "{name}");
            }
            Err(error) => {
                assert!(["union", "run", "mixed", "empty"].contains(&name), "{error:?}");
                let facts = (error.kind(), error.context("column"), error.context("type").map(str::to_owned));
                let expected = (ErrorKind::Unsupported, Some(name), Some(column.data_type().to_string()));
                assert_eq!(facts, expected, "{error:?}");
                assert!(error.message().contains("cast the column, or choose another --output"), "{error}");
            }
        }
        // Arrow has them all.
        let bytes = written(OutputFormat::Arrow, name, &column).await.unwrap();
        let mut back = StreamReader::try_new(bytes.as_slice(), None).unwrap();
        assert_eq!(back.next().unwrap().unwrap().column(0), &column, "{name}");
        written(OutputFormat::Table, name, &column).await.unwrap();
        for format in [OutputFormat::Csv, OutputFormat::Json] {
            if matches!(column.data_type(), DataType::Interval(_)) {
                let text = String::from_utf8(written(format, name, &column).await.unwrap()).unwrap();
                assert!(text.contains("mons"), "{name}: {text}");
            }
            if let Err(error) = written(format, name, &column).await {
                assert_eq!(
                    (error.kind(), error.context("column")),
                    (ErrorKind::Unsupported, Some(name)),
                    "{error:?}"
                );
            }
        }
    }
}
