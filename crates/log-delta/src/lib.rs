#![doc = include_str!("../README.md")]

mod actions;
mod checkpoint;
mod commit;
mod deletes;
mod evolve;
mod factory;
mod files;
mod history;
mod load;
mod log;
mod meta;
mod paths;
mod protocol;
mod schema;
mod snapshot;
mod state;
mod stats;
mod store;
mod values;

pub use factory::{DeltaLogFactory, SCHEME, register};
