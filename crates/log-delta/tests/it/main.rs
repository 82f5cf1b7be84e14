//! The log as a user sees it, against a model and against another implementation.

mod checkpoints;
mod differential;
mod features;
mod helpers;
mod hostile;
mod pruning;
mod replay;
