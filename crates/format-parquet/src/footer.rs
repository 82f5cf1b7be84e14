//! A footer as it is to be understood: what some writers say wrongly is put right, and types that arrow would take
//! for narrower ones are widened or refused.

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use parquet::basic::{ConvertedType, Type};
use parquet::errors::Result;
use parquet::file::metadata::{FileMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::schema::types::SchemaDescriptor;

use crate::columns::count;

/// The key under which writers keep the arrow schema.
const ARROW_SCHEMA: &str = "ARROW:schema";

/// The footer with the rows of all groups as those of the file, and without dictionaries at the offset 0, where the
/// magic number is: readers take no batch for larger than the file, and an offset for that of a page.
pub(crate) fn mended(metadata: Arc<ParquetMetaData>) -> Arc<ParquetMetaData> {
    let file = metadata.file_metadata();
    let rows = metadata.row_groups().iter().try_fold(0_i64, |sum, group| sum.checked_add(group.num_rows()));
    let rows = rows.filter(|rows| *rows >= 0).unwrap_or(file.num_rows());
    let no_dictionary = |offset: Option<i64>| offset.is_some_and(|offset| offset <= 0);
    let is_wrong = |group: &RowGroupMetaData| {
        group.columns().iter().any(|column| no_dictionary(column.dictionary_page_offset()))
    };
    if rows == file.num_rows() && !metadata.row_groups().iter().any(is_wrong) {
        return metadata;
    }
    let groups = metadata.row_groups().iter().map(|group| {
        let columns = group.columns().iter().map(|column| {
            let offset = column.dictionary_page_offset().filter(|offset| *offset > 0);
            column.clone().into_builder().set_dictionary_page_offset(offset).build()
        });
        group.clone().into_builder().set_column_metadata(columns.collect::<Result<_>>()?).build()
    });
    // A footer that cannot be put together again is as broken as it was.
    let Ok(groups) = groups.collect::<Result<Vec<_>>>() else { return metadata };
    let file = FileMetaData::new(
        file.version(),
        rows,
        file.created_by().map(str::to_owned),
        file.key_value_metadata().cloned(),
        file.schema_descr_ptr(),
        file.column_orders().cloned(),
    );
    Arc::new(ParquetMetaData::new(file, groups))
}

/// The schema with timestamps of 96 bits in microseconds, which hold all years that these are written for; arrow's
/// nanoseconds end in the year 2262. `None` where it is that already.
pub(crate) fn widened(schema: &SchemaRef, columns: &SchemaDescriptor) -> Option<SchemaRef> {
    let is_old =
        |leaf: usize| leaf < columns.num_columns() && columns.column(leaf).physical_type() == Type::INT96;
    if !(0..columns.num_columns()).any(is_old) {
        return None;
    }
    let fields = fields(schema.fields(), 0, &is_old);
    (fields != *schema.fields())
        .then(|| Arc::new(Schema::new_with_metadata(fields, schema.metadata().clone())))
}

fn fields(all: &Fields, first: usize, is_old: &dyn Fn(usize) -> bool) -> Fields {
    let mut leaf = first;
    let changed = all.iter().map(|one| {
        let changed = field(one, leaf, is_old);
        leaf += count(one.data_type());
        changed
    });
    changed.collect()
}

fn field(have: &FieldRef, leaf: usize, is_old: &dyn Fn(usize) -> bool) -> FieldRef {
    let data_type = match have.data_type() {
        DataType::Timestamp(TimeUnit::Nanosecond, zone) if is_old(leaf) => {
            DataType::Timestamp(TimeUnit::Microsecond, zone.clone())
        }
        DataType::Struct(inner) => DataType::Struct(fields(inner, leaf, is_old)),
        DataType::List(item) => DataType::List(field(item, leaf, is_old)),
        DataType::LargeList(item) => DataType::LargeList(field(item, leaf, is_old)),
        DataType::Map(entries, sorted) => DataType::Map(field(entries, leaf, is_old), *sorted),
        _ => return have.clone(),
    };
    Arc::new(Field::clone(have).with_data_type(data_type))
}

/// The first column of intervals of which arrow would drop the months, since the writer does not say which parts
/// they have.
pub(crate) fn interval_with_months(metadata: &ParquetMetaData) -> Option<String> {
    let file = metadata.file_metadata();
    let pairs = file.key_value_metadata().into_iter().flatten();
    if pairs.into_iter().any(|pair| pair.key == ARROW_SCHEMA) {
        return None;
    }
    let columns = file.schema_descr().columns().iter();
    let mut intervals = columns.filter(|column| column.converted_type() == ConvertedType::INTERVAL);
    intervals.next().map(|column| column.path().string())
}
