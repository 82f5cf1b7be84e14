//! Files without a log, as one relation.

use std::sync::Arc;

use arrow_schema::SchemaRef;
use async_trait::async_trait;
use stitchwork_core::{
    BatchStream, DataFile, Editor, Error, FieldMapping, Formats, PlannedFile, Pushdown, Registry, Relation,
    Result, ScanArgs, ScanPlan, Stores,
};

use crate::merge_schemas;
use crate::scan::scan;

/// Files of one or several formats that are read as one relation. They cannot be changed through it.
#[derive(Debug, Clone)]
pub struct FileSet {
    schema: SchemaRef,
    files: Vec<DataFile>,
    stores: Stores,
    formats: Formats,
}

impl FileSet {
    /// The objects at some locations, each of the format that its name's ending says. Columns are those of the
    /// first object and then those that only later ones have; where an object lacks one it is null.
    ///
    /// # Errors
    /// `InvalidInput` without any location, or for an ending that no format has; `NotFound` for a missing object;
    /// `InvalidData` for a broken one.
    pub async fn open<S: AsRef<str>>(registry: &Registry, locations: &[S]) -> Result<Self> {
        let (stores, formats) = (registry.stores().clone(), registry.formats().clone());
        let mut schema: Option<SchemaRef> = None;
        let mut files = Vec::with_capacity(locations.len());
        for location in locations.iter().map(AsRef::as_ref) {
            let format = formats.for_path(location).ok_or_else(|| {
                let known: Vec<&str> = formats.iter().flat_map(|f| f.extensions().iter().copied()).collect();
                Error::invalid_input("the ending of the name belongs to no format that is registered")
                    .with_context("location", location)
                    .with_context("known", known.join(","))
            })?;
            let object = stores.resolve(location)?;
            let size = object.fetch_size().await?;
            let own = format.infer_schema(&object.with_size(size)).await?;
            schema = Some(match schema {
                None => own,
                Some(schema) => merge_schemas(&schema, &own)?.unwrap_or(schema),
            });
            files.push(DataFile {
                location: location.to_owned(),
                format: format.info().scheme.to_owned(),
                size,
                ..DataFile::default()
            });
        }
        let schema = schema.ok_or_else(|| Error::invalid_input("a set of files needs at least one"))?;
        Ok(Self { schema, files, stores, formats })
    }

    fn scan_plan(&self, args: &ScanArgs) -> ScanPlan {
        let conjuncts = args.predicate.clone().map_or(0, |p| p.into_conjuncts().len());
        ScanPlan {
            schema: self.schema.clone(),
            mapping: Arc::new(FieldMapping::by_name()),
            stores: self.stores.clone(),
            formats: self.formats.clone(),
            files: self
                .files
                .iter()
                .map(|file| PlannedFile { file: file.clone(), constants: vec![] })
                .collect(),
            pushdown: vec![Pushdown::Inexact; conjuncts],
            snapshot: None,
        }
    }
}

#[async_trait]
impl Relation for FileSet {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    async fn plan(&self, args: ScanArgs) -> Result<Option<ScanPlan>> {
        Ok(Some(self.scan_plan(&args)))
    }

    async fn scan(&self, args: ScanArgs) -> Result<BatchStream> {
        scan(self.scan_plan(&args), args, 2)
    }

    fn editor(&self) -> Option<Arc<dyn Editor>> {
        None
    }
}
