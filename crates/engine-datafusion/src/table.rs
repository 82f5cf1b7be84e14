//! A relation as a table of DataFusion's.

use std::sync::Arc;

use arrow_schema::{Fields, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{ScanArgs as TableScanArgs, ScanResult, Session, TableProvider};
use datafusion::common::{Result, project_schema};
use datafusion::datasource::TableType;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use stitchwork_core::{Column, Relation, ScanArgs, StatsFor, address_fields};

use crate::convert::engine_schema;
use crate::error::ToDataFusion;
use crate::filter::{translate, translate_all};
use crate::native::{self, StoreIds};
use crate::stream::RelationExec;

/// A relation as a table: files of its plan where it has one that the engine can read, else its scan.
#[derive(Debug, Clone)]
pub(crate) struct RelationTable {
    relation: Arc<dyn Relation>,
    schema: SchemaRef,
    views: bool,
    stores: Arc<StoreIds>,
    /// Whether the two last columns are the address of each row.
    addresses: bool,
}

impl RelationTable {
    pub(crate) fn new(relation: Arc<dyn Relation>, views: bool, stores: Arc<StoreIds>) -> Self {
        let schema = engine_schema(&relation.schema(), views);
        Self { relation, schema, views, stores, addresses: false }
    }

    /// The relation itself.
    pub(crate) fn relation(&self) -> &Arc<dyn Relation> {
        &self.relation
    }

    /// The same relation with the addresses of its rows.
    pub(crate) fn addressed(&self) -> Self {
        let fields: Fields = self.schema.fields().iter().cloned().chain(address_fields()).collect();
        Self { schema: Arc::new(Schema::new(fields)), addresses: true, ..self.clone() }
    }

    /// Another relation, read in the same manner.
    pub(crate) fn beside(&self, relation: Arc<dyn Relation>) -> Self {
        Self::new(relation, self.views, self.stores.clone())
    }

    async fn scan_filtered(
        &self,
        state: &dyn Session,
        projection: Option<&[usize]>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let own = self.relation.schema();
        let predicate = translate_all(filters, &own);
        // A limit may only travel when the rows that come are those that are wanted.
        let limit = limit.filter(|_| filters.is_empty());
        let projection: Vec<usize> = match projection {
            Some(projection) => projection.to_vec(),
            None => (0..self.schema.fields().len()).collect(),
        };
        if self.addresses {
            // Addresses come behind the columns that are read, from where they are picked.
            let columns: Vec<usize> =
                projection.iter().copied().filter(|place| *place < own.fields().len()).collect();
            let mut next = 0..columns.len();
            let picks = projection.iter().map(|place| match place.checked_sub(own.fields().len()) {
                Some(address) => columns.len() + address,
                None => next.next().unwrap_or_default(),
            });
            let picks = picks.collect();
            let args =
                ScanArgs { projection: Some(columns), predicate, addresses: true, ..ScanArgs::default() };
            let schema = project_schema(&self.schema, Some(&projection))?;
            return Ok(Arc::new(RelationExec::new(self.relation.clone(), args, schema).picking(picks)));
        }
        let args = ScanArgs {
            projection: Some(projection.clone()),
            predicate,
            limit,
            batch_rows: Some(state.config().batch_size()),
            stats: wanted_stats(&own, &projection),
            addresses: false,
            budget: None,
        };
        let plan = self.relation.plan(args.clone()).await.theirs()?;
        if let Some(plan) = plan
            && engine_schema(&plan.schema, self.views) == self.schema
        {
            let wanted = native::Wanted {
                table: self,
                state,
                stores: &self.stores,
                projection: &projection,
                predicate: args.predicate.as_ref(),
                limit,
            };
            if let Some(exec) = native::scan(&wanted, plan).await? {
                return Ok(exec);
            }
        }
        let schema = project_schema(&self.schema, Some(&projection))?;
        let args = ScanArgs { stats: StatsFor::Nothing, ..args };
        Ok(Arc::new(RelationExec::new(self.relation.clone(), args, schema)))
    }
}

/// Statistics of the columns that are read: for leaving out files by filters that only come to be while the
/// query runs, and for aggregates that need no file at all.
fn wanted_stats(schema: &Schema, projection: &[usize]) -> StatsFor {
    let columns = projection
        .iter()
        .filter_map(|place| schema.fields().get(*place))
        .filter(|field| !field.data_type().is_nested())
        .map(|field| Column::new(field.name()))
        .collect::<Vec<_>>();
    if columns.is_empty() { StatsFor::Nothing } else { StatsFor::Columns(columns) }
}

#[async_trait]
impl TableProvider for RelationTable {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        self.scan_filtered(state, projection.map(Vec::as_slice), filters, limit).await
    }

    async fn scan_with_args<'a>(&self, state: &dyn Session, args: TableScanArgs<'a>) -> Result<ScanResult> {
        let filters = args.filters().unwrap_or(&[]);
        Ok(self.scan_filtered(state, args.projection(), filters, args.limit()).await?.into())
    }

    /// Filters that can be said to a relation go to it, and all are applied again above: the relation may
    /// leave out whole files only.
    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> Result<Vec<TableProviderFilterPushDown>> {
        let own = self.relation.schema();
        let grade = |filter: &&Expr| match translate(filter, &own) {
            Some(_) => TableProviderFilterPushDown::Inexact,
            None => TableProviderFilterPushDown::Unsupported,
        };
        Ok(filters.iter().map(grade).collect())
    }
}
