//! The end-to-end tests: one binary, since linking the whole house takes its time.

mod concurrency;
mod interop;
mod operations;
