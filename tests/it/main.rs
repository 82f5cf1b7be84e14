//! The end-to-end tests: one binary, since linking the whole house takes its time.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail loudly")]

mod accounting;
mod concurrency;
mod files;
mod interop;
mod operations;
mod predicates;
