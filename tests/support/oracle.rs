//! The outside readers and writers: Python programs in `tests/oracles`, run as processes.

use std::ffi::OsStr;
use std::path::Path;

use arrow::array::RecordBatch;
use stitchwork::Result;
use stitchwork_testkit::peers::Python;

/// Runs the programs in `tests/oracles` with the interpreter that `cargo xtask oracles` has set up.
#[derive(Debug, Clone)]
pub struct Oracles(Python);

impl Oracles {
    /// The interpreter, or a line that says which test was skipped; see [`Python::find`].
    ///
    /// # Panics
    /// When `STITCHWORK_REQUIRE_ORACLES` is 1 and there is no interpreter: then nothing may be skipped.
    #[must_use]
    pub fn find(test: &str) -> Option<Self> {
        Python::find(test, &[]).map(Self)
    }

    /// Runs a program and gives what it prints.
    ///
    /// # Errors
    /// `Unexpected` with what it printed when it fails.
    pub fn run(&self, program: &str, args: &[&str]) -> Result<String> {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracles").join(program);
        self.0.run([program.as_os_str()].into_iter().chain(args.iter().map(OsStr::new)))
    }
}

/// The rows of a Parquet file, read by the parquet crate through our format.
///
/// # Errors
/// What reading says.
pub async fn read_parquet(path: &Path) -> Result<Vec<RecordBatch>> {
    use stitchwork::core::{Format, ReadArgs, Stores, collect};
    let object = Stores::new().resolve(&format!("file://{}", path.display()))?;
    collect(stitchwork::format_parquet::Parquet::new().read(&object, ReadArgs::default()).await?).await
}

/// Writes rows to a Parquet file for a peer to read.
///
/// # Errors
/// What writing says.
pub async fn write_parquet(path: &Path, batch: &RecordBatch) -> Result<()> {
    use stitchwork::core::{Format, Stores, WriteArgs};
    let object = Stores::new().resolve(&format!("file://{}", path.display()))?;
    let mut writer =
        stitchwork::format_parquet::Parquet::new().write(&object, WriteArgs::new(batch.schema())).await?;
    writer.write(batch).await?;
    writer.finish().await?;
    Ok(())
}
