#![doc = include_str!("../README.md")]

mod columns;
mod config;
mod dialect;
mod format;
mod infer;
mod reader;
mod records;
mod rows;
mod sniff;
mod spell;
mod text;
mod values;
mod writer;

pub use config::{BlankLines, CsvConfig, Ragged, Terminator};
pub use format::{Csv, SCHEME, register};
pub use stitchwork_objects::Compression;
