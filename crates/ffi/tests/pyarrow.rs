//! The example for Python, run by the Python of `cargo xtask oracles`.

use std::path::{Path, PathBuf};

use stitchwork_testkit::peers::{Python, skip};

/// The library of the example, which cargo builds before the tests.
fn library() -> Option<PathBuf> {
    let name = format!("{}pyarrow{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let program = std::env::current_exe().ok()?;
    let path = program.parent()?.parent()?.join("examples").join(name);
    path.is_file().then_some(path)
}

#[test]
fn python_reads_our_scan_and_we_read_a_reader_of_python() {
    let test = "python_reads_our_scan_and_we_read_a_reader_of_python";
    let Some(python) = Python::find(test, &["pyarrow"]) else { return };
    let Some(library) = library() else {
        return skip(test, "the library of the example: `cargo test -p stitchwork-ffi` builds it");
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/pyarrow.py");
    let out = python.run([script, library]).unwrap();
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(lines, ["scanned 7 [3, 4, 5, 6, 7, 8, 9]", "sum 42", "failing -1"], "{out}");
}
