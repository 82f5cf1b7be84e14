#![doc = include_str!("../README.md")]

mod config;
mod editor;
mod equality;
mod evolve;
mod file_set;
mod fit;
mod ids;
mod metadata;
mod murmur;
mod names;
mod operations;
mod partition;
mod plan;
mod relation;
mod scan;
mod sink;
mod table;
mod written;

pub use config::TableConfig;
pub use evolve::merge_schemas;
pub use file_set::{Columns, FileSet, FileSetArgs, Partitions, link};
pub use ids::id_with_time;
pub use metadata::{Metadata, MetadataRelation};
pub use names::CatalogNames;
pub use operations::{AppendArgs, CommitFilesArgs, DeleteArgs, OperationSummary, OverwriteArgs};
pub use partition::apply_transform;
pub use relation::TableRelation;
pub use sink::{FileSink, SinkArgs};
pub use table::{Table, TableRef};
