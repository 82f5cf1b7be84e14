#![doc = include_str!("../README.md")]

mod config;
mod destination;
mod load;
mod manifest;
mod pipeline;
mod report;
mod state;

pub use config::{CommitPolicy, Disposition, Progress, ProgressFn, StreamOptions};
pub use destination::{Destination, DestinationNames};
pub use manifest::{LoadManifest, ManifestTable};
pub use pipeline::{IntoDestination, Pipeline, pipeline};
pub use report::{LoadReport, RunReport, TableReport};
pub use stitchwork_shred::{TableNamer, normalize};
