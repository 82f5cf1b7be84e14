//! pyarrow and DuckDB: their files here, ours there, with equal values of every type.

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_ipc::reader::FileReader;
use arrow_schema::DataType;
use stitchwork_core::{Format, Object, ReadArgs};
use stitchwork_format_csv::Csv;
use stitchwork_testkit::batches::{difference, row_texts};
use stitchwork_testkit::files::{self, local, options, read};
use stitchwork_testkit::peers::Python;

use crate::{Given, csv};

fn peers(python: &Python, command: &str, folder: &Path) -> String {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/peers.py");
    python.run([program.as_os_str(), command.as_ref(), folder.as_ref()]).unwrap()
}

fn at(folder: &Path, name: &str) -> Object {
    local(&folder.join(name)).unwrap()
}

/// The rows that a peer has kept.
fn kept(folder: &Path, name: &str) -> RecordBatch {
    let file = std::fs::File::open(folder.join(name)).unwrap();
    let reader = FileReader::try_new(file, None).unwrap();
    let schema = reader.schema();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    arrow_select::concat::concat_batches(&schema, &batches).unwrap()
}

fn same(name: &str, found: &RecordBatch, expected: &RecordBatch) {
    assert_eq!(expected.num_rows(), 4);
    assert_eq!(found.schema(), expected.schema(), "{name}");
    let texts = |batch: &RecordBatch| row_texts(std::slice::from_ref(batch)).unwrap();
    assert_eq!(difference(&texts(found), &texts(expected)), None, "{name}");
}

#[tokio::test]
async fn files_of_pyarrow_and_duckdb_are_read() {
    let Some(python) = Python::find("files_of_pyarrow_and_duckdb_are_read", &[]) else { return };
    let folder = tempfile::tempdir().unwrap();
    peers(&python, "write", folder.path());
    let given = kept(folder.path(), "given.arrow");
    let cases: [(&str, Given); 12] = [
        ("pyarrow.csv", &[]),
        ("pyarrow_semicolon.csv", &[("delimiter", ";")]),
        ("pyarrow.tsv", &[]),
        ("pyarrow.csv.gz", &[]),
        ("duckdb.csv", &[]),
        ("duckdb.tsv", &[]),
        ("duckdb_tab.csv", &[("delimiter", "\\t"), ("quote", "'")]),
        ("duckdb_nulls.csv", &[("null_texts", "NULL")]),
        ("duckdb_escape.csv", &[("escape", "\\"), ("double_quote", "false")]),
        ("duckdb_bare.csv", &[("header", "false")]),
        ("duckdb.csv.gz", &[]),
        ("duckdb.csv.zst", &[]),
    ];
    for (name, options) in cases {
        let args = ReadArgs { schema: Some(given.schema()), ..ReadArgs::default() };
        let found = read(&csv(options), &at(folder.path(), name), args).await;
        same(name, &found.unwrap_or_else(|e| panic!("{name}: {e:?}")), &given);
    }
    // The types of the first eight are inferred as they were, but decimals: their texts are floats.
    for name in ["pyarrow.csv", "duckdb.csv", "duckdb.tsv"] {
        let types = |fields: &arrow_schema::Fields| -> Vec<DataType> {
            fields.iter().take(8).map(|field| field.data_type().clone()).collect()
        };
        let inferred = Csv::new().infer_schema(&at(folder.path(), name)).await.unwrap();
        let mut expected = types(given.schema().fields());
        assert_eq!(std::mem::replace(&mut expected[4], DataType::Float64), DataType::Decimal128(20, 2));
        assert_eq!(types(inferred.fields()), expected, "{name}");
    }
}

#[tokio::test]
async fn pyarrow_and_duckdb_read_ours() {
    let Some(python) = Python::find("pyarrow_and_duckdb_read_ours", &[]) else { return };
    let folder = tempfile::tempdir().unwrap();
    peers(&python, "write", folder.path());
    let given = kept(folder.path(), "given.arrow");
    let names: [(&str, Given); 5] = [
        ("ours.csv", &[]),
        ("ours.csv.gz", &[]),
        ("ours.csv.zst", &[]),
        ("ours.tsv", &[]),
        ("ours_semicolon.csv", &[("delimiter", ";")]),
    ];
    for (name, given_options) in names {
        let (object, batches) = (at(folder.path(), name), std::slice::from_ref(&given));
        files::write(&Csv::new(), &object, batches, options(given_options)).await.unwrap();
    }
    let said = peers(&python, "read", folder.path());
    // All by both, but that pyarrow knows no ending of zstd.
    assert_eq!(said.lines().count(), 2 * names.len() - 1, "{said}");
    for name in said.lines() {
        same(name, &kept(folder.path(), &format!("{name}.arrow")), &given);
    }
}
