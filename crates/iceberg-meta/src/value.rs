//! Single values: the binary form of bounds (specification, Appendix D) and their order.

mod json;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use crate::error::{MetaError, Result};
use crate::types::IceType;

pub(crate) use json::format_decimal;

/// One primitive value.
///
/// Zoned and unzoned timestamps share a variant, since both are counted from 1970 in UTC. Two floating-point
/// values are equal if their bits are, so that a value can be the key of a map.
#[derive(Debug, Clone)]
pub enum IceValue {
    /// A boolean.
    Boolean(bool),
    /// A 32-bit integer.
    Int(i32),
    /// A 64-bit integer.
    Long(i64),
    /// A 32-bit floating-point number.
    Float(f32),
    /// A 64-bit floating-point number.
    Double(f64),
    /// A decimal as its unscaled number.
    Decimal {
        /// The number without its point.
        unscaled: i128,
        /// The digits behind the point.
        scale: u32,
    },
    /// Days since 1970-01-01.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Microseconds since 1970-01-01.
    Timestamp(i64),
    /// Nanoseconds since 1970-01-01.
    TimestampNs(i64),
    /// Text.
    String(String),
    /// A UUID.
    Uuid([u8; 16]),
    /// Bytes of a fixed length.
    Fixed(Vec<u8>),
    /// Bytes.
    Binary(Vec<u8>),
}

impl IceValue {
    /// The binary single-value form (specification, Appendix D).
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Boolean(v) => vec![u8::from(*v)],
            Self::Int(v) | Self::Date(v) => v.to_le_bytes().to_vec(),
            Self::Long(v) | Self::Time(v) | Self::Timestamp(v) | Self::TimestampNs(v) => {
                v.to_le_bytes().to_vec()
            }
            Self::Float(v) => v.to_le_bytes().to_vec(),
            Self::Double(v) => v.to_le_bytes().to_vec(),
            Self::Decimal { unscaled, .. } => minimal_be_bytes(*unscaled),
            Self::String(v) => v.as_bytes().to_vec(),
            Self::Uuid(v) => v.to_vec(),
            Self::Fixed(v) | Self::Binary(v) => v.clone(),
        }
    }

    /// Reads the binary single-value form of a value of this type.
    ///
    /// A value that was written before its column was promoted is read as the promoted type: `int` as `long`,
    /// `float` as `double`, `date` as a timestamp (specification, "Schema Evolution").
    ///
    /// # Errors
    /// [`MetaError::Invalid`] if the bytes do not fit, [`MetaError::Unsupported`] for a nested type.
    pub fn from_bytes(ty: &IceType, bytes: &[u8]) -> Result<Self> {
        let wrong = || MetaError::invalid(format!("{} bytes are no single value of type {ty}", bytes.len()));
        let int = || bytes.try_into().map(i32::from_le_bytes).map_err(|_| wrong());
        let long = || bytes.try_into().map(i64::from_le_bytes).map_err(|_| wrong());
        Ok(match ty {
            IceType::Boolean => match bytes {
                [byte] => Self::Boolean(*byte != 0),
                _ => return Err(wrong()),
            },
            IceType::Int => Self::Int(int()?),
            IceType::Date => Self::Date(int()?),
            IceType::Long if bytes.len() == 4 => Self::Long(i64::from(int()?)),
            IceType::Long => Self::Long(long()?),
            IceType::Float => Self::Float(bytes.try_into().map(f32::from_le_bytes).map_err(|_| wrong())?),
            IceType::Double if bytes.len() == 4 => {
                Self::Double(f64::from(bytes.try_into().map(f32::from_le_bytes).map_err(|_| wrong())?))
            }
            IceType::Double => Self::Double(bytes.try_into().map(f64::from_le_bytes).map_err(|_| wrong())?),
            IceType::Decimal { scale, .. } => {
                Self::Decimal { unscaled: from_be_bytes(bytes).ok_or_else(wrong)?, scale: *scale }
            }
            IceType::Time => Self::Time(long()?),
            IceType::Timestamp | IceType::Timestamptz if bytes.len() == 4 => {
                Self::Timestamp(i64::from(int()?) * 86_400_000_000)
            }
            IceType::Timestamp | IceType::Timestamptz => Self::Timestamp(long()?),
            IceType::TimestampNs | IceType::TimestamptzNs if bytes.len() == 4 => {
                let nanos = i64::from(int()?).checked_mul(86_400_000_000_000);
                Self::TimestampNs(nanos.ok_or_else(wrong)?)
            }
            IceType::TimestampNs | IceType::TimestamptzNs => Self::TimestampNs(long()?),
            IceType::String => Self::String(std::str::from_utf8(bytes).map_err(|_| wrong())?.to_owned()),
            IceType::Uuid => Self::Uuid(bytes.try_into().map_err(|_| wrong())?),
            IceType::Fixed(_) => Self::Fixed(bytes.to_vec()),
            IceType::Binary => Self::Binary(bytes.to_vec()),
            nested => return Err(MetaError::unsupported(format!("a {nested} has no single value"))),
        })
    }

    /// Whether this is a floating-point value that is not a number.
    pub fn is_nan(&self) -> bool {
        match self {
            Self::Float(v) => v.is_nan(),
            Self::Double(v) => v.is_nan(),
            _ => false,
        }
    }

    /// Compares two values of the same type; none if their types differ or one is not a number.
    ///
    /// Negative zero is less than zero, as the specification asks of bounds.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        if self.is_nan() || other.is_nan() {
            return None;
        }
        match (self, other) {
            (Self::Boolean(a), Self::Boolean(b)) => Some(a.cmp(b)),
            (Self::Int(a), Self::Int(b)) | (Self::Date(a), Self::Date(b)) => Some(a.cmp(b)),
            (Self::Long(a), Self::Long(b))
            | (Self::Time(a), Self::Time(b))
            | (Self::Timestamp(a), Self::Timestamp(b))
            | (Self::TimestampNs(a), Self::TimestampNs(b)) => Some(a.cmp(b)),
            (Self::Float(a), Self::Float(b)) => Some(a.total_cmp(b)),
            (Self::Double(a), Self::Double(b)) => Some(a.total_cmp(b)),
            (Self::Decimal { unscaled: a, scale: s }, Self::Decimal { unscaled: b, scale: t }) if s == t => {
                Some(a.cmp(b))
            }
            (Self::String(a), Self::String(b)) => Some(a.cmp(b)),
            (Self::Uuid(a), Self::Uuid(b)) => Some(a.cmp(b)),
            (Self::Fixed(a), Self::Fixed(b)) | (Self::Binary(a), Self::Binary(b)) => Some(a.cmp(b)),
            _ => None,
        }
    }

    /// This value as a value of the type that its column was promoted to; unchanged if there is no such promotion.
    pub fn promote(self, ty: &IceType) -> Self {
        const MICROS: i64 = 86_400_000_000;
        match (self, ty) {
            (Self::Int(v), IceType::Long) => Self::Long(i64::from(v)),
            (Self::Float(v), IceType::Double) => Self::Double(f64::from(v)),
            (Self::Date(v), IceType::Timestamp) => Self::Timestamp(i64::from(v) * MICROS),
            (Self::Date(v), IceType::TimestampNs) => {
                Self::TimestampNs(i64::from(v).saturating_mul(MICROS * 1_000))
            }
            (value, _) => value,
        }
    }

    /// The name of the variant, for messages.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Boolean(_) => "boolean",
            Self::Int(_) => "int",
            Self::Long(_) => "long",
            Self::Float(_) => "float",
            Self::Double(_) => "double",
            Self::Decimal { .. } => "decimal",
            Self::Date(_) => "date",
            Self::Time(_) => "time",
            Self::Timestamp(_) => "timestamp",
            Self::TimestampNs(_) => "timestamp_ns",
            Self::String(_) => "string",
            Self::Uuid(_) => "uuid",
            Self::Fixed(_) => "fixed",
            Self::Binary(_) => "binary",
        }
    }

    /// Whether a column of this type may hold the value.
    pub(crate) fn fits(&self, ty: &IceType) -> bool {
        match (self, ty) {
            (Self::Boolean(_), IceType::Boolean)
            | (Self::Int(_), IceType::Int)
            | (Self::Long(_), IceType::Long)
            | (Self::Float(_), IceType::Float)
            | (Self::Double(_), IceType::Double)
            | (Self::Date(_), IceType::Date)
            | (Self::Time(_), IceType::Time)
            | (Self::Timestamp(_), IceType::Timestamp | IceType::Timestamptz)
            | (Self::TimestampNs(_), IceType::TimestampNs | IceType::TimestamptzNs)
            | (Self::String(_), IceType::String)
            | (Self::Uuid(_), IceType::Uuid)
            | (Self::Binary(_), IceType::Binary) => true,
            (Self::Fixed(v), IceType::Fixed(length)) => v.len() as u64 == *length,
            (Self::Decimal { unscaled, scale }, IceType::Decimal { precision, scale: s }) => {
                scale == s && unscaled.unsigned_abs() < 10u128.pow((*precision).min(38))
            }
            _ => false,
        }
    }
}

impl PartialEq for IceValue {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Float(a), Self::Float(b)) => a.to_bits() == b.to_bits(),
            (Self::Double(a), Self::Double(b)) => a.to_bits() == b.to_bits(),
            _ => self.compare(other) == Some(Ordering::Equal),
        }
    }
}

impl Eq for IceValue {}

impl Hash for IceValue {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.kind().hash(state);
        self.to_bytes().hash(state);
    }
}

/// The shortest two's-complement big-endian form.
pub(crate) fn minimal_be_bytes(value: i128) -> Vec<u8> {
    let bytes = value.to_be_bytes();
    let fill = if value < 0 { 0xff } else { 0 };
    // A leading fill byte may go if the next byte has the same sign.
    let redundant = bytes
        .iter()
        .zip(bytes.iter().skip(1))
        .take_while(|(byte, next)| **byte == fill && (**next ^ fill) & 0x80 == 0)
        .count();
    bytes.iter().skip(redundant).copied().collect()
}

/// Reads a two's-complement big-endian number of at most 16 significant bytes.
pub(crate) fn from_be_bytes(bytes: &[u8]) -> Option<i128> {
    let (first, rest) = bytes.split_first()?;
    let fill = if first & 0x80 == 0 { 0 } else { 0xff };
    let mut out = [fill; 16];
    if bytes.len() > 16 {
        // Longer forms are not minimal but harmless if they only repeat the sign.
        let (head, tail) = bytes.split_at(bytes.len() - 16);
        let sign_kept = tail.first().is_some_and(|b| (b ^ fill) & 0x80 == 0);
        return (head.iter().all(|b| *b == fill) && sign_kept)
            .then(|| tail.try_into().ok().map(i128::from_be_bytes))
            .flatten();
    }
    for (slot, byte) in out.iter_mut().rev().zip(rest.iter().rev().chain(std::iter::once(first))) {
        *slot = *byte;
    }
    Some(i128::from_be_bytes(out))
}
