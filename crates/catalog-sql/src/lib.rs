#![doc = include_str!("../README.md")]

mod catalog;
mod config;
mod database;
mod entry;
mod names;
mod register;
mod sqlite;
mod statements;

pub use catalog::SqlCatalog;
pub use config::SqlConfig;
pub use register::{SCHEME, register};
