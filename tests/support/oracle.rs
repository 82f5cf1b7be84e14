//! The outside readers and writers: Python programs in `tests/oracles`, run as processes.

use std::path::{Path, PathBuf};
use std::process::Command;

use arrow::array::RecordBatch;
use stitchwork::{Error, Result};

/// Runs the programs in `tests/oracles` with the interpreter that `cargo xtask oracles` has set up.
#[derive(Debug, Clone)]
pub struct Oracles {
    python: PathBuf,
}

impl Oracles {
    /// The interpreter named by `STITCHWORK_PYTHON`. Without it, `None`, and a line that says which test was
    /// skipped.
    ///
    /// # Panics
    /// When `STITCHWORK_REQUIRE_ORACLES` is 1 and there is no interpreter: then nothing may be skipped.
    #[must_use]
    #[expect(clippy::print_stderr, reason = "a skipped test must say so")]
    pub fn find(test: &str) -> Option<Self> {
        let python = std::env::var_os("STITCHWORK_PYTHON").map(PathBuf::from).filter(|p| p.is_file());
        let required = std::env::var("STITCHWORK_REQUIRE_ORACLES").is_ok_and(|v| v == "1");
        assert!(python.is_some() || !required, "{test} needs the Python peers: run `cargo xtask oracles`");
        if python.is_none() {
            eprintln!(
                "skipped: {test} needs the Python peers; `cargo xtask oracles` installs them and says how to name them"
            );
        }
        python.map(|python| Self { python })
    }

    /// Runs a program and gives what it prints.
    ///
    /// # Errors
    /// `Unexpected` with what it printed when it fails.
    pub fn run(&self, program: &str, args: &[&str]) -> Result<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("oracles");
        let output = Command::new(&self.python)
            .arg(folder.join(program))
            .args(args)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .output()
            .map_err(|e| Error::unexpected("the interpreter of the peers does not start").with_source(e))?;
        if output.status.success() {
            return Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned());
        }
        Err(Error::unexpected("a peer failed")
            .with_context("program", program)
            .with_context("args", args.join(" "))
            .with_context("stderr", String::from_utf8_lossy(&output.stderr).trim()))
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
