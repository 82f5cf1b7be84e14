#![doc = include_str!("../README.md")]

mod check;
mod chunks;
mod config;
mod fit;
mod format;
mod infer;
mod moments;
mod nodes;
mod numbers;
mod reader;
mod records;
mod sayable;
mod shape;
mod text;
mod writer;

pub use config::{JsonConfig, Layout};
pub use format::{Json, SCHEME, register};
pub use stitchwork_objects::Compression;
