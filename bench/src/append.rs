//! One append of many rows that are in memory already.

use std::path::Path;
use stitchwork::core::{BatchStreamAdapter, CreateArgs};
use stitchwork::tables::{AppendArgs, Table, TableConfig, TableRef};
use stitchwork::{Error, Result};

use crate::{Measured, data};

pub(crate) async fn run(file: &str, folder: &str, how: &str) -> Result<serde_json::Value> {
    let batches = data::load(file)?;
    let rows: usize = batches.iter().map(|batch| batch.num_rows()).sum();
    let measured = Measured::start();
    if how == "plain" {
        let path = Path::new(folder).join("plain.parquet");
        data::plain(&path, batches.into_iter().map(Ok))?;
        // What the plain file lacks is what a table has to have: that it is there after a power failure.
        let sync = |path: &Path| std::fs::File::open(path).and_then(|file| file.sync_all());
        sync(&path)
            .and_then(|()| sync(Path::new(folder)))
            .map_err(|e| Error::unexpected("no sync").with_source(e))?;
    } else {
        let registry = stitchwork::registry()?;
        let reference = TableRef::at(how, format!("file://{folder}/{how}"));
        let table =
            Table::create(&registry, &reference, CreateArgs::new(data::schema()), TableConfig::default())
                .await?;
        table
            .append(BatchStreamAdapter::from_batches(data::schema(), batches), AppendArgs::default())
            .await?;
    }
    Ok(measured.end(serde_json::json!({ "rows": rows })))
}
