//! A format: lines of JSON arrays, the first of them the columns with their Arrow types. For small objects.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::json;
use stitchwork_core::arrow::array::{Array, ArrayRef, RecordBatch, StringArray, cast::AsArray};
use stitchwork_core::arrow::schema::{DataType, Field, Schema, SchemaRef};
use stitchwork_core::object_store::ObjectStoreExt;
use stitchwork_core::*;

/// Rows as arrays of texts and nulls under a first line like `["id:Int64", "name:Utf8?"]`.
#[derive(Debug, Clone, Copy)]
pub struct TypedRows;

/// The same rows in another schema; a value that does not fit is an error, never a null.
fn cast(batch: &RecordBatch, to: &SchemaRef) -> Result<RecordBatch> {
    FieldMapping::by_name().adapt(batch, to)
}

/// The columns with these names as nullable texts.
fn texts(schema: &SchemaRef) -> SchemaRef {
    let text = |field: &Arc<Field>| Field::new(field.name(), DataType::Utf8, true);
    Arc::new(Schema::new(schema.fields().iter().map(text).collect::<Vec<_>>()))
}

async fn load(object: &Object) -> Result<RecordBatch> {
    let broken = |why: String| Error::invalid_data(why).with_context("location", object.location());
    let bytes = object.store.get(&object.path).await.map_err(|e| object.error(e))?.bytes().await?;
    let mut lines = bytes.split(|byte| *byte == b'\n');
    let head = serde_json::from_slice::<Vec<String>>(lines.next().unwrap_or_default());
    let field = |column: String| {
        let (name, kind) = column.rsplit_once(':')?;
        Some(Field::new(name, kind.trim_end_matches('?').parse().ok()?, kind.ends_with('?')))
    };
    let fields: Option<Vec<_>> = head.map_err(|e| broken(e.to_string()))?.into_iter().map(field).collect();
    let schema =
        Arc::new(Schema::new(fields.ok_or_else(|| broken("the first line names no columns".to_owned()))?));
    let mut columns = vec![Vec::<Option<String>>::new(); schema.fields().len()];
    for line in lines.filter(|line| !line.is_empty()) {
        let row: Vec<Option<String>> = serde_json::from_slice(line).map_err(|e| broken(e.to_string()))?;
        if row.len() != columns.len() {
            return Err(broken(format!("a row has {} values", row.len())));
        }
        columns.iter_mut().zip(row).for_each(|(column, value)| column.push(value));
    }
    let arrays = columns.into_iter().map(|column| Arc::new(StringArray::from(column)) as ArrayRef).collect();
    let rows = RecordBatch::try_new(texts(&schema), arrays)?;
    cast(&rows, &schema).map_err(|e| broken(e.to_string()))
}

#[async_trait]
impl Format for TypedRows {
    fn info(&self) -> Info {
        Info { scheme: "typed-rows", name: "Typed rows".to_owned(), version: env!("CARGO_PKG_VERSION") }
    }

    fn capabilities(&self) -> FormatCapabilities {
        FormatCapabilities { write: true, exact_schema: true, ..FormatCapabilities::default() }
    }

    fn extensions(&self) -> &[&'static str] {
        &["rows"]
    }

    async fn read(&self, object: &Object, args: ReadArgs) -> Result<BatchStream> {
        let rows = load(object).await?;
        args.deliver(object, BatchStreamAdapter::from_batches(rows.schema(), vec![rows]))
    }

    async fn write(&self, object: &Object, args: WriteArgs) -> Result<Box<dyn FileWriter>> {
        check_options(&args.options, &[])?;
        let held = |f: &Field| !f.data_type().is_nested() && !f.data_type().is_binary();
        if let Some(field) = args.schema.fields().iter().find(|f| !held(f)) {
            return Err(
                Error::unsupported("typed rows hold plain values").with_context("column", field.name())
            );
        }
        let mark = |f: &Field| if f.is_nullable() { "?" } else { "" };
        let name = |f: &Arc<Field>| format!("{}:{}{}", f.name(), f.data_type(), mark(f));
        let head: Vec<_> = args.schema.fields().iter().map(name).collect();
        let text = format!("{}\n", json!(head));
        Ok(Box::new(Writer { object: object.clone(), schema: args.schema, text }))
    }
}

#[derive(Debug)]
struct Writer {
    object: Object,
    schema: SchemaRef,
    text: String,
}

#[async_trait]
impl FileWriter for Writer {
    async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.schema().fields() != self.schema.fields() {
            return Err(Error::invalid_input("the batch has another schema than the object"));
        }
        let rows = cast(batch, &texts(&self.schema))?;
        let cell = |c: &ArrayRef, row| json!(c.is_valid(row).then(|| c.as_string::<i32>().value(row)));
        for row in 0..rows.num_rows() {
            let cells: Vec<_> = rows.columns().iter().map(|column| cell(column, row)).collect();
            self.text += &format!("{}\n", json!(cells));
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.text.len() as u64
    }

    async fn finish(self: Box<Self>) -> Result<FileSummary> {
        let summary = FileSummary::counted(self.text.lines().count() as u64 - 1, self.bytes());
        self.object.store.put(&self.object.path, self.text.into()).await?;
        Ok(summary)
    }
}
