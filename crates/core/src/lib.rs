#![doc = include_str!("../README.md")]

/// `Debug` by some of the fields, where the others have none or are long.
macro_rules! debug_fields {
    ($type:ident: $($field:ident),*) => {
        impl std::fmt::Debug for $type {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.debug_struct(stringify!($type))$(.field(stringify!($field), &self.$field))*.finish_non_exhaustive()
            }
        }
    };
}

mod budget;
mod catalog;
mod deliver;
mod engine;
mod error;
mod file;
mod format;
mod ident;
mod log;
mod mapping;
mod merge;
mod partition;
mod predicate;
mod registry;
mod relation;
mod scalar;
mod source;
mod stores;
mod stream;

pub use budget::{Budget, Reservation};
pub use catalog::{Catalog, CatalogCapabilities, Entry, ListArgs, NamespaceChange, Pointer, SwapArgs};
pub use engine::{Engine, EngineCapabilities, Explanation, Names, QueryArgs};
pub use error::{CommitState, Error, ErrorKind, Result};
pub use file::{
    ColumnStats, DataFile, DeleteFile, Deleted, Deletes, EqualityDeletes, FileStats, Native, text_bound,
};
pub use format::{FileSummary, FileWriter, Format, FormatCapabilities, Formats, ReadArgs, WriteArgs};
pub use ident::{Info, TableIdent};
pub use log::{
    At, Changes, CommitArgs, CommitTag, Committed, CreateArgs, FileFilter, HistoryArgs, Log, LogArgs,
    LogCapabilities, LogFactory, Reads, Retry, Snapshot, StatsFor, Version, WriteDeletesArgs,
};
pub use mapping::{
    COMMENT, FIELD_ID, FieldMapping, INITIAL_DEFAULT, MapBy, PHYSICAL_NAME, field_id, repeat, with_field_id,
};
pub use merge::{common_type, merge_fields, require_unique, settle_fields};
pub use partition::{
    PartitionField, PartitionSpec, Transform, folder_name, hive_folder, hive_type, parse_hive_folder,
};
pub use predicate::{Column, Comparison, Match, Predicate, Statistics, col};
pub use registry::{OpenUrl, Opener, Registry};
pub use relation::{
    ChangeArgs, EditSummary, Editor, InsertMode, PlannedFile, Pushdown, ROW_DELETED, ROW_FILE, ROW_POSITION,
    Relation, ScanArgs, ScanPlan, address_fields, predicate_columns,
};
pub use scalar::{Scalar, as_keys};
pub use source::{Cursor, Message, Op, OpenArgs, Part, Rows, Source, SourceCapabilities, StreamInfo};
pub use stores::{
    Object, Options, StoreFactory, StoreLayer, Stores, check_options, is_sensitive, join, settings,
};
pub use stream::{BatchStream, BatchStreamAdapter, RecordBatchStream, collect, count_rows};

/// The arrow crates whose types stand in the API, so that a connector needs no version of its own.
pub mod arrow {
    pub use arrow_array as array;
    pub use arrow_schema as schema;
}
pub use object_store;
pub use roaring::RoaringTreemap;
