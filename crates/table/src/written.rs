//! Data files as JSON, so that a load can be taken up again after a crash.

use serde_json::{Value, json};
use stitchwork_core::{DataFile, Error, Formats, Log, Result, Scalar, Snapshot, Stores};

use crate::sink::data_file;

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

/// The file again, with the statistics that its format finds in it.
pub(crate) async fn from_json(
    value: &Value,
    snapshot: &dyn Snapshot,
    log: &dyn Log,
    stores: &Stores,
    formats: &Formats,
) -> Result<DataFile> {
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
        .map(|(field, value)| {
            let source = schema.field_with_name(field.source.root())?;
            let data_type = field.transform.result_type(source.data_type());
            match value {
                Value::Null => Ok(Scalar::null(&data_type)),
                Value::String(text) => Scalar::parse(text, &data_type),
                _ => Err(broken("partition")),
            }
        })
        .collect::<Result<Vec<_>>>()?;
    let object = stores.resolve(&location)?.with_size(size);
    let summary = formats.get(&format)?.inspect(&object).await?;
    Ok(data_file(location, format, spec, partition, summary, &schema, &snapshot.mapping()))
}
