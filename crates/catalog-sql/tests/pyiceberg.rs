//! The same database through pyiceberg, when `STITCHWORK_PYTHON` names an interpreter that has it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a helper of a test fails the test by panicking"
)]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use futures::TryStreamExt;
use stitchwork_catalog_sql::{SqlCatalog, SqlConfig};
use stitchwork_core::{Catalog, Entry, ErrorKind, ListArgs, NamespaceChange, Pointer, SwapArgs, TableIdent};

const PRELUDE: &str = "
import sys
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.schema import Schema
from pyiceberg.types import NestedField, LongType
path = sys.argv[1]
catalog = SqlCatalog('stitchwork', uri='sqlite:///' + path + '/catalog.db', warehouse='file://' + path + '/w')
schema = Schema(NestedField(1, 'id', LongType(), required=False))
";

/// The lines that a script prints, or nothing when there is no interpreter.
fn python(folder: &Path, script: &str) -> Option<Vec<String>> {
    let Ok(interpreter) = std::env::var("STITCHWORK_PYTHON") else {
        assert!(
            std::env::var("STITCHWORK_REQUIRE_ORACLES").is_err(),
            "STITCHWORK_PYTHON is not set, and STITCHWORK_REQUIRE_ORACLES is"
        );
        println!("skipped: STITCHWORK_PYTHON names no interpreter with pyiceberg");
        return None;
    };
    let script = format!("{PRELUDE}{script}");
    let output = Command::new(interpreter).args(["-c", &script]).arg(folder).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
}

async fn open(folder: &Path) -> SqlCatalog {
    SqlCatalog::open(SqlConfig::new(format!("sqlite://{}/catalog.db", folder.display()))).await.unwrap()
}

fn delta() -> Entry {
    let (log, location) = ("delta".to_owned(), "/w/d".to_owned());
    Entry { ident: TableIdent::new("n", "d"), log, location, pointer: None, properties: BTreeMap::new() }
}

#[tokio::test]
async fn a_database_made_here_is_used_there_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let catalog = open(folder.path()).await;
    catalog.create(delta()).await.unwrap();
    catalog
        .alter_namespace(&["p".into(), "q".into()], NamespaceChange::Create(BTreeMap::new()))
        .await
        .unwrap();
    let script = "
print(catalog._schema_version, catalog.list_tables('n'), catalog.namespace_exists(('p', 'q')))
print(sorted(catalog.list_namespaces()), catalog.list_namespaces('p'))
table = catalog.create_table('n.t', schema)
print(table.metadata_location)
with table.transaction() as tx: tx.set_properties(a='1')
print(catalog.load_table('n.t').metadata_location, catalog.list_tables('n'))
";
    let Some(lines) = python(folder.path(), script) else { return };
    assert_eq!(lines[0], "v1 [] True", "a delta table is not among Iceberg's");
    assert_eq!(lines[1], "[('n',), ('p',)] [('p', 'q')]");
    let (first, second) = (lines[2].clone(), lines[3].split(' ').next().unwrap().to_owned());
    assert!(lines[3].ends_with("[('n', 't')]"), "{lines:?}");

    let ident = TableIdent::new("n", "t");
    let loaded = catalog.load(&ident).await.unwrap();
    assert_eq!(loaded.pointer, Some(Pointer(second.clone())));
    assert_eq!(loaded.location, format!("file://{}/w/n/t", folder.path().display()));
    assert_eq!(
        catalog.list(ListArgs::default()).try_collect::<Vec<_>>().await.unwrap(),
        [delta().ident, ident.clone()]
    );

    // What pyiceberg has moved on from is stale for us, and the other way round.
    let swap = |from: &str, to: &str| SwapArgs {
        ident: ident.clone(),
        expected: Some(Pointer(from.to_owned())),
        new: Some(Pointer(to.to_owned())),
        updates: None,
    };
    let stale = catalog.swap(vec![swap(&first, &first)]).await.unwrap_err();
    assert_eq!(stale.kind(), ErrorKind::Conflict);
    catalog.swap(vec![swap(&second, &first)]).await.unwrap();
    let script = "
print(catalog.load_table('n.t').properties)
catalog.rename_table('n.t', 'p.q.u')
catalog.create_namespace('r', {'owner': 'x'})
";
    assert_eq!(python(folder.path(), script).unwrap(), ["{}"], "the first metadata has no property");
    let moved = TableIdent { namespace: vec!["p".into(), "q".into()], name: "u".into() };
    assert_eq!(catalog.load(&moved).await.unwrap().pointer, Some(Pointer(first)));
    assert!(catalog.namespaces().await.unwrap().contains(&vec!["r".to_owned()]));
    catalog.remove(&moved).await.unwrap();
    let script = "print(catalog.list_tables('p.q'), catalog.list_tables('n'))";
    assert_eq!(python(folder.path(), script).unwrap(), ["[] []"]);
}

#[tokio::test]
async fn a_database_made_there_is_used_here() {
    let folder = tempfile::tempdir().unwrap();
    let script = "
catalog.create_namespace('n')
print(catalog.create_table('n.t', schema).metadata_location)
";
    let Some(lines) = python(folder.path(), script) else { return };
    let catalog = open(folder.path()).await;
    let loaded = catalog.load(&TableIdent::new("n", "t")).await.unwrap();
    assert_eq!((loaded.log.as_str(), loaded.pointer), ("iceberg", Some(Pointer(lines[0].clone()))));
    catalog.create(delta()).await.unwrap();
    assert_eq!(catalog.load(&delta().ident).await.unwrap(), delta());
    assert_eq!(python(folder.path(), "print(catalog.list_tables('n'))").unwrap(), ["[('n', 't')]"]);
}
