//! The suite of [`stitchwork_core::Log`].

mod conflicts;
mod create;
mod deletes;
mod files;
mod fixture;
mod history;
mod lost;
mod tags;

use std::future::Future;
use std::sync::Arc;

use stitchwork_core::{LogArgs, LogFactory, Result};

use crate::Suite;
use crate::suite::clauses;

/// What the trials are given.
#[derive(Debug, Clone)]
pub struct Subject {
    /// Makes and opens the logs.
    pub factory: Arc<dyn LogFactory>,
    /// A place for tables: each trial makes its own below `location`, and under `ident`'s namespace where there is
    /// a catalog.
    pub args: LogArgs,
}

impl Subject {
    /// Logs of a factory in a place.
    #[must_use]
    pub fn new(factory: Arc<dyn LogFactory>, args: LogArgs) -> Self {
        Self { factory, args }
    }
}

/// The suite.
pub static SUITE: Suite<Subject> = Suite::new(clauses![
    "log::create::refuses_existing" => create::refuses_existing,
    "log::open::missing_is_not_found" => create::missing_is_not_found,
    "log::create::schema_survives" => create::schema_survives,
    "log::commit::append_is_listed" => files::append_is_listed,
    "log::commit::remove_is_exact" => files::remove_is_exact,
    "log::commit::blind_appends_rebase" => conflicts::blind_appends_rebase,
    "log::commit::concurrent_appends_all_land" => conflicts::concurrent_appends_all_land,
    "log::commit::conflicting_remove_refused" => conflicts::conflicting_remove_refused,
    "log::commit::read_conflict_refused" => conflicts::read_conflict_refused,
    "log::commit::tag_is_found" => tags::tag_is_found,
    "log::commit::tag_twice_refused" => tags::tag_twice_refused,
    "log::commit::lost_answer_is_found" => lost::lost_answer_is_found,
    "log::commit::properties_change" => create::properties_change,
    "log::commit::add_column" => create::add_column,
    "log::snapshot::time_travel" => history::time_travel,
    "log::snapshot::missing_version_is_not_found" => history::missing_version_is_not_found,
    "log::files::prunes_by_partition_and_stats" => files::prunes_by_partition_and_stats,
    "log::files::stats_on_demand" => files::stats_on_demand,
    "log::versions::all_that_are_found" => history::all_that_are_found,
    "log::orphans::none_after_commits" => history::no_orphans,
    "log::history::newest_first" => history::newest_first,
    "log::deletes::positions_round_trip" => deletes::positions_round_trip,
]);

/// Runs the suite as the whole of a test program and ends it.
pub fn run<F, Fut>(make: F) -> !
where
    F: Fn() -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Subject>> + Send + 'static,
{
    SUITE.run(make)
}
