//! Files whose types are found in their values: a file that has none in a column says nothing of its type.

use std::sync::Arc;

use arrow_schema::DataType;
use object_store::ObjectStoreExt;
use object_store::memory::InMemory;
use stitchwork_core::{ErrorKind, Registry, Relation, Result, ScanArgs, collect};
use stitchwork_format_csv::Csv;
use stitchwork_format_json::Json;
use stitchwork_table::{Columns, FileSet, FileSetArgs};
use stitchwork_testkit::IpcFormat;
use stitchwork_testkit::batches::row_texts;

/// The types and rows of a folder of such files.
async fn found(ending: &str, texts: &[&str], columns: Columns) -> Result<(String, Vec<String>)> {
    let mut registry = Registry::new();
    registry.register_format(Arc::new(Json::new()))?;
    registry.register_format(Arc::new(Csv::new()))?;
    registry.stores().mount("memory://", Arc::new(InMemory::new()));
    for (number, text) in texts.iter().enumerate() {
        let object = registry.stores().resolve(&format!("memory:t/{number}.{ending}"))?;
        object.store.put(&object.path, (*text).to_owned().into()).await?;
    }
    let set =
        FileSet::open_with(&registry, FileSetArgs { columns, ..FileSetArgs::new(&["memory:t"]) }).await?;
    let types = set.schema().fields().iter().map(|f| f.data_type().to_string()).collect::<Vec<_>>().join(" ");
    assert!(set.schema().fields().iter().all(|field| field.is_nullable()));
    let rows = collect(set.scan(ScanArgs::default()).await?).await?;
    Ok((types, row_texts(&rows).unwrap()))
}

#[tokio::test]
async fn a_file_without_values_takes_the_type_of_the_others() {
    for (ending, files, types) in [
        ("json", [r#"{"n":null}"#, r#"{"n":0.5}"#], "Float64"),
        ("json", [r#"{"n":[]}"#, r#"{"n":[1]}"#], "List(Int64, field: 'element')"),
        (
            "json",
            [r#"{"n":[[]]}"#, r#"{"n":[[true]]}"#],
            "List(List(Boolean, field: 'element'), field: 'element')",
        ),
        ("json", [r#"{"n":[]}"#, r#"{"n":[{"a":1}]}"#], "List(Struct(\"a\": Int64), field: 'element')"),
        ("json", [r#"{"a":null}"#, r#"{"a":{"x":1}}"#], "Struct(\"x\": Int64)"),
        ("json", [r#"{"a":{"x":null}}"#, r#"{"a":{"x":{"y":"z"}}}"#], "Struct(\"x\": Struct(\"y\": Utf8))"),
        ("csv", ["a,b\n1,\n", "a,b\n2,3\n"], "Int64 Int64"),
        ("csv", ["a\n", "a\n2024-02-29\n"], "Date32"),
    ] {
        let (there, rows) = found(ending, &files, Columns::Merged).await.unwrap();
        assert_eq!(there, types, "{files:?}");
        let (back, turned) = found(ending, &[files[1], files[0]], Columns::Merged).await.unwrap();
        assert_eq!(back, types, "{files:?}");
        let values = |mut rows: Vec<String>| {
            rows.sort();
            rows
        };
        assert_eq!(values(rows), values(turned), "{files:?}");
    }
}

#[tokio::test]
async fn what_no_file_has_values_of_is_text() {
    let nothing = r#"{"a":null,"l":[],"s":{"x":null}}"#;
    let types = "Utf8 List(Utf8, field: 'element') Struct(\"x\": Utf8)";
    for (files, columns) in [
        (&[nothing][..], Columns::Merged),
        (&[nothing, nothing], Columns::Merged),
        (&[nothing, nothing], Columns::First),
    ] {
        assert_eq!(found("json", files, columns).await.unwrap().0, types);
    }
    assert_eq!(found("csv", &["a,b\n,\n", "a\n\n"], Columns::Merged).await.unwrap().0, "Utf8 Utf8");
    // What was chosen by its writer stays.
    let mut registry = Registry::new();
    registry.register_format(Arc::new(IpcFormat)).unwrap();
    let object = stitchwork_testkit::files::schema(vec![arrow_schema::Field::new("a", DataType::Null, true)]);
    registry.stores().mount("memory://", Arc::new(InMemory::new()));
    let format = registry.formats().iter().next().unwrap().clone();
    let location = format!("memory:t/x.{}", format.extensions()[0]);
    let place = registry.stores().resolve(&location).unwrap();
    let writer = format.write(&place, stitchwork_core::WriteArgs::new(object.clone())).await.unwrap();
    writer.finish().await.unwrap();
    let set = FileSet::open(&registry, &[location]).await.unwrap();
    assert_eq!(set.schema().field(0).data_type(), &DataType::Null);
}

#[tokio::test]
async fn exact_numbers_beside_doubles_are_refused_with_a_remedy() {
    let files = ["{\"n\":9007199254740993}\n{\"n\":1.5}", r#"{"n":0.25}"#];
    let error = found("json", &files, Columns::Merged).await.unwrap_err();
    assert_eq!((error.kind(), error.context("column")), (ErrorKind::InvalidData, Some("n")));
    assert_eq!(error.context("type"), Some("Decimal128(17, 1)"));
    assert!(error.context("remedy").unwrap().contains("schema"));
}
