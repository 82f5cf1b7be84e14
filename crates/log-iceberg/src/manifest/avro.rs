//! The fast way: a manifest as arrow arrays.

use std::io::{Cursor, Read};
use std::ops::Range;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::{ArrowPrimitiveType, Int32Type, Int64Type};
use arrow_array::{Array, ArrayRef, BinaryArray, ListArray, PrimitiveArray, RecordBatch, StringArray};
use arrow_avro::reader::ReaderBuilder;
use arrow_avro::schema::AvroSchema;
use arrow_schema::Field;
use bytes::Bytes;
use stitchwork_core::{Error, FieldMapping, Result, Scalar};
use stitchwork_iceberg_meta::{EntryStatus, ManifestContent, ManifestInfo};

use super::{Bound, Count, Entry, Inherited, Rows, content, entry_count, header, inherited};
use crate::partitions::Spec;
use crate::types::type_to_arrow;

/// What each block claims to hold when it is read, as a zigzag number: more than any can.
///
/// The reader never returns from a block that has bytes left when all its entries are read. With this count it
/// reads on into them, and fails or finds too much; both are told here.
const ENDLESS: [u8; 6] = [0x80, 0x80, 0x80, 0x80, 0x80, 0x40];

pub(super) fn decode(
    bytes: &Bytes,
    info: &ManifestInfo,
    spec: &Spec,
    stats: bool,
) -> Result<Vec<Box<dyn Rows>>> {
    let container = header::container(bytes)?;
    let schema = header::projected_schema(&container, stats)?;
    // The reader makes room for all entries of a block before it reads the first one.
    let most = entry_count(info).unwrap_or(1 << 20);
    if container.blocks.iter().any(|block| block.entries as u64 > most) {
        return Err(header::broken("a block has more entries than there are"));
    }
    let mut found: Vec<Box<dyn Rows>> = Vec::with_capacity(container.blocks.len());
    for block in container.blocks.iter().filter(|block| block.entries > 0) {
        let file = Cursor::new(bytes.slice(container.header.clone()))
            .chain(Cursor::new(ENDLESS))
            .chain(Cursor::new(bytes.slice(block.rest.clone())));
        // A batch of exactly the block's entries, which is also all the memory that it takes.
        let mut reader = ReaderBuilder::new()
            .with_batch_size(block.entries)
            .with_reader_schema(AvroSchema::new(schema.clone()))
            .build(file)?;
        match (reader.next().transpose()?, reader.next().transpose()?) {
            (Some(batch), None) if batch.num_rows() == block.entries => {
                found.push(Box::new(AvroRows::new(&batch, info, spec)?));
            }
            _ => return Err(header::broken("a block has another number of entries than it says")),
        }
    }
    Ok(found)
}

/// A map from column ids, which Iceberg stores as an array of pairs.
#[derive(Debug)]
struct IdMap<V> {
    lists: ListArray,
    keys: PrimitiveArray<Int32Type>,
    values: V,
    /// The places of all pairs, those of each row by key. None where they lie so, as in what we write.
    sorted: Option<Vec<u32>>,
}

impl<V> IdMap<V> {
    fn new(column: Option<&ArrayRef>, values: impl Fn(&ArrayRef) -> Option<V>) -> Option<Self> {
        let lists = column?.as_list_opt::<i32>()?.clone();
        let pairs = lists.values().as_struct_opt()?;
        let keys = pairs.column_by_name("key")?.as_primitive_opt::<Int32Type>()?.clone();
        let values = values(pairs.column_by_name("value")?)?;
        let sorted = Self::sort(&lists, &keys);
        Some(Self { lists, keys, values, sorted })
    }

    /// Sorts once, so that the statistics of a file with thousands of columns are not searched from their beginning
    /// for each of them.
    fn sort(lists: &ListArray, keys: &PrimitiveArray<Int32Type>) -> Option<Vec<u32>> {
        let keys = keys.values();
        let rows = || lists.value_offsets().windows(2).filter_map(range);
        if rows().all(|row| keys.get(row).is_some_and(<[i32]>::is_sorted)) {
            return None;
        }
        let mut places: Vec<u32> = (0..u32::try_from(keys.len()).ok()?).collect();
        for row in rows() {
            // The sort is stable: of two pairs with one key the first one comes first.
            places.get_mut(row)?.sort_by_key(|place| keys.get(*place as usize));
        }
        Some(places)
    }

    /// The place of a column's value among all values.
    fn place(&self, row: usize, column: i32) -> Option<usize> {
        if row >= self.lists.len() || self.lists.is_null(row) {
            return None;
        }
        let row = range(self.lists.value_offsets().get(row..row + 2)?)?;
        let keys = self.keys.values();
        let place = match &self.sorted {
            None => row.start + keys.get(row.clone())?.partition_point(|key| *key < column),
            Some(places) => {
                let places = places.get(row.clone())?;
                let before = |place: &u32| keys.get(*place as usize).is_some_and(|key| *key < column);
                *places.get(places.partition_point(before))? as usize
            }
        };
        (row.contains(&place) && keys.get(place) == Some(&column)).then_some(place)
    }
}

fn range(offsets: &[i32]) -> Option<Range<usize>> {
    match offsets {
        [from, to] => Some(usize::try_from(*from).ok()?..usize::try_from(*to).ok()?),
        _ => None,
    }
}

type Counts = IdMap<PrimitiveArray<Int64Type>>;
type Bounds = IdMap<BinaryArray>;

struct AvroRows {
    inherited: Inherited,
    manifest: ManifestContent,
    status: PrimitiveArray<Int32Type>,
    snapshot_id: Option<PrimitiveArray<Int64Type>>,
    sequence_number: Option<PrimitiveArray<Int64Type>>,
    content: Option<PrimitiveArray<Int32Type>>,
    path: StringArray,
    format: StringArray,
    rows: PrimitiveArray<Int64Type>,
    size: PrimitiveArray<Int64Type>,
    partition: Vec<ArrayRef>,
    split_offsets: Option<ListArray>,
    equality_ids: Option<ListArray>,
    referenced: Option<StringArray>,
    content_offset: Option<PrimitiveArray<Int64Type>>,
    content_size: Option<PrimitiveArray<Int64Type>>,
    sizes: Option<Counts>,
    values: Option<Counts>,
    nulls: Option<Counts>,
    nans: Option<Counts>,
    lower: Option<Bounds>,
    upper: Option<Bounds>,
}

impl AvroRows {
    fn new(batch: &RecordBatch, info: &ManifestInfo, spec: &Spec) -> Result<Self> {
        let missing = |name: &str| {
            Error::invalid_data("the manifest lacks a field, or has it in another type")
                .with_context("field", name)
        };
        let file = batch
            .column_by_name("data_file")
            .and_then(|column| column.as_struct_opt())
            .ok_or_else(|| missing("data_file"))?;
        let text = |name: &str| file.column_by_name(name).and_then(|c| c.as_string_opt::<i32>()).cloned();
        let list = |name: &str| file.column_by_name(name).and_then(|c| c.as_list_opt::<i32>()).cloned();
        let counts = |name: &str| {
            IdMap::new(file.column_by_name(name), |v| v.as_primitive_opt::<Int64Type>().cloned())
        };
        let bounds =
            |name: &str| IdMap::new(file.column_by_name(name), |v| v.as_binary_opt::<i32>().cloned());
        Ok(Self {
            inherited: inherited(info),
            manifest: info.content,
            status: primitive(batch.column_by_name("status")).ok_or_else(|| missing("status"))?,
            snapshot_id: primitive(batch.column_by_name("snapshot_id")),
            sequence_number: primitive(batch.column_by_name("sequence_number")),
            content: primitive(file.column_by_name("content")),
            path: text("file_path").ok_or_else(|| missing("file_path"))?,
            format: text("file_format").ok_or_else(|| missing("file_format"))?,
            rows: primitive(file.column_by_name("record_count")).ok_or_else(|| missing("record_count"))?,
            size: primitive(file.column_by_name("file_size_in_bytes"))
                .ok_or_else(|| missing("file_size_in_bytes"))?,
            partition: partition(file.column_by_name("partition"), spec, batch.num_rows())?,
            split_offsets: list("split_offsets"),
            equality_ids: ids(file.column_by_name("equality_ids")).ok_or_else(|| missing("equality_ids"))?,
            referenced: text("referenced_data_file"),
            content_offset: primitive(file.column_by_name("content_offset")),
            content_size: primitive(file.column_by_name("content_size_in_bytes")),
            sizes: counts("column_sizes"),
            values: counts("value_counts"),
            nulls: counts("null_value_counts"),
            nans: counts("nan_value_counts"),
            lower: bounds("lower_bounds"),
            upper: bounds("upper_bounds"),
        })
    }
}

fn primitive<T: ArrowPrimitiveType>(column: Option<&ArrayRef>) -> Option<PrimitiveArray<T>> {
    column?.as_primitive_opt::<T>().cloned()
}

/// Lists of ids, none where there is no such column. One of another type is left to the thorough reader, since ids that
/// are not understood cannot be left out.
fn ids(column: Option<&ArrayRef>) -> Option<Option<ListArray>> {
    let Some(column) = column.filter(|column| column.null_count() < column.len()) else { return Some(None) };
    let lists = column.as_list_opt::<i32>()?;
    lists.values().as_primitive_opt::<Int32Type>().filter(|ids| ids.null_count() == 0)?;
    Some(Some(lists.clone()))
}

/// The partition values by field, in the types that they have today.
fn partition(column: Option<&ArrayRef>, spec: &Spec, rows: usize) -> Result<Vec<ArrayRef>> {
    let stored = column.and_then(|column| column.as_struct_opt());
    let field = |(place, field): (usize, &crate::partitions::SpecField)| {
        let data_type = type_to_arrow(&field.result)?;
        match stored.and_then(|stored| stored.columns().get(place)) {
            Some(values) => {
                let wanted = Arc::new(Field::new(&field.name, data_type, true));
                FieldMapping::by_name().adapt_array(values, &wanted)
            }
            None => Ok(arrow_array::new_null_array(&data_type, rows)),
        }
    };
    spec.fields.iter().enumerate().map(field).collect()
}

fn value<T: ArrowPrimitiveType>(column: Option<&PrimitiveArray<T>>, row: usize) -> Option<T::Native> {
    column.filter(|column| column.is_valid(row)).map(|column| column.value(row))
}

fn list<T: ArrowPrimitiveType>(column: Option<&ListArray>, row: usize) -> Vec<T::Native> {
    let Some(column) = column.filter(|column| column.is_valid(row)) else { return vec![] };
    let values = column.value(row);
    values.as_primitive_opt::<T>().map(|values| values.values().to_vec()).unwrap_or_default()
}

impl Rows for AvroRows {
    fn len(&self) -> usize {
        self.status.len()
    }

    fn status(&self, row: usize) -> EntryStatus {
        match self.status.value(row) {
            1 => EntryStatus::Added,
            2 => EntryStatus::Deleted,
            _ => EntryStatus::Existing,
        }
    }

    fn path(&self, row: usize) -> &str {
        self.path.value(row)
    }

    fn record_count(&self, row: usize) -> u64 {
        u64::try_from(self.rows.value(row)).unwrap_or(0)
    }

    fn partition(&self, row: usize, field: usize) -> Result<Scalar> {
        match self.partition.get(field) {
            Some(values) => Scalar::from_array(values, row),
            None => Err(Error::unexpected("the partition has no such field").with_context("field", field)),
        }
    }

    fn bound(&self, row: usize, bound: Bound, column: i32) -> Option<&[u8]> {
        let bounds = match bound {
            Bound::Lower => self.lower.as_ref(),
            Bound::Upper => self.upper.as_ref(),
        }?;
        let place = bounds.place(row, column)?;
        bounds.values.is_valid(place).then(|| bounds.values.value(place))
    }

    fn count(&self, row: usize, count: Count, column: i32) -> Option<u64> {
        let counts = match count {
            Count::Bytes => self.sizes.as_ref(),
            Count::Values => self.values.as_ref(),
            Count::Nulls => self.nulls.as_ref(),
            Count::Nans => self.nans.as_ref(),
        }?;
        let place = counts.place(row, column)?;
        u64::try_from(value(Some(&counts.values), place)?).ok()
    }

    fn entry(&self, row: usize) -> Entry {
        let referenced = self.referenced.as_ref().filter(|column| column.is_valid(row));
        Entry {
            snapshot_id: self.inherited.snapshot_id(value(self.snapshot_id.as_ref(), row)),
            sequence_number: self.inherited.sequence_number(value(self.sequence_number.as_ref(), row)),
            content: content(value(self.content.as_ref(), row), self.manifest),
            format: self.format.value(row).to_ascii_lowercase(),
            size: u64::try_from(self.size.value(row)).unwrap_or(0),
            split_offsets: list::<Int64Type>(self.split_offsets.as_ref(), row),
            equality_ids: list::<Int32Type>(self.equality_ids.as_ref(), row),
            referenced_data_file: referenced.map(|column| column.value(row).to_owned()),
            content_offset: value(self.content_offset.as_ref(), row),
            content_size: value(self.content_size.as_ref(), row),
        }
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::builder::{Int32Builder, Int64Builder, ListBuilder, StructBuilder};

    use super::*;

    /// Rows of pairs, each key with its place among all pairs as its value.
    fn map(rows: &[Option<&[i32]>]) -> Counts {
        let fields = vec![
            Field::new("key", arrow_schema::DataType::Int32, true),
            Field::new("value", arrow_schema::DataType::Int64, true),
        ];
        let pairs =
            StructBuilder::new(fields, vec![Box::new(Int32Builder::new()), Box::new(Int64Builder::new())]);
        let mut lists = ListBuilder::new(pairs);
        let mut place = 0;
        for row in rows {
            for key in row.unwrap_or_default() {
                let pairs = lists.values();
                pairs.field_builder::<Int32Builder>(0).unwrap().append_value(*key);
                pairs.field_builder::<Int64Builder>(1).unwrap().append_value(place);
                pairs.append(true);
                place += 1;
            }
            lists.append(row.is_some());
        }
        let lists: ArrayRef = Arc::new(lists.finish());
        IdMap::new(Some(&lists), |values| values.as_primitive_opt::<Int64Type>().cloned()).unwrap()
    }

    #[test]
    fn pairs_are_found_in_whatever_order_they_are() {
        let rows: [&[Option<&[i32]>]; 3] = [
            &[Some(&[1, 2, 5, 9]), None, Some(&[]), Some(&[2, 3])],
            &[Some(&[9, 1, 5, 2]), None, Some(&[]), Some(&[2, 3]), Some(&[7, 4, 7, 4])],
            &[],
        ];
        for (rows, sorted) in rows.into_iter().zip([true, false, true]) {
            let map = map(rows);
            assert_eq!(map.sorted.is_none(), sorted);
            let mut before = 0;
            for (row, keys) in rows.iter().enumerate() {
                let keys = keys.unwrap_or_default();
                for key in 0..11 {
                    let found = keys.iter().position(|k| *k == key).map(|place| before + place);
                    assert_eq!(map.place(row, key), found, "{row} {key}");
                }
                before += keys.len();
            }
            assert_eq!(map.place(rows.len(), 1), None);
        }
    }
}
