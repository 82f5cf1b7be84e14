//! The engine.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use async_trait::async_trait;
use datafusion::common::DataFusionError;
use datafusion::dataframe::DataFrame;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::displayable;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::Statement;
use futures::{StreamExt, TryStreamExt};
use stitchwork_core::{
    BatchStream, Engine, EngineCapabilities, Error, Explanation, Info, Names, QueryArgs, Registry, Relation,
    Result, TableIdent,
};

use crate::config::{CATALOG, DataFusionConfig, SCHEMA};
use crate::convert::{conform_stream, declared_schema, without_metadata};
use crate::error::{FromDataFusion, from_datafusion};
use crate::information::INFORMATION;
use crate::names::{Catalogs, Namespace};
use crate::panics::{caught, caught_stream};
use crate::pushdown::Pushes;
use crate::{dml, guard, information, membership, moments, pushdown, travel};

/// The name that the engine is registered under.
pub const SCHEME: &str = "datafusion";

/// How often a change is run again when another writer was faster.
const RETRIES: u32 = 10;

/// Adds the engine to a registry.
///
/// # Errors
/// `AlreadyExists` when the name is taken.
pub fn register(registry: &mut Registry) -> Result<()> {
    registry.register_engine(
        SCHEME,
        Arc::new(|open| {
            Box::pin(async move {
                let engine = DataFusionEngine::new(DataFusionConfig::from_url(&open)?)?;
                Ok(Arc::new(engine) as Arc<dyn Engine>)
            })
        }),
    )
}

/// DataFusion over relations.
pub struct DataFusionEngine {
    config: DataFusionConfig,
    names: Arc<Namespace>,
    context: SessionContext,
}

impl DataFusionEngine {
    /// An engine without any relation yet.
    ///
    /// # Errors
    /// `InvalidConfig` for a setting that makes no sense.
    pub fn new(config: DataFusionConfig) -> Result<Self> {
        let names = Namespace::new(config.view_types);
        let builder = SessionStateBuilder::new()
            .with_config(config.session()?)
            .with_runtime_env(config.runtime()?)
            .with_catalog_list(Arc::new(Catalogs::new(names.clone())))
            .with_default_features();
        let mut state = moments::install(pushdown::install(builder)).ours()?;
        dml::install(&mut state).ours()?;
        Ok(Self { config, names, context: SessionContext::new_with_state(state) })
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &DataFusionConfig {
        &self.config
    }

    /// What one statement is planned and run with: it finds each table once, however often it is planned.
    fn state(&self) -> SessionState {
        let mut state = self.context.state();
        state.register_catalog_list(Arc::new(Catalogs::new(self.names.clone())));
        state
    }

    async fn parse(&self, sql: &str) -> Result<(SessionState, Statement)> {
        let state = self.state();
        let statement = guard::parse(sql, self.config.dialect.parser(), &state, &self.names).await?;
        Ok((state, statement))
    }

    async fn plan(
        &self,
        mut state: SessionState,
        statement: Statement,
    ) -> Result<(SessionState, LogicalPlan)> {
        let plan = match dml::plan(&state, statement.clone()).await {
            Ok(plan) => plan,
            Err(error) => return Err(self.explain_failure(&state, &statement, error).await),
        };
        dml::check(&plan)?;
        let plan = membership::counted(plan).and_then(|plan| moments::typed(plan, &state)).ours()?;
        let pushes = Pushes::of(&plan).ours()?;
        let optimizer = &mut state.config_mut().options_mut().optimizer;
        optimizer.enable_leaf_expression_pushdown &= pushes.fields;
        optimizer.enable_join_dynamic_filter_pushdown &= pushes.keys;
        Ok((state, plan))
    }

    /// The planner's error, or a better one when a table of the statement is not there.
    async fn explain_failure(
        &self,
        state: &SessionState,
        statement: &Statement,
        error: DataFusionError,
    ) -> Error {
        let error = from_datafusion(error);
        if error.kind() != stitchwork_core::ErrorKind::InvalidInput {
            return error;
        }
        let Ok(references) = state.resolve_table_references(statement) else { return error };
        let defaults = &state.config_options().catalog;
        for reference in references {
            if state.table_functions().contains_key(reference.table()) {
                continue;
            }
            let name = travel::shown(&reference.to_string());
            let full = reference.resolve(&defaults.default_catalog, &defaults.default_schema);
            if let Ok(None) = self.names.find(&full.catalog, &full.schema, &full.table).await {
                return match full.schema.as_ref() {
                    INFORMATION => information::unknown(&name),
                    _ => self.missing(name).await,
                };
            }
        }
        error
    }

    /// The error for a table that is not there, with those that are like it.
    async fn missing(&self, name: String) -> Error {
        let near = self.names.near(&name).await;
        let message = if name.contains('@') {
            "there is no table of this name; a version is asked for with `version as of 3` behind the table"
        } else if name.contains('$') {
            "there is no table of this name; what a table knows of itself is in `t$history`, `t$snapshots` and `t$files`"
        } else {
            "there is no table of this name"
        };
        let missing = Error::not_found(message).with_context("table", name);
        if near.is_empty() { missing } else { missing.with_context("near", near.join(", ")) }
    }

    /// The columns of one table, which is not looked for among all others as DataFusion would.
    async fn show_columns(&self, name: &[String], limit: Option<usize>) -> Result<BatchStream> {
        let (catalog, schema, table) = match name {
            [table] => (CATALOG, SCHEMA, table),
            [schema, table] => (CATALOG, schema.as_str(), table),
            [catalog, schema, table] => (catalog.as_str(), schema.as_str(), table),
            _ => return Err(self.missing(name.join(".")).await),
        };
        match self.names.find(catalog, schema, table).await? {
            Some(relation) => {
                let name = self.names.written(catalog.to_owned(), schema.to_owned(), table);
                information::show_columns(&name, &relation.schema(), limit)
            }
            None if schema == INFORMATION => Err(information::unknown(&travel::shown(&name.join(".")))),
            None => Err(self.missing(travel::shown(&name.join("."))).await),
        }
    }
}

/// Every name, one row each: under what it is written in SQL.
fn show_tables(names: &Namespace, limit: Option<usize>) -> BatchStream {
    let text = |name: &str| Field::new(name, DataType::Utf8, false);
    let schema = Arc::new(Schema::new(vec![text("table_catalog"), text("table_schema"), text("table_name")]));
    let batches = {
        let schema = schema.clone();
        names.list_written(None).map(move |found| {
            let name = found?;
            let columns = [name.catalog, name.schema, name.table]
                .map(|text| Arc::new(StringArray::from(vec![text])) as ArrayRef);
            Ok(RecordBatch::try_new(schema.clone(), columns.to_vec())?)
        })
    };
    conform_stream(batches, schema, limit)
}

impl std::fmt::Debug for DataFusionEngine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataFusionEngine")
            .field("config", &self.config)
            .field("names", &self.names)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Engine for DataFusionEngine {
    fn info(&self) -> Info {
        Info {
            scheme: SCHEME,
            name: format!("DataFusion {}", datafusion::DATAFUSION_VERSION),
            version: env!("CARGO_PKG_VERSION"),
        }
    }

    fn capabilities(&self) -> EngineCapabilities {
        EngineCapabilities { native_plan: true, dml: true, time_travel: true, limit: true }
    }

    async fn attach(&self, name: &str, names: Arc<dyn Names>) -> Result<()> {
        self.names.attach(name, names)
    }

    async fn register(&self, ident: &TableIdent, relation: Arc<dyn Relation>) -> Result<()> {
        self.names.register(ident, relation)
    }

    async fn query(&self, args: QueryArgs) -> Result<BatchStream> {
        let (state, statement) = self.parse(&args.sql).await?;
        if guard::shows_tables(&statement) {
            return Ok(show_tables(&self.names, args.limit));
        }
        if let Some(name) = guard::shows_columns_of(&statement) {
            return self.show_columns(&name, args.limit).await;
        }
        let (mut state, mut plan) = self.plan(state, statement.clone()).await?;
        let mut tries = RETRIES;
        while let LogicalPlan::Dml(change) = plan {
            match caught(dml::run(state, change)).await {
                // The whole statement is run again, over what its tables have become.
                Err(e) if tries > 0 && e.is_lost_race() => tries -= 1,
                done => return done,
            }
            (state, plan) = self.plan(self.state(), statement.clone()).await?;
        }
        // A limit can go on top of rows alone, not of a description of a plan.
        let describes =
            matches!(plan, LogicalPlan::Explain(_) | LogicalPlan::Analyze(_) | LogicalPlan::DescribeTable(_));
        let mut frame = DataFrame::new(state, plan);
        if args.limit.is_some() && !describes {
            frame = frame.limit(0, args.limit).ours()?;
        }
        let stream = caught(async { frame.execute_stream().await.ours() }).await?;
        let schema = match self.config.view_results {
            true => without_metadata(&stream.schema()),
            false => declared_schema(&stream.schema()),
        };
        Ok(conform_stream(caught_stream(stream.map_err(from_datafusion)), schema, args.limit))
    }

    async fn explain(&self, args: QueryArgs) -> Result<Explanation> {
        let (state, statement) = self.parse(&args.sql).await?;
        let (state, plan) = self.plan(state, statement).await?;
        if matches!(plan, LogicalPlan::Dml(_)) {
            return Ok(Explanation { plan: format!("logical plan:\n{}\n", plan.display_indent()) });
        }
        let mut frame = DataFrame::new(state, plan);
        if args.limit.is_some() {
            frame = frame.limit(0, args.limit).ours()?;
        }
        let (state, plan) = frame.into_parts();
        let logical = state.optimize(&plan).ours()?;
        let physical = state.query_planner().create_physical_plan(&logical, &state).await.ours()?;
        let physical = displayable(physical.as_ref()).indent(false);
        Ok(Explanation {
            plan: format!("logical plan:\n{}\n\nphysical plan:\n{physical}", logical.display_indent()),
        })
    }
}
