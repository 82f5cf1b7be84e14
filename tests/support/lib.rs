//! What the end-to-end tests share: places for tables in every combination of layers, rows, and the outside
//! readers and writers.

pub mod layers;
pub mod oracle;
pub mod rows;
