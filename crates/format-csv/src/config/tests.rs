//! The options, and what of them a file's name says.

use stitchwork_core::ErrorKind;

use super::*;

#[test]
fn options_are_the_fields() {
    let fields = [
        ("delimiter", "\\t"),
        ("quote", ""),
        ("escape", "\\"),
        ("null_texts", ",NA,\\N"),
        ("terminator", "crlf"),
        ("ragged", "any"),
        ("compression", "zstd"),
        ("skip_lines", "3"),
        ("header", "false"),
    ];
    let options = fields.map(|(name, text)| (name.to_owned(), text.to_owned())).into();
    let config = CsvConfig::default().with_options(&options).unwrap();
    assert_eq!((config.delimiter, config.quote, config.escape), (Some('\t'), None, Some('\\')));
    assert_eq!(config.null_texts, ["", "NA", "\\N"]);
    assert_eq!((config.terminator, config.ragged, config.skip_lines), (Terminator::Crlf, Ragged::Any, 3));
    assert_eq!((config.compression, config.header), (Some(Compression::Zstd), false));
    for name in OPTIONS {
        let options = [(name.to_owned(), "§§".to_owned())].into();
        let outcome = CsvConfig::default().with_options(&options);
        assert!(name == "null_texts" || outcome.is_err(), "{name}");
    }
}

#[test]
fn names_say_what_readers_must_know() {
    let extension = |config: &CsvConfig, name: &str, text: &str| {
        config.file_extension(&[(name.to_owned(), text.to_owned())].into()).map_err(|e| e.kind())
    };
    let plain = CsvConfig::default();
    let refused = Err(ErrorKind::InvalidConfig);
    for (name, text, expected) in [
        ("compression", "auto", Ok("csv")),
        ("compression", "zstd", Ok("csv.zst")),
        ("delimiter", "\\t", Ok("tsv")),
        ("delimiter", ",", Ok("csv")),
        ("delimiter", ";", refused),
        ("terminator", "crlf", Ok("csv")),
        ("terminator", "|", refused),
        ("header", "true", Ok("csv")),
        ("header", "false", refused),
        ("null_texts", "NA", refused),
        ("quote", "'", refused),
        ("no_such_option", "1", refused),
    ] {
        assert_eq!(extension(&plain, name, text), expected.map(str::to_owned), "{name}={text}");
    }
    let set = CsvConfig { header: false, delimiter: Some(';'), ..plain };
    assert_eq!(extension(&set, "header", "false"), Ok("csv".to_owned()));
    assert_eq!(extension(&set, "delimiter", ";"), Ok("csv".to_owned()));
    assert_eq!(extension(&set, "delimiter", "\\t"), Err(ErrorKind::InvalidConfig));
    let zipped = CsvConfig { compression: Some(Compression::Gzip), ..CsvConfig::default() };
    assert_eq!(extension(&zipped, "compression", "gzip"), Ok("csv.gz".to_owned()));
    assert_eq!(extension(&zipped, "compression", "auto"), Ok("csv.gz".to_owned()));
    assert_eq!(extension(&zipped, "compression", "none"), Err(ErrorKind::InvalidConfig));
}

#[test]
fn what_cannot_be_is_named() {
    for (name, text) in [
        ("delimiter", "ab"),
        ("quote", ","),
        ("delimiter", "ä"),
        ("quote", "\n"),
        ("encoding", "klingon"),
        ("encoding", "utf-32"),
        ("ragged", "perhaps"),
        ("infer_rows", "0"),
        ("compression", "rar"),
        ("seperator", ";"),
    ] {
        let error =
            CsvConfig::default().with_options(&[(name.to_owned(), text.to_owned())].into()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert_eq!(error.context("option"), Some(name));
    }
}
