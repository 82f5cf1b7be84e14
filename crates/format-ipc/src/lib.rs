#![doc = include_str!("../README.md")]

mod bounds;
mod config;
mod decoder;
mod error;
mod file;
mod form;
mod format;
mod message;
mod reader;
mod sequence;
mod source;
mod statistics;
mod writer;

pub use config::{Compression, IpcConfig, Layout};
pub use format::{Ipc, SCHEME, register};
