//! DataFusion's Parquet source, with rows left out that are deleted.

use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::config::ConfigOptions;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::ParquetRowSelection;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::datasource::physical_plan::{FileOpener, FileScanConfig, FileSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::execution::cache::cache_manager::FileMetadataCache;
use datafusion::object_store::ObjectStore;
use datafusion::parquet::arrow::arrow_reader::{RowSelection, RowSelector};
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr, PhysicalSortExpr};
use datafusion::physical_expr_adapter::replace_columns_with_literals;
use datafusion::physical_plan::filter_pushdown::{FilterPushdownPropagation, PushedDown};
use datafusion::physical_plan::metrics::{Count, ExecutionPlanMetricsSet};
use datafusion::physical_plan::{DisplayFormatType, SortOrderPushdownResult};
use datafusion_datasource::morsel::{MorselPlan, MorselPlanner, Morselizer};
use datafusion_pruning::FilePruner;
use stitchwork_core::{Error, RoaringTreemap};

use super::files::FileContext;
use super::located::{Located, Place, Told};
use super::pushdown::{PushdownRules, RowsOnly};
use super::spread::Spread;
use crate::convert::internal;
use crate::error::{ToDataFusion, to_datafusion};

/// The share of rows from which on a filter is applied above the scan: whole batches are decoded then, which costs less than to
/// pick the rows that pass one by one. Where half of them pass, picking cost up to a fifth more in `cargo xtask bench scan`.
const UNSELECTIVE: f64 = 0.3;

/// Reads as `parquet` does; rows that a file's deletes name do not come.
#[derive(Clone)]
pub(crate) struct NativeSource {
    parquet: Arc<dyn FileSource>,
    cache: Arc<FileMetadataCache>,
    without_nan: Arc<HashSet<String>>,
    spread: Arc<Spread>,
    told: Told,
}

impl NativeSource {
    /// `without_nan`: the columns of floating-point numbers that are known to have no NaN. `spread`: what tells how
    /// many rows pass a filter.
    pub(crate) fn new(
        parquet: Arc<dyn FileSource>,
        cache: Arc<FileMetadataCache>,
        without_nan: HashSet<String>,
        spread: Spread,
    ) -> Self {
        let (without_nan, spread) = (Arc::new(without_nan), Arc::new(spread));
        Self { parquet, cache, without_nan, spread, told: Told::default() }
    }

    /// The settings for these filters: whether rows are picked by them while files are decoded.
    fn settings<'a>(
        &self,
        filters: &[Arc<dyn PhysicalExpr>],
        config: &'a ConfigOptions,
    ) -> Cow<'a, ConfigOptions> {
        let wanted = config.execution.parquet.pushdown_filters;
        match wanted && self.spread.share(filters).is_some_and(|share| share > UNSELECTIVE) {
            true => {
                let mut above = config.clone();
                above.execution.parquet.pushdown_filters = false;
                Cow::Owned(above)
            }
            false => Cow::Borrowed(config),
        }
    }

    fn wrap(&self, parquet: Arc<dyn FileSource>) -> Arc<dyn FileSource> {
        Arc::new(Self { parquet, ..self.clone() })
    }
}

impl FileSource for NativeSource {
    fn create_file_opener(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Arc<dyn FileOpener>> {
        self.parquet.create_file_opener(store, config, partition)
    }

    fn create_morselizer(
        &self,
        store: Arc<dyn ObjectStore>,
        config: &FileScanConfig,
        partition: usize,
    ) -> Result<Box<dyn Morselizer>> {
        Ok(Box::new(NativeMorselizer {
            parquet: Arc::from(self.parquet.create_morselizer(store, config, partition)?),
            predicate: self.parquet.filter(),
            schema: self.parquet.table_schema().clone(),
            cache: self.cache.clone(),
            told: self.told.clone(),
        }))
    }

    fn table_schema(&self) -> &TableSchema {
        self.parquet.table_schema()
    }

    fn with_batch_size(&self, batch_size: usize) -> Arc<dyn FileSource> {
        self.wrap(self.parquet.with_batch_size(batch_size))
    }

    fn filter(&self) -> Option<Arc<dyn PhysicalExpr>> {
        self.parquet.filter()
    }

    fn projection(&self) -> Option<&ProjectionExprs> {
        self.parquet.projection()
    }

    fn metrics(&self) -> &ExecutionPlanMetricsSet {
        self.parquet.metrics()
    }

    fn file_type(&self) -> &str {
        self.parquet.file_type()
    }

    fn fmt_extra(&self, t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parquet.fmt_extra(t, f)
    }

    fn supports_repartitioning(&self) -> bool {
        self.parquet.supports_repartitioning()
    }

    fn try_pushdown_filters(
        &self,
        filters: Vec<Arc<dyn PhysicalExpr>>,
        config: &ConfigOptions,
    ) -> Result<FilterPushdownPropagation<Arc<dyn FileSource>>> {
        let config = self.settings(&filters, config);
        let source = self.parquet.table_schema();
        let rules = PushdownRules {
            files: source.file_schema(),
            table: source.table_schema(),
            without_nan: &self.without_nan,
        };
        let rules = filters.iter().map(|filter| rules.grade(filter)).collect::<Result<Vec<_>>>()?;
        let pushed = filters.into_iter().zip(&rules).filter(|(_, rule)| !rule.refused);
        let pushed = pushed.map(|(filter, rule)| -> Arc<dyn PhysicalExpr> {
            let filter = rule.bare.clone().unwrap_or(filter);
            if rule.rows_only { Arc::new(RowsOnly::new(filter, self.told.clone())) } else { filter }
        });
        let pushed = self.parquet.try_pushdown_filters(pushed.collect(), &config)?;
        let mut grades = pushed.filters.into_iter();
        let grades = rules.iter().map(|rule| {
            let promised = if rule.refused { None } else { grades.next() };
            promised.filter(|_| !rule.again).unwrap_or(PushedDown::No)
        });
        Ok(FilterPushdownPropagation {
            filters: grades.collect(),
            updated_node: pushed.updated_node.map(|node| self.wrap(node)),
        })
    }

    fn try_pushdown_sort(
        &self,
        order: &[PhysicalSortExpr],
        properties: &EquivalenceProperties,
    ) -> Result<SortOrderPushdownResult<Arc<dyn FileSource>>> {
        Ok(match self.parquet.try_pushdown_sort(order, properties)? {
            SortOrderPushdownResult::Exact { inner } => {
                SortOrderPushdownResult::Exact { inner: self.wrap(inner) }
            }
            SortOrderPushdownResult::Inexact { inner } => {
                SortOrderPushdownResult::Inexact { inner: self.wrap(inner) }
            }
            SortOrderPushdownResult::Unsupported => SortOrderPushdownResult::Unsupported,
        })
    }

    fn reorder_files(&self, files: Vec<PartitionedFile>) -> Vec<PartitionedFile> {
        self.parquet.reorder_files(files)
    }

    fn try_pushdown_projection(&self, projection: &ProjectionExprs) -> Result<Option<Arc<dyn FileSource>>> {
        Ok(self.parquet.try_pushdown_projection(projection)?.map(|inner| self.wrap(inner)))
    }

    fn apply_expressions(
        &self,
        f: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        self.parquet.apply_expressions(f)
    }
}

struct NativeMorselizer {
    parquet: Arc<dyn Morselizer>,
    predicate: Option<Arc<dyn PhysicalExpr>>,
    schema: TableSchema,
    cache: Arc<FileMetadataCache>,
    told: Told,
}

impl fmt::Debug for NativeMorselizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeMorselizer").field("parquet", &self.parquet).finish_non_exhaustive()
    }
}

impl NativeMorselizer {
    /// Whether the filters, as far as they are known by now, leave nothing of the file: then its deletes need
    /// not be asked for.
    fn is_pruned(&self, file: &PartitionedFile) -> Result<bool> {
        let Some(predicate) = self.predicate.clone() else { return Ok(false) };
        let constants = self
            .schema
            .table_partition_cols()
            .iter()
            .zip(&file.partition_values)
            .map(|(field, value)| (field.name().clone(), value.clone()))
            .collect();
        let predicate = replace_columns_with_literals(predicate, &constants)?;
        match FilePruner::try_new(predicate, self.schema.file_schema(), file, Count::new()) {
            Some(mut pruner) => pruner.should_prune(),
            None => Ok(false),
        }
    }
}

impl Morselizer for NativeMorselizer {
    fn plan_file(&self, file: PartitionedFile) -> Result<Box<dyn MorselPlanner>> {
        let context = file
            .extension::<Arc<FileContext>>()
            .cloned()
            .ok_or_else(|| internal("a file came without its deletes"))?;
        let place = Place { location: context.object.location().into(), told: self.told.clone() };
        let planner: Box<dyn MorselPlanner> = if !context.has_deletes() {
            self.parquet.plan_file(file)?
        } else if self.is_pruned(&file)? {
            Box::new(NoRows)
        } else {
            Box::new(DeletesPlanner {
                parquet: self.parquet.clone(),
                file,
                context,
                cache: self.cache.clone(),
            })
        };
        Ok(Located::new(place, planner))
    }
}

/// Plans nothing.
#[derive(Debug)]
struct NoRows;

impl MorselPlanner for NoRows {
    fn plan(self: Box<Self>) -> Result<Option<MorselPlan>> {
        Ok(None)
    }
}

/// Asks for the deletes of a file, then lets DataFusion open what is left of it.
struct DeletesPlanner {
    parquet: Arc<dyn Morselizer>,
    file: PartitionedFile,
    context: Arc<FileContext>,
    cache: Arc<FileMetadataCache>,
}

impl fmt::Debug for DeletesPlanner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DeletesPlanner")
            .field("file", &self.file.object_meta.location)
            .finish_non_exhaustive()
    }
}

impl MorselPlanner for DeletesPlanner {
    fn plan(self: Box<Self>) -> Result<Option<MorselPlan>> {
        let Self { parquet, file, context, cache } = *self;
        Ok(Some(MorselPlan::new().with_pending_planner(async move {
            let positions = match context.positions().await.theirs()? {
                Some(positions) if !positions.is_empty() => positions,
                _ => return parquet.plan_file(file),
            };
            let rows = match context.data.rows {
                Some(rows) => rows,
                None => footer_rows(&context, &file, cache).await?,
            };
            let selection = select_others(&positions, rows)?;
            if !selection.selects_any() {
                return Ok(Box::new(NoRows) as Box<dyn MorselPlanner>);
            }
            parquet.plan_file(file.with_extension(ParquetRowSelection::new(selection)))
        })))
    }
}

/// The rows that the file itself tells of, where the log does not. The footer is read anyway and kept.
async fn footer_rows(
    context: &FileContext,
    file: &PartitionedFile,
    cache: Arc<FileMetadataCache>,
) -> Result<u64> {
    let footer = DFParquetMetadata::new(context.store.as_ref(), &file.object_meta)
        .with_file_metadata_cache(Some(cache))
        .fetch_metadata()
        .await?;
    u64::try_from(footer.file_metadata().num_rows()).map_err(|e| {
        to_datafusion(
            Error::invalid_data("the footer tells of a negative number of rows")
                .with_context("location", context.object.location())
                .with_source(e),
        )
    })
}

/// All of `rows` but those at the positions. Positions behind the last row mean nothing.
fn select_others(positions: &RoaringTreemap, rows: u64) -> Result<RowSelection> {
    let count = |rows: u64| {
        usize::try_from(rows)
            .map_err(|e| to_datafusion(Error::invalid_data("a file has too many rows").with_source(e)))
    };
    let mut selectors = Vec::new();
    let mut next = 0;
    let mut deleted = positions.iter().take_while(|position| *position < rows).peekable();
    while let Some(start) = deleted.next() {
        let mut end = start + 1;
        while deleted.next_if_eq(&end).is_some() {
            end += 1;
        }
        if start > next {
            selectors.push(RowSelector::select(count(start - next)?));
        }
        selectors.push(RowSelector::skip(count(end - start)?));
        next = end;
    }
    if next < rows {
        selectors.push(RowSelector::select(count(rows - next)?));
    }
    Ok(RowSelection::from(selectors))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selections_cover_the_whole_file() {
        let selection = |positions: &[u64], rows| {
            let positions: RoaringTreemap = positions.iter().copied().collect();
            Vec::<RowSelector>::from(select_others(&positions, rows).unwrap())
        };
        let (skip, select) = (RowSelector::skip, RowSelector::select);
        assert_eq!(selection(&[0, 1, 5, 9], 10), [skip(2), select(3), skip(1), select(3), skip(1)]);
        assert_eq!(selection(&[3, 40], 10), [select(3), skip(1), select(6)]);
        assert_eq!(selection(&[0, 1], 2), [skip(2)]);
    }
}
