//! Conflicts, tags, rewritten and merged manifests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::json;
use stitchwork_core::{
    Changes, CommitArgs, CommitState, CommitTag, ErrorKind, FileFilter, HistoryArgs, Reads, StatsFor, col,
};

use crate::races::Lossy;
use crate::setup::{Place, adds, all_names, any, append, create_args, file, files, latest, removes};

#[tokio::test]
async fn removed_files_go_and_all_others_stay() {
    for place in Place::all() {
        let log = place.table().await;
        for name in ["a", "b", "c"] {
            append(&log, name).await;
        }
        let base = latest(&log).await;
        let many = adds(["d", "e", "f"].map(any));
        log.commit(CommitArgs::new(base, "append", many)).await.unwrap();
        let base = latest(&log).await;
        let all = files(&base, FileFilter::default()).await;
        let mut changes = removes([all[1].clone(), all[4].clone()]);
        changes.added.push(any("g"));
        log.commit(CommitArgs::new(base, "overwrite", changes)).await.unwrap();
        assert_eq!(all_names(&log).await, ["a", "c", "d", "f", "g"]);
        // What a rewritten manifest holds has kept its statistics.
        let filter = FileFilter { stats: StatsFor::All, ..FileFilter::default() };
        let found = files(&latest(&log).await, filter).await;
        assert!(found.iter().all(|f| f.stats.as_ref().unwrap().columns.len() == 1));
        // A file that comes without its origin is found as well.
        let mut c = found[1].clone();
        c.native = None;
        log.commit(CommitArgs::new(latest(&log).await, "delete", removes([c]))).await.unwrap();
        assert_eq!(all_names(&log).await, ["a", "d", "f", "g"]);
    }
}

#[tokio::test]
async fn an_append_from_an_old_base_lands_and_a_second_removal_does_not() {
    for place in Place::all() {
        let log = place.table().await;
        append(&log, "a").await;
        let stale = latest(&log).await;
        let a = files(&stale, FileFilter::default()).await;
        let other = place.open().await.unwrap();
        append(&other, "b").await;
        other.commit(CommitArgs::new(latest(&other).await, "delete", removes(a.clone()))).await.unwrap();
        log.commit(CommitArgs::new(stale.clone(), "append", adds([any("c")]))).await.unwrap();
        assert_eq!(all_names(&log).await, ["b", "c"]);
        let error = log.commit(CommitArgs::new(stale, "delete", removes(a))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert_eq!(error.commit_state(), Some(CommitState::NotCommitted));
        assert_eq!(all_names(&log).await, ["b", "c"]);
    }
}

#[tokio::test]
async fn what_was_read_must_not_change() {
    for place in Place::all() {
        let log = place.table().await;
        append(&log, "a").await;
        let base = latest(&log).await;
        let winner = adds([file("b", 100, 200, 5, 2)]);
        log.commit(CommitArgs::new(base.clone(), "append", winner)).await.unwrap();
        let commit = async |name: &str, reads| {
            let mut args = CommitArgs::new(base.clone(), "overwrite", adds([any(name)]));
            args.reads = reads;
            log.commit(args).await.map(|_| ()).map_err(|e| e.kind())
        };
        let conflict = Err(ErrorKind::Conflict);
        assert_eq!(commit("x", Reads::Rows(col("id").gt(150_i64))).await, conflict);
        assert_eq!(commit("x", Reads::Everything).await, conflict);
        assert_eq!(commit("y", Reads::Rows(col("id").lt(0_i64))).await, Ok(()));
        assert_eq!(commit("z", Reads::Nothing).await, Ok(()));
        assert_eq!(all_names(&log).await, ["a", "b", "y", "z"]);
    }
}

fn tag(id: i64) -> CommitTag {
    CommitTag { application: "pipeline/x".to_owned(), id, payload: Some(json!({"cursor": id})) }
}

#[tokio::test]
async fn a_tag_lands_once() {
    for place in Place::all() {
        let log = place.table().await;
        let commit = async |name: &str, id| {
            let mut args = CommitArgs::new(latest(&log).await, "append", adds([any(name)]));
            args.tag = Some(tag(id));
            log.commit(args).await.map(|_| ()).map_err(|e| e.kind())
        };
        commit("a", 3).await.unwrap();
        append(&log, "b").await;
        assert_eq!(commit("c", 3).await, Err(ErrorKind::AlreadyExists));
        assert_eq!(commit("c", 2).await, Err(ErrorKind::AlreadyExists));
        commit("d", 4).await.unwrap();
        assert_eq!(all_names(&log).await, ["a", "b", "d"]);
        let fresh = latest(&place.open().await.unwrap()).await;
        assert_eq!(fresh.tag("pipeline/x").await.unwrap(), Some(tag(4)));
        assert_eq!(fresh.tag("pipeline/y").await.unwrap(), None);
        assert!(fresh.properties().is_empty());
        // A commit of a cursor alone.
        let mut args = CommitArgs::new(latest(&log).await, "append", Changes::default());
        args.tag = Some(tag(5));
        log.commit(args).await.unwrap();
        assert_eq!(latest(&log).await.tag("pipeline/x").await.unwrap(), Some(tag(5)));
        assert_eq!(all_names(&log).await, ["a", "b", "d"]);
    }
}

#[tokio::test]
async fn small_manifests_are_merged_and_nothing_is_lost() {
    for version in ["2", "3"] {
        let place = Place::in_catalog();
        let mut create = create_args();
        create.properties = BTreeMap::from([
            ("format-version".to_owned(), version.to_owned()),
            ("commit.manifest.min-count-to-merge".to_owned(), "4".to_owned()),
        ]);
        let log = place.create(create).await.unwrap();
        let mut expected = Vec::new();
        for i in 10..30 {
            append(&log, &format!("f{i}")).await;
            expected.push(format!("f{i}"));
            if i % 7 == 0 {
                let first = files(&latest(&log).await, FileFilter::default()).await.remove(0);
                log.commit(CommitArgs::new(latest(&log).await, "delete", removes([first]))).await.unwrap();
                expected.remove(0);
            }
            assert_eq!(all_names(&log).await, expected);
        }
        let times: BTreeSet<_> =
            files(&latest(&log).await, FileFilter::default()).await.iter().map(|f| f.modified_ms).collect();
        assert_eq!(times.len(), expected.len(), "each file still knows its own snapshot");
        let history: Vec<_> =
            futures::TryStreamExt::try_collect(log.history(HistoryArgs::default())).await.unwrap();
        assert_eq!(history.len(), 23);
        assert_eq!(history[0].summary["total-data-files"], expected.len().to_string());
    }
}

#[tokio::test]
async fn a_file_twice_in_a_commit_is_refused() {
    let log = Place::in_catalog().table().await;
    let args = CommitArgs::new(latest(&log).await, "append", adds([any("a"), any("a")]));
    let error = log.commit(args).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(error.commit_state(), Some(CommitState::NotCommitted));
}

#[tokio::test]
async fn a_format_that_iceberg_lacks_and_a_catalog_that_commits_itself_are_refused() {
    let log = Place::in_catalog().table().await;
    let mut json = any("a");
    json.format = "json".to_owned();
    let error = log.commit(CommitArgs::new(latest(&log).await, "append", adds([json]))).await.unwrap_err();
    assert_eq!((error.kind(), error.context("format")), (ErrorKind::Unsupported, Some("json")));

    let catalog = Arc::new(Lossy::on_server());
    let place = Place { catalog: Some(catalog), ..Place::in_catalog() };
    let error = place.create(create_args()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("`updates`"), "{error}");
}
