#![doc = include_str!("../README.md")]

mod avro;
mod bridge;
mod calendar;
mod error;
mod location;
mod manifest;
mod manifest_list;
mod meta;
mod partition;
mod puffin;
mod schema;
mod snapshot;
mod summary;
mod transform;
mod types;
mod value;

pub use error::{MetaError, Result};
pub use location::{metadata_path, metadata_version, next_metadata_location};
pub use manifest::{
    EntryStatus, FileContent, IceDataFile, IceManifestEntry, ManifestContent, ManifestInfo, ManifestWrite,
    ParsedManifest, PartitionSummary, UNASSIGNED_SEQUENCE_NUMBER, WrittenManifest, parse_manifest,
    write_manifest,
};
pub use manifest_list::{ManifestListWrite, WrittenManifestList, parse_manifest_list, write_manifest_list};
pub use meta::{CreateTable, MetaUpdate, TableMeta};
pub use partition::{IceSortField, IceSortOrder, IceSpec, IceSpecField};
pub use puffin::{DvBlob, PuffinBlobRef, PuffinFile, puffin_with_dvs};
pub use schema::IceSchema;
pub use snapshot::{
    IceRef, IceRefKind, IceSnapshot, MAIN_BRANCH, MetadataLogEntry, OPERATION_KEY, SnapshotLogEntry,
};
pub use summary::{SummaryDelta, summary_totals};
pub use transform::{IceTransform, bucket_hash};
pub use types::{IceField, IceType};
pub use value::IceValue;
