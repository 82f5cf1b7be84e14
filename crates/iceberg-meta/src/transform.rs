//! Partition transforms (specification, "Partition Transforms" and Appendix B).

pub(crate) mod human;
mod murmur;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::calendar;
use crate::error::{MetaError, Result};
use crate::types::IceType;
use crate::value::IceValue;

pub use murmur::bucket_hash;

/// How a partition value comes from a source value.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum IceTransform {
    /// The value itself.
    Identity,
    /// Years since 1970.
    Year,
    /// Months since 1970-01.
    Month,
    /// Days since 1970-01-01.
    Day,
    /// Hours since 1970-01-01T00.
    Hour,
    /// The hash of the value modulo this number of buckets.
    Bucket(u32),
    /// The value cut to this width.
    Truncate(u32),
    /// Always null: what a dropped partition field becomes in format version 1.
    Void,
    /// A transform that this crate does not know. Tables with it are read; nothing is written with it.
    Unknown(String),
}

impl IceTransform {
    /// Reads the specification's spelling, such as `bucket[16]`; anything else is [`IceTransform::Unknown`].
    pub fn parse(text: &str) -> Self {
        let width = |prefix: &str| {
            let inner = text.strip_prefix(prefix)?.strip_prefix('[')?.strip_suffix(']')?;
            inner.trim().parse::<u32>().ok().filter(|width| *width > 0 && *width <= i32::MAX as u32)
        };
        match text {
            "identity" => Self::Identity,
            "year" => Self::Year,
            "month" => Self::Month,
            "day" => Self::Day,
            "hour" => Self::Hour,
            "void" => Self::Void,
            _ => width("bucket")
                .map(Self::Bucket)
                .or_else(|| width("truncate").map(Self::Truncate))
                .unwrap_or_else(|| Self::Unknown(text.to_owned())),
        }
    }

    fn refuse(&self, source: impl fmt::Display) -> MetaError {
        match self {
            Self::Unknown(name) => MetaError::unsupported(format!(
                "partition transform {name:?} is unknown here; the table can be read but not written"
            )),
            _ => MetaError::invalid(format!("partition transform {self} does not apply to {source}")),
        }
    }

    /// The type of the partition values of a source column of this type.
    ///
    /// # Errors
    /// [`MetaError::Invalid`] if the transform does not apply to the type, [`MetaError::Unsupported`] for an
    /// unknown transform.
    pub fn result_type(&self, source: &IceType) -> Result<IceType> {
        use IceType as T;
        let zoned = matches!(source, T::Timestamp | T::Timestamptz | T::TimestampNs | T::TimestamptzNs);
        match self {
            Self::Identity | Self::Void if source.is_primitive() => Ok(source.clone()),
            Self::Year | Self::Month if zoned || *source == T::Date => Ok(T::Int),
            Self::Day if zoned || *source == T::Date => Ok(T::Date),
            Self::Hour if zoned => Ok(T::Int),
            Self::Bucket(_) if source.is_primitive() => match source {
                T::Boolean | T::Float | T::Double => Err(self.refuse(source)),
                _ => Ok(T::Int),
            },
            Self::Truncate(_) => match source {
                T::Int | T::Long | T::Decimal { .. } | T::String | T::Binary => Ok(source.clone()),
                _ => Err(self.refuse(source)),
            },
            _ => Err(self.refuse(source)),
        }
    }

    /// The partition value of a source value; null stays null.
    ///
    /// # Errors
    /// [`MetaError::Invalid`] if the transform does not apply to the value or its result leaves the range of its
    /// type, [`MetaError::Unsupported`] for an unknown transform.
    pub fn apply(&self, value: Option<&IceValue>) -> Result<Option<IceValue>> {
        if let Self::Unknown(_) = self {
            return Err(self.refuse(""));
        }
        let Some(value) = value else { return Ok(None) };
        let wrong = || self.refuse(format!("a {} value", value.kind()));
        let int = |v: i64| i32::try_from(v).map(IceValue::Int).map_err(|_| wrong());
        let days = || match value {
            IceValue::Date(v) => Ok(i64::from(*v)),
            IceValue::Timestamp(v) => Ok(calendar::day_of_micros(*v)),
            IceValue::TimestampNs(v) => Ok(calendar::day_of_nanos(*v)),
            _ => Err(wrong()),
        };
        Ok(Some(match self {
            Self::Identity => value.clone(),
            Self::Void | Self::Unknown(_) => return Ok(None),
            Self::Year => int(calendar::civil_from_days(days()?).0 - 1970)?,
            Self::Month => {
                let (year, month, _) = calendar::civil_from_days(days()?);
                int((year - 1970) * 12 + i64::from(month) - 1)?
            }
            Self::Day => IceValue::Date(i32::try_from(days()?).map_err(|_| wrong())?),
            Self::Hour => match value {
                IceValue::Timestamp(v) => int(calendar::hour_of_micros(*v))?,
                IceValue::TimestampNs(v) => int(calendar::hour_of_nanos(*v))?,
                _ => return Err(wrong()),
            },
            Self::Bucket(count) => {
                let positive = i64::from(bucket_hash(value)? & i32::MAX);
                int(positive.checked_rem(i64::from(*count)).ok_or_else(wrong)?)?
            }
            Self::Truncate(width) => truncate(value, *width).ok_or_else(wrong)?,
        }))
    }

    /// The value's form in a partition path, such as `2024-01` for the month 648; null is `null`.
    ///
    /// # Errors
    /// [`MetaError::Invalid`] if the value is no result of this transform on the source type.
    pub fn human_string(&self, source: &IceType, value: Option<&IceValue>) -> Result<String> {
        match value {
            None => Ok("null".to_owned()),
            Some(value) => human::human_string(self, source, value)
                .ok_or_else(|| self.refuse(format!("{source} with the result {value:?}"))),
        }
    }
}

impl fmt::Display for IceTransform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Identity => f.write_str("identity"),
            Self::Year => f.write_str("year"),
            Self::Month => f.write_str("month"),
            Self::Day => f.write_str("day"),
            Self::Hour => f.write_str("hour"),
            Self::Bucket(count) => write!(f, "bucket[{count}]"),
            Self::Truncate(width) => write!(f, "truncate[{width}]"),
            Self::Void => f.write_str("void"),
            Self::Unknown(name) => f.write_str(name),
        }
    }
}

/// Cuts a value: numbers down to a multiple of the width, text to so many code points, bytes to so many bytes.
fn truncate(value: &IceValue, width: u32) -> Option<IceValue> {
    let wide = i128::from(width);
    let floor = |v: i128| v.checked_rem_euclid(wide).and_then(|rest| v.checked_sub(rest));
    Some(match value {
        // A value near the minimum wraps around, as it does in the reference implementation.
        IceValue::Int(v) => IceValue::Int(floor(i128::from(*v))? as i32),
        IceValue::Long(v) => IceValue::Long(floor(i128::from(*v))? as i64),
        IceValue::Decimal { unscaled, scale } => {
            IceValue::Decimal { unscaled: floor(*unscaled)?, scale: *scale }
        }
        IceValue::String(v) => IceValue::String(v.chars().take(width as usize).collect()),
        IceValue::Binary(v) => IceValue::Binary(v.iter().take(width as usize).copied().collect()),
        _ => return None,
    })
}
