//! Planned files, made ready to be read.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow_schema::SchemaRef;
use futures::{StreamExt, TryStreamExt};
use parking_lot::Mutex;
use stitchwork_core::{
    DataFile, Deletes, EqualityDeletes, FileStats, Object, PlannedFile, Result, RoaringTreemap, Scalar,
    ScanPlan,
};

use super::footers::Footer;

/// How many files are looked into at once.
const CONCURRENT: usize = 16;
/// How many schemas of files are kept.
const MOST_SCHEMAS: usize = 20_000;

/// A file as it was at one time: its location, size and time.
pub(crate) type FileKey = (String, u64, Option<i64>);

/// The schemas of files that were looked into, by location, size and time.
#[derive(Default)]
pub(crate) struct Schemas {
    known: Mutex<HashMap<FileKey, SchemaRef>>,
    /// What DuckDB was asked for.
    footers: Mutex<HashMap<FileKey, Arc<Footer>>>,
}

impl Schemas {
    async fn of(
        &self,
        plan: &ScanPlan,
        file: &DataFile,
        object: &Object,
        key: &FileKey,
    ) -> Result<SchemaRef> {
        let known = self.known.lock().get(key).cloned();
        if let Some(schema) = known {
            return Ok(schema);
        }
        let schema = plan.formats.get(&file.format)?.infer_schema(object).await?;
        Ok(keep(&mut self.known.lock(), key, schema))
    }

    pub(crate) fn footer(&self, key: &FileKey) -> Option<Arc<Footer>> {
        self.footers.lock().get(key).cloned()
    }

    pub(crate) fn keep_footer(&self, key: &FileKey, footer: Arc<Footer>) -> Arc<Footer> {
        keep(&mut self.footers.lock(), key, footer)
    }
}

/// Keeps what is known of a file, once for all files that are alike: those of one writer mostly are.
fn keep<T: PartialEq + Clone>(known: &mut HashMap<FileKey, T>, key: &FileKey, value: T) -> T {
    if known.len() >= MOST_SCHEMAS {
        known.clear();
    }
    let value = known.values().find(|other| **other == value).cloned().unwrap_or(value);
    known.insert(key.clone(), value.clone());
    value
}

impl fmt::Debug for Schemas {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schemas").field("known", &self.known.lock().len()).finish()
    }
}

/// A planned file that DuckDB can open.
pub(crate) struct Ready {
    pub(crate) key: FileKey,
    pub(crate) path: String,
    pub(crate) schema: SchemaRef,
    /// What the file's footer says to DuckDB, where that was asked.
    pub(crate) footer: Option<Arc<Footer>>,
    pub(crate) stats: Option<Arc<FileStats>>,
    pub(crate) constants: Vec<(usize, Scalar)>,
    pub(crate) positions: Option<Arc<RoaringTreemap>>,
    pub(crate) equality: Vec<Arc<EqualityDeletes>>,
}

/// The files with their schemas and deletes; `None` where one of them is no Parquet file of this machine.
pub(crate) async fn prepare(
    plan: &ScanPlan,
    schemas: &Schemas,
    files: Vec<PlannedFile>,
) -> Result<Option<Vec<Ready>>> {
    let mut found = Vec::with_capacity(files.len());
    for planned in files {
        if !planned.file.format.eq_ignore_ascii_case("parquet") {
            return Ok(None);
        }
        let mut object = plan.stores.resolve(&planned.file.location)?;
        object.size = Some(planned.file.size).filter(|size| *size > 0);
        let Some(path) = local_path(&object) else { return Ok(None) };
        found.push((planned, object, path));
    }
    let ready = futures::stream::iter(found)
        .map(|(planned, object, path)| async move {
            let located = |e: stitchwork_core::Error| e.with_context("file", &planned.file.location);
            let key = (planned.file.location.clone(), planned.file.size, planned.file.modified_ms);
            let schema = schemas.of(plan, &planned.file, &object, &key).await.map_err(located)?;
            let Deletes { positions, equality } = plan.deletes(&planned.file).await.map_err(located)?;
            let positions = positions.filter(|positions| !positions.is_empty());
            let (stats, constants) = (planned.file.stats.clone(), planned.constants.clone());
            Ok(Ready { key, path, schema, footer: None, stats, constants, positions, equality })
        })
        .buffered(CONCURRENT);
    ready.try_collect().await.map(Some)
}

/// The path of an object in the file system, where its store is nothing but that, and DuckDB does not take the
/// path for a pattern.
fn local_path(object: &Object) -> Option<String> {
    let plain = object.root == "file://" && is_file_system(&object.store.to_string());
    let path = format!("/{}", object.path);
    (plain && !path.contains(['*', '?', '[', ']'])).then_some(path)
}

/// Whether a store calls itself the file system from its root on (`LocalFileSystem(file:///)`), whoever wrote it: one
/// around another says what that is called.
fn is_file_system(store: &str) -> bool {
    store.split_once('(').is_some_and(|(_, inside)| inside == "file:///)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_bare_file_system_is_read_by_path() {
        assert!(is_file_system("LocalStore(file:///)"));
        assert!(is_file_system(&stitchwork_core::object_store::local::LocalFileSystem::new().to_string()));
        for other in
            ["FaultStore(LocalFileSystem(file:///))", "LocalFileSystem(file:///a/)", "InMemory", "file:///"]
        {
            assert!(!is_file_system(other), "{other}");
        }
    }
}
