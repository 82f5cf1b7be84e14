//! An entry as columns and back.

use std::collections::BTreeMap;

use stitchwork_core::{Entry, Error, Pointer, Result, TableIdent};

use crate::database::Row;
use crate::names::missing;

/// The log whose entries pyiceberg and Java read.
const ICEBERG: &str = "iceberg";
/// The type of such an entry.
const ICEBERG_TYPE: &str = "TABLE";

/// The kinds of an extra: a property of the user, or a part of the entry that the shared columns cannot hold.
const PROPERTY: &str = "property";
const PART: &str = "part";
const LOCATION: &str = "location";
const POINTER: &str = "pointer";
const LOG: &str = "log";
/// The length of the type column.
const TYPE_LENGTH: usize = 5;
/// The type of a log whose name is longer than the column, and stands in a part of its own. No log has this name.
const LONG_TYPE: &str = "LOG:";

/// What an entry has beyond the shared columns: its kind, key and value.
pub(crate) type Extra = (&'static str, String, String);

/// Whether the entries of this log are Iceberg's own.
pub(crate) fn is_iceberg(log: &str) -> bool {
    log == ICEBERG
}

/// The type column of a log: `TABLE` for Iceberg, else the name of the log in capitals, or what stands for a long one.
/// Others skip both.
pub(crate) fn type_of(log: &str) -> Result<String> {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if is_iceberg(log) {
        return Ok(ICEBERG_TYPE.to_owned());
    }
    if log.is_empty() || !log.chars().all(plain) || log == "table" || log == "view" {
        return Err(Error::invalid_input(
            "the name of a log is in lower-case letters, and not `table` or `view`",
        )
        .with_context("log", log));
    }
    Ok(if log.len() > TYPE_LENGTH { LONG_TYPE.to_owned() } else { log.to_ascii_uppercase() })
}

/// What the column `metadata_location` holds: Iceberg's pointer, and the location of other tables.
pub(crate) fn main_location(entry: &Entry) -> Option<&str> {
    if is_iceberg(&entry.log) { entry.pointer.as_ref().map(|p| p.0.as_str()) } else { Some(&entry.location) }
}

/// What does not fit into the shared columns.
pub(crate) fn extras(entry: &Entry) -> Vec<Extra> {
    let properties = entry.properties.iter().map(|(key, value)| (PROPERTY, key.clone(), value.clone()));
    let mut extras: Vec<Extra> = properties.collect();
    extras.extend(part(entry));
    if entry.log.len() > TYPE_LENGTH && !is_iceberg(&entry.log) {
        extras.push((PART, LOG.to_owned(), entry.log.clone()));
    }
    extras
}

/// The part of an entry that a swap changes and that does not fit into the shared columns.
pub(crate) fn part(entry: &Entry) -> Option<Extra> {
    if !is_iceberg(&entry.log) {
        let pointer = entry.pointer.as_ref()?;
        return Some((PART, POINTER.to_owned(), pointer.0.clone()));
    }
    let implied = entry.pointer.as_ref().map(|pointer| location_of(&pointer.0));
    (implied != Some(&entry.location)).then(|| (PART, LOCATION.to_owned(), entry.location.clone()))
}

/// The kind and key of that part in entries of this log.
pub(crate) fn part_key(log: &str) -> (&'static str, &'static str) {
    (PART, if is_iceberg(log) { LOCATION } else { POINTER })
}

/// The location of a table that is told by where its metadata lies: `<location>/metadata/<file>`.
fn location_of(metadata: &str) -> &str {
    let folder = metadata.rsplit_once('/').map_or(metadata, |(folder, _)| folder);
    folder.strip_suffix("/metadata").unwrap_or(folder)
}

/// The entry of the rows that `LOAD` gives.
pub(crate) fn from_rows(ident: &TableIdent, rows: Vec<Row>) -> Result<Entry> {
    let first = rows.first().ok_or_else(|| missing(ident))?;
    let column = |row: &Row, place: usize| row.get(place).cloned().flatten();
    let (main, kind) = (column(first, 0), column(first, 1));
    let (mut properties, mut parts) = (BTreeMap::new(), BTreeMap::new());
    for row in &rows {
        let of_kind = match column(row, 2).as_deref() {
            Some(PROPERTY) => &mut properties,
            Some(PART) => &mut parts,
            _ => continue,
        };
        if let (Some(key), Some(value)) = (column(row, 3), column(row, 4)) {
            of_kind.insert(key, value);
        }
    }
    let log = match kind.as_deref() {
        None | Some(ICEBERG_TYPE) => ICEBERG.to_owned(),
        Some(LONG_TYPE) => parts.remove(LOG).ok_or_else(|| {
            Error::invalid_data("the catalog has an entry without the name of its log")
                .with_context("table", ident)
        })?,
        Some(other) => other.to_ascii_lowercase(),
    };
    let part = parts.remove(part_key(&log).1);
    let (location, pointer) = if is_iceberg(&log) {
        let location = part.or_else(|| main.as_deref().map(|main| location_of(main).to_owned()));
        (location, main.map(Pointer))
    } else {
        (main, part.map(Pointer))
    };
    let location = location.ok_or_else(|| {
        Error::invalid_data("the catalog has an entry without a location").with_context("table", ident)
    })?;
    Ok(Entry { ident: ident.clone(), log, location, pointer, properties })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(columns: [Option<&str>; 5]) -> Row {
        columns.iter().map(|column| column.map(str::to_owned)).collect()
    }

    #[test]
    fn the_location_of_a_foreign_entry_is_told_by_its_metadata() {
        for (metadata, location) in [
            ("s3://b/w/ns.db/t/metadata/00001-x.metadata.json", "s3://b/w/ns.db/t"),
            ("file:///w/metadata/t/metadata/v1.json", "file:///w/metadata/t"),
            ("/elsewhere/v1.json", "/elsewhere"),
        ] {
            let entry =
                from_rows(&TableIdent::bare("t"), vec![row([Some(metadata), None, None, None, None])])
                    .unwrap();
            assert_eq!((entry.log.as_str(), entry.location.as_str()), ("iceberg", location));
            assert_eq!(entry.pointer, Some(Pointer(metadata.to_owned())));
            assert_eq!(part(&entry), None);
        }
        let error = from_rows(&TableIdent::bare("t"), vec![row([None, Some("TABLE"), None, None, None])])
            .unwrap_err();
        assert_eq!(error.kind(), stitchwork_core::ErrorKind::InvalidData);
    }

    #[test]
    fn logs_have_types_that_lead_back_to_them() {
        assert_eq!(type_of("iceberg").unwrap(), "TABLE");
        assert_eq!(type_of("delta").unwrap(), "DELTA");
        assert_eq!(type_of("paimon").unwrap(), "LOG:");
        for log in ["", "Delta", "table", "view", "a b"] {
            assert!(type_of(log).is_err(), "{log}");
        }
    }
}
