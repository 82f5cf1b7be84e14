//! Objects, patterns and folders as one relation.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use arrow_array::{Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use stitchwork_core::{
    ErrorKind, Format, Options, Predicate, Pushdown, Registry, Relation, ScanArgs, StoreFactory, WriteArgs,
    col, collect,
};
use stitchwork_table::{Columns, FileSet, FileSetArgs, Partitions};
use stitchwork_testkit::{Fault, FaultStore, IpcFormat, Operation, Rule};

use crate::rig::ids;

struct Lake {
    registry: Registry,
    store: FaultStore,
}

fn lake() -> Lake {
    let mut registry = Registry::new();
    registry.register_format(Arc::new(IpcFormat)).unwrap();
    let store = FaultStore::new(Arc::new(InMemory::new()));
    registry.stores().mount("memory://", Arc::new(store.clone()));
    Lake { registry, store }
}

fn batch(id: i64) -> RecordBatch {
    let schema = Schema::new(vec![Field::new("id", DataType::Int64, false)]);
    RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Int64Array::from(vec![id]))]).unwrap()
}

impl Lake {
    async fn write(&self, path: &str, rows: &RecordBatch) {
        let object = self.registry.stores().resolve(&format!("memory:{path}")).unwrap();
        let mut writer = IpcFormat.write(&object, WriteArgs::new(rows.schema())).await.unwrap();
        writer.write(rows).await.unwrap();
        writer.finish().await.unwrap();
    }

    /// One row each, whose ids count from 0 in the order of the paths given.
    async fn fill(&self, paths: &[&str]) {
        for (id, path) in paths.iter().enumerate() {
            self.write(path, &batch(id as i64)).await;
        }
    }

    async fn open(&self, locations: &[&str]) -> stitchwork_core::Result<FileSet> {
        FileSet::open(&self.registry, locations).await
    }

    async fn found(&self, locations: &[&str]) -> Vec<String> {
        match self.open(locations).await {
            Ok(set) => {
                let plan = set.plan(ScanArgs::default()).await.unwrap().unwrap();
                let locations = plan.files.iter().map(|file| file.file.location.clone());
                locations
                    .map(|l| l.trim_start_matches("memory:").trim_start_matches('/').to_owned())
                    .collect()
            }
            Err(error) => vec![format!("{:?}", error.kind())],
        }
    }
}

async fn scan(set: &FileSet, predicate: Option<Predicate>) -> Vec<RecordBatch> {
    let args = ScanArgs { predicate, ..ScanArgs::default() };
    collect(set.scan(args).await.unwrap()).await.unwrap()
}

const EXTENSION: &str = "ipctest";

#[tokio::test]
async fn a_file_that_a_web_server_lacks_is_not_looked_for_as_a_folder() {
    let lake = lake();
    lake.registry.stores().mount("http://host", Arc::new(lake.store.clone()));
    lake.fill(&["there.ipctest"]).await;
    lake.store.forget();
    let location = format!("http://host/data/missing.{}", IpcFormat.extensions()[0]);
    let error = lake.open(&[&location]).await.unwrap_err();
    assert_eq!((error.kind(), error.context("location")), (ErrorKind::NotFound, Some(location.as_str())));
    assert!(error.to_string().contains("404"), "{error}");
    assert_eq!(lake.store.count(Operation::List), 0, "a listing asks for WebDAV");
}

#[tokio::test]
async fn the_query_of_a_url_is_an_option_of_a_root_of_its_own() {
    let lake = lake();
    let opened: Arc<Mutex<Vec<(String, Options)>>> = Arc::default();
    let (seen, store) = (opened.clone(), lake.store.clone());
    let factory: StoreFactory = Arc::new(move |root, options| {
        seen.lock().unwrap().push((root.to_owned(), options.clone()));
        Ok(Arc::new(store.clone()))
    });
    lake.registry.stores().register("https", factory).unwrap();
    let ending = IpcFormat.extensions()[0];
    lake.write(&format!("/data/there.{ending}"), &batch(7)).await;
    // Who may read by a link may not ask for its head alone.
    lake.store.inject(Rule::on(&[Operation::Head], Fault::PermissionDenied).times(1));
    let set = lake.open(&[&format!("https://host/data/there.{ending}?x=0")]).await.unwrap();
    let rows = collect(set.scan(ScanArgs::default()).await.unwrap()).await.unwrap();
    assert_eq!(ids(&rows), [7]);
    lake.store.forget();
    for (query, fragment) in
        [("x=1", ""), ("x=2", "#5ec4e7"), ("X-Amz-Signature=5ec4e7&X-Amz-Credential=a//b", "")]
    {
        let asked = format!("https://host/data/none.{ending}?{query}{fragment}");
        let error = lake.open(&[&asked]).await.unwrap_err();
        let (root, options) = opened.lock().unwrap().pop().unwrap();
        assert_eq!(options, [("secret_query".to_owned(), query.to_owned())].into());
        let location = format!("{root}/data/none.{ending}");
        assert_eq!((error.kind(), error.context("location")), (ErrorKind::NotFound, Some(location.as_str())));
        assert!(root.starts_with("https://host?") && !format!("{error:?}").contains(query), "{error:?}");
        // A location that was shown is one.
        let again = lake.open(&[&location]).await.unwrap_err();
        assert_eq!(again.context("location"), Some(location.as_str()));
    }
    assert_eq!(lake.store.count(Operation::List), 0, "a link is no pattern and no folder");
    for refused in
        ["https://host/q.csv?5e c4", "https://host/q.csv?\u{fc}=1", "https://host?5ec4e7", "http://host?a=1"]
    {
        let error = lake.open(&[refused]).await.unwrap_err();
        let query = refused.split_once('?').unwrap().1;
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error:?}");
        assert!(error.to_string().contains("query") && !format!("{error:?}").contains(query), "{error:?}");
    }
}

#[tokio::test]
async fn objects_patterns_and_folders_are_found_in_order() {
    let lake = lake();
    let ending = IpcFormat.extensions()[0];
    let path = |name: &str| name.replace(EXTENSION, ending);
    let names: Vec<String> = [
        "t/b.ipctest",
        "t/a.ipctest",
        "t/a[1].ipctest",
        "t/_hidden.ipctest",
        "t/_log/x.ipctest",
        "t/sub/c.ipctest",
        "t/sub/deep/d.ipctest",
        "t2/e.ipctest",
        "t/.x/y.ipctest",
    ]
    .map(path)
    .to_vec();
    lake.fill(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    for (locations, want) in [
        (vec!["memory:t/a.ipctest"], vec!["t/a.ipctest"]),
        (
            vec!["memory:t"],
            vec!["t/a.ipctest", "t/a[1].ipctest", "t/b.ipctest", "t/sub/c.ipctest", "t/sub/deep/d.ipctest"],
        ),
        (vec!["memory:t2/"], vec!["t2/e.ipctest"]),
        (vec!["memory:t/*.ipctest"], vec!["t/a.ipctest", "t/a[1].ipctest", "t/b.ipctest"]),
        (vec!["memory:t/[ab].ipctest"], vec!["t/a.ipctest", "t/b.ipctest"]),
        // It is an object, and not a pattern.
        (vec!["memory:t/a[1].ipctest"], vec!["t/a[1].ipctest"]),
        (vec!["memory:t/**/d.*"], vec!["t/sub/deep/d.ipctest"]),
        (vec!["memory:t/*/?.ipctest"], vec!["t/sub/c.ipctest"]),
        (vec!["memory:{t2,t/sub}/*"], vec!["t/sub/c.ipctest", "t2/e.ipctest"]),
        (vec!["memory:t/_*"], vec!["t/_hidden.ipctest"]),
        (
            vec!["memory:t2/e.ipctest", "memory:t/*/c.ipctest", "memory:t2/*"],
            vec!["t2/e.ipctest", "t/sub/c.ipctest"],
        ),
        (vec!["memory:nothing/*.ipctest"], vec!["NotFound"]),
        (vec!["memory:t/x.ipctest"], vec!["NotFound"]),
        (vec!["memory:t/x.xyz"], vec!["InvalidInput"]),
        (vec!["memory:nothing/"], vec!["NotFound"]),
        (vec!["memory:t/{a"], vec!["InvalidInput"]),
        (vec![], vec!["InvalidInput"]),
    ] {
        let locations: Vec<String> = locations.into_iter().map(path).collect();
        let want: Vec<String> = want.into_iter().map(path).collect();
        let found = lake.found(&locations.iter().map(String::as_str).collect::<Vec<_>>()).await;
        assert_eq!(found, want, "{locations:?}");
    }
}

#[tokio::test]
async fn only_what_may_fit_is_listed() {
    let lake = lake();
    let ending = IpcFormat.extensions()[0];
    let file = |folder: &str| format!("{folder}/x.{ending}");
    let paths = ["t/y=1/m=1", "t/y=1/m=2", "t/y=2/m=1", "other/y=1/m=1"].map(file);
    lake.fill(&paths.each_ref().map(String::as_str)).await;
    lake.store.forget();
    let set = lake.open(&["memory:t/y=*/m=1/*"]).await.unwrap();
    let listed: Vec<String> = lake
        .store
        .requests()
        .into_iter()
        .filter(|r| r.operation == Operation::List)
        .map(|r| r.path)
        .collect();
    assert_eq!(listed, ["t", "t/y=2/m=1", "t/y=1/m=1"]);
    assert_eq!(set.schema().fields().len(), 3, "y and m come from the folders");
}

#[tokio::test]
async fn folders_are_columns_and_prune() {
    let lake = lake();
    let ending = IpcFormat.extensions()[0];
    let folders = [
        "day=2024-01-01/n=01/p=a%20b",
        "day=2024-01-02/n=2/p=__HIVE_DEFAULT_PARTITION__",
        "day=2024-01-02/n=3/p=",
    ];
    let paths = folders.map(|folder| format!("t/{folder}/x.{ending}"));
    lake.fill(&paths.each_ref().map(String::as_str)).await;
    let set = lake.open(&["memory:t"]).await.unwrap();
    let types: Vec<DataType> = set.schema().fields().iter().map(|f| f.data_type().clone()).collect();
    assert_eq!(types, [DataType::Int64, DataType::Date32, DataType::Int64, DataType::Utf8]);
    let rows = scan(&set, None).await;
    let texts: Vec<Option<String>> = rows
        .iter()
        .flat_map(|batch| {
            let texts = batch.column(3).as_any().downcast_ref::<StringArray>().unwrap();
            texts.iter().map(|t| t.map(str::to_owned)).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(texts, [Some("a b".to_owned()), None, Some(String::new())]);

    for (predicate, want, grades) in [
        (col("day").gt("2024-01-01"), vec![1, 2], vec![Pushdown::Exact]),
        (col("n").eq(1_i64), vec![0], vec![Pushdown::Exact]),
        (col("p").is_null(), vec![1], vec![Pushdown::Exact]),
        (col("p").eq("").and(col("id").gt(0_i64)), vec![2], vec![Pushdown::Exact, Pushdown::Inexact]),
        (col("n").gt(5_i64).or(col("id").eq(0_i64)), vec![0], vec![Pushdown::Inexact]),
    ] {
        let args = ScanArgs::default().with_predicate(predicate.clone());
        let plan = set.plan(args).await.unwrap().unwrap();
        assert_eq!(plan.pushdown, grades, "{predicate}");
        if grades == [Pushdown::Exact] {
            assert_eq!(plan.files.len(), want.len(), "{predicate}");
        }
        assert_eq!(ids(&scan(&set, Some(predicate.clone())).await), want, "{predicate}");
    }
    let unknown = ScanArgs::default().with_predicate(col("nope").eq(1_i64));
    assert_eq!(set.plan(unknown).await.unwrap_err().kind(), ErrorKind::InvalidInput);

    let open = async |change: fn(&mut FileSetArgs)| {
        let mut args = FileSetArgs::new(&["memory:t/day=2024-01-02/*/*"]);
        change(&mut args);
        FileSet::open_with(&lake.registry, args).await
    };
    let names =
        |set: &FileSet| -> Vec<String> { set.schema().fields().iter().map(|f| f.name().clone()).collect() };
    // The pattern fits folders only.
    assert_eq!(open(|_| {}).await.unwrap_err().kind(), ErrorKind::NotFound);
    let all: fn(&mut FileSetArgs) = |args| args.locations = vec!["memory:t/day=2024-01-02/**".to_owned()];
    assert_eq!(names(&open(all).await.unwrap()), ["id", "n", "p"]);
    let set = open(|args| {
        args.locations = vec!["memory:t/day=2024-01-02/**".to_owned()];
        args.base = Some("memory:t".to_owned());
        args.partitions = Partitions::Typed(BTreeMap::from([("n".to_owned(), DataType::Utf8)]));
    })
    .await
    .unwrap();
    assert_eq!(names(&set), ["id", "day", "n", "p"]);
    assert_eq!(set.schema().field(2).data_type(), &DataType::Utf8);
    let set = open(|args| {
        args.locations = vec!["memory:t".to_owned()];
        args.partitions = Partitions::Ignored;
    });
    assert_eq!(names(&set.await.unwrap()), ["id"]);
}

#[tokio::test]
async fn columns_are_merged_given_or_those_of_the_first() {
    let lake = lake();
    let ending = IpcFormat.extensions()[0];
    lake.write(&format!("t/a.{ending}"), &batch(1)).await;
    let schema = Schema::new(vec![Field::new("x", DataType::Utf8, false)]);
    let other = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(StringArray::from(vec!["y"]))]).unwrap();
    lake.write(&format!("t/b.{ending}"), &other).await;
    let open = async |columns: Columns| {
        let args = FileSetArgs { columns, ..FileSetArgs::new(&["memory:t"]) };
        FileSet::open_with(&lake.registry, args).await.unwrap()
    };
    let merged = open(Columns::Merged).await;
    let rows = scan(&merged, None).await;
    assert_eq!(rows.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    assert!(merged.schema().fields().iter().all(|field| field.is_nullable()), "each lacks one");
    assert_eq!(open(Columns::First).await.schema().fields().len(), 1);
    let given =
        Schema::new(vec![Field::new("x", DataType::Utf8, true), Field::new("z", DataType::Int32, true)]);
    let set = open(Columns::Given(Arc::new(given.clone()))).await;
    assert_eq!(set.schema().as_ref(), &given);
    assert_eq!(scan(&set, Some(col("x").eq("y"))).await.len(), 1);
}

#[tokio::test]
async fn what_would_give_wrong_rows_is_refused() {
    let lake = lake();
    let ending = IpcFormat.extensions()[0];
    lake.fill(&[&format!("mixed/a=1/x.{ending}"), &format!("mixed/b=1/x.{ending}")]).await;
    let error = lake.open(&["memory:mixed"]).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(error.context("other"), Some(format!("memory:mixed/b=1/x.{ending}").as_str()));
    for log in ["_delta_log/0.json", "metadata/v1.metadata.json", "_stitchwork/commits/0.json"] {
        lake.fill(&[&format!("table/x.{ending}"), &format!("table/{log}")]).await;
        let error = lake.open(&["memory:table"]).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{log}");
        let path = object_store::path::Path::from(format!("table/{log}"));
        object_store::ObjectStoreExt::delete(&lake.store as &dyn ObjectStore, &path).await.unwrap();
    }
    lake.fill(&["unknown/x.xyz"]).await;
    let error = lake.open(&["memory:unknown"]).await.unwrap_err();
    assert_eq!(error.context("location"), Some("memory:unknown/x.xyz"));
    let args = FileSetArgs { format: Some(Arc::new(IpcFormat)), ..FileSetArgs::new(&["memory:unknown"]) };
    assert_eq!(ids(&scan(&FileSet::open_with(&lake.registry, args).await.unwrap(), None).await), [0]);
}
