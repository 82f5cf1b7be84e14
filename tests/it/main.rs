//! The end-to-end tests: one binary, since linking the whole house takes its time.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail loudly")]

mod accounting;
mod concurrency;
mod conform;
mod dml;
mod duckdb;
mod equality;
mod facade;
mod files;
mod golden;
mod interop;
mod matrix;
mod operations;
mod outside;
mod parquet_files;
mod predicates;
mod s3;
mod travel;
mod zero_copy;
