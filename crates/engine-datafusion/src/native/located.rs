//! Names the file to what goes wrong while it is planned and decoded.

use std::fmt;
use std::sync::Arc;

use arrow_array::RecordBatch;
use datafusion::common::{DataFusionError, Result};
use datafusion_datasource::morsel::{Morsel, MorselPlan, MorselPlanner};
use futures::stream::BoxStream;
use futures::{StreamExt, TryStreamExt};

use crate::error::{from_datafusion, to_datafusion};

/// A planner, or a part, of a file with this location.
pub(super) struct Located<T: ?Sized> {
    location: Arc<str>,
    inner: Box<T>,
}

impl<T: ?Sized> Located<T> {
    pub(super) fn new(location: Arc<str>, inner: Box<T>) -> Box<Self> {
        Box::new(Self { location, inner })
    }
}

impl<T: ?Sized> fmt::Debug for Located<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Located").field("location", &self.location).finish_non_exhaustive()
    }
}

/// The error with the file's location, where it names none.
fn locate(error: DataFusionError, location: &str) -> DataFusionError {
    let error = from_datafusion(error);
    match error.context("location") {
        Some(_) => to_datafusion(error),
        None => to_datafusion(error.with_context("location", location)),
    }
}

impl MorselPlanner for Located<dyn MorselPlanner> {
    fn plan(self: Box<Self>) -> Result<Option<MorselPlan>> {
        let Self { location, inner } = *self;
        let Some(mut plan) = inner.plan().map_err(|error| locate(error, &location))? else { return Ok(None) };
        let planner = |planner| Located::new(location.clone(), planner) as Box<dyn MorselPlanner>;
        let morsel = |morsel| Located::new(location.clone(), morsel) as Box<dyn Morsel>;
        let mut located = MorselPlan::new()
            .with_morsels(plan.take_morsels().into_iter().map(morsel).collect())
            .with_planners(plan.take_ready_planners().into_iter().map(planner).collect());
        if let Some(pending) = plan.take_pending_planner() {
            let location = location.clone();
            located.set_pending_planner(async move {
                match pending.await {
                    Ok(planner) => Ok(Located::new(location, planner) as Box<dyn MorselPlanner>),
                    Err(error) => Err(locate(error, &location)),
                }
            });
        }
        Ok(Some(located))
    }
}

impl Morsel for Located<dyn Morsel> {
    fn into_stream(self: Box<Self>) -> BoxStream<'static, Result<RecordBatch>> {
        let Self { location, inner } = *self;
        inner.into_stream().map_err(move |error| locate(error, &location)).boxed()
    }
}
