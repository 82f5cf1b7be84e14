//! Moments of every year: SQL's timestamps are microseconds, and comparisons are made in the unit of the column.
//!
//! DataFusion types a timestamp without a precision in nanoseconds, which reach from 1677 to 2262, and brings what is
//! compared with one to them. Our columns count microseconds, milliseconds or seconds as a rule, and hold moments of
//! any year.

mod formats;
mod functions;
mod guards;
mod instant;
mod literals;
mod trunc;
mod typing;
mod zones;

use std::sync::Arc;

use arrow_schema::{DataType, Field, FieldRef, TimeUnit};
use datafusion::common::Result;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::logical_expr::planner::TypePlanner;
use datafusion::optimizer::Optimizer;
use datafusion::sql::sqlparser::ast::{DataType as SqlType, TimezoneInfo};

use crate::{numbers, spans};

pub(crate) use instant::{Answer, instant, widened};
pub(crate) use typing::{UNIFYING, typed};
pub(crate) use zones::spell as at_time_zone;

/// The name of the field of a cast to `timestamp`, which says that no precision was written: a number is then one of
/// seconds, whatever the unit. It lives from the planner to [`typed`].
const PLAIN: &str = "timestamp";

/// A state whose SQL knows moments of every year.
pub(crate) fn install(builder: SessionStateBuilder) -> Result<SessionState> {
    let rules = Optimizer::new().rules;
    let rules = std::iter::once(Arc::new(literals::ExactLiterals) as _).chain(rules).collect();
    let mut state = builder.with_type_planner(Arc::new(SqlTypes)).with_optimizer_rules(rules).build();
    functions::install(&mut state)?;
    guards::install(&mut state)?;
    trunc::install(&mut state)?;
    zones::install(&mut state)?;
    numbers::install(&mut state)?;
    spans::install(&mut state)?;
    Ok(state)
}

/// `timestamp` is one of microseconds, as in most databases.
#[derive(Debug)]
struct SqlTypes;

impl TypePlanner for SqlTypes {
    fn plan_type_field(&self, sql_type: &SqlType) -> Result<Option<FieldRef>> {
        Ok(match sql_type {
            SqlType::Timestamp(None, zone) => {
                let has_zone = matches!(zone, TimezoneInfo::WithTimeZone | TimezoneInfo::Tz);
                let zone = has_zone.then(|| "UTC".into());
                let data_type = DataType::Timestamp(TimeUnit::Microsecond, zone);
                Some(Arc::new(Field::new(PLAIN, data_type, true)))
            }
            other => numbers::type_of(other)?,
        })
    }
}
