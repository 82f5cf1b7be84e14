//! Database drivers by the interface [ADBC](https://arrow.apache.org/adbc/), loaded at run time.
//!
//! Every call blocks: make it on a thread that may. Results come as streams that are read on such a thread.

mod connection;
mod driver;
mod error;
mod rows;

pub use connection::{Connection, IngestArgs, Vendor};
pub use driver::{Database, Driver};
pub use rows::{Canceller, Query, Rows};
