//! The numbers of a place, and the type that holds all of them.

use arrow_schema::DataType;

use crate::fit::rounds;

/// The digits that a decimal of 128 bits has.
const DECIMAL_DIGITS: usize = 38;

/// Which numbers have been seen at one place.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    negative: bool,
    /// Above the largest signed 64-bit integer.
    large: bool,
    fraction: bool,
    /// An integer of which a double would lose digits.
    long: bool,
    /// The most digits before the point, and after it.
    units: usize,
    places: usize,
}

impl Numbers {
    pub(crate) fn signed(&mut self, value: i64) {
        self.negative |= value < 0;
        self.integer(&value.to_string());
    }

    pub(crate) fn unsigned(&mut self, value: u64) {
        self.large |= i64::try_from(value).is_err();
        self.integer(&value.to_string());
    }

    fn integer(&mut self, digits: &str) {
        self.long |= rounds(digits);
        self.units = self.units.max(digits.trim_start_matches('-').len());
    }

    /// A number that is no integer of 64 bits, as it stands in the record: the double that is nearest to it may have fewer
    /// digits.
    pub(crate) fn other(&mut self, numeral: &str) {
        self.fraction = true;
        let (mantissa, exponent) = numeral.split_once(['e', 'E']).unwrap_or((numeral, "0"));
        let (units, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let units = units.trim_start_matches('-');
        let digits = format!("{units}{fraction}");
        let kept = digits.trim_end_matches('0');
        let leading = kept.len() - kept.trim_start_matches('0').len();
        // Where the point is, counted from the first digit. An exponent beyond all numbers is as good as the largest one.
        let far = if exponent.starts_with('-') { isize::MIN / 4 } else { isize::MAX / 4 };
        let exponent = exponent.parse::<isize>().map_or(far, |found| found.clamp(-far.abs(), far.abs()));
        let point = exponent.saturating_add_unsigned(units.len());
        let digits_before =
            |from: usize| usize::try_from(point.saturating_sub_unsigned(from)).unwrap_or_default();
        let places = 0_isize.saturating_add_unsigned(kept.len()).saturating_sub(point);
        if kept.is_empty() {
            return;
        }
        self.units = self.units.max(digits_before(leading));
        self.places = self.places.max(usize::try_from(places).unwrap_or_default());
    }

    /// The type that holds all of them exactly, or as the doubles that are nearest to fractions.
    pub(crate) fn data_type(&self) -> DataType {
        match self.units.saturating_add(self.places) {
            _ if !self.fraction && self.negative && self.large => DataType::Decimal128(20, 0),
            _ if !self.fraction && self.large => DataType::UInt64,
            _ if !self.fraction => DataType::Int64,
            _ if !self.long => DataType::Float64,
            digits @ ..=DECIMAL_DIGITS => match (u8::try_from(digits), i8::try_from(self.places)) {
                (Ok(precision), Ok(scale)) => DataType::Decimal128(precision, scale),
                _ => DataType::Utf8,
            },
            _ => DataType::Utf8,
        }
    }
}

/// The numbers of a record as they stand in it, in their order: `serde_json` gives doubles for those with a fraction.
#[derive(Debug)]
pub(crate) struct Numerals<'a>(&'a [u8]);

impl<'a> Numerals<'a> {
    pub(crate) fn of(record: &'a [u8]) -> Self {
        Self(record)
    }
}

impl<'a> Iterator for Numerals<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let begin = self.0.iter().position(|byte| matches!(byte, b'"' | b'-' | b'0'..=b'9'))?;
            let rest = self.0.get(begin..)?;
            if let Some(text) = rest.strip_prefix(b"\"") {
                self.0 = after_text(text);
                continue;
            }
            let other = |byte: &u8| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
            let (numeral, rest) = rest.split_at(rest.iter().position(other).unwrap_or(rest.len()));
            self.0 = rest;
            return std::str::from_utf8(numeral).ok();
        }
    }
}

/// What comes after the closing quote of a text.
fn after_text(mut text: &[u8]) -> &[u8] {
    while let Some(at) = text.iter().position(|byte| matches!(byte, b'"' | b'\\')) {
        let escape = text.get(at) == Some(&b'\\');
        text = text.get(at + 1 + usize::from(escape)..).unwrap_or_default();
        if !escape {
            return text;
        }
    }
    &[]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numerals_are_those_outside_of_texts() {
        let record = br#"{"a1":-1.50,"2\"3\\":[4,"5",{"x":6e-7}],"n":null,"\u0037":8}"#;
        assert_eq!(Numerals::of(record).collect::<Vec<_>>(), ["-1.50", "4", "6e-7", "8"]);
        assert_eq!(Numerals::of(b"\"1").count(), 0);
        assert_eq!(Numerals::of(b"12").collect::<Vec<_>>(), ["12"]);
    }

    #[test]
    fn digits_are_those_of_the_text() {
        for (numeral, units, places) in [
            ("3.141592653589793238462643383279", 1, 30),
            ("-0.1234567890123456789", 0, 19),
            ("1.500", 1, 1),
            ("100.0", 3, 0),
            ("1e3", 4, 0),
            ("12.5e1", 3, 0),
            ("12.5E-3", 0, 4),
            ("0.00125e+2", 0, 3),
            ("0.000e-5", 0, 0),
            ("0e99999999999999999999", 0, 0),
            ("100e-1", 2, 0),
        ] {
            let mut numbers = Numbers::default();
            numbers.other(numeral);
            assert_eq!((numbers.units, numbers.places), (units, places), "{numeral}");
        }
        let mut tiny = Numbers { long: true, ..Numbers::default() };
        tiny.other("1e-99999999999999999999");
        assert_eq!(tiny.data_type(), DataType::Utf8);
    }
}
