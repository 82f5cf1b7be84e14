//! The Parquet format from outside: what is written comes back, what is left out could not have passed, and
//! what is broken is an error.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

mod broken;
mod corpus;
mod data;
mod dates;
mod pruning;
mod reading;
mod requests;
mod round_trip;
