//! What the end-to-end tests share: places for tables in every combination of layers, rows, and the outside
//! readers and writers.

pub mod buckets;
pub mod drivers;
pub mod lake;
pub mod layers;
pub mod matrix;
pub mod oracle;
pub mod rows;
