//! Partition values as people read them in paths.

use crate::calendar;
use crate::transform::IceTransform;
use crate::types::IceType;
use crate::value::{IceValue, format_decimal};

/// The text of a result of `transform` on a source column; none if the value cannot be such a result.
pub(super) fn human_string(transform: &IceTransform, source: &IceType, value: &IceValue) -> Option<String> {
    let int = match value {
        IceValue::Int(v) | IceValue::Date(v) => Some(i64::from(*v)),
        _ => None,
    };
    Some(match transform {
        IceTransform::Year => calendar::format_year(int? + 1970),
        IceTransform::Month => month(int?),
        IceTransform::Day => calendar::format_date(int?),
        IceTransform::Hour => {
            let hours = int?;
            format!("{}-{:02}", calendar::format_date(hours.div_euclid(24)), hours.rem_euclid(24))
        }
        IceTransform::Bucket(_) => int?.to_string(),
        _ => plain(source, value),
    })
}

fn month(months: i64) -> String {
    format!("{}-{:02}", calendar::format_year(months.div_euclid(12) + 1970), months.rem_euclid(12) + 1)
}

fn plain(source: &IceType, value: &IceValue) -> String {
    let zoned = matches!(source, IceType::Timestamptz | IceType::TimestamptzNs);
    let zone = if zoned { "+00:00" } else { "" };
    match value {
        IceValue::Boolean(v) => v.to_string(),
        IceValue::Int(v) => v.to_string(),
        IceValue::Long(v) => v.to_string(),
        IceValue::Float(v) => v.to_string(),
        IceValue::Double(v) => v.to_string(),
        IceValue::Decimal { unscaled, scale } => format_decimal(*unscaled, *scale),
        IceValue::Date(v) => calendar::format_date(i64::from(*v)),
        IceValue::Time(v) => calendar::format_time(*v),
        IceValue::Timestamp(v) => format!("{}{zone}", calendar::format_micros(*v)),
        IceValue::TimestampNs(v) => format!("{}{zone}", calendar::format_nanos(*v)),
        IceValue::String(v) => v.clone(),
        IceValue::Uuid(v) => uuid::Uuid::from_bytes(*v).to_string(),
        IceValue::Fixed(v) | IceValue::Binary(v) => base64(v),
    }
}

/// Base64 with padding, for the few partitions that are bytes.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |group, byte| (group << 8) | u32::from(*byte));
        let group = group << (8 * (3 - chunk.len()));
        for index in 0..4 {
            let sextet = ((group >> (18 - 6 * index)) & 0x3f) as usize;
            let padded = index > chunk.len();
            text.push(if padded { '=' } else { ALPHABET.get(sextet).map_or('=', |b| char::from(*b)) });
        }
    }
    text
}

/// Encodes text as HTML forms do, which is how partition folders are named.
pub(crate) fn form_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'*' | b'_' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_and_form_encoding() {
        assert_eq!(base64(b""), "");
        assert_eq!(base64(b"f"), "Zg==");
        assert_eq!(base64(b"fo"), "Zm8=");
        assert_eq!(base64(b"foobar"), "Zm9vYmFy");
        assert_eq!(form_encode("a b/ü=~*-._"), "a+b%2F%C3%BC%3D%7E*-._");
    }
}
