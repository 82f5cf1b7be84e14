//! Files without a log, of both formats, in SQL.

use std::sync::Arc;

use stitchwork::core::{TableIdent, WriteArgs};
use stitchwork::tables::FileSet;
use stitchwork::{Session, registry};
use stitchwork_tests::rows::{animals, texts};

#[tokio::test(flavor = "multi_thread")]
async fn files_of_every_format_are_one_relation() {
    let registry = registry().unwrap();
    let mut locations = Vec::new();
    for (format, from) in [("parquet", 1), ("json", 3)] {
        let location = format!("memory:files/{from}.{format}");
        let object = registry.stores().resolve(&location).unwrap();
        let rows = animals(from, &[Some("ant"), None]);
        let mut writer = registry
            .formats()
            .get(format)
            .unwrap()
            .write(&object, WriteArgs::new(rows.schema()))
            .await
            .unwrap();
        writer.write(&rows).await.unwrap();
        writer.finish().await.unwrap();
        locations.push(location);
    }
    let session = Session::new().unwrap();
    for (name, set) in [("both", &locations[..]), ("parquet", &locations[..1]), ("json", &locations[1..])] {
        let files = FileSet::open(&registry, set).await.unwrap();
        session.engine().register(&TableIdent::bare(name), Arc::new(files)).await.unwrap();
    }
    let all = session.sql("select * from both where id < 4").await.unwrap();
    assert_eq!(texts(&all).unwrap(), ["id=1|name=ant", "id=2|name=∅", "id=3|name=ant"]);
    let joined = "select j.id, p.id as p from json j join parquet p on j.name = p.name";
    assert_eq!(texts(&session.sql(joined).await.unwrap()).unwrap(), ["id=3|p=1"]);

    let error = FileSet::open(&registry, &["memory:files/x.xyz"]).await.unwrap_err();
    let known: Vec<&str> = error.context("known").unwrap().split(',').collect();
    assert!(["csv", "json", "parquet"].iter().all(|ending| known.contains(ending)), "{known:?}");
}
