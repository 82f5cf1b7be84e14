#![doc = include_str!("../README.md")]

mod chunks;
mod config;
mod format;
mod infer;
mod reader;
mod records;
mod shape;
mod words;
mod writer;

pub use config::{JsonConfig, Layout};
pub use format::{Json, SCHEME, register};
pub use stitchwork_objects::Compression;
