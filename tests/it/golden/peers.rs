//! Many files and tables, read by the peers in one process.

use std::fs::File;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::ipc::reader::FileReader;
use serde_json::{Value, json};
use stitchwork_tests::oracle::Oracles;

use super::seen::Seen;

/// What one peer is to read.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// The peer, as `read_many.py` names it.
    pub(crate) peer: &'static str,
    location: String,
    version: Option<i64>,
    cwd: Option<String>,
}

impl Job {
    pub(crate) fn new(peer: &'static str, location: &Path) -> Self {
        Self { peer, location: location.display().to_string(), version: None, cwd: None }
    }

    /// The same of a version.
    pub(crate) fn at(mut self, version: i64) -> Self {
        self.version = Some(version);
        self
    }

    /// The same with the folder that relative paths in the table begin at.
    pub(crate) fn within(mut self, folder: &Path) -> Self {
        self.cwd = Some(folder.display().to_string());
        self
    }
}

/// What a peer has read, or why it has not.
pub(crate) type Answer = Result<Seen, String>;

/// Lets the peers do the jobs, all of them in one process.
pub(crate) fn read(oracles: &Oracles, jobs: &[Job]) -> Vec<Answer> {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("jobs.json");
    let json = |Job { peer, location, version, cwd }: &Job| json!({"peer": peer, "location": location, "version": version, "cwd": cwd});
    let all: Vec<Value> = jobs.iter().map(json).collect();
    std::fs::write(&list, Value::from(all).to_string()).unwrap();
    let out = folder.path().display().to_string();
    let printed = oracles.run("read_many.py", &[&list.display().to_string(), &out]).unwrap();
    let results: Vec<Value> = serde_json::from_str(&printed).unwrap();
    assert_eq!(results.len(), jobs.len());
    let answer = |(number, result): (usize, &Value)| match result.get("error") {
        Some(error) => Err(error.as_str().unwrap_or_default().to_owned()),
        None => {
            let seen = arrow_file(&folder.path().join(format!("{number}.arrow")));
            assert_eq!(result["rows"].as_u64(), Some(seen.rows.len() as u64));
            Ok(seen)
        }
    };
    results.iter().enumerate().map(answer).collect()
}

/// The rows of an Arrow IPC file, by arrow's own reader.
fn arrow_file(path: &Path) -> Seen {
    let reader = FileReader::try_new(File::open(path).unwrap(), None).unwrap();
    let schema = reader.schema();
    let batches: Vec<RecordBatch> = reader.map(Result::unwrap).collect();
    Seen::of(&schema, &batches)
}
