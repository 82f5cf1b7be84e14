#![doc = include_str!("../README.md")]

pub mod batches;
pub mod catalog;
pub mod engine;
mod failure;
mod fault_store;
pub mod files;
mod flaky_catalog;
pub mod format;
mod ipc_format;
pub mod log;
mod memory_log;
mod memory_relation;
mod memory_table;
pub mod needs;
pub mod peers;
pub mod relation;
pub mod source;
mod suite;

pub use failure::{Failure, Outcome};
pub use fault_store::{Fault, FaultStore, Operation, Puts, Request, Rule};
pub use flaky_catalog::FlakyCatalog;
pub use ipc_format::IpcFormat;
pub use memory_log::MemoryLogFactory;
pub use memory_relation::MemoryRelation;
pub use memory_table::MemoryTable;
pub use suite::{Clause, Suite, unique};
