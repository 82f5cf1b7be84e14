//! The CSV format from outside.

#![expect(clippy::unwrap_used, reason = "helpers of tests may fail loudly")]

mod dialects;
mod peers;
mod reading;
mod round_trip;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_cast::cast;
use arrow_schema::DataType;
use stitchwork_core::{Error, Object, ReadArgs, Result};
use stitchwork_format_csv::{Csv, CsvConfig};
use stitchwork_testkit::files::{self, options, read};

/// Options by name.
type Given = &'static [(&'static str, &'static str)];

async fn put(text: impl Into<Vec<u8>>) -> Object {
    files::put("given.csv", text.into()).await
}

/// The format with options.
fn csv(given: &[(&str, &str)]) -> Csv {
    Csv::with_config(CsvConfig::default().with_options(&options(given)).unwrap()).unwrap()
}

/// Names, types and rows in short: `a:Int64,b:Utf8|1,x|2,~`, with `~` for null.
async fn shown(csv: &Csv, text: impl Into<Vec<u8>>) -> Result<String> {
    let batch = read(csv, &put(text).await, ReadArgs::default()).await?;
    Ok(in_short(&batch))
}

fn in_short(batch: &RecordBatch) -> String {
    let schema = batch.schema();
    let fields = schema.fields().iter().map(|field| format!("{}:{}", field.name(), field.data_type()));
    let texts: Vec<_> = batch.columns().iter().map(|column| cast(column, &DataType::Utf8).unwrap()).collect();
    let rows = (0..batch.num_rows()).map(|row| {
        let row = texts.iter().map(|texts| texts.as_string_opt::<i32>().unwrap().iter().nth(row).unwrap());
        row.map(|text| text.unwrap_or("~").to_owned()).collect::<Vec<_>>().join(",")
    });
    [fields.collect::<Vec<_>>().join(",")].into_iter().chain(rows).collect::<Vec<_>>().join("|")
}

async fn failure(csv: &Csv, text: impl Into<Vec<u8>>) -> Error {
    shown(csv, text).await.unwrap_err()
}
