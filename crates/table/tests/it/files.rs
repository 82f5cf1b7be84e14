//! Files that are written now and committed later, perhaps by another process.

use futures::TryStreamExt;
use stitchwork_core::{CommitTag, DataFile, ErrorKind, FileFilter, FileStats, StatsFor};
use stitchwork_table::{CommitFilesArgs, Table};
use stitchwork_testkit::assert_same_rows;

use crate::rig::{rig, rows};

#[tokio::test]
async fn written_files_are_invisible_until_committed_and_survive_as_json() {
    let rig = rig().await;
    rig.append(&[rows(0, 2, Some("z"))]).await;
    let batches = [rows(10, 5, Some("a")), rows(15, 5, None)];
    let snapshot = rig.table.snapshot().await.unwrap();
    let mut sink = rig.table.sink(snapshot.clone(), "load-1-").unwrap();
    for batch in &batches {
        sink.write(batch).await.unwrap();
    }
    let files = sink.finish().await.unwrap();
    assert_eq!(files.len(), 2);
    assert_eq!(rig.ids().await, [0, 1]);

    let kept: Vec<String> = files.iter().map(|file| Table::file_to_json(file).to_string()).collect();
    let mut read = vec![];
    for (text, written) in kept.iter().zip(&files) {
        let value = serde_json::from_str(text).unwrap();
        let file = rig.table.file_from_json(&value, snapshot.as_ref()).unwrap();
        assert_eq!((&file.location, file.size), (&written.location, written.size));
        assert_eq!((&file.partition, &file.stats), (&written.partition, &None));
        read.push(file);
    }
    let tag = Some(CommitTag { application: "load".to_owned(), id: 1, payload: None });
    let args = CommitFilesArgs { files: read, replace: false, tag, base: None };
    let done = rig.table.commit_files(args.clone()).await.unwrap().unwrap();
    assert_eq!((done.rows_added, done.files_added), (10, 2));
    // The statistics that nobody had kept are those of the files.
    let filter = FileFilter { predicate: None, stats: StatsFor::All };
    let live: Vec<DataFile> = done.snapshot.files(filter).try_concat().await.unwrap();
    for written in &files {
        let file = live.iter().find(|file| file.location == written.location).unwrap();
        let (stats, expected) = (file.stats.as_ref().unwrap(), written.stats.as_ref().unwrap());
        assert_eq!(stats.rows, expected.rows);
        let told = |stats: &FileStats| {
            let id = stats.columns.iter().find(|(column, _)| column.path == ["id"]).unwrap().1.clone();
            (id.min.unwrap(), id.max.unwrap(), id.nulls)
        };
        assert_eq!(told(stats), told(expected));
    }
    assert!(rig.table.commit_files(args).await.unwrap().is_none(), "a repeated call changes nothing");
    assert_same_rows!(rig.all().await, [rows(0, 2, Some("z")), batches[0].clone(), batches[1].clone()]);
}

#[tokio::test]
async fn committed_files_can_replace_everything() {
    let rig = rig().await;
    rig.append(&[rows(0, 2, Some("z"))]).await;
    let mut sink = rig.table.sink(rig.table.snapshot().await.unwrap(), "x-").unwrap();
    sink.write(&rows(10, 5, Some("a"))).await.unwrap();
    let files = sink.finish().await.unwrap();
    let args = CommitFilesArgs { files, replace: true, tag: None, base: None };
    // On a state that somebody has looked at, or not at all.
    let base = Some(rig.table.snapshot().await.unwrap());
    rig.append(&[rows(20, 1, None)]).await;
    let error = rig.table.commit_files(CommitFilesArgs { base, ..args.clone() }).await.unwrap_err();
    assert!(error.is_lost_race(), "{error}");
    assert_eq!(rig.ids().await, [0, 1, 20]);
    let done = rig.table.commit_files(args).await.unwrap().unwrap();
    assert_eq!((done.rows_added, done.rows_removed, done.files_removed), (5, 3, 2));
    assert_eq!(rig.ids().await, [10, 11, 12, 13, 14]);
}

#[tokio::test]
async fn an_aborted_sink_leaves_nothing_and_a_lost_file_is_told() {
    let rig = rig().await;
    let snapshot = rig.table.snapshot().await.unwrap();
    let mut sink = rig.table.sink(snapshot.clone(), "x-").unwrap();
    sink.write(&rows(0, 5, Some("a"))).await.unwrap();
    sink.abort().await.unwrap();
    assert_eq!(rig.objects().await, 0);

    let mut sink = rig.table.sink(snapshot.clone(), "x-").unwrap();
    sink.write(&rows(0, 5, Some("a"))).await.unwrap();
    let file = sink.finish().await.unwrap().remove(0);
    let value = Table::file_to_json(&file);
    let object = rig.registry.stores().resolve(&file.location).unwrap();
    object_store::ObjectStoreExt::delete(&object.store, &object.path).await.unwrap();
    let file = rig.table.file_from_json(&value, snapshot.as_ref()).unwrap();
    let args = CommitFilesArgs { files: vec![file], replace: false, tag: None, base: None };
    let error = rig.table.commit_files(args).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:?}");
}
