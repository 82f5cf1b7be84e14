//! The Parquet format from outside: what is written comes back, what is left out could not have passed, and
//! what is broken is an error.

mod broken;
mod corpus;
mod data;
mod pruning;
mod reading;
mod requests;
mod round_trip;
