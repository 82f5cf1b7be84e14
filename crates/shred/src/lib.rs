#![doc = include_str!("../README.md")]

mod column;
mod hash;
mod name;
mod namer;
mod number;
mod options;
mod scan;
mod shape;
mod shredder;
mod store;
mod system;
mod table;
mod time;
mod walk;

pub use name::{normalize, table_name};
pub use namer::TableNamer;
pub use options::ShredOptions;
pub use shape::Step;
pub use shredder::{JsonRows, Shredder};
pub use store::{SchemaChange, TableBatch, TableInfo};
pub use system::{LIST_INDEX, LOAD_ID, OVERFLOW, PARENT_ID, ROOT_ID, ROW_ID};
pub use table::ColumnInfo;
