#![doc = include_str!("../README.md")]

#[cfg(feature = "ingest")]
mod destination;
mod formats;
mod registry;
#[cfg(all(feature = "ingest", feature = "engine-datafusion"))]
mod session;

#[cfg(feature = "ingest")]
pub use destination::{TableDestination, absolute, table};
pub use formats::{format_options, format_with};
pub use registry::{register_all, registry};
#[cfg(all(feature = "ingest", feature = "engine-datafusion"))]
pub use session::Session;
#[cfg(feature = "catalog-memory")]
pub use stitchwork_catalog_memory as catalog_memory;
#[cfg(any(feature = "catalog-postgres", feature = "catalog-sqlite"))]
pub use stitchwork_catalog_sql as catalog_sql;
pub use stitchwork_core as core;
pub use stitchwork_core::{Error, ErrorKind, Registry, Result};
#[cfg(feature = "engine-adbc")]
pub use stitchwork_engine_adbc as engine_adbc;
#[cfg(feature = "engine-datafusion")]
pub use stitchwork_engine_datafusion as engine_datafusion;
#[cfg(feature = "format-avro")]
pub use stitchwork_format_avro as format_avro;
#[cfg(feature = "format-csv")]
pub use stitchwork_format_csv as format_csv;
#[cfg(feature = "format-ipc")]
pub use stitchwork_format_ipc as format_ipc;
#[cfg(feature = "format-json")]
pub use stitchwork_format_json as format_json;
#[cfg(feature = "format-parquet")]
pub use stitchwork_format_parquet as format_parquet;
#[cfg(feature = "ingest")]
pub use stitchwork_ingest as ingest;
#[cfg(feature = "ingest")]
pub use stitchwork_ingest::{Pipeline, RunReport, pipeline};
#[cfg(feature = "log-delta")]
pub use stitchwork_log_delta as log_delta;
#[cfg(feature = "log-files")]
pub use stitchwork_log_files as log_files;
#[cfg(feature = "log-iceberg")]
pub use stitchwork_log_iceberg as log_iceberg;
#[cfg(feature = "source-rest")]
pub use stitchwork_source_rest as source_rest;
#[cfg(feature = "source-rest")]
pub use stitchwork_source_rest::rest;
#[cfg(any(
    feature = "store-azure",
    feature = "store-gcs",
    feature = "store-http",
    feature = "store-s3"
))]
pub use stitchwork_stores as stores;
pub use stitchwork_table as tables;

/// The README of the repository, so that its examples compile.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
