//! Statistics of files (Delta protocol, "Per-file Statistics").

mod select;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use stitchwork_core::{Column, ColumnStats, Error, FileStats, Predicate, Result, StatsFor};

use crate::meta::{StatsColumn, TableMeta};
use crate::values::{read_bound, write_bound};

use select::Keys;

/// How many leaf columns have statistics where the table does not say.
const INDEXED_COLUMNS: i64 = 32;

/// The columns for which statistics are written.
fn indexed(table: &TableMeta) -> Vec<&StatsColumn> {
    if let Some(names) = table.metadata.configuration.get("delta.dataSkippingStatsColumns") {
        let names: Vec<&str> = names.split(',').map(|name| name.trim().trim_matches('`')).collect();
        let named = |column: &StatsColumn| {
            (1..=column.column.path.len()).any(|level| {
                let prefix = column.column.path.get(..level).map(|path| path.join(".")).unwrap_or_default();
                names.contains(&prefix.as_str())
            })
        };
        return table.stats_columns.iter().filter(|column| named(column)).collect();
    }
    let most = table.number("delta.dataSkippingNumIndexedCols").unwrap_or(INDEXED_COLUMNS);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    table.stats_columns.iter().take(most).collect()
}

/// A tree of JSON objects that keeps the text of its leaves as it is.
#[derive(Default)]
struct Tree(BTreeMap<String, Node>);

enum Node {
    Leaf(String),
    Inner(Tree),
}

impl Tree {
    fn insert(&mut self, keys: &[String], leaf: String) {
        let Some((key, rest)) = keys.split_first() else { return };
        if rest.is_empty() {
            self.0.insert(key.clone(), Node::Leaf(leaf));
        } else if let Node::Inner(inner) =
            self.0.entry(key.clone()).or_insert_with(|| Node::Inner(Self::default()))
        {
            inner.insert(rest, leaf);
        }
    }

    fn write(&self, out: &mut String) {
        out.push('{');
        for (i, (key, node)) in self.0.iter().enumerate() {
            if i > 0 {
                out.push(',');
            }
            out.push_str(&Value::String(key.clone()).to_string());
            out.push(':');
            match node {
                Node::Leaf(text) => out.push_str(text),
                Node::Inner(inner) => inner.write(out),
            }
        }
        out.push('}');
    }
}

/// The statistics of a new file as JSON; `None` where not even the number of rows is known.
pub(crate) fn to_json(table: &TableMeta, rows: Option<u64>, stats: Option<&FileStats>) -> Option<String> {
    let rows = rows.or_else(|| stats?.rows)?;
    let (mut min, mut max, mut nulls) = (Tree::default(), Tree::default(), Tree::default());
    for column in indexed(table) {
        let Some(known) = stats.and_then(|stats| stats.columns.get(&column.column)) else { continue };
        // Where all is NaN or NaN is mixed in, bounds that leave it out would mislead readers that count NaN as
        // the greatest value.
        let may_hide_nan = known.nans.is_some_and(|nans| nans > 0);
        for (bound, tree, upper) in [(&known.min, &mut min, false), (&known.max, &mut max, true)] {
            let bound = bound.as_ref().and_then(|bound| bound.cast(&column.data_type).ok());
            let mut text = String::new();
            if let Some(bound) = bound.filter(|_| !(upper && may_hide_nan))
                && write_bound(&mut text, &bound, upper)
            {
                tree.insert(&column.keys, text);
            }
        }
        if let Some(count) = known.nulls {
            nulls.insert(&column.keys, count.to_string());
        }
    }
    let mut out = format!("{{\"numRecords\":{rows},\"minValues\":");
    min.write(&mut out);
    out.push_str(",\"maxValues\":");
    max.write(&mut out);
    out.push_str(",\"nullCount\":");
    nulls.write(&mut out);
    out.push_str(",\"tightBounds\":true}");
    Some(out)
}

/// The same statistics for a file some of whose rows are deleted now: bounds hold, but need not occur.
pub(crate) fn widen(stats: &str) -> Result<String> {
    let mut json: Value = serde_json::from_str(stats)
        .map_err(|e| Error::invalid_data("the statistics of a file are no JSON").with_source(e))?;
    if let Some(object) = json.as_object_mut() {
        object.insert("tightBounds".to_owned(), Value::Bool(false));
    }
    Ok(json.to_string())
}

/// Only the number of rows, without looking at the rest.
#[derive(serde::Deserialize)]
#[serde(rename_all = "camelCase")]
struct Count {
    num_records: Option<u64>,
}

/// The number of rows of a file, deleted ones included.
pub(crate) fn num_records(stats: Option<&str>) -> Option<u64> {
    let stats = stats?;
    // Every writer that we know begins with this key, and then the rest need not even be scanned.
    if let Some(rest) = stats.strip_prefix("{\"numRecords\":")
        && let Some(end) = rest.find([',', '}'])
        && let Some(Ok(rows)) = rest.get(..end).map(str::parse)
    {
        return Some(rows);
    }
    serde_json::from_str::<Count>(stats).ok()?.num_records
}

/// Which columns of the statistics a listing needs.
#[derive(Debug)]
pub(crate) struct Wanted {
    table: Arc<TableMeta>,
    /// Needed for leaving out files.
    filtered: Vec<usize>,
    /// Asked for by the caller; `None` when no statistics at all are.
    asked: Option<Vec<usize>>,
    /// What of the JSON all of these need.
    keys: Keys,
}

impl Wanted {
    pub(crate) fn new(table: Arc<TableMeta>, predicate: Option<&Predicate>, asked: &StatsFor) -> Self {
        let places = |columns: &[Column]| -> Vec<usize> {
            let all = table.stats_columns.iter().enumerate();
            // A column of structs stands for its leaves.
            all.filter(|(_, known)| columns.iter().any(|c| known.column.path.starts_with(&c.path)))
                .map(|(place, _)| place)
                .collect()
        };
        let filtered = predicate.map(|predicate| places(&predicate.columns())).unwrap_or_default();
        let asked = match asked {
            StatsFor::Nothing => None,
            StatsFor::All => Some((0..table.stats_columns.len()).collect()),
            StatsFor::Columns(columns) => Some(places(columns)),
        };
        let mut keys = Keys::default();
        keys.insert(["numRecords"]);
        keys.insert(["tightBounds"]);
        for place in filtered.iter().chain(asked.iter().flatten()) {
            for kind in ["minValues", "maxValues", "nullCount"] {
                let column = table.stats_columns.get(*place);
                let path = column.into_iter().flat_map(|column| column.keys.iter().map(String::as_str));
                keys.insert([kind].into_iter().chain(path));
            }
        }
        Self { table, filtered, asked, keys }
    }

    /// What is needed of the statistics of a file. Broken ones are as good as none.
    pub(crate) fn parse(&self, stats: Option<&str>) -> Option<Value> {
        self.keys.parse(stats?)
    }

    /// Whether statistics can leave out a file.
    pub(crate) fn filters(&self) -> bool {
        !self.filtered.is_empty()
    }

    /// Whether the caller wants statistics.
    pub(crate) fn asks(&self) -> bool {
        self.asked.is_some()
    }

    /// The statistics for leaving out files.
    pub(crate) fn for_filter(&self, json: &Value) -> FileStats {
        self.read(json, &self.filtered)
    }

    /// The statistics for the caller.
    pub(crate) fn for_caller(&self, json: &Value) -> Option<FileStats> {
        Some(self.read(json, self.asked.as_ref()?))
    }

    fn read(&self, json: &Value, places: &[usize]) -> FileStats {
        let tight = json.get("tightBounds").and_then(Value::as_bool).unwrap_or(true);
        let rows = json.get("numRecords").and_then(Value::as_u64);
        let mut columns = BTreeMap::new();
        for column in places.iter().filter_map(|place| self.table.stats_columns.get(*place)) {
            let value =
                |kind: &str| column.keys.iter().try_fold(json.get(kind)?, |value, key| value.get(key));
            let min = value("minValues").and_then(|v| read_bound(v, &column.data_type, false));
            let max = value("maxValues").and_then(|v| read_bound(v, &column.data_type, true));
            let nulls = value("nullCount").and_then(Value::as_u64);
            if min.is_none() && max.is_none() && nulls.is_none() {
                continue;
            }
            let exact = |bound: &Option<(_, bool)>| bound.as_ref().is_none_or(|(_, exact)| *exact);
            let stats = ColumnStats {
                exact: tight && exact(&min) && exact(&max),
                min: min.map(|(value, _)| value),
                max: max.map(|(value, _)| value),
                nulls,
                ..ColumnStats::default()
            };
            columns.insert(column.column.clone(), stats);
        }
        FileStats { rows, columns }
    }
}

#[cfg(test)]
mod tests;
