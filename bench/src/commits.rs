//! Many small commits, one after the other.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use stitchwork::core::{BatchStreamAdapter, CreateArgs};
use stitchwork::tables::{AppendArgs, Table, TableConfig, TableRef};
use stitchwork::{Error, Result};

use crate::{Measured, data};

/// The rows of a commit.
const ROWS: usize = 100;

pub(crate) async fn run(folder: &str, log: &str, count: usize, sync: bool) -> Result<serde_json::Value> {
    let registry = stitchwork::registry()?;
    registry.stores().set_options_for("file://", [("sync".to_owned(), sync.to_string())].into());
    let reference = TableRef::at(log, format!("file://{folder}/{log}"));
    let create = CreateArgs::new(data::schema());
    let table = Table::create(&registry, &reference, create, TableConfig::default()).await?;
    let measured = Measured::start();
    let mut seconds = Vec::with_capacity(count);
    for n in 0..count {
        let start = Instant::now();
        let batch = data::batch(n * ROWS, ROWS)?;
        table
            .append(BatchStreamAdapter::from_batches(batch.schema(), vec![batch]), AppendArgs::default())
            .await?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    Ok(measured.end(serde_json::json!({ "seconds": seconds })))
}

/// What the disk takes for it: two new files per commit, each written, synced and renamed, and their folder synced.
pub(crate) fn floor(folder: &str, count: usize) -> Result<serde_json::Value> {
    let measured = Measured::start();
    let mut seconds = Vec::with_capacity(count);
    let write = |path: &Path, bytes: &[u8]| -> std::io::Result<()> {
        let staged = path.with_extension("staged");
        let mut file = File::create(&staged)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(staged, path)?;
        File::open(folder)?.sync_all()
    };
    for n in 0..count {
        let start = Instant::now();
        let path = Path::new(folder).join(format!("data-{n}"));
        let log = Path::new(folder).join(format!("log-{n}"));
        write(&path, &[7; 4096]).and_then(|()| write(&log, &[7; 1024])).map_err(|e| {
            Error::unexpected("the disk cannot be written")
                .with_context("file", path.display())
                .with_source(e)
        })?;
        seconds.push(start.elapsed().as_secs_f64());
    }
    Ok(measured.end(serde_json::json!({ "seconds": seconds })))
}
