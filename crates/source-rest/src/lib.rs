#![doc = include_str!("../README.md")]

mod auth;
mod builder;
mod client;
mod config;
mod cursor;
mod deferred;
mod hash;
mod json;
mod paginator;
mod path;
mod reader;
mod redact;
mod register;
mod secret;
mod source;
mod tracker;

pub use auth::{Auth, KeyLocation};
pub use builder::{RestBuilder, rest};
pub use config::{
    Boundary, IncrementalConfig, Method, Missing, MissingRows, Partial, RequestConfig, RestConfig, RowOrder,
    SendIn, StreamConfig,
};
pub use paginator::Paginator;
pub use register::{SCHEMES, register};
pub use secret::Secret;
pub use source::RestSource;
