//! What the footers of files say to DuckDB of the types in them.
//!
//! Our reader has one type for what are several to DuckDB: JSON is text to Arrow, geometries are bytes. DuckDB reads
//! all files of one read in the types of the first, so files are read together only where their footers say the same.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_schema::{DataType, SchemaRef};
use serde_json::Value;
use stitchwork_core::Result;

use super::files::{Ready, Schemas};
use crate::dialect::text;
use crate::session::Session;

/// How many files one question is about.
const AT_ONCE: usize = 256;
/// The key under which GeoParquet describes the columns that are geometries.
const GEO: &str = "geo";

/// What a footer says of each column, by its name.
pub(crate) type Footer = BTreeMap<String, String>;

/// What a footer says of the columns at these places of the file.
pub(crate) fn of_columns(file: &Ready, places: &[usize]) -> String {
    let Some(footer) = &file.footer else { return String::new() };
    let names = places.iter().filter_map(|place| file.schema.fields().get(*place)).map(|field| field.name());
    names.map(|name| format!("; {}", footer.get(name).map_or("", String::as_str))).collect()
}

/// Asks DuckDB for the footers of all files that it has not been asked for. `false` where it does not open one of them.
pub(crate) async fn read(session: &Session, schemas: &Schemas, files: &mut [Ready]) -> Result<bool> {
    if files.len() < 2 {
        // A file alone is not read in the types of another.
        return Ok(true);
    }
    for file in files.iter_mut() {
        file.footer = schemas.footer(&file.key);
    }
    let mut unknown: Vec<&Ready> = files.iter().filter(|file| file.footer.is_none()).collect();
    unknown.sort_by(|a, b| a.path.cmp(&b.path));
    unknown.dedup_by(|a, b| a.path == b.path);
    let mut found = HashMap::with_capacity(unknown.len());
    for some in unknown.chunks(AT_ONCE) {
        match ask(session, some).await {
            Ok(footers) => found.extend(footers),
            Err(error) => {
                // The relation's own reader reads them, or says better what is wrong.
                tracing::debug!(%error, "DuckDB does not open a file of the plan, which is streamed");
                return Ok(false);
            }
        }
    }
    for file in files.iter_mut().filter(|file| file.footer.is_none()) {
        let Some(footer) = found.get(&file.path) else {
            tracing::debug!(file = file.path, "DuckDB says nothing of a file of the plan, which is streamed");
            return Ok(false);
        };
        file.footer = Some(schemas.keep_footer(&file.key, Arc::clone(footer)));
    }
    Ok(true)
}

async fn ask(session: &Session, files: &[&Ready]) -> Result<HashMap<String, Arc<Footer>>> {
    let paths = files.iter().map(|file| text(&file.path)).collect::<Result<Vec<_>>>()?.join(", ");
    // Not `duckdb_type`, which calls geometries bytes, and which older versions lack. The rows come in the order of the
    // footer.
    let sql = format!(
        "SELECT file_name, name, CAST(num_children AS BIGINT), concat(type, '/', type_length, '/', converted_type, \
         '/', scale, '/', precision, '/', logical_type) FROM parquet_schema([{paths}])"
    );
    let mut builders: HashMap<String, Builder> = HashMap::new();
    for batch in session.rows(&sql).await? {
        for (file, name, children, said) in nodes(&batch) {
            if !builders.contains_key(file) {
                builders.insert(file.to_owned(), Builder::default());
            }
            if let Some(builder) = builders.get_mut(file) {
                builder.add(name, children, said);
            }
        }
    }
    let mut footers: HashMap<String, Footer> =
        builders.into_iter().map(|(file, builder)| (file, builder.footer)).collect();
    if files.iter().any(|file| has_bytes(&file.schema)) {
        let sql =
            format!("SELECT file_name, value FROM parquet_kv_metadata([{paths}]) WHERE key = '{GEO}'::BLOB");
        for batch in session.rows(&sql).await? {
            let [files, values] = batch.columns() else { continue };
            let (Some(files), Some(values)) = (files.as_string_opt::<i32>(), values.as_binary_opt::<i32>())
            else {
                continue;
            };
            for (file, value) in files.iter().zip(values) {
                if let Some(footer) = file.and_then(|file| footers.get_mut(file)) {
                    mark_geometries(footer, value.unwrap_or_default());
                }
            }
        }
    }
    Ok(footers.into_iter().map(|(file, footer)| (file, Arc::new(footer))).collect())
}

/// The rows of DuckDB's answer: file, name, number of children, and what is said of the type.
fn nodes(batch: &RecordBatch) -> impl Iterator<Item = (&str, &str, i64, &str)> {
    let texts = |place: usize| batch.columns().get(place).and_then(|column| column.as_string_opt::<i32>());
    let children = batch.columns().get(2).and_then(|column| column.as_primitive_opt::<Int64Type>());
    let columns = texts(0).zip(texts(1)).zip(children.zip(texts(3)));
    columns.into_iter().flat_map(|((files, names), (children, said))| {
        let rows = files.iter().zip(names).zip(children.iter().zip(said));
        rows.filter_map(|((file, name), (children, said))| {
            Some((file?, name.unwrap_or_default(), children.unwrap_or(0), said.unwrap_or_default()))
        })
    })
}

/// Puts together a footer whose parts come one after the other, each before what is inside of it.
#[derive(Default)]
struct Builder {
    footer: Footer,
    /// The name of the column that is under way.
    column: String,
    /// How many of its parts are still to come.
    open: i64,
    started: bool,
}

impl Builder {
    fn add(&mut self, name: &str, children: i64, said: &str) {
        if !self.started {
            // The first part is the file as a whole.
            self.started = true;
            return;
        }
        if self.open <= 0 {
            self.column = name.to_owned();
            self.open = 1;
        }
        self.open = self.open.saturating_sub(1).saturating_add(children.max(0));
        let column = self.footer.entry(self.column.clone()).or_default();
        column.push_str(&format!("{name} {said} {children};"));
    }
}

fn has_bytes(schema: &SchemaRef) -> bool {
    schema.fields().iter().any(|field| {
        matches!(field.data_type(), DataType::Binary | DataType::LargeBinary | DataType::BinaryView)
    })
}

/// Says of each column that GeoParquet describes that it is a geometry; of all, where the description is none.
fn mark_geometries(footer: &mut Footer, description: &[u8]) {
    let description = serde_json::from_slice::<Value>(description).ok();
    let described = description.as_ref().and_then(|value| value.get("columns")).and_then(Value::as_object);
    for (name, said) in footer {
        if described.is_none_or(|described| described.contains_key(name)) {
            said.push_str(GEO);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_inside_of_a_column_belongs_to_it() {
        let mut builder = Builder::default();
        for (name, children, said) in [
            ("schema", 3, ""),
            ("a", 0, "INT32"),
            ("l", 1, "LIST"),
            ("list", 1, ""),
            ("element", 2, ""),
            ("x", 0, "JSON"),
            ("y", 0, "UTF8"),
            ("a2", 0, "BYTE_ARRAY"),
        ] {
            builder.add(name, children, said);
        }
        let mut footer = builder.footer;
        assert_eq!(footer.keys().collect::<Vec<_>>(), ["a", "a2", "l"]);
        assert_eq!(footer["l"], "l LIST 1;list  1;element  2;x JSON 0;y UTF8 0;");
        mark_geometries(&mut footer, br#"{"columns": {"a2": {"encoding": "WKB"}}}"#);
        assert_eq!((footer["a"].as_str(), footer["a2"].as_str()), ("a INT32 0;", "a2 BYTE_ARRAY 0;geo"));
        mark_geometries(&mut footer, b"no json");
        assert_eq!(footer["a"], "a INT32 0;geo");
    }
}
