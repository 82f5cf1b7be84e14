//! The engine over relations of every kind: streams, files with everything that a table format does to them, and
//! relations that can be edited.

mod agreement;
mod deletes;
mod dml;
mod files;
mod names;
mod nested;
mod statistics;
mod stream;
mod support;
