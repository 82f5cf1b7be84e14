#![doc = include_str!("../README.md")]

mod config;
mod destination;
mod leftovers;
mod load;
mod manifest;
mod mutation;
mod pipeline;
mod report;
mod state;

pub use config::{CommitPolicy, Disposition, Progress, ProgressFn, StreamOptions};
pub use destination::{Destination, DestinationNames};
pub use leftovers::{Cleaned, Leftover, LeftoverKind, Leftovers, LeftoversArgs};
pub use manifest::{LoadManifest, ManifestDestination, ManifestTable};
#[cfg(feature = "mutation")]
pub use mutation::Mutation;
pub use pipeline::{IntoDestination, Pipeline, pipeline};
pub use report::{LoadReport, RunReport, TableReport};
pub use state::PipelineState;
pub use stitchwork_shred::{TableNamer, normalize};
