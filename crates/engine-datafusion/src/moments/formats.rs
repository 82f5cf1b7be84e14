//! Formats of moments, as `to_timestamp` takes them.

use datafusion::common::Result;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::ScalarFunction;
use stitchwork_core::Error;

use crate::error::to_datafusion;

/// The parser takes a day alone where a format says too little for a time of day, and the hours that it says are lost.
///
/// # Errors
/// `InvalidInput` for a format that says so little.
pub(super) fn check(expr: &Expr) -> Result<()> {
    let Expr::ScalarFunction(ScalarFunction { func, args }) = expr else { return Ok(()) };
    if !func.name().starts_with("to_timestamp") {
        return Ok(());
    }
    for format in args.iter().skip(1) {
        if let Expr::Literal(format, _) = format
            && let Some(format) = format.try_as_str().flatten()
            && loses_time(format)
        {
            let error = Error::invalid_input(
                "the time of day would be lost: a format that has a part of it needs its hours and minutes, `%H:%M`, or `%I:%M %p` \
                 with the half of the day; write zeros for what the texts lack, such as `to_timestamp(t || ':00', '%Y-%m-%d %H:%M')`",
            );
            return Err(to_datafusion(error.with_context("format", format)));
        }
    }
    Ok(())
}

/// Whether a format has parts of a time of day that are none together.
fn loses_time(format: &str) -> bool {
    let mut found = Vec::new();
    let mut rest = format.chars();
    while let Some(character) = rest.next() {
        if character == '%' {
            // Between the sign and its letter stands how the part is written.
            found.extend(rest.by_ref().find(|letter| !"-_.:#0123456789".contains(*letter)));
        }
    }
    let has = |letters: &str| found.iter().any(|letter| letters.contains(*letter));
    let hours = has("Hk") || (has("Il") && has("pP"));
    has("HkIlMSpPf") && !has("TRrcXs+") && !(hours && has("M"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_has_hours_and_minutes() {
        for whole in [
            "%Y-%m-%d",
            "%F %T",
            "%c",
            "%+",
            "%s",
            "%Y-%m-%d %H:%M",
            "%Y-%m-%d %-H:%M:%S%.3f",
            "%D %I:%M %p",
            "%d %r",
            "100%% %d",
            "%F %R:%S",
        ] {
            assert!(!loses_time(whole), "{whole}");
        }
        for part in ["%Y-%m-%d %H", "%F %I:%M", "%F %I %p", "%F %M:%S", "%F %-k", "%F %p", "%F %H:%S"] {
            assert!(loses_time(part), "{part}");
        }
    }
}
