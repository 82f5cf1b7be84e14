//! Which row groups and which of their pages cannot hold a row that passes a predicate.

use std::collections::BTreeMap;
use std::ops::Range;

use arrow_array::{Array, ArrayRef, UInt64Array};
use arrow_schema::{DataType, Field, SchemaRef, TimeUnit};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::basic::Type as PhysicalType;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use stitchwork_core::{
    Column, ColumnStats, FieldMapping, FileStats, INITIAL_DEFAULT, Match, Predicate, Scalar,
};

use crate::columns::{Leaf, count, element, first_leaf};
use crate::error::guard;
use crate::file::ParquetFile;
use crate::ranges;
use crate::statistics::{group_stats, normalize, order_is_known};

/// Where a column of the predicate comes from.
#[derive(Debug, Clone)]
enum Origin {
    /// A leaf of the file, whose values come as this type; `ordered` where they keep their order in it.
    Leaf { place: usize, wanted: DataType, ordered: bool },
    /// The file has no such column: every row has this value, which may be null.
    Constant(Scalar),
}

/// A predicate and what its columns are in a file.
#[derive(Debug)]
pub(crate) struct Pruning {
    predicate: Predicate,
    origins: BTreeMap<Column, Origin>,
}

impl Pruning {
    pub(crate) fn new(
        predicate: &Predicate,
        wanted: &SchemaRef,
        mapping: &FieldMapping,
        file: &ParquetFile,
    ) -> Self {
        let columns = predicate.columns().into_iter();
        let origins = columns.filter_map(|c| origin(&c, wanted, mapping, &file.schema).map(|o| (c, o)));
        Self { origins: origins.collect(), predicate: predicate.clone() }
    }

    /// What the statistics of a row group say.
    pub(crate) fn group(&self, file: &ParquetFile, group: usize) -> Match {
        let group = file.metadata.row_group(group);
        let rows = group.num_rows().unsigned_abs();
        self.prune(
            rows,
            |place, leaf| {
                // The page index and the row group tell of different sets of rows, but of the same values.
                let mut stats = group_stats(&file.metadata, group, place, leaf);
                stats.nans = no_nans(file, place);
                Some(stats)
            },
            file,
        )
    }

    fn prune(
        &self,
        rows: u64,
        mut stats: impl FnMut(usize, &Leaf) -> Option<ColumnStats>,
        file: &ParquetFile,
    ) -> Match {
        let known = self.origins.iter().filter_map(|(column, origin)| {
            let stats = match origin {
                Origin::Constant(value) => constant(value, rows),
                Origin::Leaf { place, wanted, ordered } => {
                    convert(stats(*place, file.leaves.get(*place)?)?, wanted, *ordered)
                }
            };
            Some((column.clone(), stats))
        });
        self.predicate.prune(&FileStats { rows: Some(rows), columns: known.collect() })
    }

    /// The positions of the rows in pages that may hold a row that passes; `None` where the page index does
    /// not tell.
    pub(crate) fn pages(
        &self,
        file: &ParquetFile,
        group: usize,
        all: &Range<u64>,
    ) -> Option<Vec<Range<u64>>> {
        let places = self.origins.values().filter_map(|origin| match origin {
            Origin::Leaf { place, .. } => Some(*place),
            Origin::Constant(_) => None,
        });
        let rows = all.end - all.start;
        let columns: BTreeMap<usize, Pages> =
            places.filter_map(|place| Some((place, Pages::new(file, group, place, rows)?))).collect();
        // Between two of these boundaries each column has one page.
        let mut starts: Vec<u64> = columns.values().flat_map(|c| c.starts.iter().copied()).collect();
        starts.sort_unstable();
        starts.dedup();
        if starts.len() < 2 {
            return None;
        }
        let ends = starts.iter().skip(1).copied().chain([rows]);
        let mut kept = Vec::new();
        for (start, end) in starts.iter().copied().zip(ends) {
            let found = self.prune(
                end - start,
                |place, _| {
                    let mut stats = columns.get(&place)?.stats(start, end - start);
                    stats.nans = no_nans(file, place);
                    Some(stats)
                },
                file,
            );
            if found != Match::None {
                ranges::push(&mut kept, all.start + start..all.start + end);
            }
        }
        Some(kept)
    }
}

/// That a part of the file has no NaN is known when the whole file has none, or no floats.
fn no_nans(file: &ParquetFile, place: usize) -> Option<u64> {
    if file.leaves.get(place).is_some_and(|leaf| !leaf.field.data_type().is_floating()) {
        return Some(0);
    }
    file.nans.get(&place).copied().filter(|count| *count == 0)
}

/// The bounds of a column's pages in one row group.
#[derive(Debug)]
struct Pages {
    /// The place in the row group at which each page begins.
    starts: Vec<u64>,
    rows: u64,
    min: ArrayRef,
    max: ArrayRef,
    nulls: Option<UInt64Array>,
    null_pages: Vec<bool>,
    exact: bool,
}

impl Pages {
    fn new(file: &ParquetFile, group: usize, place: usize, rows: u64) -> Option<Self> {
        let leaf = file.leaves.get(place).filter(|leaf| !leaf.repeated)?;
        let (bounds, offsets) = (file.metadata.column_index()?, file.metadata.offset_index()?);
        let (of_pages, locations) = (bounds.get(group)?.get(place)?, offsets.get(group)?.get(place)?);
        if matches!(of_pages, ColumnIndexMetaData::NONE) {
            return None;
        }
        let starts: Option<Vec<u64>> =
            locations.page_locations().iter().map(|page| u64::try_from(page.first_row_index).ok()).collect();
        let starts = starts?;
        let in_order = starts.first() == Some(&0)
            && starts.windows(2).all(|pair| pair.first() < pair.last())
            && starts.last().is_some_and(|last| *last < rows);
        let pages = starts.len();
        let fits = of_pages.num_pages() == pages as u64
            && of_pages.null_counts().is_none_or(|counts| counts.len() == pages);
        if !in_order || !fits || !order_is_known(&file.metadata, place, false) {
            return None;
        }
        let converter = StatisticsConverter::from_column_index(
            place,
            &leaf.field,
            file.metadata.file_metadata().schema_descr(),
        );
        let converter = converter.ok()?;
        let groups = [group];
        let bound = |array: parquet::errors::Result<ArrayRef>| array.ok().filter(|a| a.len() == pages);
        let min = bound(guard(|| converter.data_page_mins(bounds, offsets, &groups)))?;
        let max = bound(guard(|| converter.data_page_maxes(bounds, offsets, &groups)))?;
        let nulls = guard(|| converter.data_page_null_counts(bounds, offsets, &groups)).ok();
        let physical = file.metadata.file_metadata().schema_descr().column(place).physical_type();
        Some(Self {
            null_pages: (0..pages).map(|page| of_pages.is_null_page(page)).collect(),
            nulls: nulls.filter(|nulls| nulls.len() == pages && nulls.null_count() == 0),
            exact: !matches!(physical, PhysicalType::BYTE_ARRAY | PhysicalType::FIXED_LEN_BYTE_ARRAY),
            starts,
            rows,
            min,
            max,
        })
    }

    /// What is known of `rows` rows from `start` on, which must all lie in one page.
    fn stats(&self, start: u64, rows: u64) -> ColumnStats {
        let page = self.starts.partition_point(|begin| *begin <= start).saturating_sub(1);
        let begin = self.starts.get(page).copied().unwrap_or(0);
        let page_rows = self.starts.get(page + 1).copied().unwrap_or(self.rows) - begin;
        if self.null_pages.get(page) == Some(&true) {
            return ColumnStats { nulls: Some(rows), ..ColumnStats::default() };
        }
        let bound = |array: &ArrayRef| Scalar::from_array(array, page).ok();
        let (min, max) = normalize(bound(&self.min), bound(&self.max));
        // Where the nulls of a page lie is only known if there are none.
        let nulls = self.nulls.as_ref().map(|nulls| nulls.value(page));
        let nulls = nulls.filter(|nulls| *nulls == 0 || rows == page_rows);
        let exact = self.exact && min.is_some() && max.is_some();
        ColumnStats { min, max, nulls, exact, ..ColumnStats::default() }
    }
}

/// Statistics of a column that has one value in every row.
fn constant(value: &Scalar, rows: u64) -> ColumnStats {
    if value.is_null() {
        return ColumnStats { nulls: Some(rows), ..ColumnStats::default() };
    }
    ColumnStats {
        min: Some(value.clone()),
        max: Some(value.clone()),
        exact: true,
        nulls: Some(0),
        nans: Some(0),
        ..ColumnStats::default()
    }
}

/// The statistics of a file's column as those of the wanted one.
fn convert(mut stats: ColumnStats, wanted: &DataType, ordered: bool) -> ColumnStats {
    let bound = |bound: Option<Scalar>| bound.filter(|_| ordered)?.cast(wanted).ok();
    (stats.min, stats.max) = (bound(stats.min), bound(stats.max));
    stats.exact &= stats.min.is_some() && stats.max.is_some();
    stats
}

/// Where a column comes from; `None` if that is more than one leaf, or cannot be said.
fn origin(column: &Column, wanted: &SchemaRef, mapping: &FieldMapping, file: &SchemaRef) -> Option<Origin> {
    let mut want_fields = wanted.fields();
    let mut have_fields = Some((file.fields(), 0));
    let mut names = column.path.iter().enumerate().peekable();
    while let Some((level, name)) = names.next() {
        let want = want_fields.iter().find(|field| field.name() == name)?;
        let last = names.peek().is_none();
        let found = have_fields.and_then(|(fields, first)| {
            let place = mapping.find(want, fields)?;
            Some((fields.get(place)?, first + first_leaf(fields, place)))
        });
        match found {
            Some((have, place)) if last => {
                return is_leaf(have).then(|| Origin::Leaf {
                    place,
                    ordered: keeps_order(have.data_type(), want.data_type()),
                    wanted: match want.data_type() {
                        DataType::Dictionary(_, values) => values.as_ref().clone(),
                        other => other.clone(),
                    },
                });
            }
            Some((have, place)) => {
                let DataType::Struct(children) = have.data_type() else { return None };
                have_fields = Some((children, place));
            }
            // A default below the top is null where the struct around it is null.
            None if want.metadata().contains_key(INITIAL_DEFAULT) && !(last && level == 0) => return None,
            None if last => return missing(want),
            None => have_fields = None,
        }
        let DataType::Struct(children) = want.data_type() else { return None };
        want_fields = children;
    }
    None
}

fn is_leaf(field: &Field) -> bool {
    let nested = matches!(field.data_type(), DataType::Struct(_) | DataType::Map(..));
    !nested && element(field.data_type()).is_none() && count(field.data_type()) == 1
}

fn missing(want: &Field) -> Option<Origin> {
    match want.metadata().get(INITIAL_DEFAULT) {
        None => Some(Origin::Constant(Scalar::null(want.data_type()))),
        // NaN has no place among bounds.
        Some(_) if want.data_type().is_floating() => None,
        Some(text) => Scalar::parse(text, want.data_type()).ok().map(Origin::Constant),
    }
}

/// Whether a cast keeps the order of values, so that cast bounds bound the cast values.
fn keeps_order(have: &DataType, want: &DataType) -> bool {
    let text = |t: &DataType| matches!(t, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let bytes = |t: &DataType| {
        matches!(
            t,
            DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_)
        )
    };
    let date = |t: &DataType| matches!(t, DataType::Date32 | DataType::Date64);
    let number = |t: &DataType| t.is_integer() || t.is_floating() || t.is_decimal();
    match (have, want) {
        (a, b) if a == b => true,
        (DataType::Dictionary(_, a), b) => keeps_order(a, b),
        (a, DataType::Dictionary(_, b)) => keeps_order(a, b),
        // Without a zone a timestamp is taken as that zone's local time, which jumps.
        (DataType::Timestamp(_, a), DataType::Timestamp(_, b)) => {
            a.is_some() == b.is_some() || [a, b].into_iter().flatten().all(|zone| is_utc(zone))
        }
        (a, DataType::Timestamp(unit, None)) if date(a) => *unit != TimeUnit::Nanosecond,
        (a, b) => {
            (number(a) && number(b)) || (text(a) && text(b)) || (bytes(a) && bytes(b)) || (date(a) && date(b))
        }
    }
}

fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "+00:00" | "Etc/UTC" | "Z")
}
