#![doc = include_str!("../README.md")]

mod checkpoints;
mod columns;
mod history;
mod land;
mod name;
mod numbered;
mod prune;
mod put;
mod time;

pub use checkpoints::{Checkpoints, Tail};
pub use columns::{check_columns, still_fits};
pub use history::down_from;
pub use land::{Attempt, check_base, check_tag, failed_commit, land, next_version};
pub use name::{check_name, enter};
pub use numbered::{Commit, Commits, get};
pub use prune::Pruner;
pub use put::{Patience, Put};
pub use time::now_ms;
