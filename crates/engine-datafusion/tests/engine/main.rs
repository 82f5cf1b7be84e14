//! The engine over relations of every kind: streams, files with everything that a table format does to them, and
//! relations that can be edited.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests may fail loudly")]

mod agreement;
mod changeable;
mod clocks;
mod decimals;
mod deletes;
mod distinct;
mod dml;
mod exact;
mod expressions;
mod files;
mod floats;
mod frames;
mod hidden;
mod information;
mod joins;
mod moments;
mod names;
mod nested;
mod pairs;
mod statistics;
mod stream;
mod support;
mod units;
