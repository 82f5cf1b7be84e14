//! How rows are divided into files.

mod hive;

use std::fmt;

use arrow_schema::{DataType, TimeUnit};

use crate::Column;

pub use hive::{hive_folder, hive_type, parse_hive_folder};

/// A function from a column's value to a partition value (Iceberg spec, "Partition Transforms").
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Transform {
    /// The value itself.
    Identity,
    /// Years since 1970.
    Year,
    /// Months since 1970-01.
    Month,
    /// Days since 1970-01-01, as a date.
    Day,
    /// Hours since 1970-01-01 00:00.
    Hour,
    /// A 32-bit murmur3 hash of the value, modulo this.
    Bucket(u32),
    /// The value cut to this width.
    Truncate(u32),
    /// Always null: a field that was dropped from the partitioning.
    Void,
    /// One that we do not know; files can be read, not written.
    Other(String),
}

impl Transform {
    /// The type of the partition value for a column of type `source`.
    pub fn result_type(&self, source: &DataType) -> DataType {
        match self {
            Self::Year | Self::Month | Self::Hour | Self::Bucket(_) => DataType::Int32,
            Self::Day => DataType::Date32,
            Self::Identity | Self::Truncate(_) | Self::Void | Self::Other(_) => source.clone(),
        }
    }

    /// Whether the transform takes values of this type.
    pub fn accepts(&self, source: &DataType) -> bool {
        use DataType as T;
        let text = matches!(source, T::Utf8 | T::LargeUtf8 | T::Utf8View);
        let bytes = matches!(source, T::Binary | T::LargeBinary | T::BinaryView | T::FixedSizeBinary(_));
        let integer = matches!(source, T::Int8 | T::Int16 | T::Int32 | T::Int64);
        let decimal = matches!(source, T::Decimal128(..));
        let timestamp = matches!(source, T::Timestamp(TimeUnit::Microsecond | TimeUnit::Nanosecond, _));
        match self {
            Self::Identity | Self::Void => !source.is_nested(),
            Self::Year | Self::Month | Self::Day => timestamp || matches!(source, T::Date32),
            Self::Hour => timestamp,
            Self::Bucket(n) => {
                let other = timestamp || matches!(source, T::Date32 | T::Time64(_));
                *n > 0 && (text || bytes || integer || decimal || other)
            }
            Self::Truncate(w) => *w > 0 && (text || bytes || integer || decimal),
            Self::Other(_) => false,
        }
    }
}

impl fmt::Display for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity => f.write_str("identity"),
            Self::Year => f.write_str("year"),
            Self::Month => f.write_str("month"),
            Self::Day => f.write_str("day"),
            Self::Hour => f.write_str("hour"),
            Self::Bucket(n) => write!(f, "bucket[{n}]"),
            Self::Truncate(w) => write!(f, "truncate[{w}]"),
            Self::Void => f.write_str("void"),
            Self::Other(name) => f.write_str(name),
        }
    }
}

/// One field of a partitioning.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PartitionField {
    /// The column.
    pub source: Column,
    /// What is done to its value.
    pub transform: Transform,
    /// The name of the partition value; the column's for identity, `column_day` and the like otherwise.
    pub name: String,
}

impl PartitionField {
    /// Divides by the value of a column.
    pub fn identity(column: impl Into<String>) -> Self {
        let name = column.into();
        Self { source: Column::new(name.clone()), transform: Transform::Identity, name }
    }

    /// Divides by a function of a column, under the name that Iceberg's writers give it.
    pub fn new(column: impl Into<String>, transform: Transform) -> Self {
        let column = column.into();
        let suffix = match &transform {
            Transform::Identity => return Self::identity(column),
            Transform::Bucket(_) => "bucket".to_owned(),
            Transform::Truncate(_) => "trunc".to_owned(),
            Transform::Void => "null".to_owned(),
            other => other.to_string(),
        };
        Self { name: format!("{column}_{suffix}"), source: Column::new(column), transform }
    }
}

/// A partitioning that some files of a table have.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct PartitionSpec {
    /// What [`crate::DataFile::spec`] refers to.
    pub id: i32,
    /// Its fields; none for a table that is not partitioned.
    pub fields: Vec<PartitionField>,
}

/// The most bytes of a folder's name: file systems take 255, and what is escaped may grow threefold in a log.
const LONGEST_FOLDER: usize = 120;

/// The name of a partition's folder (`day=2024-01-01`, percent-encoded), cut and told apart by a checksum where it
/// is too long for file systems: at most 120 bytes.
///
/// Neither an escape nor a character of several escapes is cut in two. Readers take partition values from the log
/// and never from a path.
pub fn folder_name(mut name: String) -> String {
    if name.len() <= LONGEST_FOLDER {
        return name;
    }
    // FNV-1a: equal on every machine, and two long values of one table rarely share it.
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, b| (hash ^ u32::from(b)).wrapping_mul(0x0100_0193));
    let checksum = format!("-{hash:08x}");
    let mut end = name.floor_char_boundary(LONGEST_FOLDER - checksum.len());
    // An escape is `%` and two digits; those of a character's bytes after the first begin with 8 to B.
    if let Some(at) = name.get(..end).and_then(|kept| kept.rfind('%')).filter(|at| at + 3 > end) {
        end = at;
    }
    let inside = |end: usize| {
        name.get(end..).is_some_and(|rest| ["%8", "%9", "%A", "%B"].iter().any(|e| rest.starts_with(e)))
    };
    while inside(end) && end >= 3 {
        end -= 3;
    }
    name.truncate(end);
    name + &checksum
}
