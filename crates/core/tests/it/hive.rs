//! Folders of partitions as Hive names them.

use stitchwork_core::arrow::schema::DataType;
use stitchwork_core::{hive_folder, hive_type, parse_hive_folder};

#[test]
fn folders_say_name_and_value() {
    for (name, value, folder) in [
        ("a", Some("x/y=z ü"), "a=x%2Fy%3Dz ü"),
        ("c:", None, "c%3A=__HIVE_DEFAULT_PARTITION__"),
        ("d", Some(""), "d="),
        ("e", Some("%41"), "e=%2541"),
    ] {
        assert_eq!(hive_folder(name, value), folder);
        assert_eq!(parse_hive_folder(folder), Some((name.to_owned(), value.map(str::to_owned))));
    }
    assert_eq!(parse_hive_folder("p=a%20b%zz%"), Some(("p".to_owned(), Some("a b%zz%".to_owned()))));
    assert_eq!(parse_hive_folder("plain"), None);
    assert_eq!(parse_hive_folder("=x"), None);
}

#[test]
fn long_names_are_cut_and_told_apart() {
    for text in ["x".repeat(300), "é".repeat(300), "/".repeat(300)] {
        let folder = hive_folder("p", Some(&text));
        assert!(folder.len() <= 120, "{folder}");
        assert_ne!(folder, hive_folder("p", Some(&format!("{text}y"))));
        let (_, value) = parse_hive_folder(folder.rsplit_once('-').unwrap().0).unwrap();
        assert!(text.starts_with(&value.unwrap()), "{folder}");
    }
}

#[test]
fn types_are_those_of_all_values() {
    assert_eq!(hive_type(["1", "02", "-3"]), DataType::Int64);
    assert_eq!(hive_type(["2024-01-02"]), DataType::Date32);
    assert_eq!(hive_type(["2024-01-02", "1"]), DataType::Utf8);
    assert_eq!(hive_type(["2024-13-02"]), DataType::Utf8);
    assert_eq!(hive_type([]), DataType::Utf8);
}
