#![doc = include_str!("../README.md")]

mod check;
mod config;
mod diagnostic;
mod known;
mod load;
mod merge;
mod project;
mod reference;
mod schema;
mod semantics;
mod shown;
mod text;
mod tree;

pub use check::nearest;
pub use config::{
    Auth, Boundary, Catalog, Columns, Commit, Config, Destination, DestinationRef, Engine, Incremental,
    KeyLocation, Method, Missing, MissingRows, OneOrManyTexts, Options, Paginator, Partial, PartitionBy,
    Pipeline, Requests, RestSource, RestStream, RowOrder, SendIn, Source, SourceSettings, StreamTables,
    Table, UrlSource, WriteDisposition, WriteOptions,
};
pub use diagnostic::{Diagnostic, Diagnostics, Place};
pub use known::Known;
pub use load::LoadArgs;
pub use project::{Project, SqlName};
pub use reference::{Reference, ReferenceKind, Resolver};
pub use schema::schema;
pub use semantics::one_place;
pub use shown::credentials;
pub use text::{Exposed, Secret, Text};
pub use tree::MAX_BYTES;
