//! Position delete files (Iceberg spec, "Position Delete Files").

use std::collections::HashMap;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use futures::TryStreamExt;
use roaring::RoaringTreemap;
use stitchwork_core::{Error, FieldMapping, MapBy, ReadArgs, Result, col, with_field_id};

use super::{DeleteEntry, FILE_PATH_ID, POSITION_ID, Positions};
use crate::state::Shared;

const FILE_PATH: &str = "file_path";
const POSITION: &str = "pos";

/// The columns of a position delete file.
pub(super) fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        with_field_id(Field::new(FILE_PATH, DataType::Utf8, false), FILE_PATH_ID),
        with_field_id(Field::new(POSITION, DataType::Int64, false), POSITION_ID),
    ]))
}

/// The deleted positions by data file; of one data file only where it is given.
pub(super) async fn read(shared: &Shared, delete: &DeleteEntry, only: Option<&str>) -> Result<Positions> {
    let fail = |e: Error| e.with_context("delete_file", &delete.path);
    let format = shared.formats.get(&delete.format).map_err(fail)?;
    let object = shared.files.object(&delete.path)?.with_size(delete.size);
    let args = ReadArgs {
        schema: Some(schema()),
        mapping: Some(Arc::new(FieldMapping::new(MapBy::FieldId))),
        predicate: only.map(|path| col(FILE_PATH).eq(path)),
        ..ReadArgs::default()
    };
    let mut batches = format.read(&object, args).await.map_err(fail)?;
    let mut found: HashMap<String, RoaringTreemap> = HashMap::new();
    while let Some(batch) = batches.try_next().await.map_err(fail)? {
        let columns = batch.column_by_name(FILE_PATH).zip(batch.column_by_name(POSITION));
        let (Some(paths), Some(positions)) = (
            columns.and_then(|(paths, _)| paths.as_string_opt::<i32>()),
            columns.and_then(|(_, positions)| positions.as_primitive_opt::<Int64Type>()),
        ) else {
            return Err(fail(Error::invalid_data("a position delete file has other columns than it must")));
        };
        let mut row = 0;
        while row < batch.num_rows() {
            // The rows are sorted by path, so that each path is looked up once.
            let path = paths.value(row);
            let wanted = only.is_none_or(|only| only == path);
            let mut of_path = wanted.then(|| found.entry(path.to_owned()).or_default());
            while row < batch.num_rows() && paths.value(row) == path {
                let position = u64::try_from(positions.value(row))
                    .map_err(|_| fail(Error::invalid_data("a deleted position is negative")))?;
                if let Some(of_path) = &mut of_path {
                    of_path.insert(position);
                }
                row += 1;
            }
        }
    }
    Ok(found.into_iter().map(|(path, positions)| (path, Arc::new(positions))).collect())
}
