//! Files of fastavro are read as it reads them, and ours are read there.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;

use arrow_array::{Array, RecordBatch};
use arrow_ipc::reader::FileReader;
use arrow_schema::DataType;
use stitchwork_core::{ErrorKind, Format, Object, ReadArgs, WriteArgs};
use stitchwork_format_avro::{Avro, AvroConfig};
use stitchwork_testkit::batches::row_texts;
use stitchwork_testkit::files::{self, local};
use stitchwork_testkit::peers::Python;

use crate::{CODECS, read};

/// The interpreter with fastavro; `None`, said aloud, where it is not there.
fn python(test: &str) -> Option<Python> {
    Python::find(test, &["fastavro", "pyarrow"])
}

fn peer(python: &Python, verb: &str, folder: &Path) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peer.py");
    python.run([script.as_os_str(), verb.as_ref(), folder.as_ref()]).unwrap()
}

fn at(path: &Path) -> Object {
    local(path).unwrap()
}

/// The rows as fastavro read them.
fn expected(path: &Path) -> RecordBatch {
    let reader = FileReader::try_new(File::open(path).unwrap(), None).unwrap();
    let schema = reader.schema();
    let batches = reader.collect::<Result<Vec<_>, _>>().unwrap();
    arrow_select::concat::concat_batches(&schema, &batches).unwrap()
}

/// Names, types, nullability and values.
fn same(what: &str, got: &RecordBatch, want: &RecordBatch) {
    for (place, want_field) in want.schema().fields().iter().enumerate() {
        let schema = got.schema();
        let (name, field) = (want_field.name(), schema.field(place));
        assert_eq!((field.name(), field.is_nullable()), (name, want_field.is_nullable()), "{what}");
        assert_eq!(bare(field.data_type()), bare(want_field.data_type()), "{what}: {name}");
        let texts = |batch: &RecordBatch| row_texts(&[batch.project(&[place]).unwrap()]).unwrap();
        assert_eq!(texts(got), texts(want), "{what}: {name}");
    }
    assert_eq!(got.num_columns(), want.num_columns(), "{what}");
}

/// The type in words, without the metadata of its fields.
fn bare(data_type: &DataType) -> String {
    let text = data_type.to_string();
    text.split(", metadata: {").map(|part| part.split_once('}').map_or(part, |(_, rest)| rest)).collect()
}

#[tokio::test]
async fn fastavro_agrees_with_us() {
    let Some(python) = python("fastavro_agrees_with_us") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    peer(&python, "write", folder.path());
    let mut written = 0;
    for codec in ["null", "deflate", "snappy", "zstandard", "bzip2", "xz"] {
        let (theirs, rows) = (path(&format!("{codec}.avro")), path(&format!("{codec}.arrow")));
        if !theirs.is_file() {
            continue;
        }
        let want = expected(&rows);
        for batch_rows in [1000, 7] {
            let args = ReadArgs { batch_rows: Some(batch_rows), ..ReadArgs::default() };
            let got = read(&at(&theirs), args).await.unwrap();
            same(codec, &got, &want);
        }
        let got = read(&at(&theirs), ReadArgs::default()).await.unwrap();
        for place in 0..got.num_columns() {
            let args = ReadArgs { projection: Some(vec![place]), ..ReadArgs::default() };
            let alone = read(&at(&theirs), args).await.unwrap();
            assert_eq!(alone.column(0), got.column(place), "{codec}: {place}");
        }
        // By ranges, at the markers of another writer.
        let summary = Avro::new().inspect(&at(&theirs)).await.unwrap();
        assert!(summary.split_offsets.len() > 3 && summary.rows == 300, "{summary:?}");
        let rows = files::read_parts(&Avro::new(), &at(&theirs), 5, &ReadArgs::default()).await.unwrap();
        assert_eq!(row_texts(&rows).unwrap(), row_texts(std::slice::from_ref(&got)).unwrap());
        // Ours, in every codec that the peer has.
        let options: BTreeMap<_, _> = [("compression".to_owned(), codec.to_owned())].into();
        let metadata = [("note".to_owned(), "of ours".to_owned())].into();
        let args = WriteArgs { options, metadata, ..WriteArgs::new(got.schema()) };
        let mut writer = Avro::new().write(&at(&path(&format!("ours_{codec}.avro"))), args).await.unwrap();
        writer.write(&got).await.unwrap();
        writer.finish().await.unwrap();
        written += 1;
    }
    assert!(written >= 4, "{written} of {} codecs", CODECS.len());
    let told = peer(&python, "check", folder.path());
    assert_eq!(told.lines().count(), written, "{told}");
}

#[tokio::test]
async fn rows_are_resolved_as_fastavro_does() {
    let Some(python) = python("rows_are_resolved_as_fastavro_does") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    peer(&python, "write", folder.path());
    let reader_schema = Some(std::fs::read_to_string(path("evolved.json")).unwrap());
    let avro = Avro::with_config(AvroConfig { reader_schema, ..AvroConfig::default() }).unwrap();
    let want = expected(&path("evolved.arrow"));
    let got = files::read(&avro, &at(&path("evolved.avro")), ReadArgs::default()).await.unwrap();
    same("evolved", &got, &want);
    for place in 0..want.num_columns() {
        let args = ReadArgs { projection: Some(vec![place]), ..ReadArgs::default() };
        let alone = files::read(&avro, &at(&path("evolved.avro")), args).await.unwrap();
        assert_eq!(alone.column(0), got.column(place), "{place}");
    }
    // A union of several types is one of arrow's.
    let got = read(&at(&path("union.avro")), ReadArgs::default()).await.unwrap();
    let union = got.column(0);
    assert!(matches!(union.data_type(), DataType::Union(..)), "{}", union.data_type());
    let texts = row_texts(std::slice::from_ref(&got)).unwrap();
    for (text, part) in texts.iter().zip(["", "5", "five", "[5, 6]"]) {
        assert!(text.contains(part), "{texts:?}");
    }
    let error = read(&at(&path("recursive.avro")), ReadArgs::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.context("type")), (ErrorKind::Unsupported, Some("List")), "{error:?}");
}

#[tokio::test]
async fn types_that_fastavro_refers_to_by_name_are_found() {
    let Some(python) = python("types_that_fastavro_refers_to_by_name_are_found") else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    peer(&python, "write", folder.path());
    let (object, want) = (at(&path("named.avro")), expected(&path("named.arrow")));
    let header = String::from_utf8_lossy(&std::fs::read(path("named.avro")).unwrap()).into_owned();
    assert!(header.contains("\"n.F\"") && header.contains("\"m.In\""), "fastavro writes full names");
    // By the schema of the file, and by the same one as it was given to fastavro, with simple names.
    let reader_schema = Some(std::fs::read_to_string(path("named.json")).unwrap());
    let resolving = AvroConfig { reader_schema, ..AvroConfig::default() };
    for avro in [Avro::new(), Avro::with_config(resolving).unwrap()] {
        let got = files::read(&avro, &object, ReadArgs::default()).await.unwrap();
        same("named", &got, &want);
        for place in 0..want.num_columns() {
            let args = ReadArgs { projection: Some(vec![place]), ..ReadArgs::default() };
            let alone = files::read(&avro, &object, args).await.unwrap();
            assert_eq!(alone.column(0), got.column(place), "{place}");
        }
    }
}
