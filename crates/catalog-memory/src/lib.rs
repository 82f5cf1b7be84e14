#![doc = include_str!("../README.md")]

mod catalog;
mod register;
mod state;

pub use catalog::MemoryCatalog;
pub use register::{SCHEME, register};
