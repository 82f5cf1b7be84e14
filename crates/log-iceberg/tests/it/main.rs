//! The log against its clauses, on a catalog and in a folder, and against tables of other writers.

mod commits;
mod deletes;
mod foreign;
mod races;
mod setup;
mod tables;
