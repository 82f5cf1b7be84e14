//! Dialects, encodings and compressions.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field};
use stitchwork_core::{ErrorKind, Format, Formats, ReadArgs};
use stitchwork_format_csv::Csv;
use stitchwork_testkit::files::{bytes, object, options, read, schema, write};

use crate::{Given, csv, failure, put, shown};

#[tokio::test]
async fn each_option_changes_what_is_read() {
    let cases: [(Given, &str, &str); 27] = [
        (&[], "a,b\n1,\"x, \"\"y\"\"\nz\"\n,\"\"\n", "a:Int64,b:Utf8|1,x, \"y\"\nz|~,"),
        (&[], "a,b\r\n1,x\r\n\r\n2,y", "a:Int64,b:Utf8|1,x|2,y"),
        (&[], "a,b\r1,x\r2,y\r", "a:Int64,b:Utf8|1,x|2,y"),
        (&[("delimiter", ";")], "a;b\n1,5;\"x;y\"\n", "a:Utf8,b:Utf8|1,5,x;y"),
        (&[("delimiter", "\\t")], "a\tb\n1\t\n", "a:Int64,b:Utf8|1,~"),
        (&[("quote", "'")], "a,b\n1,'it''s, \"so\"'\n", "a:Int64,b:Utf8|1,it's, \"so\""),
        (&[("quote", "")], "a,b\n1,\"x\"\n", "a:Int64,b:Utf8|1,\"x\""),
        (&[("escape", "\\")], "a,b\n1,\"x\\\"y\\\\\"\n2,p\\,q\n", "a:Int64,b:Utf8|1,x\"y\\|2,p,q"),
        (
            &[("escape", "\\"), ("quote", ""), ("null_texts", "\\N")],
            "a,b\n\\N,\\\\N\n1,\n",
            "a:Int64,b:Utf8|~,\\N|1,",
        ),
        (&[("comment", "#")], "# first\na,b\n#1,2\n1,#\n", "a:Int64,b:Utf8|1,#"),
        (&[("comment", "#")], "a\n\"#x\"\n#y", "a:Utf8|#x"),
        (&[("terminator", "|")], "a,b|1,x\ny|", "a:Int64,b:Utf8|1,x\ny"),
        (&[("terminator", "lf")], "a,b\n1,x\r\n", "a:Int64,b:Utf8|1,x\r"),
        (&[("header", "false")], "1,x\n2,y\n", "column_1:Int64,column_2:Utf8|1,x|2,y"),
        (&[("null_texts", ",NA")], "a,b\nNA,\"NA\"\n1,\n", "a:Int64,b:Utf8|~,NA|1,~"),
        (&[("null_texts", "NA")], "a,b\nNA,\n1,x\n", "a:Int64,b:Utf8|~,|1,x"),
        (&[("quoted_nulls", "true")], "a,b\n1,\"\"\n", "a:Int64,b:Utf8|1,~"),
        (&[("trim", "true")], " a , b\n 1 ,  x y  \n2, \" z \" \n", "a:Int64,b:Utf8|1,x y|2, z "),
        (&[("stray_quotes", "true")], "a\n5\" disk\n", "a:Utf8|5\" disk"),
        (&[("skip_lines", "2")], "title \"\n\na\n1\n", "a:Int64|1"),
        (&[("skip_rows", "1")], "a\n[kg]\n1\n", "a:Int64|1"),
        (&[("ragged", "short")], "a,b\n1\n2,x\n", "a:Int64,b:Utf8|1,~|2,x"),
        (&[("ragged", "any")], "a,b\n1\n2,x,\"z\",\n", "a:Int64,b:Utf8|1,~|2,x"),
        (&[("infer_types", "false")], "a,b\n1,true\n", "a:Utf8,b:Utf8|1,true"),
        (&[], "a,,a\n1,2,3\n", "a:Int64,column_2:Int64,a_2:Int64|1,2,3"),
        (&[], "a\n1\n\n3\n", "a:Int64|1|~|3"),
        (&[("blank_lines", "skip")], "a\n1\n\n3\n", "a:Int64|1|3"),
    ];
    for (options, text, expected) in cases {
        let found = shown(&csv(options), text).await;
        assert_eq!(found.map_err(|e| e.to_string()).as_deref(), Ok(expected), "{options:?} {text:?}");
    }
    assert_eq!(
        shown(&csv(&[("blank_lines", "row"), ("ragged", "short")]), "a,b\n\n1,2\n").await.unwrap(),
        "a:Int64,b:Int64|~,~|1,2"
    );
}

#[tokio::test]
async fn the_delimiter_is_found_where_nobody_says_it() {
    for (given, text, expected) in [
        (&[] as Given, "a;b\n1;x,y\n2;\n", "a:Int64,b:Utf8|1,x,y|2,~"),
        (&[], "a|b\n1|2\n", "a:Int64,b:Int64|1,2"),
        (&[], "a\tb\n1\t2\n", "a:Int64,b:Int64|1,2"),
        (&[("delimiter", "auto"), ("header", "false")], "1;2\n", "column_1:Int64,column_2:Int64|1,2"),
        (&[("skip_lines", "1")], "so; it, says;\na;b\n1;2\n", "a:Int64,b:Int64|1,2"),
        // Commas go first, and what is said goes before what is found.
        (&[], "a,b;c\n1,2;3\n", "a:Int64,b;c:Utf8|1,2;3"),
        (&[("delimiter", ",")], "a;b\n1;2\n", "a;b:Utf8|1;2"),
        (&[("quote", ";"), ("stray_quotes", "true")], "a;b\n1;2\n", "a;b:Utf8|1;2"),
    ] {
        let found = shown(&csv(given), text).await;
        assert_eq!(found.map_err(|e| e.to_string()).as_deref(), Ok(expected), "{given:?} {text:?}");
    }
    // However much there is, every read comes to the same.
    let many = format!("a;b\n{}", "1;2\n".repeat(100_000));
    assert!(shown(&csv(&[]), many).await.unwrap().starts_with("a:Int64,b:Int64|1,2|"));
    // A header of many names is looked through, and so is what stands before it.
    let names: Vec<String> = (0..30_000).map(|place| format!("measure_{place}")).collect();
    let wide = format!("{}\n{}\n", names.join(";"), vec!["1,5"; 30_000].join(";"));
    assert!(shown(&csv(&[]), wide).await.unwrap().starts_with("measure_0:Utf8,measure_1:Utf8,"));
    let late = format!("{}\na;b\n1;2\n", "x".repeat(20_000));
    assert_eq!(shown(&csv(&[("skip_lines", "1")]), late).await.unwrap(), "a:Int64,b:Int64|1,2");
}

#[tokio::test]
async fn the_only_column_is_never_taken_for_several() {
    let object = object("one.csv");
    for (name, headless) in [("a;b", false), ("a", false), ("column_1", true)] {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["x;y", "3;4"]));
        let rows = RecordBatch::try_from_iter_with_nullable([(name, texts, true)]).unwrap();
        let format = if headless { csv(&[("header", "false")]) } else { csv(&[]) };
        for delimiter in [None, Some(",")] {
            let options = options(delimiter.map(|delimiter| ("delimiter", delimiter)).as_slice());
            write(&format, &object, std::slice::from_ref(&rows), options).await.unwrap();
            assert_eq!(read(&format, &object, ReadArgs::default()).await.unwrap(), rows, "{name}");
            // Only the first record says what the delimiter is.
            assert!(bytes(&object).await.unwrap().ends_with(b"\n3;4\n"), "{name}");
        }
    }
}

#[tokio::test]
async fn the_ending_tsv_says_tabs_unless_the_delimiter_is_given() {
    let schema =
        schema(vec![Field::new("a", DataType::Int64, true), Field::new("b,c", DataType::Utf8, true)]);
    let columns: Vec<ArrayRef> =
        vec![Arc::new(Int64Array::from(vec![1])), Arc::new(StringArray::from(vec!["x,y\t\"z\""]))];
    let rows = RecordBatch::try_new(schema, columns).unwrap();
    let formats = Formats::default().with(Arc::new(Csv::new()));
    for (name, delimiter) in [
        ("t.tsv", '\t'),
        ("t.part.TSV", '\t'),
        ("t.tsv.gz", '\t'),
        ("t.tsv.zst", '\t'),
        ("t.csv", ','),
        ("t.tsv.csv", ','),
        ("tsv.csv.gz", ','),
    ] {
        let object = object(name);
        let format = formats.for_path(name).unwrap_or_else(|| panic!("{name} has no format"));
        write(format.as_ref(), &object, std::slice::from_ref(&rows), options(&[])).await.unwrap();
        assert_eq!(read(format.as_ref(), &object, ReadArgs::default()).await.unwrap(), rows, "{name}");
        // As somebody reads it who is told the delimiter.
        let told = csv(&[("delimiter", &delimiter.to_string())]);
        assert_eq!(read(&told, &object, ReadArgs::default()).await.unwrap(), rows, "{name}");
    }
    let other = object("u.tsv");
    write(&Csv::new(), &other, std::slice::from_ref(&rows), options(&[("delimiter", "|")])).await.unwrap();
    assert_eq!(bytes(&other).await.unwrap().split(|byte| *byte == b'\n').next(), Some(&b"a|b,c"[..]));
    let tabs = csv(&[("quote", "\\t")]);
    let error = read(&tabs, &other, ReadArgs::default()).await.unwrap_err();
    assert_eq!((error.kind(), error.context("option")), (ErrorKind::InvalidConfig, Some("quote")));
}

#[tokio::test]
async fn empty_objects_have_no_columns_or_no_rows() {
    for (text, expected) in [("", ""), ("\n\r\n", ""), ("a,b", "a:Utf8,b:Utf8"), ("\u{feff}a\n", "a:Utf8")] {
        assert_eq!(shown(&csv(&[]), text).await.unwrap(), expected, "{text:?}");
        assert_eq!(csv(&[]).inspect(&put(text).await).await.unwrap().rows, 0);
    }
}

#[tokio::test]
async fn what_breaks_the_dialect_is_an_error_with_its_row_and_line() {
    let cases: [(Given, &str, &str, &str); 9] = [
        (&[], "a,b\n1,2\n3\n", "2", "3"),
        (&[], "a,b\n\"1\n\",2\n3,4,5\n", "2", "4"),
        (&[("ragged", "short")], "a,b\n1,2,3\n", "1", "2"),
        (&[], "a\n\"x\"y\n", "1", "2"),
        (&[], "a\nx\"y\n", "1", "2"),
        (&[], "a\n1\n\n\"x\n\n", "3", "4"),
        (&[("escape", "\\")], "a\nx\\", "1", "2"),
        (&[("double_quote", "false")], "a\n\"x\"\"y\"\n", "1", "2"),
        (&[("max_record_bytes", "20")], "a\n1\n\"2\n3\n4\n5\n6\n7\n8\n9\n10\n", "2", "3"),
    ];
    for (options, text, row, line) in cases {
        let error = failure(&csv(options), text).await;
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{error}");
        let told = (error.context("row"), error.context("line"), error.context("location"));
        assert_eq!(
            told,
            (Some(row), Some(line), Some("memory:///given.csv")),
            "{options:?} {text:?} {error}"
        );
    }
}

#[tokio::test]
async fn encodings_are_decoded_or_refused() {
    let expected = "näme:Utf8|日本, ✓";
    let utf16 =
        |bytes: fn(u16) -> [u8; 2], text: &str| text.encode_utf16().flat_map(bytes).collect::<Vec<u8>>();
    let text = "näme\n\"日本, ✓\"\n";
    let marked = format!("\u{feff}{text}");
    for bytes in [
        text.as_bytes().to_vec(),
        marked.as_bytes().to_vec(),
        utf16(u16::to_le_bytes, &marked),
        utf16(u16::to_be_bytes, &marked),
    ] {
        assert_eq!(shown(&csv(&[]), bytes).await.unwrap(), expected);
    }
    for (label, bytes) in
        [("utf-16le", utf16(u16::to_le_bytes, text)), ("utf-16be", utf16(u16::to_be_bytes, text))]
    {
        assert_eq!(shown(&csv(&[("encoding", label)]), bytes).await.unwrap(), expected);
    }
    assert_eq!(shown(&csv(&[("encoding", "latin1")]), b"n\xe4me\n\x80\n").await.unwrap(), "näme:Utf8|€");
    assert_eq!(
        shown(&csv(&[("encoding", "shift_jis")]), b"a\n\x93\xfa\x96\x7b\n").await.unwrap(),
        "a:Utf8|日本"
    );

    let cut = {
        let mut bytes = utf16(u16::to_le_bytes, &marked);
        bytes.pop();
        bytes
    };
    let late = [b"a\n".repeat(40_000), b"\xff\n".to_vec()].concat();
    let cases: [(&str, Vec<u8>, &str, &str); 5] = [
        ("utf-8", b"n\xe4me\n1\n".to_vec(), "UTF-8", "1"),
        ("utf-8", late, "UTF-8", "80000"),
        ("utf-8", b"a\n\xe6\x97".to_vec(), "UTF-8", "2"),
        ("shift_jis", b"a\n\x93".to_vec(), "Shift_JIS", "2"),
        ("utf-8", cut, "UTF-16LE", "26"),
    ];
    for (label, bytes, encoding, place) in cases {
        let error = failure(&csv(&[("encoding", label)]), bytes).await;
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert_eq!(
            (error.context("encoding"), error.context("byte")),
            (Some(encoding), Some(place)),
            "{error}"
        );
    }
    let utf32: Vec<u8> = marked.chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
    for other in [utf32, b"PK\x03\x04..".to_vec(), b"PAR1\x15\x04".to_vec(), b"\x1f\x8b\x08".to_vec()] {
        let error = failure(&csv(&[]), other).await;
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.context("begins_like").is_some(), "{error}");
    }
}

#[tokio::test]
async fn compressed_objects_are_read_and_written() {
    let given = read(&csv(&[]), &put("a,b\n1,x\n2,\n").await, ReadArgs::default()).await.unwrap();
    for name in ["t.csv", "t.csv.gz", "t.csv.zst", "t.csv.bz2", "t.csv.xz"] {
        let object = object(name);
        let args = stitchwork_core::WriteArgs::new(given.schema());
        let mut writer = Csv::new().write(&object, args).await.unwrap();
        writer.write(&given).await.unwrap();
        let summary = writer.finish().await.unwrap();
        assert_eq!((summary.rows, summary.bytes), (2, object.fetch_size().await.unwrap()));
        assert_eq!(Csv::new().inspect(&object).await.unwrap(), summary);
        assert_eq!(read(&Csv::new(), &object, ReadArgs::default()).await.unwrap(), given);
        let plain = csv(&[("compression", "none")]).read(&object, ReadArgs::default()).await.map(drop);
        assert_eq!(plain.is_ok(), name == "t.csv", "{name}");
    }
    let error = read(&csv(&[("compression", "zstd")]), &put("a\n1\n").await, ReadArgs::default()).await;
    assert_eq!(error.unwrap_err().kind(), ErrorKind::InvalidData);
}

#[test]
fn the_longest_ending_of_a_name_finds_the_format() {
    let formats = Formats::default().with(Arc::new(Csv::new()));
    for (name, found) in [
        ("a/b.csv", true),
        ("a.b/c.2024.CSV.gz", true),
        ("x.csv.zst", true),
        ("x.gz", false),
        ("a.csv/x", false),
        ("csv", false),
    ] {
        assert_eq!(formats.for_path(name).is_some(), found, "{name}");
    }
}
