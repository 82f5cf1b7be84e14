//! Bad input of every kind: each says what, where and what to do, ends with a code other than 0 and loses nothing.

mod disk;
mod files;
mod missing;
mod pages;
mod server;
mod tables;
