#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(all(feature = "s3", feature = "gcs", feature = "azure", feature = "http")),
    allow(dead_code, unused_mut, reason = "what only some of the stores need is there for all")
)]

#[cfg(feature = "azure")]
mod azure;
mod credentials;
#[cfg(feature = "gcs")]
mod gcs;
mod guard;
#[cfg(feature = "http")]
mod http;
mod options;
mod probe;
mod register;
#[cfg(feature = "s3")]
mod s3;
mod secrets;

pub use guard::guarded;
pub use probe::{Verdict, probe};
pub use register::{options_from, register, register_stores};
