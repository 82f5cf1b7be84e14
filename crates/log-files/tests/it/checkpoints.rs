//! States from checkpoints are those of all commits.

use stitchwork_core::{At, Changes, CommitArgs, CommitTag, ErrorKind, FileFilter, StatsFor, col};
use stitchwork_table::DeleteArgs;
use stitchwork_testkit::{Fault, Operation, Rule};

use crate::rig::{append, history, ids, paths, rig, rows};

#[tokio::test]
async fn checkpoints_change_nothing_that_can_be_seen() {
    let (often, never) = (rig(), rig());
    let tables = [
        often.create(&[("files.checkpoint_interval", "3")]).await,
        never.create(&[("files.checkpoint_interval", "1000")]).await,
    ];
    for table in &tables {
        for n in 0..20_i64 {
            append(table, &rows(&[n, 100 + n], [None, Some("a"), Some("")][n as usize % 3]), Some(n))
                .await
                .unwrap();
            if n % 4 == 3 {
                let predicate = Some(col("id").eq(n - 2));
                table.delete(DeleteArgs { predicate, tag: None }).await.unwrap();
            }
        }
    }
    let checkpoints = often.objects().await.iter().filter(|path| path.contains("/checkpoints/")).count();
    assert_eq!(checkpoints, 8);
    assert!(never.objects().await.iter().all(|path| !path.contains("/checkpoints/")));
    let (fresh, other) = (often.open().await.unwrap(), never.open().await.unwrap());
    let newest = fresh.snapshot().await.unwrap();
    assert_eq!(newest.version(), 25);
    for version in 0..=25 {
        let want = ids(&other, At::Version(version)).await;
        for table in [&fresh, &tables[0]] {
            assert_eq!(ids(table, At::Version(version)).await, want, "{version}");
        }
    }
    assert_eq!(newest.tag("app").await.unwrap().unwrap().id, 19);
    assert_eq!(history(&fresh).await, history(&other).await);
    // Files come in the order of their commits, from the checkpoint first.
    let count = paths(newest.as_ref()).await.len();
    assert_eq!(count, paths(other.snapshot().await.unwrap().as_ref()).await.len());
    let filter = FileFilter { predicate: Some(col("id").eq(0_i64)), stats: StatsFor::All };
    use futures::TryStreamExt;
    let pruned = newest.files(filter).try_concat().await.unwrap();
    assert!(pruned.len() < count && pruned.iter().all(|file| file.stats.is_some()), "{pruned:?}");
}

#[tokio::test]
async fn a_fresh_snapshot_reads_no_more_than_since_the_checkpoint() {
    let rig = rig();
    let table = rig.create(&[("files.checkpoint_interval", "10")]).await;
    for n in 0..95 {
        append(&table, &rows(&[n], Some("a")), None).await.unwrap();
    }
    rig.store.forget();
    rig.open().await.unwrap().snapshot().await.unwrap();
    let read = rig.store.requests();
    // The checkpoint, five commits, and the look for the next one; and two listings.
    assert!(read.iter().filter(|r| r.operation == Operation::Get).count() <= 7, "{read:?}");
    assert_eq!(read.iter().filter(|r| r.operation == Operation::List).count(), 2, "{read:?}");
}

#[tokio::test]
async fn a_checkpoint_that_fails_is_no_failure_of_the_commit() {
    let rig = rig();
    let table = rig.create(&[("files.checkpoint_interval", "2")]).await;
    rig.store.inject(Rule::on(&[Operation::Put], Fault::Unavailable).path("/checkpoints/").times(u64::MAX));
    for n in 0..9 {
        append(&table, &rows(&[n], Some("a")), None).await.unwrap();
    }
    rig.store.heal();
    assert_eq!(ids(&rig.open().await.unwrap(), At::Latest).await, (0..9).collect::<Vec<_>>());
    for n in 9..12 {
        append(&table, &rows(&[n], Some("a")), None).await.unwrap();
    }
    assert!(rig.objects().await.iter().any(|path| path.contains("/checkpoints/")));
    assert_eq!(ids(&rig.open().await.unwrap(), At::Latest).await, (0..12).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_base_from_before_checkpoints_still_sees_conflicts() {
    let rig = rig();
    let table = rig.create(&[("files.checkpoint_interval", "2")]).await;
    append(&table, &rows(&[1], Some("a")), None).await.unwrap();
    let base = table.snapshot().await.unwrap();
    use futures::TryStreamExt;
    let removed = base.files(FileFilter::default()).try_concat().await.unwrap();
    let remove = || {
        CommitArgs::new(base.clone(), "delete", Changes { removed: removed.clone(), ..Changes::default() })
    };
    table.log().commit(remove()).await.unwrap();
    for n in 0..7 {
        append(&table, &rows(&[n], Some("b")), None).await.unwrap();
    }
    for log in [table.log().clone(), rig.open().await.unwrap().log().clone()] {
        let error = log.commit(remove()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
    }
    // A commit that finds itself among the winners says so, and not that it is in conflict.
    let tag = Some(CommitTag { application: "x".to_owned(), id: 1, payload: None });
    let args = CommitArgs { tag, ..CommitArgs::new(base.clone(), "touch", Changes::default()) };
    table.log().commit(args.clone()).await.unwrap();
    assert_eq!(table.log().commit(args).await.unwrap_err().kind(), ErrorKind::AlreadyExists);
}
