#![doc = include_str!("../README.md")]

pub mod adbc;
mod array;
mod export;
mod import;
mod pump;
mod texts;

pub use array::{export_batch, export_schema, import_batch, import_schema};
pub use export::{BlockingReader, export_stream, export_stream_to};
pub use import::{import_stream, import_stream_from};
