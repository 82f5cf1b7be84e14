//! A relation's plan as scans of DataFusion's own Parquet reader.

mod equality;
mod files;
mod located;
mod mapping;
mod pushdown;
mod reader;
mod source;
mod spread;
mod statistics;

use std::collections::HashMap;
use std::sync::Arc;

use arrow_schema::{DataType, FieldRef, Fields, Schema, SchemaRef, TimeUnit};
use datafusion::catalog::Session;
use datafusion::common::{Result, ScalarValue, project_schema};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::physical_plan::parquet::ParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchemaBuilder;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::union::UnionExec;
use stitchwork_core::{EqualityDeletes, Predicate, ScanPlan};

use crate::config::files_url;
use crate::convert::{internal, to_scalar_value};
use crate::error::ToDataFusion;
use crate::hidden::holds_required;
use crate::table::RelationTable;

use self::files::Ready;
pub(crate) use self::files::StoreIds;
use self::mapping::MappingFactory;
use self::reader::StoreReaderFactory;
use self::source::NativeSource;
use self::spread::Spread;

/// What no file says of its schema.
const ADAPTED: &str = "stitchwork.adapted";

/// What a scan of a plan is asked for.
pub(crate) struct Wanted<'a> {
    /// The table that is scanned.
    pub(crate) table: &'a RelationTable,
    /// The session of the query.
    pub(crate) state: &'a dyn Session,
    /// Tells stores apart.
    pub(crate) stores: &'a StoreIds,
    /// The columns, as places in the table's schema.
    pub(crate) projection: &'a [usize],
    /// Which rows pass the filters that follow, as far as it can be said to a relation.
    pub(crate) predicate: Option<&'a Predicate>,
    /// At most this many rows, if no filter follows.
    pub(crate) limit: Option<usize>,
}

/// Files that one scan can read: the same columns are constant in all of them, and the same sets of keys
/// delete rows of them.
struct Group {
    constants: Vec<usize>,
    equality: Vec<Arc<EqualityDeletes>>,
    files: Vec<Ready>,
}

/// The scan of a plan; `None` where DataFusion's Parquet reader cannot read all of its files.
pub(crate) async fn scan(wanted: &Wanted<'_>, mut plan: ScanPlan) -> Result<Option<Arc<dyn ExecutionPlan>>> {
    if plan.files.iter().any(|planned| !planned.file.format.eq_ignore_ascii_case("parquet")) {
        return Ok(None);
    }
    let schema = datafusion::catalog::TableProvider::schema(wanted.table);
    if plan.files.is_empty() {
        return Ok(Some(Arc::new(EmptyExec::new(project_schema(
            &schema,
            Some(&wanted.projection.to_vec()),
        )?))));
    }
    let planned = std::mem::take(&mut plan.files);
    let plan = Arc::new(plan);
    let mut groups: Vec<Group> = Vec::new();
    for file in files::prepare(&plan, planned, wanted.stores).await.theirs()? {
        let needed = equality::needed(wanted.projection, &file.equality, &schema)?;
        let constants: Vec<usize> =
            file.constants.iter().map(|(place, _)| *place).filter(|place| needed.contains(place)).collect();
        let same = |group: &&mut Group| {
            group.constants == constants && equality::same(&group.equality, &file.equality)
        };
        match groups.iter_mut().find(same) {
            Some(group) => group.files.push(file),
            None => groups.push(Group { constants, equality: file.equality.clone(), files: vec![file] }),
        }
    }
    let mut scans = Vec::with_capacity(groups.len());
    for group in groups {
        scans.push(scan_group(wanted, &plan, &schema, group).await?);
    }
    Ok(Some(match scans.len() {
        1 => scans.swap_remove(0),
        _ => UnionExec::try_new(scans)?,
    }))
}

async fn scan_group(
    wanted: &Wanted<'_>,
    plan: &ScanPlan,
    schema: &SchemaRef,
    group: Group,
) -> Result<Arc<dyn ExecutionPlan>> {
    let columns = equality::needed(wanted.projection, &group.equality, schema)?;
    let limit = wanted.limit.filter(|_| group.equality.is_empty());
    let sets = group.equality.clone();
    let scan = scan_files(wanted, plan, schema, &columns, limit, group)?;
    equality::anti_join(wanted, scan, &sets, wanted.projection.len()).await
}

/// The scan of one group: `columns`, in their order, of the rows that positions leave.
fn scan_files(
    wanted: &Wanted<'_>,
    plan: &ScanPlan,
    schema: &SchemaRef,
    columns: &[usize],
    limit: Option<usize>,
    group: Group,
) -> Result<Arc<dyn ExecutionPlan>> {
    // The columns of the files come first and those that are constant follow; both hold only what is read,
    // since each file carries statistics for all of them.
    let field = |place: &usize| -> Result<FieldRef> {
        schema.fields().get(*place).cloned().ok_or_else(|| internal("a column of the plan is not there"))
    };
    let mut in_files: Vec<usize> = columns.iter().copied().filter(|c| !group.constants.contains(c)).collect();
    in_files.sort_unstable();
    in_files.dedup();
    let file_fields = in_files.iter().map(field).collect::<Result<Fields>>()?;
    let constant_fields = group.constants.iter().map(field).collect::<Result<Vec<_>>>()?;
    // DataFusion asks for columns in terms of a file whose schema is another one than this alone.
    let required = file_fields.iter().any(|field| holds_required(field.data_type()));
    let metadata =
        if required { HashMap::from([(ADAPTED.to_owned(), String::new())]) } else { HashMap::new() };
    let table_schema = TableSchemaBuilder::new(Arc::new(Schema::new_with_metadata(file_fields, metadata)))
        .with_table_partition_cols(constant_fields.clone())
        .build();
    let places = in_files.iter().chain(&group.constants).copied().collect::<Vec<_>>();
    let projection = columns
        .iter()
        .map(|column| places.iter().position(|place| place == column))
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| internal("a column of the scan is not there"))?;

    let mut files = Vec::with_capacity(group.files.len());
    let mut live = statistics::Live::new(!group.equality.is_empty() || limit.is_some());
    let without_nan = pushdown::without_nan(&group.files, table_schema.file_schema());
    let constant_names = constant_fields.iter().map(|field| field.name().clone()).collect();
    let spread = Spread::new(wanted.predicate, &group.files, table_schema.file_schema(), constant_names);
    for ready in group.files {
        let constants = group
            .constants
            .iter()
            .zip(&constant_fields)
            .map(|(place, field)| constant(&ready, *place, field))
            .collect::<Result<Vec<_>>>()?;
        let stats = statistics::of_file(&ready, table_schema.file_schema(), &constants);
        live.add(&ready, &stats, table_schema.table_schema())?;
        let mut file = ready.into_partitioned(constants);
        // Not `with_statistics`, which would say of a constant null that it is never null.
        file.statistics = Some(Arc::new(stats));
        files.push(file);
    }

    let state = wanted.state;
    let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
    let readers: Arc<dyn ParquetFileReaderFactory> = Arc::new(StoreReaderFactory::new(cache.clone()));
    let mut options = TableParquetOptions {
        global: state.config_options().execution.parquet.clone(),
        ..TableParquetOptions::default()
    };
    // The source decides on it filter by filter.
    options.global.pushdown_filters = false;
    if !has_nanoseconds(table_schema.file_schema()) {
        // Old timestamps of 96 bits reach further than 64 bits of nanoseconds.
        options.global.coerce_int96 = Some("us".to_owned());
    }
    let parquet = ParquetSource::new(table_schema.clone())
        .with_table_parquet_options(options)
        .with_parquet_file_reader_factory(readers);
    let source = NativeSource::new(Arc::new(parquet), cache, without_nan, spread);
    let mapping = MappingFactory::new(plan.mapping.clone(), plan.schema.clone());
    let config = FileScanConfigBuilder::new(files_url().theirs()?, Arc::new(source))
        .with_file_groups(files::balance(files, state.config().target_partitions()))
        .with_projection_indices(Some(projection))?
        .with_limit(limit)
        .with_statistics(live.finish(table_schema.table_schema()))
        .with_expr_adapter(Some(Arc::new(mapping)))
        .build();
    Ok(DataSourceExec::from_data_source(config))
}

fn constant(ready: &Ready, place: usize, field: &FieldRef) -> Result<ScalarValue> {
    let value = ready.constants.iter().find(|(c, _)| *c == place).map(|(_, value)| value);
    let value = value.ok_or_else(|| internal("a file lacks a constant of its group"))?;
    to_scalar_value(value, field.data_type()).map_err(|e| e.with_context("column", field.name())).theirs()
}

fn has_nanoseconds(schema: &Schema) -> bool {
    fn inside(data_type: &DataType) -> bool {
        match data_type {
            DataType::Timestamp(unit, _) => *unit == TimeUnit::Nanosecond,
            DataType::Struct(fields) => fields.iter().any(|field| inside(field.data_type())),
            DataType::List(field) | DataType::LargeList(field) | DataType::Map(field, _) => {
                inside(field.data_type())
            }
            _ => false,
        }
    }
    schema.fields().iter().any(|field| inside(field.data_type()))
}
