#![doc = include_str!("../README.md")]

mod counts;
mod faults;
mod generator;
mod limit;
mod page;
mod rng;
mod routes;
mod server;
mod stream;
mod timeline;

pub use counts::RequestCounts;
pub use faults::Faults;
pub use generator::{EVENT_TYPES, EventGenerator};
pub use routes::{API_KEY, API_KEY_HEADER, API_KEY_PARAM, BASIC_PASSWORD, BASIC_USER};
pub use server::{EventsServer, EventsServerBuilder};
