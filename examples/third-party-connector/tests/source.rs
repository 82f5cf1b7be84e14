//! The source keeps the contract.

use std::collections::BTreeMap;
use std::io::Write;

use serde_json::{Value, json};
use stitchwork_core::{Error, OpenUrl, Registry};
use stitchwork_testkit::source;

fn main() {
    source::run(|| async {
        let mut file = tempfile::NamedTempFile::new().map_err(|e| Error::unexpected(e.to_string()))?;
        let mut rows: Vec<Value> = vec![];
        let mut offset = 0;
        for n in 0..2500 {
            let text = format!("line {n} \u{1f600} \"quoted\"");
            rows.push(json!({ "offset": offset, "text": text }));
            offset += text.len() + 1;
            writeln!(file, "{text}").map_err(|e| Error::unexpected(e.to_string()))?;
        }
        // Still being written, so no row yet.
        write!(file, "half a li").map_err(|e| Error::unexpected(e.to_string()))?;
        let mut registry = Registry::new();
        third_party_connector::register(&mut registry)?;
        let url = format!("tail://{}", file.path().display());
        let source = registry.source(OpenUrl::new(url)).await?;
        Ok(source::Subject::new(source, BTreeMap::from([("lines".to_owned(), rows)])).with_guard(file))
    })
}
