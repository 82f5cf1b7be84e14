#![doc = include_str!("../README.md")]

mod error;
mod folder;
mod in_tests;
mod instance;
mod minio;
mod moto;
mod postgres;
mod probe;
mod registry;
mod service;
mod up;
mod versitygw;

pub use error::{Error, Result};
pub use folder::{FOLDER, Folder};
pub use in_tests::{REQUIRE, in_test};
pub use minio::MINIO;
pub use moto::{MOTO, MOTO_5_0_0, MOTO_5_0_16};
pub use postgres::POSTGRES;
pub use service::{Service, all, find};
pub use up::{Running, Use, down, fetch, list, stop_unused, up};
pub use versitygw::VERSITYGW;
