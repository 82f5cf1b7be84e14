//! Opening and creating tables.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use stitchwork_core::{
    Column, CreateArgs, Entry, Error, ErrorKind, Info, Log, LogArgs, LogCapabilities, LogFactory,
    PartitionField, Pointer, Registry, Result, check_options,
};
use stitchwork_iceberg_meta::{
    CreateTable, IceSchema, IceSpec, IceSpecField, IceTransform, IceType, TableMeta, next_metadata_location,
};

use crate::files::Files;
use crate::log::IcebergLog;
use crate::pointer::{Folder, Pointers, is_lost_answer, metadata_of};
use crate::state::{Shared, State, read_state};
use crate::types::{Ids, columns_by_id};
use crate::{SCHEME, error, partitions};

/// The property that says in which version of the format a table is made.
pub(crate) const FORMAT_VERSION: &str = "format-version";

/// Opens and creates tables of Apache Iceberg.
#[derive(Debug, Clone, Copy, Default)]
pub struct IcebergLogFactory;

/// Adds Iceberg's log to a registry, under [`SCHEME`].
///
/// # Errors
/// `AlreadyExists` when the scheme is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    registry.register_log(Arc::new(IcebergLogFactory))
}

pub(crate) fn info() -> Info {
    Info { scheme: SCHEME, name: "Apache Iceberg v1 to v3".to_owned(), version: env!("CARGO_PKG_VERSION") }
}

pub(crate) fn capabilities() -> LogCapabilities {
    LogCapabilities {
        position_deletes: true,
        time_travel_by_version: true,
        time_travel_by_timestamp: true,
        refs: true,
        add_column: true,
        field_ids: true,
        partition_transforms: true,
        without_catalog: true,
        pointer: true,
    }
}

#[async_trait]
impl LogFactory for IcebergLogFactory {
    fn info(&self) -> Info {
        info()
    }

    fn capabilities(&self) -> LogCapabilities {
        capabilities()
    }

    async fn open(&self, args: LogArgs) -> Result<Arc<dyn Log>> {
        open(args).await.map_err(|e| e.with_operation("log::open"))
    }

    async fn create(&self, args: LogArgs, create: CreateArgs) -> Result<Arc<dyn Log>> {
        make(args, create).await.map_err(|e| e.with_operation("log::create"))
    }
}

async fn open(args: LogArgs) -> Result<Arc<dyn Log>> {
    check_options(&args.options, &[])?;
    let files = Files::new(args.stores.clone());
    let (pointers, metadata) = match (&args.catalog, &args.ident) {
        (Some(catalog), Some(ident)) => {
            let metadata = metadata_of(&catalog.load(ident).await?)?;
            (Pointers::Catalog { catalog: catalog.clone(), ident: ident.clone() }, metadata)
        }
        (Some(_), None) => return Err(Error::invalid_input("a table of a catalog needs its name")),
        (None, _) => find_without_catalog(&files, &args.location).await?,
    };
    let state = read_state(&files, &pointers, metadata).await?;
    let shared = Shared::new(files, args.formats, args.budget, pointers, state);
    Ok(Arc::new(IcebergLog::new(shared)))
}

/// The pointer of a table of which only the location is known, and the newest metadata file.
async fn find_without_catalog(files: &Files, location: &str) -> Result<(Pointers, String)> {
    if location.is_empty() {
        return Err(Error::invalid_input("a table without a catalog needs a location"));
    }
    if location.ends_with(".metadata.json") {
        return Ok((Pointers::Fixed { metadata: location.to_owned() }, location.to_owned()));
    }
    let folder = Folder { location: location.trim_end_matches('/').to_owned() };
    match folder.current(files, None).await {
        Ok(metadata) => Ok((Pointers::Folder(folder), metadata)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let Some(metadata) = folder.newest_of_a_catalog(files).await? else { return Err(error) };
            Ok((Pointers::OfCatalog(folder), metadata))
        }
        Err(error) => Err(error),
    }
}

async fn make(args: LogArgs, create: CreateArgs) -> Result<Arc<dyn Log>> {
    check_options(&args.options, &[])?;
    if args.location.is_empty() {
        return Err(Error::invalid_input("a new table needs a location"));
    }
    let files = Files::new(args.stores.clone());
    let location = args.location.trim_end_matches('/').to_owned();
    let meta = new_meta(&location, &create)?;
    let bytes = Bytes::from(meta.to_bytes().map_err(error::argument)?);
    let (pointers, metadata) = match (&args.catalog, &args.ident) {
        (Some(catalog), Some(ident)) => {
            match catalog.load(ident).await {
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
                Ok(entry) => return Err(taken().with_context("table", entry.ident)),
            }
            let pointers = Pointers::Catalog { catalog: catalog.clone(), ident: ident.clone() };
            pointers.check_writable()?;
            let metadata = next_metadata_location(&location, None);
            files.put_unique(&metadata, bytes).await?;
            let pointer = Pointer(metadata.clone());
            let entry = Entry {
                ident: ident.clone(),
                log: SCHEME.to_owned(),
                location: location.clone(),
                pointer: Some(pointer.clone()),
                properties: std::collections::BTreeMap::new(),
            };
            if let Err(error) = catalog.create(entry).await {
                // The entry that is there may be ours, of a request whose answer was lost.
                let found = catalog.load(ident).await;
                let ours = found.as_ref().is_ok_and(|there| there.pointer.as_ref() == Some(&pointer));
                if !ours {
                    if found.is_ok() || !is_lost_answer(&error) {
                        files.remove_quietly([metadata]).await;
                    }
                    return Err(error);
                }
            }
            (pointers, metadata)
        }
        (Some(_), None) => return Err(Error::invalid_input("a table of a catalog needs its name")),
        (None, _) => {
            let folder = Folder { location: location.clone() };
            if files.list(&format!("{location}/metadata")).await?.iter().any(|f| f.contains(".metadata.json"))
            {
                return Err(taken().with_context("location", location));
            }
            let metadata = folder.first();
            if !folder.publish_first(&files, &metadata, &bytes).await? {
                return Err(taken().with_context("location", location));
            }
            (Pointers::Folder(folder), metadata)
        }
    };
    let shared = Shared::new(files, args.formats, args.budget, pointers, State::new(metadata, meta));
    Ok(Arc::new(IcebergLog::new(shared)))
}

fn taken() -> Error {
    Error::new(ErrorKind::AlreadyExists, "there is a table already")
}

/// The metadata of a new table.
fn new_meta(location: &str, create: &CreateArgs) -> Result<TableMeta> {
    let mut properties = create.properties.clone();
    let version = match properties.remove(FORMAT_VERSION) {
        None => 2,
        Some(text) => parse_version(&text)?,
    };
    if create.schema.fields().is_empty() {
        return Err(Error::invalid_input("an Iceberg table needs at least one column"));
    }
    let fields = Ids { last: 0, keep: false, version }.fields(create.schema.fields(), "")?;
    let schema = IceSchema::new(fields);
    schema.validate(version).map_err(error::argument)?;
    let spec = new_spec(&schema, &create.partitioning)?;
    let now = crate::now_ms();
    let mut table = CreateTable::new(location, schema, now);
    table.spec = spec;
    table.properties = properties;
    table.format_version = version;
    TableMeta::create(table).map_err(error::argument)
}

/// The version of the format that a property asks for.
pub(crate) fn parse_version(text: &str) -> Result<u8> {
    match text.trim().parse() {
        Ok(version @ 2..=3) => Ok(version),
        _ => Err(Error::invalid_config("the format version to write is 2 or 3")
            .with_context("property", FORMAT_VERSION)
            .with_context("value", text)),
    }
}

/// The spec of a new table, its fields numbered as writers do.
fn new_spec(schema: &IceSchema, fields: &[PartitionField]) -> Result<IceSpec> {
    let fields = spec_fields(schema, fields)?;
    let numbered = fields.into_iter().zip(1000..).map(|((source_id, name, transform), field_id)| {
        IceSpecField { source_id, field_id, name, transform }
    });
    Ok(IceSpec { id: 0, fields: numbered.collect() })
}

/// The fields of a partitioning with their columns as ids.
pub(crate) fn spec_fields(
    schema: &IceSchema,
    fields: &[PartitionField],
) -> Result<Vec<(i32, String, IceTransform)>> {
    let columns = columns_by_id(schema);
    let by_column: HashMap<&Column, (i32, &IceType)> =
        columns.iter().map(|(id, (column, ty))| (column, (*id, ty))).collect();
    let mut names = HashSet::new();
    let mut sources = HashSet::new();
    fields
        .iter()
        .map(|field| {
            let fail = |error: Error| {
                error.with_context("column", &field.source).with_context("transform", &field.transform)
            };
            let Some((id, ty)) = by_column.get(&field.source) else {
                return Err(fail(Error::invalid_input("the table is partitioned by a column it lacks")));
            };
            if field.source.path.len() != 1 {
                return Err(fail(Error::unsupported(
                    "an Iceberg table is partitioned by columns at the top only: copy the field to one",
                )));
            }
            let transform = partitions::to_iceberg(&field.transform).map_err(fail)?;
            if matches!(transform, IceTransform::Bucket(0) | IceTransform::Truncate(0)) {
                return Err(fail(Error::invalid_input("the number of a partition's function is at least 1")));
            }
            let taken = schema.field_by_name(&field.name);
            if field.name.is_empty()
                || !names.insert(&field.name)
                || taken.is_some_and(|column| column.id != *id || transform != IceTransform::Identity)
            {
                return Err(fail(Error::invalid_input(
                    "the name of a partition is empty, or that of a column or of another partition",
                ))
                .with_context("name", &field.name));
            }
            if !sources.insert((*id, field.transform.to_string())) {
                return Err(fail(Error::invalid_input("the table is partitioned by the same value twice")));
            }
            match transform.result_type(ty) {
                Ok(result) if result.is_primitive() => Ok((*id, field.name.clone(), transform)),
                _ => Err(fail(
                    Error::unsupported("Iceberg cannot partition by this function of the column")
                        .with_context("type", ty),
                )),
            }
        })
        .collect()
}
