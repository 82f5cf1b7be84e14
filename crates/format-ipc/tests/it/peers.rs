//! Files of pyarrow and polars are read as they are, and ours are read there.

use std::path::Path;

use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use stitchwork_core::{Format, Object, ReadArgs, collect};
use stitchwork_format_ipc::{Compression, Ipc, IpcConfig, Layout};
use stitchwork_testkit::files::local;
use stitchwork_testkit::peers::Python;

/// The interpreter with pyarrow; `None`, said aloud, where it is not there.
fn python(test: &str) -> Option<Python> {
    Python::find(test, &["pyarrow"])
}

fn peer(python: &Python, verb: &str, folder: &Path) -> String {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/peer.py");
    python.run([script.as_os_str(), verb.as_ref(), folder.as_ref()]).unwrap()
}

fn at(path: &Path) -> Object {
    local(path).unwrap()
}

async fn batches(path: &Path) -> Vec<RecordBatch> {
    collect(Ipc::new().read(&at(path), ReadArgs::default()).await.unwrap()).await.unwrap()
}

#[tokio::test]
async fn pyarrow_and_polars_agree_with_us_on_every_type() {
    let Some(python) = python("pyarrow_and_polars_agree_with_us_on_every_type") else { return };
    let folder = tempfile::tempdir().unwrap();
    peer(&python, "write", folder.path());
    let mut names: Vec<String> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert!(names.len() >= 12, "{names:?}");
    for (place, name) in names.iter().enumerate() {
        let path = folder.path().join(name);
        let rows = batches(&path).await;
        let summary = Ipc::new().inspect(&at(&path)).await.unwrap();
        assert_eq!(summary.rows, rows.iter().map(|batch| batch.num_rows() as u64).sum::<u64>(), "{name}");
        let layout = if name.ends_with(".arrows") { Layout::Stream } else { Layout::File };
        let compression = [Compression::Uncompressed, Compression::Lz4, Compression::Zstd][place % 3];
        let ipc = Ipc::with_config(IpcConfig { layout, compression, ..IpcConfig::default() }).unwrap();
        let ours = at(&folder.path().join(format!("ours_{name}")));
        crate::write(&ipc, &ours, &rows).await.unwrap();
    }
    let told = peer(&python, "check", folder.path());
    assert_eq!(told.lines().count(), names.len(), "{told}");
    spelled(&batches(&folder.path().join("zstd.arrow")).await[0]);
    // What was a delta is one dictionary in the end.
    for name in ["deltas.arrow", "deltas.arrows", "replaced.arrows"] {
        let rows = batches(&folder.path().join(name)).await;
        let texts = stitchwork_testkit::batches::row_texts(&rows).unwrap();
        assert_eq!(texts[..5], ["a", "∅", "b", "a", "a"], "{name}");
        assert_eq!(texts.get(5).map(String::as_str), (name == "replaced.arrows").then_some("y"));
    }
}

/// Some of the values, in our own words.
fn spelled(rows: &RecordBatch) {
    let column = |name: &str| rows.column_by_name(name).unwrap().clone();
    assert_eq!(rows.schema().metadata()["of"], "pyarrow");
    assert_eq!(rows.schema().field_with_name("int8").unwrap().metadata()["note"], "int8");
    assert_eq!(
        column("int64").as_primitive::<Int64Type>().iter().collect::<Vec<_>>(),
        [Some(i64::MIN), None, Some(i64::MAX)]
    );
    let texts = column("string_view");
    assert_eq!(texts.data_type(), &DataType::Utf8View);
    assert_eq!(texts.as_string_view().value(2), "a text that is too long to be inlined");
    let decimals = column("decimal128");
    assert_eq!(decimals.data_type(), &DataType::Decimal128(38, 1));
    assert_eq!(decimals.as_primitive::<Decimal128Type>().value(0), -15);
    let times = column("at");
    assert_eq!(times.data_type(), &DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())));
    assert_eq!(times.as_primitive::<TimestampMicrosecondType>().value(2), 1_709_210_096_789_012);
    assert!(matches!(column("runs").data_type(), DataType::RunEndEncoded(..)));
    assert!(matches!(column("dense").data_type(), DataType::Union(..)));
    let list = column("list");
    assert!(list.is_null(1));
    assert_eq!(list.as_list::<i32>().value_length(0), 2);
}
