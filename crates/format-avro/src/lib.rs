#![doc = include_str!("../README.md")]

mod blame;
mod blocks;
mod codec;
mod config;
mod cursor;
mod error;
mod feed;
mod format;
mod header;
mod input;
mod logical;
mod names;
mod reader;
mod rows;
mod shape;
mod writer;

pub use codec::Compression;
pub use config::AvroConfig;
pub use format::{Avro, SCHEME, register};
