//! Folders without manifest: what is there is the table.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use arrow_schema::{Field, FieldRef, Fields, Schema};
use futures::stream::{self, StreamExt, TryStreamExt};
use object_store::{ObjectMeta, ObjectStore};
use stitchwork_core::{
    DataFile, Error, FileStats, Format, Formats, Result, Scalar, hive_type, merge_fields, parse_hive_folder,
    require_unique, settle_fields,
};

use crate::config::Config;
use crate::evolve::check_partition_type;
use crate::lines::{Add, TableLine};
use crate::sieve::add_line;
use crate::state::{Base, State};
use crate::store::LogStore;
use crate::table::TableMeta;

/// How many files are asked for their columns at a time.
const REQUESTS: usize = 16;

/// A file of a folder.
#[derive(Debug)]
struct Found {
    /// Relative to the folder.
    path: String,
    format: Arc<dyn Format>,
    size: u64,
    modified: i64,
    /// The values that the names of its folders say.
    partition: Vec<Option<String>>,
}

/// Reads a folder as a state of version -1; `None` where it has no file. `without` are files that are there already,
/// but are about to be added by a commit.
pub(crate) async fn read(
    store: &LogStore,
    config: &Config,
    formats: &Formats,
    without: &HashSet<String>,
) -> Result<Option<State>> {
    let (mut files, keys) = find(store, config, formats).await?;
    if files.is_empty() {
        return Ok(None);
    }
    files.retain(|file| !without.contains(&file.path));
    let line = table_line(store, config, &files, &keys).await?;
    let table = Arc::new(TableMeta::new(line)?);
    let time = files.iter().map(|file| file.modified).max().unwrap_or_default();
    let adds = files.into_iter().map(|file| {
        let Found { path, format, size, modified, partition } = file;
        // The texts of folders become those of the manifest: `01` is 1.
        let values = partition.iter().zip(&table.partition_types).map(|(text, data_type)| match text {
            Some(text) => Scalar::parse(text, data_type),
            None => Ok(Scalar::null(data_type)),
        });
        let values = values.collect::<Result<_>>().map_err(|e| e.with_context("file", &path))?;
        let file = DataFile {
            format: format.info().scheme.to_owned(),
            size,
            partition: values,
            modified_ms: Some(modified),
            ..DataFile::default()
        };
        add_line(&table, &file, path, modified).map(Arc::new)
    });
    let adds = adds.collect::<Result<Vec<Arc<Add>>>>()?;
    let (base, tags) = (Base::Folder(Arc::new(adds)), Arc::default());
    Ok(Some(State { version: -1, time, table, tags, base, tail: vec![] }))
}

/// Whether any file is there that would be part of the table.
pub(crate) async fn has_files(store: &LogStore) -> Result<bool> {
    let mut listed = store.store().list(Some(&store.folder.path));
    while let Some(meta) = listed.next().await {
        match meta {
            Ok(meta) if visible(store, &meta)?.is_some() => return Ok(true),
            Ok(_) => {}
            Err(object_store::Error::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(store.error(&store.folder.path, error)),
        }
    }
    Ok(false)
}

/// The path of a file below the folder; `None` for one that is hidden.
fn visible(store: &LogStore, meta: &ObjectMeta) -> Result<Option<String>> {
    let below = meta.location.as_ref().strip_prefix(store.folder.path.as_ref());
    let Some(path) = below.map(|path| path.trim_start_matches('/')).filter(|path| !path.is_empty()) else {
        return Ok(None);
    };
    let foreign = |what: &str, log: &str| {
        Error::unsupported(format!(
            "the folder is a table of another kind, of which a listing would give wrong rows; open it with `{log}`"
        ))
        .with_context("table", &store.root.location)
        .with_context("kind", what)
    };
    let first = path.split('/').next().unwrap_or_default();
    if first == "_delta_log" {
        return Err(foreign("Delta Lake", "delta"));
    }
    if first == "metadata" && path.ends_with(".metadata.json") {
        return Err(foreign("Iceberg", "iceberg"));
    }
    if first == ".hoodie" {
        return Err(foreign("Hudi", "a reader of Hudi"));
    }
    // `_year=2024` is the folder of a partition, as Spark has it too.
    let hidden = |part: &str| part.starts_with(['_', '.']) && !part.contains('=');
    Ok((!path.split('/').any(hidden)).then(|| path.to_owned()))
}

/// The files in the order of their names, and the names of the partition columns.
async fn find(store: &LogStore, config: &Config, formats: &Formats) -> Result<(Vec<Found>, Vec<String>)> {
    let mut files = Vec::new();
    let mut keys: Option<(Vec<String>, String)> = None;
    let mut listed = store.store().list(Some(&store.folder.path));
    while let Some(meta) = listed.next().await {
        let meta = match meta {
            Err(object_store::Error::NotFound { .. }) => break,
            other => other.map_err(|e| store.error(&store.folder.path, e))?,
        };
        let Some(path) = visible(store, &meta)? else { continue };
        let format = match &config.format {
            Some(name) => Some(formats.get(name)?),
            None => formats.for_path(&path),
        };
        let Some(format) = format else {
            // Some stores mark a folder by an object without bytes.
            if config.ignore_unknown || meta.size == 0 {
                continue;
            }
            let known: Vec<_> = formats.iter().flat_map(|f| f.extensions().iter().copied()).collect();
            return Err(Error::invalid_input(
                "the ending of a file's name belongs to no format that is registered; set `format`, or \
                 `unknown_files` to `ignore`",
            )
            .with_context("file", store.root.locate(&path))
            .with_context("known", known.join(",")));
        };
        let mut partition = Vec::new();
        if !config.plain {
            let folders = path.rsplit_once('/').map_or("", |(folders, _)| folders);
            let (names, values): (Vec<_>, Vec<_>) = folders.split('/').filter_map(parse_hive_folder).unzip();
            match &keys {
                None => keys = Some((names, path.clone())),
                Some((known, _)) if *known == names => {}
                Some((_, other)) => {
                    return Err(Error::invalid_data(
                        "two files lie in folders of different keys; set `hive` to `false` to read folders as \
                         such",
                    )
                    .with_context("file", store.root.locate(&path))
                    .with_context("other", store.root.locate(other)));
                }
            }
            partition = values;
        }
        let modified = meta.last_modified.timestamp_millis();
        files.push(Found { path, format, size: meta.size, modified, partition });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok((files, keys.map(|(keys, _)| keys).unwrap_or_default()))
}

/// What the files and the names of their folders make of the table.
async fn table_line(
    store: &LogStore,
    config: &Config,
    files: &[Found],
    keys: &[String],
) -> Result<TableLine> {
    if let Some(name) = config.partition_types.keys().find(|name| !keys.contains(name)) {
        return Err(Error::invalid_config("`partition_types` names a column that the folders do not have")
            .with_context("column", name)
            .with_context("known", keys.join(",")));
    }
    let given = config.schema.as_ref();
    let typed = keys.iter().enumerate().map(|(place, key)| {
        let known = config.partition_types.get(key).cloned();
        let known = known.or_else(|| Some(given?.find(key)?.1.data_type().clone()));
        let inferred = || hive_type(files.iter().filter_map(|file| file.partition.get(place)?.as_deref()));
        let data_type = known.unwrap_or_else(inferred);
        check_partition_type(key, &data_type)?;
        Ok(Arc::new(Field::new(key, data_type, true)))
    });
    let typed = typed.collect::<Result<Vec<FieldRef>>>()?;
    let own = match given {
        Some(given) => given.clone(),
        None => infer(store, config, files, keys).await?,
    };
    // Folders go before what the files say of the same column.
    let mut fields: Vec<FieldRef> =
        own.iter().map(|f| typed.iter().find(|t| t.name() == f.name()).unwrap_or(f).clone()).collect();
    fields.extend(typed.iter().filter(|t| own.find(t.name()).is_none()).cloned());
    if fields.len() <= keys.len() {
        return Err(Error::invalid_data("the files have no columns besides those of their folders")
            .with_context("table", &store.root.location));
    }
    TableMeta::line(&Schema::new(fields), keys.to_vec(), BTreeMap::new())
}

/// The columns of the files, without those that the folders say.
async fn infer(store: &LogStore, config: &Config, files: &[Found], keys: &[String]) -> Result<Fields> {
    let asked = if config.first_only { files.get(..files.len().min(1)).unwrap_or_default() } else { files };
    let objects: Vec<_> = asked
        .iter()
        .map(|file| (file.format.clone(), store.folder.child(&file.path).with_size(file.size)))
        .collect();
    let mut schemas = stream::iter(objects)
        .map(|(format, object)| async move {
            let schema = format.infer_schema(&object).await?;
            Ok::<_, Error>((object.location(), schema))
        })
        .buffered(REQUESTS)
        .boxed();
    let mut merged: Option<Fields> = None;
    while let Some((location, schema)) = schemas.try_next().await? {
        let fields: Fields = schema.fields().iter().filter(|f| !keys.contains(f.name())).cloned().collect();
        require_unique(&fields).map_err(|e| e.with_context("file", &location))?;
        merged = Some(match merged {
            None => fields,
            Some(merged) => merge_fields(&merged, &fields)
                .map_err(|e| e.with_context("file", &location).with_context("option", "schema"))?,
        });
    }
    let merged = merged.unwrap_or_default();
    // A file that comes later may lack a column of which the first one says that it is never null.
    let relax = |f: &FieldRef| {
        if config.first_only { Arc::new(f.as_ref().clone().with_nullable(true)) } else { f.clone() }
    };
    Ok(settle_fields(&merged.iter().map(relax).collect()))
}

/// The files of a folder with their rows and statistics, as far as formats tell without reading all of a file.
pub(crate) async fn inspected(
    store: &LogStore,
    table: &TableMeta,
    formats: &Formats,
    adds: &[Arc<Add>],
) -> Result<Vec<Arc<Add>>> {
    let known = |add: &Arc<Add>| {
        let object = store.folder.child(&add.path).with_size(add.size);
        Ok::<_, Error>((add.clone(), formats.get(&add.format)?, object))
    };
    let known = adds.iter().map(known).collect::<Result<Vec<_>>>()?;
    let mut inspected = stream::iter(known)
        .map(|(add, format, object)| async move {
            if !format.capabilities().column_statistics {
                return Ok::<_, Error>((add, None));
            }
            let summary = format.inspect(&object).await?;
            Ok((add, Some(summary)))
        })
        .buffered(REQUESTS)
        .boxed();
    let mut adds = Vec::with_capacity(adds.len());
    while let Some((add, summary)) = inspected.try_next().await? {
        let Some(summary) = summary else {
            adds.push(add);
            continue;
        };
        let file = DataFile {
            rows: Some(summary.rows),
            stats: Some(Arc::new(FileStats { rows: Some(summary.rows), ..summary.stats })),
            partition: table.partition_types.iter().map(Scalar::null).collect(),
            ..DataFile::default()
        };
        let Add { rows, stats, .. } = add_line(table, &file, String::new(), 0)?;
        adds.push(Arc::new(Add { rows, stats, splits: summary.split_offsets, ..add.as_ref().clone() }));
    }
    Ok(adds)
}
