//! Partitions as names of folders, as Hive has them.

use arrow_schema::DataType;

use super::folder_name;
use crate::Scalar;

/// How Hive calls the folder of a null.
const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The folder of a partition value as Hive names it: `name=value`, with what stores advise against escaped. `None` is
/// null. A long one is cut as by [`folder_name`], so that the value itself must be kept elsewhere.
pub fn hive_folder(name: &str, value: Option<&str>) -> String {
    folder_name(format!("{}={}", escaped(name), value.map_or_else(|| HIVE_NULL.to_owned(), escaped)))
}

fn escaped(text: &str) -> String {
    let unsafe_char = |c: char| c.is_ascii_control() || "\"#%'*/:<=>?[\\]^`{|}~".contains(c);
    let escape = |c: char| if unsafe_char(c) { format!("%{:02X}", u32::from(c)) } else { c.to_string() };
    text.chars().map(escape).collect()
}

/// The name and the value of such a folder; `None` for a folder of another kind.
pub fn parse_hive_folder(folder: &str) -> Option<(String, Option<String>)> {
    let (name, value) = folder.split_once('=').filter(|(name, _)| !name.is_empty())?;
    Some((unescaped(name), (value != HIVE_NULL).then(|| unescaped(value))))
}

fn unescaped(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(text.len()), text.as_bytes());
    while let Some((first, others)) = rest.split_first() {
        let digits = others.get(..2).filter(|d| *first == b'%' && d.iter().all(u8::is_ascii_hexdigit));
        let digits = digits.and_then(|d| std::str::from_utf8(d).ok());
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = others.get(if byte.is_some() { 2 } else { 0 }..).unwrap_or_default();
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// The type of partition values of which only the texts are known: `Int64` or `Date32` where all are such, else `Utf8`.
pub fn hive_type<'a>(values: impl IntoIterator<Item = &'a str>) -> DataType {
    let date = |text: &str| text.len() == 10 && Scalar::parse(text, &DataType::Date32).is_ok();
    let integer = |text: &str| text.parse::<i64>().is_ok() && !text.starts_with('+');
    let fold = |kinds, text| match kinds {
        None => Some((integer(text), date(text))),
        Some((integers, dates)) => Some((integers && integer(text), dates && date(text))),
    };
    match values.into_iter().fold(None, fold) {
        Some((true, _)) => DataType::Int64,
        Some((_, true)) => DataType::Date32,
        _ => DataType::Utf8,
    }
}
