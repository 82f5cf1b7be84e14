//! The schema of records, found by looking at some of them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Fields, Schema, SchemaRef};
use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};
use stitchwork_core::{Error, Result};

use crate::numbers::{Numbers, Numerals};

/// The schema of the records at the beginning of `head`. A record that is cut off at its end is passed over
/// unless the bytes are `all` there are; none when it is the first one.
pub(crate) fn infer(head: &[u8], all: bool, rows: usize) -> Result<Option<SchemaRef>> {
    let mut root = Kinds::default();
    let mut left = head;
    for row in 0..rows {
        left = left.trim_ascii_start();
        if left.is_empty() {
            break;
        }
        let mut records = serde_json::Deserializer::from_slice(left).into_iter::<Record>();
        // The place after a record is only known once the next one is begun, so that each is read alone: first
        // where it ends, then what it holds.
        match records.next() {
            Some(Ok(Record)) => {}
            Some(Err(e)) if e.is_eof() && !all => break,
            Some(Err(e)) => return Err(refuse(row, e)),
            None => break,
        }
        let (record, after) = left.split_at(records.byte_offset().min(left.len()));
        let mut content = serde_json::Deserializer::from_slice(record);
        let mut numerals = Numerals::of(record);
        Place { kinds: &mut root, numerals: &mut numerals }
            .deserialize(&mut content)
            .map_err(|e| refuse(row, e))?;
        left = after;
    }
    match root.object {
        Some(object) => Ok(Some(Arc::new(Schema::new(object.fields(&mut vec![])?)))),
        None => Ok(all.then(|| Arc::new(Schema::empty()))),
    }
}

fn refuse(row: usize, error: serde_json::Error) -> Error {
    Error::invalid_data("a record is no JSON object").with_context("row", row).with_source(error)
}

/// A record whose content is passed over.
struct Record;

impl<'de> serde::Deserialize<'de> for Record {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Record;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Record, A::Error> {
                while map.next_entry::<serde::de::IgnoredAny, serde::de::IgnoredAny>()?.is_some() {}
                Ok(Record)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

/// Which kinds of values have been seen at one place.
#[derive(Debug, Default)]
struct Kinds {
    boolean: bool,
    text: bool,
    number: Option<Numbers>,
    list: Option<Box<Self>>,
    object: Option<Object>,
}

/// The keys of objects, in the order in which they were first seen.
#[derive(Debug, Default)]
struct Object {
    keys: Vec<(String, Kinds)>,
    places: HashMap<String, usize>,
}

impl Kinds {
    /// The type that holds every value that was seen.
    ///
    /// Scalars of several kinds are text, in the JSON's own spelling. What was never seen is `Null`.
    fn data_type(self, path: &mut Vec<String>) -> Result<DataType> {
        let scalar = self.boolean || self.text || self.number.is_some();
        if usize::from(scalar) + usize::from(self.list.is_some()) + usize::from(self.object.is_some()) > 1 {
            return Err(Error::invalid_data(
                "the values of a column are of kinds that have no type in common: read it with a schema, or mend the data",
            )
            .with_context("column", path.join("."))
            .with_context("kinds", self.words()));
        }
        if let Some(element) = self.list {
            path.push("element".to_owned());
            let element = element.data_type(path)?;
            path.pop();
            return Ok(DataType::List(Arc::new(Field::new("element", element, true))));
        }
        if let Some(object) = self.object {
            return Ok(DataType::Struct(object.fields(path)?));
        }
        Ok(match (self.boolean, self.text, self.number) {
            (true, false, None) => DataType::Boolean,
            (false, false, Some(numbers)) => numbers.data_type(),
            (false, false, None) => DataType::Null,
            _ => DataType::Utf8,
        })
    }

    fn words(&self) -> String {
        let kinds = [
            ("boolean", self.boolean),
            ("number", self.number.is_some()),
            ("text", self.text),
            ("list", self.list.is_some()),
            ("object", self.object.is_some()),
        ];
        kinds.into_iter().filter(|(_, seen)| *seen).map(|(word, _)| word).collect::<Vec<_>>().join(",")
    }
}

impl Object {
    fn fields(self, path: &mut Vec<String>) -> Result<Fields> {
        let mut fields = Vec::with_capacity(self.keys.len());
        for (name, kinds) in self.keys {
            path.push(name.clone());
            fields.push(Field::new(name, kinds.data_type(path)?, true));
            path.pop();
        }
        Ok(fields.into())
    }

    fn key(&mut self, name: String) -> Option<&mut Kinds> {
        let place = match self.places.get(&name) {
            Some(place) => *place,
            None => {
                self.places.insert(name.clone(), self.keys.len());
                self.keys.push((name, Kinds::default()));
                self.keys.len() - 1
            }
        };
        self.keys.get_mut(place).map(|(_, kinds)| kinds)
    }
}

/// Where a value goes, and the numbers from this one on as they stand in the record.
struct Place<'k, 'n, 'r> {
    kinds: &'k mut Kinds,
    numerals: &'n mut Numerals<'r>,
}

impl<'de> DeserializeSeed<'de> for Place<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Place<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        self.kinds.boolean = true;
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.numerals.next();
        self.kinds.number.get_or_insert_default().signed(value);
        Ok(())
    }

    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.numerals.next();
        self.kinds.number.get_or_insert_default().unsigned(value);
        Ok(())
    }

    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        let numbers = self.kinds.number.get_or_insert_default();
        match self.numerals.next() {
            Some(numeral) => numbers.other(numeral),
            None => numbers.other(&value.to_string()),
        }
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        self.kinds.text = true;
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let Self { kinds, numerals } = self;
        let element = kinds.list.get_or_insert_default();
        while elements.next_element_seed(Place { kinds: &mut *element, numerals: &mut *numerals })?.is_some()
        {
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { kinds, numerals } = self;
        let object = kinds.object.get_or_insert_default();
        while let Some(name) = map.next_key::<String>()? {
            match object.key(name) {
                Some(kinds) => map.next_value_seed(Place { kinds, numerals: &mut *numerals })?,
                None => drop(map.next_value::<serde::de::IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn types(text: &str) -> Result<String> {
        let schema = infer(text.as_bytes(), true, 100)?.unwrap();
        let one = |f: &Arc<Field>| format!("{}:{}", f.name(), f.data_type());
        Ok(schema.fields().iter().map(one).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn types_widen_until_they_hold_every_value() {
        for (text, expected) in [
            (r#"{"b":1,"a":true}{"c":null}"#, "b:Int64 a:Boolean c:Null"),
            (r#"{"a":1}{"a":1.5}"#, "a:Float64"),
            (r#"{"a":18446744073709551615}{"a":1}"#, "a:UInt64"),
            (r#"{"a":18446744073709551615}{"a":-1}"#, "a:Decimal128(20, 0)"),
            (r#"{"a":9007199254740993}{"a":1.5}"#, "a:Decimal128(17, 1)"),
            (r#"{"a":0.125}{"a":-9007199254740993}"#, "a:Decimal128(19, 3)"),
            (r#"{"a":18446744073709551615}{"a":-0.5}"#, "a:Decimal128(21, 1)"),
            (r#"{"a":9007199254740993}{"a":3.141592653589793238462643383279}"#, "a:Utf8"),
            (r#"{"a":9007199254740993}{"a":0.1234567890123456789}"#, "a:Decimal128(35, 19)"),
            (r#"{"a":[{"b":"1.5","c":9007199254740993},{"c":0.1234567890123456789}]}"#, ""),
            (r#"{"a":9007199254740993}{"a":1e300}"#, "a:Utf8"),
            (r#"{"a":9007199254740993}{"a":1e-30}"#, "a:Utf8"),
            // What JavaScript writes of the double 2^60 loses nothing.
            (r#"{"a":1152921504606847000}{"a":1.5}"#, "a:Float64"),
            (r#"{"a":9007199254740992}{"a":1.5}"#, "a:Float64"),
            (r#"{"a":1}{"a":"x"}{"a":true}"#, "a:Utf8"),
            (r#"{"a":[]}{"a":[null,1]}"#, "a:List(Int64, field: 'element')"),
            (r#"{"a":[]}{"a":[null]}"#, "a:List(Null, field: 'element')"),
            (r#"{"a":{"x":1}}{"a":{"y":[{"z":"t"}]}}"#, ""),
            ("", ""),
        ] {
            let found = types(text).unwrap();
            assert!(expected.is_empty() || found == expected, "{found}");
        }
    }

    #[test]
    fn kinds_without_a_common_type_are_named() {
        let error = types(r#"{"a":{"b":[1]}}{"a":{"b":[{"c":1}]}}"#).unwrap_err();
        assert_eq!(error.context("column"), Some("a.b.element"));
        assert_eq!(error.context("kinds"), Some("number,object"));
        assert!(types("{\"a\":1}\n[1]").unwrap_err().context("row").is_some());
        assert!(types("{\"a\":").is_err());
        assert!(infer(b"{\"a\":1}{\"a\":", false, 100).unwrap().is_some());
        assert!(infer(b" {\"a\":", false, 100).unwrap().is_none());
        assert!(types("PAR1").is_err());
    }
}
