#![doc = include_str!("../README.md")]

mod catalog;
mod config;
mod database;
mod entry;
mod names;
mod namespaces;
mod open;
#[cfg(feature = "postgres")]
mod postgres;
mod register;
mod shared;
#[cfg(feature = "sqlite")]
mod sqlite;
mod statements;

pub use catalog::SqlCatalog;
pub use config::SqlConfig;
pub use register::{SCHEMES, register};
