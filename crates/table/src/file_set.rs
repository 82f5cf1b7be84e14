//! Files without a log, as one relation.

mod find;
mod glob;
mod link;
mod partitions;

use std::collections::HashSet;
use std::sync::Arc;

use arrow_schema::{Field, FieldRef, Fields, Schema, SchemaRef};
use async_trait::async_trait;
use futures::stream::{self, StreamExt, TryStreamExt};
use stitchwork_core::{
    BatchStream, DataFile, Editor, Error, ErrorKind, FieldMapping, Format, Formats, Match, PlannedFile,
    Predicate, Registry, Relation, Result, Scalar, ScanArgs, ScanPlan, Stores, merge_fields, require_unique,
    settle_fields,
};

use crate::plan::{From, check_columns, grades, tell};
use crate::scan::scan;

use find::Found;
pub use link::link;
use partitions::Known;
pub use partitions::Partitions;

/// How many objects are asked for their columns at a time.
const REQUESTS: usize = 16;

/// What to do about columns that have no type in common, for whoever gets the error: SQL, a project file and Rust.
const SAY_COLUMNS: &str = "read the files apart and cast in SQL, or say the columns: of a folder by `log: files` and its \
                           option `schema` in the project file, in Rust by `Columns::Given`";

/// Which columns a set of files has.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Columns {
    /// Those of the first file and then those that only later ones have. Where a file lacks one it is null.
    ///
    /// Where types differ it is their [`common_type`](stitchwork_core::common_type), which depends on no order of files
    /// and holds the values of all; only `Int64` beside a float becomes `Float64`, in which numbers above 2⁵³ are
    /// rounded. Types without a common one are refused: then say it by [`Columns::Given`]. A column of which no file of a
    /// format that finds types in values (JSON, CSV) has any is text.
    #[default]
    Merged,
    /// Those of the first file. The others are not asked before they are read, and their values are cast, which may cut
    /// or round what does not fit exactly.
    First,
    /// These. The values of files are cast to them, which may cut or round what does not fit exactly.
    Given(SchemaRef),
}

/// Which files to open, and how.
#[derive(Debug, Clone, Default)]
pub struct FileSetArgs {
    /// Objects (`s3://b/x.csv`), patterns (`s3://b/y/*.csv`, with `**`, `?`, `[0-9]` and `{a,b}`) and folders.
    ///
    /// Each gives its files in the order of their names; a file that several name comes once. A folder and a pattern
    /// leave out what is hidden by a first `_` or `.`. The `?` of an `http://` or `https://` URL begins its query instead:
    /// it names one file, by what is sent and not shown ([`link()`]).
    pub locations: Vec<String>,
    /// The format of all files, with settings of its own (the dialect of CSV); by the endings of names when `None`.
    pub format: Option<Arc<dyn Format>>,
    /// The columns.
    pub columns: Columns,
    /// The columns that come from the names of folders.
    pub partitions: Partitions,
    /// Folders below this one count for `partitions`. When `None`: those below the folder that was named, or below
    /// the start of a pattern that has no wildcard; none for an object.
    pub base: Option<String>,
}

impl FileSetArgs {
    /// The files at some locations, as they are.
    pub fn new<S: AsRef<str>>(locations: &[S]) -> Self {
        let locations = locations.iter().map(|location| location.as_ref().to_owned()).collect();
        Self { locations, ..Self::default() }
    }
}

/// Files of one or several formats that are read as one relation. They cannot be changed through it.
#[derive(Debug, Clone)]
pub struct FileSet {
    schema: SchemaRef,
    files: Vec<PlannedFile>,
    /// The columns that the names of folders say.
    folders: Arc<Vec<Field>>,
    stores: Stores,
    formats: Formats,
}

impl FileSet {
    /// The files at some locations, each of the format that its name's ending says; see [`FileSetArgs`].
    ///
    /// # Errors
    /// `InvalidInput` without any location, or for an ending that no format has; `NotFound` for a missing object and
    /// where nothing fits; `InvalidData` for a broken one.
    pub async fn open<S: AsRef<str>>(registry: &Registry, locations: &[S]) -> Result<Self> {
        Self::open_with(registry, FileSetArgs::new(locations)).await
    }

    /// The files at some locations.
    ///
    /// # Errors
    /// As [`Self::open`]; `Unsupported` for the folder of a table, whose log says which files count.
    pub async fn open_with(registry: &Registry, args: FileSetArgs) -> Result<Self> {
        let (stores, mut formats) = (registry.stores().clone(), registry.formats().clone());
        if let Some(format) = &args.format {
            formats = formats.with(format.clone());
        }
        let mut found = Vec::new();
        let mut known = HashSet::new();
        for location in &args.locations {
            let location = &link(&stores, location)?;
            let here = find::find(&stores, location, args.base.as_deref()).await;
            let here = here.map_err(|e| match ending(location) {
                // What is not there could not be read either.
                Some(_) if e.kind() == ErrorKind::NotFound && args.format.is_none() => {
                    formats.for_path(location).map_or_else(|| unknown(&formats, location), |_| e)
                }
                _ => e,
            })?;
            found.extend(here.into_iter().filter(|file| known.insert(file.object.location())));
        }
        if found.is_empty() {
            return Err(Error::invalid_input("a set of files needs at least one"));
        }
        let typed = found.iter().map(|file| format_of(&args, &formats, file)).collect::<Result<Vec<_>>>()?;
        let (folders, values) = partitions::columns(&args.partitions, &found)?;
        let own = own_columns(&args.columns, &found, &typed, &folders).await?;
        let schema = with_folders(&own, &folders);
        let mut files = Vec::with_capacity(found.len());
        for ((file, format), values) in found.into_iter().zip(typed).zip(values) {
            let constants = folders.iter().zip(values).map(|(field, value)| {
                let place = schema.index_of(field.name())?;
                Ok((place, value.cast(schema.field(place).data_type())?))
            });
            let constants = constants.collect::<Result<Vec<(usize, Scalar)>>>()?;
            let file = DataFile {
                location: file.location,
                format: format.info().scheme.to_owned(),
                size: file.object.size.unwrap_or_default(),
                modified_ms: Some(file.modified_ms),
                ..DataFile::default()
            };
            files.push(PlannedFile { file, constants });
        }
        let folders = folders.iter().map(|field| schema.field_with_name(field.name()).cloned());
        let folders = Arc::new(folders.collect::<Result<Vec<Field>, _>>()?);
        Ok(Self { schema, files, folders, stores, formats })
    }

    fn scan_plan(&self, args: &ScanArgs) -> Result<ScanPlan> {
        check_columns(args.predicate.as_ref(), &self.schema)?;
        let conjuncts = args.predicate.clone().map(Predicate::into_conjuncts).unwrap_or_default();
        let mut decided = vec![true; conjuncts.len()];
        let mut files = Vec::new();
        for file in &self.files {
            let known = Known { fields: &self.folders, constants: &file.constants };
            let results: Vec<Match> = conjuncts.iter().map(|conjunct| conjunct.prune(&known)).collect();
            if results.contains(&Match::None) {
                continue;
            }
            for (decided, result) in decided.iter_mut().zip(results) {
                *decided &= result == Match::All;
            }
            files.push(file.clone());
        }
        tell(From::Files { all: self.files.len() }, args, &files);
        Ok(ScanPlan {
            schema: self.schema.clone(),
            mapping: Arc::new(FieldMapping::by_name()),
            stores: self.stores.clone(),
            formats: self.formats.clone(),
            files,
            pushdown: grades(decided),
            snapshot: None,
        })
    }
}

fn format_of(args: &FileSetArgs, formats: &Formats, file: &Found) -> Result<Arc<dyn Format>> {
    let format = args.format.clone().or_else(|| formats.for_path(&file.location));
    format.ok_or_else(|| unknown(formats, &file.location))
}

fn unknown(formats: &Formats, location: &str) -> Error {
    let known: Vec<&str> = formats.iter().flat_map(|f| f.extensions().iter().copied()).collect();
    Error::invalid_input("the ending of the name belongs to no format that is registered")
        .with_context("location", location)
        .with_context("known", known.join(","))
}

/// The ending of the name of a location that is no pattern.
fn ending(location: &str) -> Option<&str> {
    let name = location.rsplit('/').next().filter(|_| !glob::is_pattern(location))?;
    name.rsplit_once('.').map(|(_, ending)| ending)
}

/// The columns of the files.
async fn own_columns(
    columns: &Columns,
    found: &[Found],
    formats: &[Arc<dyn Format>],
    folders: &[Field],
) -> Result<SchemaRef> {
    let asked = match columns {
        Columns::Given(schema) => return Ok(schema.clone()),
        Columns::First => 1,
        Columns::Merged => found.len(),
    };
    let objects = found.iter().zip(formats).take(asked);
    let objects: Vec<_> = objects.map(|(file, format)| (file.object.clone(), format.clone())).collect();
    let mut schemas = stream::iter(objects)
        .map(|(object, format)| async move {
            let schema = format.infer_schema(&object).await?;
            Ok::<_, Error>((object, schema))
        })
        .buffered(REQUESTS)
        .boxed();
    let mut merged: Option<Schema> = None;
    while let Some((object, schema)) = schemas.try_next().await? {
        // What the folders say goes before what the files say of the same column.
        let own = |field: &&FieldRef| !folders.iter().any(|folder| folder.name() == field.name());
        let fields: Fields = schema.fields().iter().filter(own).cloned().collect();
        require_unique(&fields).map_err(|e| e.with_context("location", object.location()))?;
        merged = Some(match merged {
            None => Schema::new_with_metadata(fields, schema.metadata().clone()),
            Some(Schema { fields: known, metadata }) => {
                let fields = merge_fields(&known, &fields);
                let fields = fields.map_err(|e| {
                    e.with_context("location", object.location()).with_context("remedy", SAY_COLUMNS)
                })?;
                Schema::new_with_metadata(fields, metadata)
            }
        });
    }
    let merged = merged.unwrap_or_else(Schema::empty);
    // A file that says its types has columns of nulls because its writer chose them.
    if formats.iter().take(asked).all(|format| format.capabilities().exact_schema) {
        return Ok(Arc::new(merged));
    }
    Ok(Arc::new(Schema::new_with_metadata(settle_fields(&merged.fields), merged.metadata)))
}

/// The columns with those of the folders at the end, unless they were given at another place.
fn with_folders(own: &SchemaRef, folders: &[Field]) -> SchemaRef {
    let new = folders.iter().filter(|folder| own.column_with_name(folder.name()).is_none());
    let fields: Fields = own.fields().iter().cloned().chain(new.map(|f| Arc::new(f.clone()))).collect();
    Arc::new(Schema::new_with_metadata(fields, own.metadata().clone()))
}

#[async_trait]
impl Relation for FileSet {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    async fn plan(&self, args: ScanArgs) -> Result<Option<ScanPlan>> {
        self.scan_plan(&args).map(Some)
    }

    async fn scan(&self, args: ScanArgs) -> Result<BatchStream> {
        args.require_no_addresses()?;
        scan(self.scan_plan(&args)?, args, 2)
    }

    fn editor(&self) -> Option<Arc<dyn Editor>> {
        None
    }
}
