//! Columns that the names of folders say.

use std::collections::BTreeMap;

use arrow_schema::{DataType, Field};
use stitchwork_core::{Column, ColumnStats, Error, Result, Scalar, Statistics, hive_type};

use super::find::Found;

/// What becomes of folders named `key=value`.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Partitions {
    /// Columns: `Int64` or `Date32` where all values are such, else `Utf8`.
    #[default]
    Inferred,
    /// Columns of these types; those that are not named here are inferred.
    Typed(BTreeMap<String, DataType>),
    /// Nothing: they are only folders.
    Ignored,
}

/// The columns of the folders, and their values by file.
pub(super) fn columns(partitions: &Partitions, found: &[Found]) -> Result<(Vec<Field>, Vec<Vec<Scalar>>)> {
    let none = BTreeMap::new();
    let typed = match partitions {
        Partitions::Ignored => return Ok((vec![], vec![vec![]; found.len()])),
        Partitions::Inferred => &none,
        Partitions::Typed(types) => types,
    };
    let Some(first) = found.first() else { return Ok((vec![], vec![])) };
    let keys: Vec<&String> = first.folders.iter().map(|(key, _)| key).collect();
    if let Some(other) =
        found.iter().find(|file| !file.folders.iter().map(|(key, _)| key).eq(keys.iter().copied()))
    {
        return Err(Error::invalid_data(
            "two files lie in folders of different keys (`key=value`), so that their columns differ; read those of each \
             kind by a pattern of their own (in Rust, `Partitions::Ignored` reads all without these columns)",
        )
        .with_context("file", &first.location)
        .with_context("other", &other.location));
    }
    if let Some(name) = typed.keys().find(|name| !keys.contains(name)) {
        return Err(Error::invalid_input("there is a type for a column that the folders do not have")
            .with_context("column", name));
    }
    let mut fields: Vec<Field> = Vec::with_capacity(keys.len());
    let mut values: Vec<Vec<Scalar>> = vec![vec![]; found.len()];
    for (place, key) in keys.into_iter().enumerate() {
        let text = |file: &Found| file.folders.get(place).and_then(|(_, value)| value.clone());
        let texts: Vec<Option<String>> = found.iter().map(text).collect();
        let inferred = || hive_type(texts.iter().filter_map(Option::as_deref));
        let data_type = typed.get(key).cloned().unwrap_or_else(inferred);
        for ((text, values), file) in texts.iter().zip(&mut values).zip(found) {
            let value = match text {
                Some(text) => Scalar::parse(text, &data_type),
                None => Ok(Scalar::null(&data_type)),
            };
            values
                .push(value.map_err(|e| e.with_context("file", &file.location).with_context("column", key))?);
        }
        fields.push(Field::new(key, data_type, true));
    }
    Ok((fields, values))
}

/// Constants as statistics of a file of one row: they are the same in all rows.
pub(super) struct Known<'a> {
    pub(super) fields: &'a [Field],
    /// The place and the value of each of the fields.
    pub(super) constants: &'a [(usize, Scalar)],
}

impl Statistics for Known<'_> {
    fn column(&self, column: &Column) -> Option<ColumnStats> {
        let [name] = column.path.as_slice() else { return None };
        let place = self.fields.iter().position(|field| field.name() == name)?;
        let (_, value) = self.constants.get(place)?;
        Some(ColumnStats::constant(value, self.rows()))
    }

    fn rows(&self) -> Option<u64> {
        Some(1)
    }
}
