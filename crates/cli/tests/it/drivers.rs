//! Engines that need the driver of a database.

use std::path::{Path, PathBuf};

use stitchwork::engine_adbc::{Profile, find_driver};
use stitchwork_testkit::peers;

use crate::support::{Folder, ran};

const VARIABLE: &str = "STITCHWORK_DUCKDB_DRIVER";

#[test]
fn a_driver_is_found_by_its_variable_and_missed_by_name() {
    let folder = Folder::new();
    folder.write("stitchwork.yaml", "version: 1\nengine: duckdb\n");
    folder.write("people.csv", "id,name\n1,Zoe\n2,Ada\n");
    let asked = ["sql", "select count(*) as n from 'people.csv'", "-o", "csv"];
    let missed = ran(&folder.command(asked).env(VARIABLE, "/no/such/library.so").output().unwrap());
    assert!(missed.code != 0 && missed.stderr.contains(VARIABLE), "{missed:?}");
    assert!(missed.stderr.contains("/no/such/library.so"), "{missed:?}");
    let find = |named: Option<&Path>, folders: &[PathBuf]| find_driver(Profile::DuckDb, named, folders);
    let Some(driver) = peers::driver("a_driver_is_found", "duckdb", VARIABLE, find) else { return };
    let found = ran(&folder.command(asked).env(VARIABLE, driver).output().unwrap());
    assert_eq!((found.code, found.stdout.as_str()), (0, "n\n2\n"), "{found:?}");
}
