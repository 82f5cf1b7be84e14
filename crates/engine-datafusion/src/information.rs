//! `information_schema`: what there is to query, as tables that are looked up anew at each query.

use std::collections::BTreeSet;
use std::future::ready;
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray, UInt64Array};
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use stitchwork_core::{
    BatchStream, BatchStreamAdapter, Column, ColumnStats, Editor, Error, Match, Predicate, Relation, Result,
    Scalar, ScanArgs, ScanPlan, Statistics,
};

use crate::convert::conform_stream;
use crate::names::{Namespace, TableName};

/// The schema of these tables in every catalog.
pub(crate) const INFORMATION: &str = "information_schema";

/// How many tables are opened at once for their columns.
const AT_ONCE: usize = 16;

/// One of the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum View {
    Tables,
    Views,
    Columns,
    Schemata,
}

impl View {
    fn of(name: &str) -> Option<Self> {
        match name {
            "tables" => Some(Self::Tables),
            "views" => Some(Self::Views),
            "columns" => Some(Self::Columns),
            "schemata" => Some(Self::Schemata),
            _ => None,
        }
    }

    fn schema(self) -> SchemaRef {
        let text = |name: &str| Field::new(name, DataType::Utf8, false);
        let names = || ["table_catalog", "table_schema", "table_name"].map(text).to_vec();
        let fields = match self {
            Self::Tables => [names(), vec![text("table_type")]].concat(),
            Self::Views => [names(), vec![Field::new("definition", DataType::Utf8, true)]].concat(),
            Self::Columns => {
                let place = Field::new("ordinal_position", DataType::UInt64, false);
                [names(), vec![text("column_name"), place, text("is_nullable"), text("data_type")]].concat()
            }
            Self::Schemata => ["catalog_name", "schema_name"].map(text).to_vec(),
        };
        Arc::new(Schema::new(fields))
    }
}

/// A table of the schema, as a relation.
#[derive(Debug)]
pub(crate) struct Information {
    names: Arc<Namespace>,
    /// Whose tables are shown; those of all when `None`.
    catalog: Option<String>,
    view: View,
    schema: SchemaRef,
}

impl Information {
    /// The relation of this name; `None` where there is none.
    pub(crate) fn open(names: &Arc<Namespace>, catalog: Option<String>, name: &str) -> Option<Self> {
        let view = View::of(name)?;
        Some(Self { names: names.clone(), catalog, view, schema: view.schema() })
    }

    /// The rows that may pass the predicate, one batch per name. Names are left out by the predicate before their
    /// tables are opened.
    fn batches(&self, predicate: Option<Predicate>) -> BoxStream<'static, Result<RecordBatch>> {
        let (schema, names) = (self.schema.clone(), self.names.clone());
        let listed = self.names.list_written(self.catalog.clone());
        let listed = listed.try_filter(move |name| {
            ready(predicate.as_ref().is_none_or(|predicate| predicate.prune(&Known(name)) != Match::None))
        });
        match self.view {
            View::Views => stream::empty().boxed(),
            View::Tables => listed
                .map(move |name| {
                    let name = name?;
                    let kind = "BASE TABLE".to_owned();
                    text_row(&schema, [name.catalog, name.schema, name.table, kind])
                })
                .boxed(),
            View::Schemata => {
                let mut seen = BTreeSet::new();
                listed
                    .try_filter(move |name| ready(seen.insert((name.catalog.clone(), name.schema.clone()))))
                    .map(move |name| {
                        let name = name?;
                        text_row(&schema, [name.catalog, name.schema])
                    })
                    .boxed()
            }
            View::Columns => listed
                .map_ok(move |name| {
                    let names = names.clone();
                    async move {
                        // A table that was dropped since it was listed has no columns.
                        let found = names.find(&name.catalog, &name.schema, &name.table).await;
                        let found = found.map_err(|e| in_table(e, &name))?;
                        found.map(|relation| columns(&name, &relation.schema())).transpose()
                    }
                })
                .try_buffered(AT_ONCE)
                .try_filter_map(|batch| ready(Ok(batch)))
                .boxed(),
        }
    }
}

#[async_trait]
impl Relation for Information {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    async fn plan(&self, _: ScanArgs) -> Result<Option<ScanPlan>> {
        Ok(None)
    }

    async fn scan(&self, args: ScanArgs) -> Result<BatchStream> {
        let rows = self.batches(args.predicate.clone());
        args.deliver(BatchStreamAdapter::new(self.schema.clone(), rows))
    }

    fn editor(&self) -> Option<Arc<dyn Editor>> {
        None
    }
}

/// What is known of a name's rows before its table is opened.
struct Known<'a>(&'a TableName);

impl Statistics for Known<'_> {
    fn column(&self, column: &Column) -> Option<ColumnStats> {
        let value = match column.root() {
            "table_catalog" | "catalog_name" => &self.0.catalog,
            "table_schema" | "schema_name" => &self.0.schema,
            "table_name" => &self.0.table,
            _ => return None,
        };
        Some(ColumnStats::constant(&Scalar::from(value.as_str()), None))
    }

    fn rows(&self) -> Option<u64> {
        None
    }
}

/// The rows of `show columns`, which opens one table only.
pub(crate) fn show_columns(name: &TableName, schema: &Schema, limit: Option<usize>) -> Result<BatchStream> {
    let all = columns(name, schema)?;
    Ok(conform_stream(stream::iter([Ok(all)]), View::Columns.schema(), limit))
}

/// The rows of a table's columns.
fn columns(name: &TableName, table: &Schema) -> Result<RecordBatch> {
    let fields = table.fields();
    let same = |text: &str| Arc::new(StringArray::from(vec![text; fields.len()])) as ArrayRef;
    let texts = |text: &dyn Fn(&Field) -> String| {
        Arc::new(StringArray::from_iter_values(fields.iter().map(|field| text(field)))) as ArrayRef
    };
    let places = (1..).take(fields.len());
    let columns = vec![
        same(&name.catalog),
        same(&name.schema),
        same(&name.table),
        texts(&|field| field.name().clone()),
        Arc::new(UInt64Array::from_iter_values(places)),
        texts(&|field| if field.is_nullable() { "YES" } else { "NO" }.to_owned()),
        texts(&|field| field.data_type().to_string()),
    ];
    Ok(RecordBatch::try_new(View::Columns.schema(), columns)?)
}

fn text_row<const N: usize>(schema: &SchemaRef, texts: [String; N]) -> Result<RecordBatch> {
    let columns = texts.map(|text| Arc::new(StringArray::from(vec![text])) as ArrayRef);
    Ok(RecordBatch::try_new(schema.clone(), columns.to_vec())?)
}

/// A table that cannot be opened is told, not left out: its columns would seem not to be there.
fn in_table(error: Error, name: &TableName) -> Error {
    match error.context("table") {
        Some(_) => error,
        None => error.with_context("table", name),
    }
}

/// The refusal of what else other systems have in the schema.
pub(crate) fn unknown(name: &str) -> Error {
    Error::unsupported(
        "the engine's information_schema has tables, views, columns and schemata; `show tables` and `describe t` \
         tell the same",
    )
    .with_context("table", name)
}
