//! The same database through pyiceberg, when `STITCHWORK_PYTHON` names an interpreter that has it.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper of a test fails the test by panicking")]

use std::collections::BTreeMap;

use futures::TryStreamExt;
use stitchwork_catalog_sql::{SqlCatalog, SqlConfig};
use stitchwork_core::{
    Catalog, Entry, ErrorKind, ListArgs, NamespaceChange, OpenUrl, Pointer, SwapArgs, TableIdent,
};
use stitchwork_services::{POSTGRES, in_test};
use stitchwork_testkit::peers::Python;

const PRELUDE: &str = "
import sys
from pyiceberg.catalog.sql import SqlCatalog
from pyiceberg.schema import Schema
from pyiceberg.types import NestedField, LongType
uri, path = sys.argv[1:]
catalog = SqlCatalog('stitchwork', uri=uri, warehouse='file://' + path + '/w')
schema = Schema(NestedField(1, 'id', LongType(), required=False))
";

/// A database, as we name it and as SQLAlchemy does, and a folder for the tables.
struct Place {
    url: String,
    uri: String,
    folder: tempfile::TempDir,
}

/// Each database that is there, empty.
fn places() -> Vec<Place> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display();
    let (url, uri) = (format!("sqlite://{path}/catalog.db"), format!("sqlite:///{path}/catalog.db"));
    let mut places = vec![Place { url, uri, folder }];
    if let Some(server) = in_test(&POSTGRES) {
        let url = server.fresh("pyiceberg").unwrap();
        let uri = url.replace("postgres://", "postgresql+psycopg2://");
        places.push(Place { url, uri, folder: tempfile::tempdir().unwrap() });
    }
    places
}

/// The lines that a script prints, or nothing when there is no interpreter with pyiceberg.
fn python(place: &Place, script: &str) -> Option<Vec<String>> {
    let python = Python::find("the catalog of pyiceberg over our database", &["pyiceberg"])?;
    let script = format!("{PRELUDE}{script}");
    let folder = place.folder.path().display().to_string();
    let printed = python.run(["-c", &script, &place.uri, &folder]).unwrap();
    Some(printed.lines().map(str::to_owned).collect())
}

async fn open(place: &Place) -> SqlCatalog {
    SqlCatalog::open(SqlConfig::new(place.url.clone())).await.unwrap()
}

fn delta() -> Entry {
    let (log, location) = ("delta".to_owned(), "/w/d".to_owned());
    Entry { ident: TableIdent::new("n", "d"), log, location, pointer: None, properties: BTreeMap::new() }
}

#[tokio::test]
async fn a_database_made_here_is_used_there_and_back() {
    for place in &places() {
        made_here(place).await;
    }
}

async fn made_here(place: &Place) {
    let catalog = open(place).await;
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
    let Some(lines) = python(place, script) else { return };
    assert_eq!(lines[0], "v1 [] True", "a delta table is not among Iceberg's");
    assert_eq!(lines[1], "[('n',), ('p',)] [('p', 'q')]");
    let (first, second) = (lines[2].clone(), lines[3].split(' ').next().unwrap().to_owned());
    assert!(lines[3].ends_with("[('n', 't')]"), "{lines:?}");

    let ident = TableIdent::new("n", "t");
    let loaded = catalog.load(&ident).await.unwrap();
    assert_eq!(loaded.pointer, Some(Pointer(second.clone())));
    assert_eq!(loaded.location, format!("file://{}/w/n/t", place.folder.path().display()));
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
    assert_eq!(python(place, script).unwrap(), ["{}"], "the first metadata has no property");
    let moved = TableIdent { namespace: vec!["p".into(), "q".into()], name: "u".into() };
    assert_eq!(catalog.load(&moved).await.unwrap().pointer, Some(Pointer(first)));
    assert!(catalog.namespaces().await.unwrap().contains(&vec!["r".to_owned()]));
    catalog.remove(&moved).await.unwrap();
    let script = "print(catalog.list_tables('p.q'), catalog.list_tables('n'))";
    assert_eq!(python(place, script).unwrap(), ["[] []"]);
}

#[tokio::test]
async fn a_database_made_there_is_used_here() {
    for place in &places() {
        made_there(place).await;
    }
}

async fn made_there(place: &Place) {
    let script = "
catalog.create_namespace('n')
print(catalog.create_table('n.t', schema).metadata_location)
";
    let Some(lines) = python(place, script) else { return };
    let catalog = open(place).await;
    let loaded = catalog.load(&TableIdent::new("n", "t")).await.unwrap();
    assert_eq!((loaded.log.as_str(), loaded.pointer), ("iceberg", Some(Pointer(lines[0].clone()))));
    catalog.create(delta()).await.unwrap();
    assert_eq!(catalog.load(&delta().ident).await.unwrap(), delta());
    assert_eq!(python(place, "print(catalog.list_tables('n'))").unwrap(), ["[('n', 't')]"]);
}

#[tokio::test]
async fn properties_of_namespaces_are_read_and_changed_on_both_sides() {
    for place in &places() {
        namespace_properties(place).await;
    }
}

async fn namespace_properties(place: &Place) {
    let catalog = open(place).await;
    let properties = |pairs: &[(&str, &str)]| -> BTreeMap<String, String> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    };
    let (ours, theirs) = (["a".to_owned(), "b".to_owned()], ["theirs".to_owned()]);
    let given = properties(&[("owner", "Zoë 'the' owner"), ("gone", "soon"), ("stays", "1")]);
    catalog.alter_namespace(&ours, NamespaceChange::Create(given)).await.unwrap();
    let changes = [("owner", Some("Zoë")), ("gone", None), ("late", Some("x"))];
    let changes = changes.map(|(key, value)| (key.to_owned(), value.map(str::to_owned)));
    catalog.alter_namespace(&ours, NamespaceChange::SetProperties(changes.into())).await.unwrap();
    let script = "
print(ascii(sorted(catalog.load_namespace_properties(('a', 'b')).items())))
catalog.update_namespace_properties(('a', 'b'), removals={'stays'}, updates={'late': 'y', 'new': 'z'})
catalog.create_namespace('theirs', {'owner': 'Ann', 'k': 'v'})
catalog.create_namespace('bare')
";
    let Some(lines) = python(place, script) else { return };
    assert_eq!(lines, [r"[('exists', 'true'), ('late', 'x'), ('owner', 'Zo\xeb'), ('stays', '1')]"]);
    assert_eq!(
        catalog.namespace_properties(&ours).await.unwrap(),
        properties(&[("owner", "Zoë"), ("late", "y"), ("new", "z")])
    );
    assert_eq!(
        catalog.namespace_properties(&theirs).await.unwrap(),
        properties(&[("owner", "Ann"), ("k", "v")])
    );
    assert!(catalog.namespace_properties(&["bare".to_owned()]).await.unwrap().is_empty());
    // Without its properties it is still there, for both.
    let none = ["owner", "k"].map(|key| (key.to_owned(), None));
    catalog.alter_namespace(&theirs, NamespaceChange::SetProperties(none.into())).await.unwrap();
    let script = "
print(catalog.namespace_exists('theirs'), catalog.load_namespace_properties('theirs'))
catalog.drop_namespace('theirs')
";
    assert_eq!(python(place, script).unwrap(), ["True {'exists': 'true'}"]);
    let error = catalog.namespace_properties(&theirs).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn tables_in_a_schema_are_found_on_both_sides() {
    let Some(server) = in_test(&POSTGRES) else { return };
    let base = server.fresh("pyiceberg").unwrap();
    let uri =
        format!("{}?options=-csearch_path%3Dlake", base.replace("postgres://", "postgresql+psycopg2://"));
    let place = Place { url: format!("{base}?schema=lake"), uri, folder: tempfile::tempdir().unwrap() };
    let open = || SqlCatalog::open(SqlConfig::from_open(OpenUrl::new(&place.url)).unwrap());
    let catalog = open().await.unwrap();
    catalog.alter_namespace(&["ours".to_owned()], NamespaceChange::Create(BTreeMap::new())).await.unwrap();
    let script = "
print(catalog.list_namespaces())
catalog.create_table('ours.t', schema)
";
    let Some(lines) = python(&place, script) else { return };
    assert_eq!(lines, ["[('ours',)]"]);
    assert_eq!(catalog.load(&TableIdent::new("ours", "t")).await.unwrap().log, "iceberg");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commits_of_both_exclude_each_other() {
    let Some(server) = in_test(&POSTGRES) else { return };
    let url = server.fresh("pyiceberg").unwrap();
    let uri = url.replace("postgres://", "postgresql+psycopg2://");
    let place = Place { url, uri, folder: tempfile::tempdir().unwrap() };
    let script = "
catalog.create_namespace('n')
print(catalog.create_table('n.t', schema).metadata_location)
";
    let Some(_) = python(&place, script) else { return };
    let catalog = open(&place).await;
    let ident = TableIdent::new("n", "t");
    // While pyiceberg adds properties one by one, we move the pointer to copies of whatever metadata it has made.
    let adding = tokio::task::spawn_blocking(move || {
        let script = "
from pyiceberg.exceptions import CommitFailedException
lost = 0
for n in range(30):
    while True:
        try:
            with catalog.load_table('n.t').transaction() as tx: tx.set_properties(**{f'p{n}': str(n)})
            break
        except CommitFailedException:
            lost += 1
print(len(catalog.load_table('n.t').properties), lost)
";
        (python(&place, script), place)
    });
    let (mut ours, mut lost) = (0, 0);
    while !adding.is_finished() {
        let entry = catalog.load(&ident).await.unwrap();
        let from = entry.pointer.clone().unwrap().0.trim_start_matches("file://").to_owned();
        let folder = from.rsplit_once('/').unwrap().0;
        let to = format!("{folder}/{:05}-00000000-0000-0000-0000-{ours:012}.metadata.json", ours % 100_000);
        std::fs::copy(&from, &to).unwrap();
        let new = Some(Pointer(format!("file://{to}")));
        match catalog
            .swap(vec![SwapArgs { ident: ident.clone(), expected: entry.pointer, new, updates: None }])
            .await
        {
            Ok(_) => ours += 1,
            Err(error) if error.kind() == ErrorKind::Conflict => lost += 1,
            Err(error) => panic!("{error:?}"),
        }
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    let (lines, place) = adding.await.unwrap();
    let line = lines.unwrap().remove(0);
    // No property is lost, whoever committed in between.
    assert!(line.starts_with("30 "), "{line}");
    assert!(ours > 0, "we never committed, lost {lost}");
    drop(place);
}
