//! Names the file to what goes wrong while it is planned and decoded, panics of its reader among it, and keeps what goes wrong in filters.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use arrow_array::RecordBatch;
use datafusion::common::{DataFusionError, Result};
use datafusion_datasource::morsel::{Morsel, MorselPlan, MorselPlanner};
use futures::stream::BoxStream;
use futures::{FutureExt, StreamExt, TryStreamExt};
use parking_lot::Mutex;

use crate::convert::internal;
use crate::error::{from_datafusion, to_datafusion};
use crate::panics::{caught_rows, of_file};

/// The errors of filters, of which the reader of Parquet keeps no more than the text.
#[derive(Debug, Clone, Default)]
pub(super) struct Told(Arc<Mutex<Vec<DataFusionError>>>);

impl Told {
    /// Keeps an error, and gives one in its place.
    pub(super) fn keep(&self, error: DataFusionError) -> DataFusionError {
        self.0.lock().push(error);
        internal("a filter fails on these rows")
    }
}

/// A planner, or a part, of a file with this location.
pub(super) struct Located<T: ?Sized> {
    place: Place,
    inner: Box<T>,
}

/// What is known of where something goes wrong.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) location: Arc<str>,
    pub(super) told: Told,
}

impl<T: ?Sized> Located<T> {
    pub(super) fn new(place: Place, inner: Box<T>) -> Box<Self> {
        Box::new(Self { place, inner })
    }
}

impl<T: ?Sized> fmt::Debug for Located<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Located").field("location", &self.place.location).finish_non_exhaustive()
    }
}

impl Place {
    /// The error of a filter; any other with the file's location, where it names none.
    fn of(&self, error: DataFusionError) -> DataFusionError {
        if let Some(told) = self.told.0.lock().pop() {
            return told;
        }
        let error = from_datafusion(error);
        match error.context("location") {
            Some(_) => to_datafusion(error),
            None => to_datafusion(error.with_context("location", &self.location)),
        }
    }
}

impl MorselPlanner for Located<dyn MorselPlanner> {
    fn plan(self: Box<Self>) -> Result<Option<MorselPlan>> {
        let Self { place, inner } = *self;
        let planned = catch_unwind(AssertUnwindSafe(|| inner.plan()));
        let planned = planned.unwrap_or_else(|panic| Err(of_file(panic.as_ref())));
        let Some(mut plan) = planned.map_err(|error| place.of(error))? else { return Ok(None) };
        let planner = |planner| Located::new(place.clone(), planner) as Box<dyn MorselPlanner>;
        let morsel = |morsel| Located::new(place.clone(), morsel) as Box<dyn Morsel>;
        let mut located = MorselPlan::new()
            .with_morsels(plan.take_morsels().into_iter().map(morsel).collect())
            .with_planners(plan.take_ready_planners().into_iter().map(planner).collect());
        if let Some(pending) = plan.take_pending_planner() {
            let place = place.clone();
            located.set_pending_planner(async move {
                let planner = AssertUnwindSafe(pending).catch_unwind().await;
                match planner.unwrap_or_else(|panic| Err(of_file(panic.as_ref()))) {
                    Ok(planner) => Ok(Located::new(place, planner) as Box<dyn MorselPlanner>),
                    Err(error) => Err(place.of(error)),
                }
            });
        }
        Ok(Some(located))
    }
}

impl Morsel for Located<dyn Morsel> {
    fn into_stream(self: Box<Self>) -> BoxStream<'static, Result<RecordBatch>> {
        let Self { place, inner } = *self;
        caught_rows(inner.into_stream(), of_file).map_err(move |error| place.of(error)).boxed()
    }
}
