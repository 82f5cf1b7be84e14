//! Dates, times and timestamps in texts, as the decoder reads them. Its own error would not say in which row one is that
//! is none.

use arrow_array::timezone::Tz;
use arrow_array::types::{
    Date32Type, Date64Type, Time32MillisecondType, Time32SecondType, Time64MicrosecondType,
    Time64NanosecondType,
};
use arrow_cast::parse::{Parser, string_to_datetime};
use arrow_schema::{DataType, TimeUnit};

/// What the texts of a column are.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Moments {
    /// None that is looked at here.
    None,
    Dates,
    DatesAndTimes,
    Times(fn(&str) -> bool),
    Timestamps {
        /// In which those are that say none themselves.
        zone: Tz,
        nanoseconds: bool,
    },
}

impl Moments {
    pub(crate) fn of(data_type: &DataType) -> Self {
        match data_type {
            DataType::Date32 => Self::Dates,
            DataType::Date64 => Self::DatesAndTimes,
            DataType::Time32(TimeUnit::Second) => Self::Times(|text| Time32SecondType::parse(text).is_some()),
            DataType::Time32(_) => Self::Times(|text| Time32MillisecondType::parse(text).is_some()),
            DataType::Time64(TimeUnit::Microsecond) => {
                Self::Times(|text| Time64MicrosecondType::parse(text).is_some())
            }
            DataType::Time64(_) => Self::Times(|text| Time64NanosecondType::parse(text).is_some()),
            DataType::Timestamp(unit, zone) => {
                // The decoder itself refuses a zone that is none.
                match zone.as_deref().unwrap_or("+00:00").parse() {
                    Ok(zone) => Self::Timestamps { zone, nanoseconds: *unit == TimeUnit::Nanosecond },
                    Err(_) => Self::None,
                }
            }
            _ => Self::None,
        }
    }

    /// Refuses a text that the decoder cannot read.
    pub(crate) fn check(self, text: &str) -> Result<(), &'static str> {
        let (read, why) = match self {
            Self::None => return Ok(()),
            Self::Dates => (Date32Type::parse(text).is_some(), "the text is no date, such as \"2024-02-29\""),
            Self::DatesAndTimes => {
                (Date64Type::parse(text).is_some(), "the text is no date, such as \"2024-02-29\"")
            }
            Self::Times(read) => (read(text), "the text is no time of day, such as \"12:34:56\""),
            Self::Timestamps { zone, nanoseconds } => match string_to_datetime(&zone, text) {
                Ok(found) if nanoseconds && found.timestamp_nanos_opt().is_none() => {
                    return Err("the time is out of the range of its column's type");
                }
                found => (found.is_ok(), "the text is no timestamp, such as \"2024-02-29T12:34:56Z\""),
            },
        };
        if read { Ok(()) } else { Err(why) }
    }
}
