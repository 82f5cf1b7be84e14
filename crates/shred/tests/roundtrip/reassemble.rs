//! The way back: JSON values from the tables, and what counts as the same value.

use std::collections::{BTreeMap, HashMap, HashSet};

use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use serde_json::{Map, Value};
use stitchwork_shred::{LIST_INDEX, OVERFLOW, PARENT_ID, ROOT_ID, ROW_ID, Step, TableBatch, TableInfo};

/// What stands at the ends of paths.
type Leaves = Vec<(Vec<Step>, Value)>;

/// All rows of some tables.
#[derive(Default)]
pub(crate) struct Tables {
    /// By table: the rows in their order.
    rows: BTreeMap<String, Vec<Row>>,
    /// By parent table: the child tables and the paths of their lists.
    children: HashMap<String, BTreeMap<String, Vec<Step>>>,
    ids: HashSet<String>,
}

struct Row {
    id: String,
    parent: Option<String>,
    root: Option<String>,
    index: i64,
    leaves: Leaves,
}

impl Tables {
    /// Reads batches with the origins that the shredder tells.
    pub(crate) fn add(&mut self, infos: &[TableInfo], batches: &[TableBatch]) {
        for info in infos {
            if let Some(parent) = &info.parent {
                let children = self.children.entry(parent.to_string()).or_default();
                children.insert(info.name.to_string(), info.path.clone());
            }
        }
        for TableBatch { table, parent, batch } in batches {
            let info = infos.iter().find(|info| info.name == *table).expect("a batch of an unknown table");
            assert_eq!(*parent, info.parent);
            for row in 0..batch.num_rows() {
                let row = self.row(info, batch, row);
                assert!(self.ids.insert(row.id.clone()), "the id {} of {table} is there twice", row.id);
                self.rows.entry(table.to_string()).or_default().push(row);
            }
        }
    }

    fn row(&self, info: &TableInfo, batch: &RecordBatch, row: usize) -> Row {
        let text =
            |name: &str| batch.column_by_name(name).map(|ids| ids.as_string::<i32>().value(row).to_owned());
        let child = info.parent.is_some();
        let mut leaves = vec![];
        for (column, array) in info.columns.iter().zip(batch.columns()) {
            if array.is_null(row) {
                continue;
            }
            if let Some(path) = &column.path {
                let value = cell(array, row);
                let value = match (column.json, &value) {
                    (true, Value::String(json)) => serde_json::from_str(json).unwrap(),
                    _ => value,
                };
                leaves.push((path.clone(), value));
            } else if column.field.name() == OVERFLOW {
                let rest: Map<String, Value> =
                    serde_json::from_str(array.as_string::<i32>().value(row)).unwrap();
                leaves.extend(rest.into_iter().map(|(pointer, value)| (parse_pointer(&pointer), value)));
            }
        }
        Row {
            id: text(ROW_ID).unwrap(),
            parent: child.then(|| text(PARENT_ID).unwrap()),
            root: child.then(|| text(ROOT_ID).unwrap()),
            index: if child { batch[LIST_INDEX].as_primitive::<Int64Type>().value(row) } else { 0 },
            leaves,
        }
    }

    /// The rows of a root table as JSON values.
    pub(crate) fn reassemble(&self, table: &str) -> Vec<Value> {
        let by_parent: HashMap<(&str, &str), Vec<&Row>> = {
            let mut map: HashMap<_, Vec<&Row>> = HashMap::new();
            for (table, rows) in &self.rows {
                for row in rows.iter().filter(|row| row.parent.is_some()) {
                    map.entry((table.as_str(), row.parent.as_deref().unwrap())).or_default().push(row);
                }
            }
            map
        };
        self.rows
            .get(table)
            .into_iter()
            .flatten()
            .map(|row| self.value(table, row, &row.id, &by_parent))
            .collect()
    }

    fn value(
        &self,
        table: &str,
        row: &Row,
        root: &str,
        by_parent: &HashMap<(&str, &str), Vec<&Row>>,
    ) -> Value {
        if let Some(expected) = &row.root {
            assert_eq!(expected, root, "a child of another root");
        }
        let mut leaves: Leaves = row.leaves.clone();
        for (child, path) in self.children.get(table).into_iter().flatten() {
            let Some(rows) = by_parent.get(&(child.as_str(), row.id.as_str())) else { continue };
            let mut rows = rows.clone();
            rows.sort_by_key(|row| row.index);
            assert!(
                rows.iter().enumerate().all(|(at, row)| row.index == at as i64),
                "gaps in a list of {child}"
            );
            let elements = rows.into_iter().map(|row| self.value(child, row, root, by_parent)).collect();
            leaves.push((path.clone(), Value::Array(elements)));
        }
        let mut value = Value::Null;
        for (path, leaf) in leaves {
            insert(&mut value, &path, leaf);
        }
        value
    }

    /// The number of rows of a table.
    pub(crate) fn count(&self, table: &str) -> usize {
        self.rows.get(table).map_or(0, Vec::len)
    }

    /// The tables with rows.
    pub(crate) fn names(&self) -> Vec<&str> {
        self.rows.keys().map(String::as_str).collect()
    }
}

fn insert(target: &mut Value, path: &[Step], leaf: Value) {
    let Some((step, rest)) = path.split_first() else {
        assert!(target.is_null(), "two values in one place: {target} and {leaf}");
        *target = leaf;
        return;
    };
    let key = match step {
        Step::Element => return insert(target, rest, leaf),
        Step::Key(key) => key.to_string(),
        Step::Repeat(key, number) => format!("{key}#{number}"),
    };
    if target.is_null() {
        *target = Value::Object(Map::new());
    }
    let object =
        target.as_object_mut().unwrap_or_else(|| panic!("an object and a value in one place: {path:?}"));
    insert(object.entry(key).or_insert(Value::Null), rest, leaf);
}

fn parse_pointer(pointer: &str) -> Vec<Step> {
    pointer
        .split('/')
        .skip(1)
        .map(|part| Step::Key(part.replace("~1", "/").replace("~0", "~").into()))
        .collect()
}

fn cell(array: &dyn Array, row: usize) -> Value {
    match array.data_type() {
        DataType::Boolean => array.as_boolean().value(row).into(),
        DataType::Int64 => array.as_primitive::<Int64Type>().value(row).into(),
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row).into(),
        DataType::Utf8 => array.as_string::<i32>().value(row).into(),
        DataType::Decimal128(38, 0) => {
            serde_json::from_str(&array.as_primitive::<Decimal128Type>().value(row).to_string()).unwrap()
        }
        DataType::Timestamp(TimeUnit::Microsecond, Some(zone)) if &**zone == "UTC" => {
            let instant = array.as_primitive::<TimestampMicrosecondType>().value_as_datetime(row).unwrap();
            instant.format("%Y-%m-%dT%H:%M:%S%.6fZ").to_string().into()
        }
        DataType::Date32 => array
            .as_primitive::<Date32Type>()
            .value_as_date(row)
            .unwrap()
            .format("%Y-%m-%d")
            .to_string()
            .into(),
        other => panic!("a column of type {other}"),
    }
}

/// Brings values that the tables do not tell apart to one form: a key with null, an empty list or an empty object
/// counts as missing, an element of a list that is one of these counts as null, 1 is 1.0, and instants are the same
/// however many zeros end their fraction.
pub(crate) fn canonical(value: &Value) -> Value {
    match value {
        Value::Object(object) => {
            let object: Map<String, Value> = object
                .iter()
                .map(|(key, value)| (key.clone(), canonical(value)))
                .filter(|(_, value)| !value.is_null())
                .collect();
            if object.is_empty() { Value::Null } else { Value::Object(object) }
        }
        Value::Array(list) if list.is_empty() => Value::Null,
        Value::Array(list) => list.iter().map(canonical).collect(),
        Value::Number(number) => match number.as_f64() {
            Some(float)
                if number.is_f64() && float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0 =>
            {
                (float as i64).into()
            }
            _ => value.clone(),
        },
        Value::String(text) => instant(text).unwrap_or_else(|| text.clone()).into(),
        other => other.clone(),
    }
}

/// The instant with six digits of fraction.
fn instant(text: &str) -> Option<String> {
    let (seconds, fraction) = match text.strip_suffix('Z')?.split_once('.') {
        Some((seconds, fraction)) => (seconds, fraction),
        None => (text.strip_suffix('Z')?, ""),
    };
    let shape: String =
        seconds.chars().map(|character| if character.is_ascii_digit() { '0' } else { character }).collect();
    let fits = shape == "0000-00-00T00:00:00" && fraction.len() <= 6;
    let dotted = text.contains('.') != fraction.is_empty();
    (fits && dotted && fraction.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| format!("{seconds}.{fraction:0<6}Z"))
}

/// The ends of a value: every scalar with its path.
pub(crate) fn flatten(value: &Value) -> Vec<(String, Value)> {
    fn walk(path: &str, value: &Value, out: &mut Vec<(String, Value)>) {
        match value {
            Value::Object(object) => {
                object.iter().for_each(|(key, value)| walk(&format!("{path}/{key}"), value, out));
            }
            Value::Array(list) => {
                list.iter().enumerate().for_each(|(at, value)| walk(&format!("{path}/{at}"), value, out));
            }
            scalar => out.push((path.to_owned(), scalar.clone())),
        }
    }
    let mut out = vec![];
    walk("", value, &mut out);
    out
}
