#![doc = include_str!("../README.md")]

mod checkpoint;
mod commit;
mod config;
mod evolve;
mod factory;
mod files;
mod folder;
mod history;
mod lines;
mod load;
mod log;
mod root;
mod sieve;
mod snapshot;
mod state;
mod store;
mod table;
mod types;
mod values;

pub use factory::{FilesLogFactory, SCHEME, register};
