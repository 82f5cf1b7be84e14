//! Data files as JSON, so that a load can be taken up again after a crash.

use std::sync::Arc;

use arrow_array::{ArrayRef, BinaryArray};
use arrow_schema::{DataType, Fields};
use futures::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use stitchwork_core::{DataFile, Error, Formats, Log, Result, Scalar, Snapshot, Stores};

use crate::sink::data_file;

/// How many files are looked at at once.
const LOOKS: usize = 16;

/// What must be remembered of a written file. Statistics are not: the file itself has them.
pub(crate) fn to_json(file: &DataFile) -> Value {
    json!({
        "location": file.location,
        "format": file.format,
        "size": file.size,
        "rows": file.rows,
        "spec": file.spec,
        "partition": file.partition.iter().map(|v| (!v.is_null()).then(|| v.to_string())).collect::<Vec<_>>(),
    })
}

/// The value of a type that its display has spelled: bytes in hexadecimal, everything else as arrow reads it.
fn parse_value(text: &str, data_type: &DataType) -> Result<Scalar> {
    if !matches!(
        data_type,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_)
    ) {
        return Scalar::parse(text, data_type);
    }
    let digits =
        text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok().filter(|p| p.len() == 2));
    let bytes: Option<Vec<u8>> = digits.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect();
    let bytes = bytes.ok_or_else(|| {
        Error::invalid_data("a partition value in the load manifest is no hexadecimal text")
            .with_context("text", text)
    })?;
    let array: ArrayRef = Arc::new(BinaryArray::from_vec(vec![bytes.as_slice()]));
    Scalar::try_new(array)?.cast(data_type)
}

/// The type of the column that a partition field is made from.
fn source_type<'a>(fields: &'a Fields, path: &[String]) -> Option<&'a DataType> {
    let (first, rest) = path.split_first()?;
    let (_, field) = fields.find(first)?;
    match field.data_type() {
        DataType::Struct(inner) if !rest.is_empty() => source_type(inner, rest),
        data_type => rest.is_empty().then_some(data_type),
    }
}

/// The file again, without statistics.
pub(crate) fn from_json(value: &Value, snapshot: &dyn Snapshot, log: &dyn Log) -> Result<DataFile> {
    let broken = |what: &str| {
        Error::invalid_data("a file in the load manifest is broken")
            .with_context("what", what)
            .with_context("table", log.location())
    };
    let text = |key: &'static str| value.get(key).and_then(Value::as_str).ok_or_else(|| broken(key));
    let (location, format) = (text("location")?.to_owned(), text("format")?.to_owned());
    let size = value.get("size").and_then(Value::as_u64).ok_or_else(|| broken("size"))?;
    let spec = value
        .get("spec")
        .and_then(Value::as_i64)
        .and_then(|v| i32::try_from(v).ok())
        .ok_or_else(|| broken("spec"))?;
    let schema = snapshot.schema();
    let values = value.get("partition").and_then(Value::as_array).ok_or_else(|| broken("partition"))?;
    let fields = snapshot
        .partitioning()
        .iter()
        .find(|s| s.id == spec)
        .map(|s| s.fields.as_slice())
        .unwrap_or_default();
    if fields.len() != values.len() {
        return Err(broken("partition"));
    }
    let partition = fields
        .iter()
        .zip(values)
        .map(|(field, json)| {
            let source =
                source_type(schema.fields(), &field.source.path).ok_or_else(|| broken("partition"))?;
            let data_type = field.transform.result_type(source);
            match json {
                Value::Null => Ok(Scalar::null(&data_type)),
                Value::String(text) => parse_value(text, &data_type),
                _ => Err(broken("partition")),
            }
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(DataFile { location, format, size, spec, partition, ..DataFile::default() })
}

/// The files, each with the statistics that its format finds in it where it has none.
pub(crate) async fn with_statistics(
    files: Vec<DataFile>,
    snapshot: &dyn Snapshot,
    stores: &Stores,
    formats: &Formats,
) -> Result<Vec<DataFile>> {
    let (schema, mapping) = (snapshot.schema(), snapshot.mapping());
    let looks = files.into_iter().map(|file| {
        let (schema, mapping) = (schema.clone(), mapping.clone());
        async move {
            if file.stats.is_some() {
                return Ok(file);
            }
            let object = stores.resolve(&file.location)?.with_size(file.size);
            let summary = formats.get(&file.format)?.inspect(&object).await?;
            let DataFile { location, format, spec, partition, .. } = file;
            Ok(data_file(location, format, spec, partition, summary, &schema, &mapping))
        }
    });
    stream::iter(looks).buffered(LOOKS).try_collect().await
}

#[cfg(test)]
mod tests {
    use arrow_array::{Array, Date32Array, Decimal128Array, Float64Array, TimestampMicrosecondArray};

    use super::*;

    #[test]
    fn values_of_every_kind_survive_as_text() {
        let arrays: Vec<ArrayRef> = vec![
            Arc::new(BinaryArray::from_vec(vec![b"ab\xff\x00", b""])),
            Arc::new(Date32Array::from(vec![-1, 19_000])),
            Arc::new(Decimal128Array::from(vec![-1, 12_345]).with_precision_and_scale(9, 2).unwrap()),
            Arc::new(Float64Array::from(vec![1e-300, -0.1])),
            Arc::new(TimestampMicrosecondArray::from(vec![-1, 1]).with_timezone("UTC")),
            Arc::new(arrow_array::StringArray::from(vec!["", "ü/=%"])),
            Arc::new(arrow_array::BooleanArray::from(vec![true, false])),
        ];
        for array in arrays {
            for row in 0..array.len() {
                let scalar = Scalar::from_array(&array, row).unwrap();
                assert_eq!(
                    parse_value(&scalar.to_string(), array.data_type()).unwrap(),
                    scalar,
                    "{scalar:?}"
                );
            }
        }
        assert!(parse_value("6", &DataType::Binary).is_err());
        assert!(parse_value("zz", &DataType::Binary).is_err());
    }
}
