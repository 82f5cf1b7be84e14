//! The program as a process: what it prints, where it prints it, and how it ends.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests may fail loudly")]

mod bad;
mod deep;
mod dialects;
#[cfg(feature = "engine-adbc")]
mod drivers;
mod ends;
mod help;
mod output;
mod paths;
mod projects;
#[cfg(unix)]
mod prompt;
mod references;
mod secrets;
mod support;
