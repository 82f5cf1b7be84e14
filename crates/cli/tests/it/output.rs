//! Every format, and that nothing but rows goes to stdout.

use std::io::Read;
use std::process::Stdio;

use arrow_ipc::reader::StreamReader;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use parquet::basic::LogicalType;

use crate::support::Folder;

const QUERY: &str = "select * from (values (1, 'a'), (2, null)) as t (id, name) order by id";

#[test]
fn texts() {
    let folder = Folder::new();
    let table = "+----+------+\n| id | name |\n+----+------+\n|  1 | a    |\n|  2 | NULL |\n+----+------+\n";
    assert_eq!(folder.ok(["sql", QUERY]), table);
    assert_eq!(folder.ok(["sql", QUERY, "--output", "csv"]), "id,name\n1,a\n2,\n");
    assert_eq!(
        folder.ok(["sql", QUERY, "-o", "ndjson"]),
        "{\"id\":1,\"name\":\"a\"}\n{\"id\":2,\"name\":null}\n"
    );
    let json: serde_json::Value = serde_json::from_str(&folder.ok(["-o", "json", "sql", QUERY])).unwrap();
    assert_eq!(json, serde_json::json!([{"id": 1, "name": "a"}, {"id": 2, "name": null}]));
}

#[test]
fn arrow_and_parquet_are_read_back() {
    let folder = Folder::new();
    let many = "select value as id, cast(value as text) as name from generate_series(1, 20000)";
    let made = folder.command(["sql", many, "-o", "arrow"]).output().unwrap();
    let rows: usize = StreamReader::try_new(made.stdout.as_slice(), None)
        .unwrap()
        .map(|batch| batch.unwrap().num_rows())
        .sum();
    assert_eq!(rows, 20_000);
    let made = folder.command(["sql", many, "-o", "parquet"]).output().unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(made.stdout)).unwrap();
    assert_eq!(reader.metadata().file_metadata().num_rows(), 20_000);
    assert!(made.stderr.is_empty());
}

#[test]
fn several_queries_follow_one_another() {
    let folder = Folder::new();
    assert_eq!(folder.ok(["sql", "select 1 as a; select ';' as b;", "-o", "csv"]), "a\n1\nb\n;\n");
    let ran = folder.run(["sql", "select 1; select 2", "-o", "json"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("ndjson"), "{}", ran.stderr);
}

#[test]
fn milliseconds_that_are_called_a_date_go_out_as_dates() {
    let folder = Folder::new();
    let query =
        |of: &str| format!("select arrow_cast({of}, 'Date64') as d, [arrow_cast({of}, 'Date64')] as l");
    let output = folder.command(["sql", &query("date '2024-02-29'"), "-o", "parquet"]).output().unwrap();
    let file = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(output.stdout)).unwrap();
    let columns = file.parquet_schema().columns();
    let dates = columns.iter().filter(|column| column.logical_type_ref() == Some(&LogicalType::Date));
    assert_eq!((dates.count(), columns.len()), (2, 2));
    assert_eq!(file.schema().field(0).data_type().to_string(), "Date64");
    let noon = folder.run(["sql", &query("timestamp '2024-02-29T12:00:00'"), "-o", "parquet", "-q"]);
    assert_eq!(noon.code, 1, "{noon:?}");
    for said in ["column=d", "row=0", "value=1709208000000"] {
        assert!(noon.stderr.contains(said), "{noon:?}");
    }
}

#[test]
fn queries_come_from_stdin() {
    let folder = Folder::new();
    let mut child =
        folder.command(["sql", "-o", "csv"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(
        &mut child.stdin.take().unwrap(),
        b"select 1 as a;\n-- a remark\nselect 2 as b",
    )
    .unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "a\n1\nb\n2\n");
    assert_eq!(folder.run(["sql"]).code, 2, "nothing on stdin");
    let mut child = folder.command(["sql"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), b"\xff\xfe;").unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(String::from_utf8(output.stderr).unwrap().contains("no text in UTF-8"));
}

#[test]
fn limits_hold() {
    let folder = Folder::new();
    let counted =
        folder.ok(["sql", "select value from generate_series(1, 100)", "--limit", "3", "-o", "ndjson"]);
    assert_eq!(counted.lines().count(), 3);
}

#[test]
fn rows_come_while_the_query_runs() {
    let folder = Folder::new();
    let endless = "select value from generate_series(1, 9000000000000)";
    let mut child = folder.command(["sql", endless, "-o", "csv"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 7];
    child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(&first, b"value\n1");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A device that takes nothing.
#[cfg(target_os = "linux")]
#[test]
fn a_full_stdout_is_told_in_one_way_in_every_format() {
    let folder = Folder::new();
    for format in ["table", "csv", "json", "ndjson", "arrow", "parquet"] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let mut command = folder.command(["sql", "select 1 as n", "-o", format]);
        let ran = crate::support::ran(&command.stdout(full).output().unwrap());
        assert_eq!(ran.code, 4, "{format}: {ran:?}");
        assert!(ran.stderr.contains("storage full"), "{format}: {ran:?}");
    }
}
